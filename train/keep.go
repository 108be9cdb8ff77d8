package train

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// lockAndOpen locks the directory of r and opens its log. The run continues from the checkpoint from;
// nil means a new run.
func (r *Run) lockAndOpen(from *Checkpoint) (err error) {
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
	sweep(r.fs, r.Dir)
	if r.log, err = openMetrics(r.fs, r.Dir, r.State.Progress); err != nil {
		return err
	}
	if r.Options.TensorBoard {
		r.log.showEvents(r.State.Seconds)
	}
	r.lock, r.pruner = lock, pruner{fs: r.fs, run: r.Dir, whole: map[string]bool{}}
	if from != nil {
		p := r.State.Progress
		r.saved, r.pruner.whole[from.Dir] = &p, true
	}
	return nil
}

// isNewest returns an error if the directory, which is locked now, has a checkpoint newer than
// from that can be read: another process may have saved one, or one that was passed over
// because of a read error may be readable now.
func (r *Run) isNewest(from *Checkpoint) error {
	entries, err := checkpoints(r.fs, r.Dir)
	if err != nil {
		return fmt.Errorf("taking the run directory: %w", err)
	}
	for _, e := range slices.Backward(entries) {
		if from != nil && filepath.Base(e.Dir) == filepath.Base(from.Dir) {
			return nil
		}
		err := verify(r.fs, e.Dir)
		if isLinked(err) {
			return fmt.Errorf("taking the run directory: %w", err)
		}
		if !isDamage(err) {
			return fmt.Errorf("taking the run directory: %s was saved meanwhile, or can be read again: resume from it", e.Dir)
		}
	}
	return nil
}

// Save writes a checkpoint of the present state, unless it is saved already, and then removes
// checkpoints that are no longer kept. After an error the state and the older checkpoints are
// unchanged, and Save may be called again. All processes that share a run must call it.
func (r *Run) Save(obs Observer) error {
	if r.group != nil {
		return r.saveShared(obs)
	}
	return r.save(obs, nil)
}

// save is Save in the process that has the directory. If processes share the run, moments gathers
// theirs, while the file of the moments is written.
func (r *Run) save(obs Observer, moments func(second bool) (Weights, error)) error {
	s := r.State
	if r.Dir == "" || r.saved != nil && sameProgress(*r.saved, s.Progress) {
		return nil
	}
	r.pace.pause(s)
	if err := r.log.sync(); err != nil {
		return err
	}
	c := &Checkpoint{Network: r.Network, Options: r.Options, Data: r.Data.Info(), Base: r.Base, Tokenizer: r.Data.Tokenizer, State: s, gather: moments}
	dir, err := c.save(r.fs, r.Dir)
	if diskFull(err) && r.makeRoom(c, err, obs) {
		dir, err = c.save(r.fs, r.Dir)
	}
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

// diskFull says whether err means that the disk or the user's quota is full.
func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// makeRoom removes the former best checkpoint if c, which did not fit onto the disk, is a better
// one. Otherwise a disk that is full of kept checkpoints would stay full. Two checkpoints that
// are whole stay, each read once more, and so do those that c keeps. It says whether it removed
// something.
func (r *Run) makeRoom(c *Checkpoint, full error, obs Observer) bool {
	steps := c.keptSteps()
	if r.saved != nil && c.Options.OnSpike == SpikeRewind {
		steps = append(steps, r.saved.Snapshot) // to which the newest one on the disk goes back
	}
	p := pruner{fs: r.fs, run: r.Dir, whole: map[string]bool{}}
	removed, err := p.prune(r.Options.Keep, steps...)
	if err != nil {
		tell(obs.Trouble, Trouble{c.State.Step, fmt.Errorf("removing what is outdated: %w", err)})
	}
	for _, e := range removed {
		delete(r.pruner.whole, e.Dir)
		tell(obs.Trouble, Trouble{c.State.Step, fmt.Errorf("%w: %s is outdated and was removed for it", full, e.Dir)})
	}
	return len(removed) > 0
}

// sameProgress says whether p and q are equal except for the time spent.
func sameProgress(p, q Progress) bool {
	p.Seconds, q.Seconds = 0, 0
	return p == q
}

// checkRoom warns if the disk has no room for all checkpoints that the run has at a time: those
// that are kept, the best, and the one that is being written.
func (r *Run) checkRoom(obs Observer) {
	if r.Dir == "" {
		return
	}
	entries, err := checkpoints(r.fs, r.Dir)
	if err != nil {
		return // saving will report the error
	}
	more := max(1, max(r.Options.Keep, minimumKept)+2-len(entries))
	need := int64(more) * (3*4*int64(len(r.State.Trained().Slab())) + 1<<16)
	if free, known := r.fs.Free(r.Dir); known && free < need {
		tell(obs.Trouble, Trouble{r.State.Step, fmt.Errorf("%s has room for %d bytes, and checkpoints will take %d more: saving may fail: free some, or lower keep", r.Dir, free, need)})
	}
}

// loadStep loads the newest checkpoint of the given step.
func loadStep(fs durable.FS, run string, step int) (*Checkpoint, error) {
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

// keptSteps returns the steps whose checkpoints are kept at any age: that of the best
// evaluation, and that to which a rewind goes back.
func (c *Checkpoint) keptSteps() (steps []int) {
	if c.State.Evaluations > 0 {
		steps = append(steps, c.State.Best.Step)
	}
	if c.Options.OnSpike == SpikeRewind {
		steps = append(steps, c.State.Snapshot)
	}
	return steps
}
