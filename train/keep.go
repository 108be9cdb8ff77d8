package train

import (
	"fmt"
	"path/filepath"
	"slices"
)

// take makes r the only writer of its directory, where it goes on from the
// checkpoint from; nil begins.
func (r *Run) take(from *Checkpoint) (err error) {
	lock, err := lockRun(r.fs, r.Dir)
	if err != nil {
		return fmt.Errorf("taking the run directory: %w", err)
	}
	defer func() {
		if err != nil {
			lock.Close()
		}
	}()
	if err := r.isNewest(from); err != nil {
		return err
	}
	removeTemps(r.fs, r.Dir)
	if r.log, err = openMetrics(r.fs, r.Dir, r.State.Progress); err != nil {
		return err
	}
	r.lock, r.pruner = lock, pruner{fs: r.fs, run: r.Dir, whole: map[string]bool{}}
	if from != nil {
		p := r.State.Progress
		r.saved, r.pruner.whole[from.Dir] = &p, true
	}
	return nil
}

// isNewest makes sure, now that nobody else writes, that nobody has saved what is
// newer than the checkpoint from.
func (r *Run) isNewest(from *Checkpoint) error {
	entries, err := checkpoints(r.fs, r.Dir)
	if err != nil {
		return fmt.Errorf("taking the run directory: %w", err)
	}
	for _, e := range slices.Backward(entries) {
		if from != nil && filepath.Base(e.Dir) == filepath.Base(from.Dir) {
			return nil
		}
		if verify(r.fs, e.Dir) == nil {
			return fmt.Errorf("taking the run directory: %s was saved meanwhile: resume from it", e.Dir)
		}
	}
	return nil
}

// Save writes a checkpoint of the state as it is, unless that is saved already, and
// then removes the checkpoints that are no longer kept. After an error the state and
// what was saved before are as they were, and Save may be called again.
func (r *Run) Save(obs Observer) error {
	s := r.State
	if r.Dir == "" || r.saved != nil && sameProgress(*r.saved, s.Progress) {
		return nil
	}
	r.pace.pause(s)
	if err := r.log.sync(); err != nil {
		return err
	}
	c := &Checkpoint{Network: r.Network, Options: r.Options, Data: r.Data.Info(), Base: r.Base, Tokenizer: r.Data.Tokenizer, State: s}
	dir, err := c.save(r.fs, r.Dir)
	if err != nil {
		return err
	}
	p := s.Progress
	r.saved, r.pruner.whole[dir] = &p, true
	tell(obs.Save, Saved{s.Step, dir})
	if _, err := r.pruner.prune(r.Options.Keep, c.keptSteps()...); err != nil {
		tell(obs.Trouble, Trouble{s.Step, fmt.Errorf("removing old checkpoints: %w", err)})
	}
	return nil
}

// sameProgress says whether p and q differ in the time spent alone.
func sameProgress(p, q Progress) bool {
	p.Seconds, q.Seconds = 0, 0
	return p == q
}

// checkRoom tells when the disk cannot hold as many checkpoints as the run comes to
// have at a time: those that are kept, the best, and the one that is being written.
func (r *Run) checkRoom(obs Observer) {
	if r.Dir == "" {
		return
	}
	entries, err := checkpoints(r.fs, r.Dir)
	if err != nil {
		return // the save will tell
	}
	more := max(1, max(r.Options.Keep, minimumKept)+2-len(entries))
	need := int64(more) * (3*4*int64(len(r.State.Trained().Slab())) + 1<<16)
	if free, known := r.fs.Free(r.Dir); known && free < need {
		tell(obs.Trouble, Trouble{r.State.Step, fmt.Errorf("%s has room for %d bytes, and checkpoints will take %d more: saving may fail: free some, or lower keep", r.Dir, free, need)})
	}
}

// loadStep loads the newest checkpoint of a step.
func loadStep(fs fileSystem, run string, step int) (*Checkpoint, error) {
	entries, err := checkpoints(fs, run)
	if err != nil {
		return nil, err
	}
	for _, e := range slices.Backward(entries) {
		if e.Step == step {
			return load(fs, e.Dir, true)
		}
	}
	return nil, fmt.Errorf("%s holds no checkpoint of step %d", run, step)
}

// keptSteps are the steps whose checkpoints are kept however old they are: that of the
// best evaluation, and that which a spike goes back to.
func (c *Checkpoint) keptSteps() (steps []int) {
	if c.State.Evaluations > 0 {
		steps = append(steps, c.State.Best.Step)
	}
	if c.Options.OnSpike == SpikeRewind {
		steps = append(steps, c.State.Snapshot)
	}
	return steps
}
