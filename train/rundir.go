package train

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/durable"
)

const (
	stepPrefix  = "step-" // begins the name of a checkpoint's directory
	lockFile    = "lock"
	minimumKept = 2 // pruning keeps at least this many verified checkpoints
)

// An Entry is the name of a checkpoint in a run directory: step-000250, or step-000250.2 if the
// step was saved before, without its evaluation or damaged. A saved checkpoint is never
// overwritten.
type Entry struct {
	Step     int
	Revision int    // 1 for the first
	Dir      string // its path
}

func (e Entry) name() string {
	name := fmt.Sprintf("%s%06d", stepPrefix, e.Step)
	if e.Revision > 1 {
		name += "." + strconv.Itoa(e.Revision)
	}
	return name
}

// parseEntry parses the name of a checkpoint. It accepts only names as Entry.name writes them.
func parseEntry(name string) (e Entry, ok bool) {
	digits, ok := strings.CutPrefix(name, stepPrefix)
	if !ok {
		return e, false
	}
	step, revision, revised := strings.Cut(digits, ".")
	e.Revision = 1
	var err, err2 error
	e.Step, err = strconv.Atoi(step)
	if revised {
		e.Revision, err2 = strconv.Atoi(revision)
	}
	return e, err == nil && err2 == nil && e.Step >= 0 && e.Revision >= 1 && e.name() == name
}

// Checkpoints returns the checkpoints in the directory run, the oldest first. It looks only at
// names; [Verify] reads a checkpoint.
func Checkpoints(run string) ([]Entry, error) { return checkpoints(durable.OS, run) }

func checkpoints(fs durable.FS, run string) ([]Entry, error) {
	fs, err := fs.Within(run)
	if err != nil {
		return nil, err
	}
	defer fs.Close()
	names, err := fs.List(run)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, name := range names {
		if e, ok := parseEntry(name); ok {
			e.Dir = filepath.Join(run, name)
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		if a.Step != b.Step {
			return a.Step - b.Step
		}
		return a.Revision - b.Revision
	})
	return entries, nil
}

// Newest returns the directory of the newest checkpoint in the directory run. It looks only at
// names.
func Newest(run string) (string, error) {
	entries, err := Checkpoints(run)
	if err != nil {
		return "", err
	}
	if len(entries) == 0 {
		return "", noCheckpoint(run)
	}
	return entries[len(entries)-1].Dir, nil
}

func noCheckpoint(run string) error { return fmt.Errorf("%s holds no checkpoint", run) }

// LoadNewest loads the newest checkpoint of the directory run that is not damaged. passed has an
// error for each newer one that is damaged. A checkpoint that is a link out of run is an
// error, and no older one is loaded instead.
func LoadNewest(run string, moments bool) (c *Checkpoint, passed []error, err error) {
	return loadNewest(durable.OS, run, moments)
}

func loadNewest(fs durable.FS, run string, moments bool) (c *Checkpoint, passed []error, err error) {
	fs, err = fs.Within(run)
	if err != nil {
		return nil, nil, err
	}
	defer fs.Close()
	for range maxRetries {
		c, passed, err = tryNewest(fs, run, moments)
		if !isPruned(err) {
			break
		}
	}
	return c, passed, err
}

// maxRetries is how often reading is tried again when a checkpoint was pruned meanwhile: a run
// does not prune its newest checkpoint, but a newer one may be saved during the reading.
const maxRetries = 100

// tryNewest is one attempt of loadNewest. It fails with Pruned if a checkpoint is pruned meanwhile.
func tryNewest(fs durable.FS, run string, moments bool) (c *Checkpoint, passed []error, err error) {
	entries, err := checkpoints(fs, run)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range slices.Backward(entries) {
		c, err := load(fs, e.Dir, moments)
		if err == nil {
			return c, passed, nil
		}
		if !isDamage(err) {
			return nil, passed, err
		}
		passed = append(passed, err)
	}
	if len(passed) > 0 {
		return nil, passed, fmt.Errorf("%s holds no checkpoint that is whole: %w", run, errors.Join(passed...))
	}
	return nil, nil, noCheckpoint(run)
}

// isDamage says whether err is damage, so that an older checkpoint may be loaded.
func isDamage(err error) bool { return errors.As(err, new(*durable.Damaged)) }

// isLinked says whether err is about a link, so that no older checkpoint may be loaded.
func isLinked(err error) bool { return errors.As(err, new(*durable.Linked)) }

// Pruned is the error for a checkpoint that another process removed while it was read. It was
// not damaged.
type Pruned struct{ Dir string }

func (p *Pruned) Error() string {
	return p.Dir + " was removed while it was read, as a run that is being trained removes its old ones: take a newer one"
}

func isPruned(err error) bool { return errors.As(err, new(*Pruned)) }

