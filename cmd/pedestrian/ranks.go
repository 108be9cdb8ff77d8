package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/pedestrian-ml/pedestrian/internal/mpi"
)

// libraryVariable is the environment variable that names the MPI library. Its value "none"
// says that processes which a launcher has started have nothing to do with each other.
const libraryVariable = "PEDESTRIAN_MPI"

// launched returns what the launcher of this process says, if it has started several that are to
// work as one.
func launched(getenv func(string) string) (mpi.Launch, bool) {
	l, ok := mpi.Launched(getenv)
	return l, ok && l.Several() && getenv(libraryVariable) != "none"
}

// sameOnAll is an error that every process of a launcher has: rank 0 alone says it.
type sameOnAll struct{ error }

// complain prints the line of an error. Of several processes mostly all fail in the same way;
// so the others wait until rank 0 has said it and ends them, and speak if it does not.
func complain(stderr io.Writer, err error, code int) {
	line := oneLine(err)
	if l, ok := launched(os.Getenv); ok && l.Rank > 0 {
		if inGroup() && code > 128 || errors.As(err, new(sameOnAll)) {
			return // all have stopped, and rank 0 says so
		}
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, syscall.SIGTERM)
		select {
		case <-ended: // rank 0 has said it, and its launcher ends all
			os.Exit(code)
		case <-time.After(time.Second):
		}
		host, _ := os.Hostname()
		line = fmt.Sprintf("rank %d on %s: %s", l.Rank, host, line)
	}
	fmt.Fprintf(stderr, "pedestrian: %s\n", line)
	abortRanks(code)
}
