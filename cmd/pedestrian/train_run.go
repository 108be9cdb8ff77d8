package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"

	"github.com/pedestrian-ml/pedestrian/train"
)

// runTraining trains r to its end, shows how, and closes it.
func runTraining(ctx context.Context, r *train.Run, asJSON bool, stdout, stderr io.Writer) error {
	if asJSON {
		return runShown(ctx, r, newJSONScreen(stdout, r))
	}
	return runShown(ctx, r, newTextScreen(stdout, r))
}

// runShown is runTraining on the screen s.
func runShown(ctx context.Context, r *train.Run, s screen) (err error) {
	defer func() {
		if e := r.Close(); err == nil { // after a failure, that is what counts
			err = e
		}
	}()
	signal.Ignore(syscall.SIGPIPE) // a reader that goes away, as head does, is no reason to lose a run
	defer signal.Reset(syscall.SIGPIPE)
	ctx, stop := interruptible(ctx, s.stopping) // before anything is said: who reads that may stop it
	defer stop()
	s.plan()
	end, err := r.Train(ctx, s.observer())
	s.clear()
	command := "train"
	if r.Base != nil {
		command = "finetune"
	}
	if err != nil {
		if _, none := train.Newest(r.Dir); r.Dir != "" && none == nil && errors.As(err, new(syscall.Errno)) { // the disk's doing
			err = fmt.Errorf("%w; when that is mended, go on with: pedestrian %s --resume %s", err, command, shellQuote(r.Dir))
		}
		return err
	}
	if end == train.Stopped {
		s.end(end, nil)
		return stopped(ctx, fmt.Errorf("stopped after step %s of %s and saved; go on with: pedestrian %s --resume %s",
			commas(r.State.Step), commas(r.Options.Steps), command, shellQuote(r.Dir)))
	}
	if err := writeCurves(r); err != nil {
		return err
	}
	if r.State.Adapter == nil {
		s.end(end, nil)
		return nil
	}
	audit, err := r.Audit(ctx)
	if err != nil && ctx.Err() != nil {
		return stopped(ctx, fmt.Errorf("stopped before the adapter was checked; the run is over and saved, and this checks it: pedestrian finetune --resume %s", shellQuote(r.Dir)))
	}
	if err != nil {
		return err
	}
	s.end(end, audit)
	return audit.Err()
}

// shellQuote is a path as a shell reads it.
func shellQuote(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:+=@%,") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
