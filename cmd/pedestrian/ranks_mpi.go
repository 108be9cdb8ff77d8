//go:build mpi && linux && (amd64 || arm64)

package main

import (
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/pedestrian-ml/pedestrian/internal/mpi"
)

// insteadOfMany is what to do with several processes.
const insteadOfMany = "start it once, without a launcher"

// world is the processes that work as one; nil in a process that works alone.
var world *mpi.World

// joinRanks starts MPI, and returns where this rank may write: rank 0 alone is seen.
func joinRanks(out io.Writer) (io.Writer, error) {
	l, ok := launched(os.Getenv)
	if !ok {
		return out, usagef("the cases of ranks need several processes: start them by a launcher, such as mpirun -n 2 --bind-to none pedestrian-mpi bench --only ranks")
	}
	w, err := mpi.Start(l, os.Getenv(libraryVariable))
	if err != nil {
		return out, err
	}
	world = w
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(w.Cores.Mine)
	}
	if why := w.Cores.Warning(l.Family); why != "" && w.Cores.First {
		fmt.Fprintf(os.Stderr, "pedestrian: warning: %s\n", why)
	}
	if w.Rank > 0 {
		out = io.Discard
	}
	return out, nil
}

// abortRanks ends all ranks with the exit code, after an error of this one. What a signal has
// stopped, all have agreed to, and each ends by itself.
func abortRanks(code int) {
	if world != nil && code < 128 {
		world.Abort(code)
	}
}

// exit ends the process, and MPI before it.
func exit(code int) {
	if world == nil {
		os.Exit(code)
	}
	if err := world.Close(); err != nil {
		fmt.Fprintf(os.Stderr, "pedestrian: ending MPI: %v\n", err)
	}
	world.Exit(code)
}
