//go:build !mpi || !linux || !(amd64 || arm64)

package main

import (
	"io"
	"os"
)

// insteadOfMany is what to do with several processes.
const insteadOfMany = "start pedestrian-mpi instead (this program built with -tags mpi)"

// exit ends the process.
func exit(code int) { os.Exit(code) }

// abortRanks does nothing: there are none.
func abortRanks(int) {}

// joinRanks returns an error: this binary calls no MPI library.
func joinRanks(out io.Writer) (io.Writer, error) {
	return out, usagef("the cases of ranks need several processes: %s", insteadOfMany)
}

func rankCases() []benchCase { return nil }

func ranksLine() string { return "" }
