package main

import (
	"fmt"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/studio/server"
	"github.com/pedestrian-ml/pedestrian/studio/site"
)

func newStudioCmd() *cobra.Command {
	var listen, preset, export string
	var noOpen bool
	cmd := &cobra.Command{
		Use:   "studio",
		Short: "Both passes of a small GPT in your browser: every value, every error, to be changed",
		Long: `Serves a page on this machine and prints its address: the forward and the backward pass of a
GPT that is small enough to be read. Every value stands beside its error, with its equation, its
check against finite differences, and what each cell is made of. Change a word, a number or the
mask, and both passes follow.

The page asks this program and nobody else: it listens on this machine alone, reads and writes
no file, and needs no network. Ctrl-C ends it. With --export it writes a folder instead, which
any static file server serves: the same page with the same code in WebAssembly, built by the Go
toolchain of this machine. Presets: lesson (trained, so that attention means something) and
paper (the paper's choices, random weights).`,
		Example: "  pedestrian studio\n  pedestrian studio --no-open --listen 127.0.0.1:8080\n  pedestrian studio --preset paper\n  pedestrian studio --export site",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			if export != "" {
				for _, name := range []string{"listen", "preset", "no-open"} {
					if cmd.Flags().Changed(name) {
						return usagef("--%s cannot be given with --export, which writes a folder and serves nothing", name)
					}
				}
				if err := site.Write(ctx, export); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s is written. Any file server serves it: python3 -m http.server -d %s\n", export, export)
				return nil
			}
			query := ""
			if preset != "" {
				if _, err := studio.Open(studio.State{Model: preset}); err != nil {
					return usagef("--preset: %w", err)
				}
				query = "#/?model=" + preset
			}
			l, err := server.Listen(listen)
			if err != nil {
				return usageError{err}
			}
			url := "http://" + l.Addr().String() + "/" + query
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n", url)
			fmt.Fprintln(cmd.ErrOrStderr(), "Ctrl-C ends the studio.")
			if !noOpen && isTerminal(cmd.OutOrStdout()) {
				browse(url)
			}
			return server.Serve(ctx, l)
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:0", "address of this machine to listen at; port 0 is any that is free")
	f.StringVar(&export, "export", "", "write the studio into this new folder, for any file server, and end")
	f.StringVar(&preset, "preset", "", "network to begin with: lesson or paper (default lesson)")
	f.BoolVar(&noOpen, "no-open", false, "do not open a browser")
	return cmd
}

// browse opens a browser where there is one; the address was printed in any case.
func browse(url string) {
	name, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	}
	if err := exec.Command(name, args...).Start(); err != nil {
		return
	}
}
