//go:build mpi && linux && (amd64 || arm64)

package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
	"github.com/pedestrian-ml/pedestrian/internal/mpi"
	"github.com/pedestrian-ml/pedestrian/train"
)

// world is the processes that work as one; nil in a process that works alone.
var world *mpi.World

// inGroup says whether this process works together with others.
func inGroup() bool { return world != nil }

// ranksOfRun is the number of processes that share a run.
func ranksOfRun() int {
	if world == nil {
		return 1
	}
	return world.Size
}

// joinRanks starts MPI if a launcher has started several processes. It returns where this one may
// write: rank 0 alone is seen, and of the others no more than errors.
func joinRanks(out, stderr io.Writer) (io.Writer, io.Writer, error) {
	l, ok := launched(os.Getenv)
	if !ok {
		if l.By == "" || l.Several() {
			return out, stderr, nil
		}
		if why := mpi.CoresAlone().Warning(l.Family); why != "" {
			fmt.Fprintf(stderr, "pedestrian: warning: %s\n", why)
		}
		return out, stderr, nil
	}
	w, err := mpi.Start(l, os.Getenv(libraryVariable))
	if err != nil {
		return out, stderr, err
	}
	world = w
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(w.Cores.Mine)
	}
	if why := w.Cores.Warning(l.Family); why != "" && w.Cores.First {
		fmt.Fprintf(stderr, "pedestrian: warning: %s\n", why)
	}
	if w.Rank > 0 {
		return io.Discard, io.Discard, nil
	}
	return out, stderr, nil
}

// rankDir returns the directory of a run: rank 0 writes to dir, and the others nowhere.
func rankDir(dir string) string {
	if world != nil && world.Rank > 0 {
		return ""
	}
	return dir
}

// loadToResume loads a checkpoint with its moments, of which each rank reads its part.
func loadToResume(dir string) (*train.Checkpoint, error) {
	if world == nil {
		return train.Load(dir, true)
	}
	return train.LoadShared(dir, ranks{world})
}

// loadNewestToResume loads the newest checkpoint of a run in the same way.
func loadNewestToResume(run string) (c *train.Checkpoint, passed []error, err error) {
	if world == nil {
		return train.LoadNewest(run, true)
	}
	return train.LoadNewestShared(run, ranks{world})
}

// shareRun makes r one of the runs of all ranks, after it has compared what must be the same.
func shareRun(r *train.Run) error {
	if world == nil {
		return nil
	}
	weights := sha256.New()
	for _, w := range []train.Weights{{Params: r.State.Params}, {Adapter: r.State.Adapter}} {
		if w != (train.Weights{}) {
			if err := binary.Write(weights, binary.LittleEndian, w.Slab()); err != nil {
				return err
			}
		}
	}
	facts := []mpi.Fact{
		{Name: "the version", Value: version()},
		{Name: "the data (SHA-256)", Value: r.Data.Info().SHA256},
		{Name: "the step", Value: fmt.Sprint(r.State.Step)},
		{Name: "the weights (SHA-256)", Value: fmt.Sprintf("%x", weights.Sum(nil))},
	}
	settings := r.Options.Settings()
	if r.Base != nil {
		settings = r.Options.TuningSettings()
	}
	for _, s := range settings {
		if s.Name == "steps" || !changeable[s.Name] { // where the texts are may differ; what they are is compared
			facts = append(facts, mpi.Fact{Name: "--" + s.Flag(), Value: s.String()})
		}
	}
	err := world.Same(facts)
	if err != nil {
		return usageError{sameOnAll{err}}
	}
	err = world.Same([]mpi.Fact{{Name: "the instructions", Value: fmt.Sprint(kernel.Current())}})
	if err != nil && world.Rank == 0 {
		fmt.Fprintf(os.Stderr, "pedestrian: warning: %s for the bits of one machine\n", oneLine(err))
	}
	if err := r.Share(ranks{world}); err != nil {
		return usageError{err}
	}
	return nil
}

// ranks are the processes of a run as package train sees them.
type ranks struct{ w *mpi.World }

func (g ranks) Rank() int { return g.w.Rank }
func (g ranks) Size() int { return g.w.Size }

func (g ranks) Part(n int, s train.Sum) (from, to int) { return g.tree(s).Part(n, g.w.Rank) }

func (g ranks) ReduceScatter(x [][]float32, s train.Sum) error {
	if s.Fan == nil {
		return g.w.ReduceScatterInOrder(x, mpi.Order{Counts: s.Counts, Adds: s.Adds}, engine.UpdateBlock)
	}
	return g.w.ReduceScatter(x[0], g.tree(s))
}

func (g ranks) AllGather(x []float32, s train.Sum) error { return g.w.AllGather(x, g.tree(s)) }

// tree says which part of a slab each rank has after a sum.
func (g ranks) tree(s train.Sum) mpi.Tree {
	if s.Fan == nil {
		return tree([]int{g.w.Size})
	}
	return tree(s.Fan)
}

func (g ranks) Gather(mine []byte) ([][]byte, error) { return g.w.Gather(mine) }
func (g ranks) Agree(x int64) (lowest, highest int64, err error) {
	return g.w.Agree(x)
}

// tree has parts that begin where the engine's parts of a slab do.
func tree(fan []int) mpi.Tree { return mpi.Tree{Fan: fan, Block: engine.UpdateBlock} }

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
