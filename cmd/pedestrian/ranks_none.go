//go:build !mpi || !linux || !(amd64 || arm64)

package main

import (
	"fmt"
	"io"
	"os"

	"github.com/pedestrian-ml/pedestrian/train"
)

// exit ends the process.
func exit(code int) { os.Exit(code) }

// abortRanks does nothing: this process works alone.
func abortRanks(int) {}

// joinRanks returns an error if this is one of several processes that a launcher has started:
// each of them would train the whole run, and all would write to one place. This binary calls
// no MPI library.
func joinRanks(out, stderr io.Writer) (io.Writer, io.Writer, error) {
	return out, stderr, notManyTimes()
}

func inGroup() bool { return false }

func ranksOfRun() int { return 1 }

func rankDir(dir string) string { return dir }

func loadToResume(dir string) (*train.Checkpoint, error) { return train.Load(dir, true) }

func loadNewestToResume(run string) (c *train.Checkpoint, passed []error, err error) {
	return train.LoadNewest(run, true)
}

func shareRun(*train.Run) error { return nil }

func ranksLine() string { return "" }

func rankCases() []benchCase { return nil }

// notManyTimes returns an error if this is one of several processes of a launcher.
func notManyTimes() error {
	l, ok := launched(os.Getenv)
	if !ok {
		return nil
	}
	several := "several processes"
	if l.Size > 0 {
		several = fmt.Sprintf("%d processes", l.Size)
	}
	return usageError{sameOnAll{fmt.Errorf("%s has started %s, each of which would do the whole work: start pedestrian-mpi instead (this program built with -tags mpi), or set %s=none to make each a run of its own", l.By, several, libraryVariable)}}
}