// unlessPruned returns err, or a Pruned error if the checkpoint in dir is no longer there. A
// checkpoint is renamed before its files are removed.
func unlessPruned(fs durable.FS, dir string, err error) error {
	if isDamage(err) {
		if _, gone := fs.List(dir); errors.Is(gone, os.ErrNotExist) {
			return &Pruned{dir}
		}
	}
	return err
}

// LoadBest loads, without the moments, the checkpoint of the directory run with the lowest
// validation loss; the newest one says which it is. If none was evaluated, or the best is
// missing or damaged, it loads the newest. passed has an error for each damaged one.
func LoadBest(run string) (c *Checkpoint, passed []error, err error) {
	return loadBest(durable.OS, run)
}

func loadBest(fs durable.FS, run string) (c *Checkpoint, passed []error, err error) {
	fs, err = fs.Within(run)
	if err != nil {
		return nil, nil, err
	}
	defer fs.Close()
	for range maxRetries {
		c, passed, err = tryBest(fs, run)
		if !isPruned(err) {
			break
		}
	}
	return c, passed, err
}

// tryBest is one attempt of loadBest. It fails with Pruned if a checkpoint is pruned meanwhile.
func tryBest(fs durable.FS, run string) (c *Checkpoint, passed []error, err error) {
	newest, passed, err := loadNewest(fs, run, false)
	if err != nil || newest.State.Evaluations == 0 {
		return newest, passed, err
	}
	entries, err := checkpoints(fs, run)
	if err != nil {
		return nil, passed, err
	}
	for _, e := range slices.Backward(entries) {
		if e.Step != newest.State.Best.Step || e.Dir == newest.Dir {
			continue
		}
		c, err := load(fs, e.Dir, false)
		if err == nil || isPruned(err) { // another checkpoint has become the best
			return c, passed, err
		}
		if !slices.ContainsFunc(passed, func(p error) bool { return p.Error() == err.Error() }) {
			passed = append(passed, err)
		}
	}
	return newest, passed, nil
}

// Prune removes old checkpoints of the directory run. It keeps the newest keep (at least 2) of
// those that are whole, and the best one. It returns the removed ones. It is an error if the
// run is being trained.
func Prune(run string, keep int) (removed []Entry, err error) {
	fs, err := durable.OS.Within(run)
	if err != nil {
		return nil, fmt.Errorf("pruning: %w", err)
	}
	defer fs.Close()
	lock, err := lockRun(fs, run)
	if err != nil {
		return nil, fmt.Errorf("pruning: %w", err)
	}
	defer lock.Close()
	c, _, err := loadNewest(fs, run, false)
	if err != nil {
		return nil, fmt.Errorf("pruning: %w", err)
	}
	sweep(fs, run)
	p := pruner{fs: fs, run: run, whole: map[string]bool{}}
	removed, err = p.prune(keep, c.keptSteps()...)
	if err != nil {
		return removed, fmt.Errorf("pruning: %w", err)
	}
	return removed, nil
}

// lockRun locks the directory run, so that no other process writes there.
func lockRun(fs durable.FS, run string) (io.Closer, error) {
	return fs.Lock(filepath.Join(run, lockFile))
}

// sweep removes leftovers of an interrupted save, prune or rewriting of the log.
func sweep(fs durable.FS, run string) { durable.Sweep(fs, run, isOurs) }

// isOurs says whether a run saves something under name.
func isOurs(name string) bool {
	_, checkpoint := parseEntry(name)
	_, events := eventsNumber(name)
	return checkpoint || events || slices.Contains(runFiles, name)
}

// A pruner removes checkpoints that are no longer kept.
type pruner struct {
	fs    durable.FS
	run   string
	whole map[string]bool // whether a directory is whole, for those that this process has saved or verified
}

// prune keeps the newest keep checkpoints that are whole, and those of the given steps. It
// removes a damaged one if it is older than all of the newest.
func (p *pruner) prune(keep int, steps ...int) (removed []Entry, err error) {
	entries, err := checkpoints(p.fs, p.run)
	if err != nil {
		return nil, err
	}
	kept := 0
	for len(entries) > 0 && kept < max(keep, minimumKept) {
		if last := entries[len(entries)-1]; p.isWhole(last.Dir) {
			kept++
		}
		entries = entries[:len(entries)-1]
	}
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return slices.Contains(steps, e.Step) })
	if len(entries) == 0 {
		return nil, nil
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.name()
	}
	n, err := durable.Remove(p.fs, p.run, names)
	removed = entries[:n]
	for _, e := range removed {
		delete(p.whole, e.Dir)
	}
	return removed, err
}

func (p *pruner) isWhole(dir string) bool {
	whole, known := p.whole[dir]
	if !known {
		whole = verify(p.fs, dir) == nil
		p.whole[dir] = whole
	}
	return whole
}
