package train

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const stepPrefix = "step-" // of a checkpoint's directory

// Steps lists the steps that have a checkpoint in the directory run, in order.
func Steps(run string) ([]int, error) {
	entries, err := os.ReadDir(run)
	if err != nil {
		return nil, err
	}
	var steps []int
	for _, e := range entries {
		if digits, ok := strings.CutPrefix(e.Name(), stepPrefix); ok && e.IsDir() {
			if n, err := strconv.Atoi(digits); err == nil && n >= 0 && stepDir(run, n) == filepath.Join(run, e.Name()) {
				steps = append(steps, n)
			}
		}
	}
	slices.Sort(steps)
	return steps, nil
}

// stepDir is the directory of one checkpoint of a run.
func stepDir(run string, step int) string {
	return filepath.Join(run, fmt.Sprintf("%s%06d", stepPrefix, step))
}

// Newest is the directory of the newest checkpoint of the directory run.
func Newest(run string) (string, error) {
	steps, err := Steps(run)
	if err != nil {
		return "", err
	}
	if len(steps) == 0 {
		return "", fmt.Errorf("%s holds no checkpoint", run)
	}
	return stepDir(run, steps[len(steps)-1]), nil
}

// Best is the directory of the checkpoint with the lowest validation loss of the
// directory run: the newest one knows which that is. Without an evaluation it is
// the newest itself.
func Best(run string) (string, error) {
	dir, err := Newest(run)
	if err != nil {
		return "", err
	}
	var p Progress
	if err := readJSON(filepath.Join(dir, stateFile), &p); err != nil {
		return "", err
	}
	if p.Evaluations == 0 {
		return dir, nil
	}
	best := stepDir(run, p.Best.Step)
	if _, err := os.Stat(best); err != nil {
		return dir, nil
	}
	return best, nil
}

// prune removes all checkpoints of a run but the newest keep and the best.
func prune(run string, keep, best int) error {
	steps, err := Steps(run)
	if err != nil {
		return err
	}
	for i, s := range steps {
		if i < len(steps)-keep && s != best {
			if err := os.RemoveAll(stepDir(run, s)); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeTemps removes what an interrupted save left behind.
func removeTemps(run string) error {
	temps, err := filepath.Glob(filepath.Join(run, tempPrefix+stepPrefix+"*"))
	for _, t := range temps {
		err = errors.Join(err, os.RemoveAll(t))
	}
	return err
}
