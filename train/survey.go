package train

import (
	"errors"
	iofs "io/fs"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// A Finding is the result of [Survey] for one checkpoint.
type Finding struct {
	Entry
	Bytes    int64    // the size of its files, by its manifest
	Progress Progress // undefined if Err is not nil
	Err      error    // a *durable.Damaged, or another reason why it is not read; nil = every byte is as it was saved
}

// Survey reads the checkpoints of the directory run, the oldest first, compares every byte with
// its digest, and calls tell for each until tell returns an error. The run may be training: a
// checkpoint that it removes meanwhile is left out, and one that it saves meanwhile is read.
// With parse the weights are decoded as well, as [Load] does.
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
	for range maxRetries {
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
			if isPruned(f.Err) { // there may be new ones
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

// Look is Survey for the one checkpoint in dir.
func Look(dir string, parse bool) Finding {
	f := Finding{Entry: Entry{Dir: dir}}
	f.Bytes, f.Progress, f.Err = look(durable.OS, dir, parse)
	return f
}

func look(fs durable.FS, dir string, parse bool) (bytes int64, p Progress, err error) {
	in, err := fs.Within(dir)
	if err != nil {
		if path := (*iofs.PathError)(nil); errors.As(err, &path) {
			err = path.Err // the message has dir already
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
