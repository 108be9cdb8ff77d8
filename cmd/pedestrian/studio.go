package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
	"github.com/pedestrian-ml/pedestrian/model"
	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/studio/live"
	"github.com/pedestrian-ml/pedestrian/studio/server"
	"github.com/pedestrian-ml/pedestrian/studio/site"
	"github.com/pedestrian-ml/pedestrian/train"
)

func newStudioCmd() *cobra.Command {
	var listen, preset, export string
	var noOpen, newest, training bool
	cmd := &cobra.Command{
		Use:   "studio [MODEL [TEXT]]",
		Short: "Both passes of a small GPT in your browser: every value, every error, to be changed",
		Long: `Serves a page on this machine and prints its address: the forward and the backward pass of a
GPT that is small enough to be read. Every value stands beside its error, with its equation, its
check against finite differences, and what each cell is made of. Change a word, a number or the
mask, and both passes follow.

MODEL is a run or a checkpoint of yours, a directory of Hugging Face, or a model in its cache:
a network of GPT-2's kind with at most a million parameters. It reads TEXT, or else a story of
its own kind, or else what it writes itself. A run is only read, so it may be training meanwhile.
Without MODEL the networks are lesson (trained, so that attention means something) and paper
(the paper's choices, random weights).

The page asks this program and nobody else: it listens on this machine alone, reads and writes
no file, and needs no network. Ctrl-C ends it. With --export it writes a folder instead, which
any static file server serves: the same page with the same code in WebAssembly, built by the Go
toolchain of this machine.

With --listen and an address that other machines reach, such as 0.0.0.0:8080 for a class, the URL
has a token, new at each start: who has it may read, by plain HTTP. Training, and the network after
some steps of it, are refused to them unless --allow-training is given. Names and addresses other than this machine's are refused.`,
		Example: "  pedestrian studio\n  pedestrian studio runs/story-1\n  pedestrian studio runs/story-1 \"One day Ada\"\n  pedestrian studio --no-open --listen 127.0.0.1:8080\n  pedestrian studio --preset paper\n  pedestrian studio --export site",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 2 {
				return usagef("%q is too much: a MODEL and a TEXT, which stands in quotes", args[2])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			if export != "" {
				if len(args) > 0 {
					return usagef("%s cannot be given with --export: a folder holds the networks of the studio", args[0])
				}
				for _, name := range []string{"listen", "preset", "no-open", "newest", "allow-training"} {
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
			var more []*studio.Model
			query := ""
			switch {
			case len(args) > 0 && preset != "":
				return usagef("--preset and %s are two networks to begin with: choose one", args[0])
			case len(args) > 0:
				m, err := studioModel(ctx, args, newest, cmd.ErrOrStderr())
				if err != nil {
					return err
				}
				more, query = append(more, m), "#/?model="+m.Name
			case newest:
				return usagef("--newest says which checkpoint of a run: name the run")
			case preset != "":
				if _, err := studio.Open(studio.State{Model: preset}); err != nil {
					return usagef("--preset: %w", err)
				}
				query = "#/?model=" + preset
			}
			kernel.Use(kernel.Portable) // what trains here has the bits of the exported page
			core, err := live.NewCore(more...)
			if err != nil {
				return err
			}
			l, err := server.Listen(listen)
			if err != nil {
				return usageError{err}
			}
			l.ReadOnly = l.ReadOnly && !training
			url := l.URL() + query
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n", url)
			if l.Token != "" {
				fmt.Fprintln(cmd.ErrOrStderr(), "Other machines reach this address: who has it, with its token, sees what the studio shows.\nIt is not encrypted. A new start makes a new one.")
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "Ctrl-C ends the studio.")
			if !noOpen && isTerminal(cmd.OutOrStdout()) {
				browse(url)
			}
			return server.Serve(ctx, l, core)
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:0", "address to listen at; port 0 is any that is free; others than this machine need the token in the URL")
	f.BoolVar(&training, "allow-training", false, "let other machines train, with a --listen that they reach")
	f.StringVar(&export, "export", "", "write the studio into this new folder, for any file server, and end")
	f.StringVar(&preset, "preset", "", "network to begin with: lesson or paper (default lesson)")
	f.BoolVar(&newest, "newest", false, "of a run, the newest checkpoint instead of the best")
	f.BoolVar(&noOpen, "no-open", false, "do not open a browser")
	return cmd
}

// studioModel opens the model that args name as the studio shows it, with the text that they
// give it.
func studioModel(ctx context.Context, args []string, newest bool, stderr io.Writer) (*studio.Model, error) {
	path, text := args[0], ""
	if len(args) > 1 {
		if text = args[1]; text == "" {
			return nil, usagef("the text is empty: leave it out, and the network reads one of its own kind")
		}
	}
	small := func(c pedestrian.Config, _ int64) error {
		if err := studio.Fits(c); err != nil {
			return usagef("%s: %w", path, err)
		}
		return nil
	}
	m, err := openModel(ctx, path, false, model.Options{Newest: newest, Room: small}, stderr)
	if err != nil {
		return nil, err
	}
	if err := small(m.Params.Config, 0); err != nil { // of a run Open does not ask
		return nil, err
	}
	if m.Tokenizer == nil {
		return nil, usagef("%s has no tokenizer, without which there is no text to read", path)
	}
	if m.Adapter != nil {
		merged, err := m.Merge(nil)
		if err != nil {
			return nil, err
		}
		m = merged.Model
	}
	n := live.Network{Name: "run", Title: filepath.Base(m.Path), Params: m.Params, Tokenizer: m.Tokenizer, Writer: m.Writer, Text: text}
	if c := m.Checkpoint; c != nil && !c.Imported() {
		n.Title = fmt.Sprintf("%s, step %d", filepath.Base(filepath.Dir(c.Dir)), c.State.Step)
		if train.TellsStories(c.Options.Data) {
			n.Sample = corpus.Stories(corpus.AnyDialogue).Story(0, 0) // training tells others
		}
	}
	opened, whole, err := n.Model(ctx)
	if err != nil {
		return nil, usagef("%s: %w", path, err)
	}
	if text != "" && !whole {
		fmt.Fprintf(stderr, "The text is longer than what the network reads here: these are its first %d tokens.\n", len(opened.Tokens))
	}
	return opened, nil
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
