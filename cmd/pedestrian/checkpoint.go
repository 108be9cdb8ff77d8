package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/train"
)

func newCheckpointCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "checkpoint",
		Short: "Verify, list and prune the checkpoints of a run",
		Long: `Every checkpoint holds digests of its files: SHA-256, and for tensors the CRC32C of
each block of 1 MiB. Training and sampling compare them when they load a checkpoint, and
skip a damaged one. These commands make the same comparison.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCheckpointVerifyCmd(), newCheckpointListCmd(), newCheckpointPruneCmd())
	return cmd
}

func newCheckpointVerifyCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify RUN|CHECKPOINT",
		Short: "Compare every byte with the saved digests",
		Long: `Reads one checkpoint, or all checkpoints of a run, and compares them with the
digests that were saved with them.

You will see one line for each checkpoint; the exit code is 1 if one is damaged.`,
		Example: "  pedestrian checkpoint verify runs/story-1\n  pedestrian checkpoint verify runs/story-1/step-000250",
		Args:    oneDirectory,
		RunE: func(cmd *cobra.Command, args []string) error {
			return verifyCheckpoints(cmd.OutOrStdout(), args[0], asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a checkpoint")
	return cmd
}

func newCheckpointListCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list RUN",
		Short: "List the checkpoints of a run",
		Long: `Lists the checkpoints of a run, the oldest first: step, size, validation loss, and
whether every byte is as it was saved. Checkpoints that a training run removes in the
meantime are left out.`,
		Example: "  pedestrian checkpoint list runs/story-1",
		Args:    oneDirectory,
		RunE: func(cmd *cobra.Command, args []string) error {
			return listCheckpoints(cmd.OutOrStdout(), args[0], asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a checkpoint")
	return cmd
}

func newCheckpointPruneCmd() *cobra.Command {
	keep := 2
	cmd := &cobra.Command{
		Use:   "prune RUN",
		Short: "Remove old checkpoints",
		Long: `Removes old checkpoints of a run. It keeps the newest ones that are whole, and the
best one. Damaged ones are removed if they are older than the kept ones. It refuses a run
that is being trained.

You will see the names of the removed checkpoints.`,
		Example: "  pedestrian checkpoint prune runs/story-1 --keep 2",
		Args:    oneDirectory,
		RunE: func(cmd *cobra.Command, args []string) error {
			if keep < 2 {
				return usagef("--keep is %d: it must be at least 2, so that one damaged checkpoint is not the last", keep)
			}
			if _, err := train.Newest(args[0]); err != nil {
				return usageError{err}
			}
			removed, err := train.Prune(args[0], keep)
			for _, e := range removed {
				fmt.Fprintf(cmd.OutOrStdout(), "removed %s\n", e.Dir)
			}
			return err
		},
	}
	cmd.Flags().IntVar(&keep, "keep", keep, "newest checkpoints to keep, besides the best")
	return cmd
}

// oneDirectory asks for one argument.
func oneDirectory(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("%s takes one directory, not %d: see \"%s --help\"", cmd.CommandPath(), len(args), cmd.CommandPath())
	}
	return nil
}

// survey hands what there is to say of each checkpoint of a run to tell; or of dir
// itself, if it is one. It counts them, and those that are not whole.
func survey(dir string, parse bool, tell func(train.Finding) error) (all, damaged int, err error) {
	entries, err := train.Checkpoints(dir)
	if err != nil {
		return 0, 0, usageError{err}
	}
	count := func(f train.Finding) error {
		all++
		if f.Err != nil {
			damaged++
		}
		return tell(f)
	}
	if len(entries) > 0 {
		err = train.Survey(dir, parse, count)
	} else if isCheckpoint(dir) {
		err = count(train.Look(filepath.Clean(dir), parse))
	} else {
		err = usagef("%s holds no checkpoint", dir)
	}
	return all, damaged, err
}

// isCheckpoint says whether dir looks like a checkpoint, whole or not.
func isCheckpoint(dir string) bool {
	for _, name := range []string{durable.ManifestFile, "config.json", "model.safetensors"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

func verifyCheckpoints(w io.Writer, dir string, asJSON bool) error {
	p := newPainter(w)
	all, damaged, err := survey(dir, false, func(f train.Finding) error {
		switch {
		case asJSON:
			v := map[string]any{"dir": f.Dir, "whole": f.Err == nil}
			if f.Err != nil {
				v["error"] = oneLine(f.Err)
			}
			return writeLine(w, v)
		case f.Err == nil:
			fmt.Fprintf(w, "%s: %s\n", f.Dir, p.good("every byte as it was saved"))
		default:
			fmt.Fprintf(w, "%s\n", p.bad(oneLine(f.Err)))
		}
		return nil
	})
	if err == nil && damaged > 0 {
		err = fmt.Errorf("%d of %s damaged", damaged, count2(all, "checkpoint"))
	}
	return err
}

func listCheckpoints(w io.Writer, run string, asJSON bool) error {
	t := plainTable(w)
	t.AppendHeader(table.Row{"checkpoint", "bytes", "validation", "state"})
	_, _, err := survey(run, true, func(f train.Finding) error {
		loss, state := "", "whole"
		var damaged *durable.Damaged
		var linked *durable.Linked
		switch p := f.Progress; {
		case errors.As(f.Err, &damaged):
			state = "damaged: " + oneLine(damaged.Err)
		case errors.As(f.Err, &linked):
			state = "not read: " + oneLine(linked)
		case f.Err != nil:
			state = oneLine(f.Err)
		case p.Evaluations > 0 && p.Last.Step == p.Step:
			loss = fmt.Sprintf("%.4f", p.Last.Loss)
		}
		if !asJSON {
			t.AppendRow(table.Row{filepath.Base(f.Dir), commas(int(f.Bytes)), loss, state})
			return nil
		}
		v := map[string]any{"dir": f.Dir, "bytes": f.Bytes, "whole": f.Err == nil}
		if f.Err != nil {
			v["error"] = state
		} else if loss != "" {
			v["val"] = f.Progress.Last.Loss
		}
		return writeLine(w, v)
	})
	if err == nil && !asJSON {
		t.Render()
	}
	return err
}

// sizeOf is how many bytes the files in dir have.
func sizeOf(dir string) (bytes int64) {
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		if info, err := f.Info(); err == nil && info.Mode().IsRegular() {
			bytes += info.Size()
		}
	}
	return bytes
}

// passedOver says which newer or better checkpoints the one that was taken stands in for.
func passedOver(stderr io.Writer, passed []error, taken string) {
	for _, err := range passed {
		fmt.Fprintf(stderr, "pedestrian: passed over: %s\n", oneLine(err))
	}
	if len(passed) > 0 {
		fmt.Fprintf(stderr, "pedestrian: %s is whole, and taken instead\n", taken)
	}
}
