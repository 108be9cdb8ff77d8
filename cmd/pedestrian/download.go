package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/hub"
)

func newDownloadCmd() *cobra.Command {
	var revision string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "download NAME",
		Short: "Download a model or an adapter from the Hugging Face hub",
		Long: `Downloads the necessary files of a model or an adapter: configuration, tokenizer and
safetensors. Pickled weights (.bin) are never downloaded, because they are programs.

The files are stored in the cache of Python's huggingface_hub (HF_HUB_CACHE, else
HF_HOME/hub, else ~/.cache/huggingface/hub), and both programs find them there. A
download that was interrupted continues where it stopped. Every file is compared with
the SHA-256 or the git digest that the server gives. A file that is in the cache already
is compared and not downloaded again.

HF_TOKEN is for models that are private or gated; it is sent only to the endpoint's own
host. HF_ENDPOINT names another server. With HF_HUB_OFFLINE=1 the network is not used: a
model that is not in the cache is an error.

You will see the progress (on a terminal, on standard error), then the directory. Every
command that takes a model directory takes such a name, too.`,
		Example: "  pedestrian download openai-community/gpt2\n  pedestrian download distilbert/distilgpt2 --revision main --json",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("download takes one name, not %d: see \"%s --help\"", len(args), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := download(cmd.Context(), args[0], revision, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), map[string]any{"name": s.Repo, "commit": s.Commit, "dir": s.Dir})
			}
			fmt.Fprintln(cmd.OutOrStdout(), s.Dir)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&revision, "revision", "main", "a branch, a tag or a commit")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// download brings a model into the cache; offline, it must be there.
func download(ctx context.Context, name, revision string, stderr io.Writer) (hub.Snapshot, error) {
	e := hub.Environment(os.LookupEnv)
	for _, err := range []error{hub.CheckRepo(name), hub.CheckRevision(revision), e.Remote.Check()} {
		if err != nil {
			return hub.Snapshot{}, usageError{err}
		}
	}
	if e.Offline {
		s, err := e.Find(name, revision)
		if err != nil {
			err = usagef("%w; HF_HUB_OFFLINE is set, so the network is not used", err)
		}
		return s, err
	}
	ctx, stop := interruptible(ctx, func() {})
	defer stop()
	bar := &progressBar{w: stderr, p: newPainter(stderr), moving: isTerminal(stderr)}
	e.Remote.Report = bar.show
	s, err := e.Remote.Download(ctx, e.Cache, name, revision)
	bar.clear()
	switch {
	case err == nil:
		return s, nil
	case ctx.Err() != nil:
		return s, stopped(ctx, errors.New("stopped: the downloaded bytes are kept, and the same command continues from there"))
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, errors.ErrUnsupported):
		return s, usageError{err}
	}
	return s, err
}

// fetchedModel is the directory of a model or an adapter that is given by its name:
// what is in the cache, and otherwise what is downloaded.
func fetchedModel(ctx context.Context, name string, stderr io.Writer) (dir string, err error) {
	s, err := hub.Environment(os.LookupEnv).Find(name, "")
	if err == nil {
		return s.Dir, nil
	}
	if near := nearestPath(name); near != "" { // which is meant, more likely than a model that nobody has asked for yet
		return "", usagef("%s: no such file or directory: did you mean %s? A model of that name on the hub is fetched by \"pedestrian download %s\"", name, shellQuote(near), name)
	}
	s, err = download(ctx, name, "main", stderr)
	switch {
	case errors.As(err, new(usageError)):
		err = usagef("%s is no directory, and not on the hub either: %w", name, err)
	case err != nil:
		err = fmt.Errorf("%s is no directory, and was not fetched from the hub: %w", name, err)
	}
	return s.Dir, err
}

// A progressBar is the line of a download, on a terminal; in a pipe there is one for
// each time that is waited.
type progressBar struct {
	w      io.Writer
	p      painter
	moving bool
	shown  bool
	noted  string // the note that was shown last
	began  time.Time
	last   time.Time
}

func (b *progressBar) show(p hub.Progress) {
	now := time.Now()
	if !b.moving && p.Note != "" && p.Note != b.noted {
		fmt.Fprintf(b.w, "pedestrian: %s\n", oneLine(errors.New(p.Note)))
	}
	b.noted = p.Note
	if !b.moving || now.Sub(b.last) < 100*time.Millisecond && p.Done < p.Total && p.Note == "" {
		return
	}
	if b.began.IsZero() {
		b.began = now
	}
	b.last, b.shown = now, true
	line := progressLine(p, now.Sub(b.began))
	if width := terminalWidth(b.w) - 1; len(line) > width {
		line = line[:max(0, width)]
	}
	fmt.Fprintf(b.w, "\r%s\x1b[K", b.p.dim(line))
}

func (b *progressBar) clear() {
	if b.shown {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
	b.shown = false
}

// progressLine says how far a download is after some time, how fast, and how long
// the rest will take at that speed.
func progressLine(p hub.Progress, after time.Duration) string {
	percent := 0.0
	if p.Total > 0 {
		percent = 100 * float64(p.Done) / float64(p.Total)
	}
	line := fmt.Sprintf("%s  %.1f of %.1f MB  %.0f %%", p.File, float64(p.Done)/1e6, float64(p.Total)/1e6, percent)
	if p.Note != "" {
		return line + "  " + p.Note
	}
	if speed := float64(p.Fetched) / after.Seconds(); after > time.Second && speed > 0 {
		left := time.Duration(float64(p.Total-p.Done) / speed * float64(time.Second))
		line += fmt.Sprintf("  %.1f MB/s, %s left", speed/1e6, clock(left))
	}
	return line
}
