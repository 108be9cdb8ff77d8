package train

import (
	"errors"
	iofs "io/fs"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// A Finding is what [Survey] has found of a checkpoint.
type Finding struct {
	Entry
	Bytes    int64    // of its files, by its manifest
	Progress Progress // meaningless where Err is not nil
	Err      error    // *durable.Damaged, or why it is not read; nil = every byte is as it was saved
}

// Survey reads the checkpoints of the directory run, the oldest first, compares every
// byte with what was saved, and hands each to tell until that fails. A checkpoint that the
// run, which may be trained meanwhile, removes before it was read is left out, and one
// that it saves in its place is read. With parse
// what is in the weights is read as well, as [Load] does.
func Survey(run string, parse bool, tell func(Finding) error) error {
	return survey(durable.OS, run, parse, tell)
}

func survey(fs durable.FS, run string, parse bool, tell func(Finding) error) error {
	fs, err := fs.Within(run)
	if err != nil {
		return err
	}
	defer fs.Close()
	told := map[string]bool{}
	for range overtaken {
		entries, err := checkpoints(fs, run)
		if err != nil {
			return err
		}
		pruned := false
		for _, e := range entries {
			if told[e.Dir] {
				continue
			}
			f := Finding{Entry: e}
			f.Bytes, f.Progress, f.Err = look(fs, e.Dir, parse)
			if isPruned(f.Err) { // and others have come
				pruned = true
				continue
			}
			told[e.Dir] = true
			if err := tell(f); err != nil {
				return err
			}
		}
		if !pruned {
			break
		}
	}
	return nil
}

// Look is Survey of the checkpoint in dir alone.
func Look(dir string, parse bool) Finding {
	f := Finding{Entry: Entry{Dir: dir}}
	f.Bytes, f.Progress, f.Err = look(durable.OS, dir, parse)
	return f
}

func look(fs durable.FS, dir string, parse bool) (bytes int64, p Progress, err error) {
	in, err := fs.Within(dir)
	if err != nil {
		if path := (*iofs.PathError)(nil); errors.As(err, &path) {
			err = path.Err // dir is named anyway
		}
		return 0, p, unlessPruned(fs, dir, &durable.Damaged{Dir: dir, Err: err})
	}
	defer in.Close()
	s, err := open(in, dir)
	if err == nil {
		for _, size := range s.Files() {
			bytes += size
		}
		err = verifyWithin(in, dir)
	}
	var c *Checkpoint
	if err == nil {
		if c, err = s.meta(); err == nil && parse {
			err = s.weights(c)
		}
		err = s.damaged(err)
	}
	if err != nil {
		return bytes, p, unlessPruned(fs, dir, err)
	}
	return bytes, c.State.Progress, nil
}
