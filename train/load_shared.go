package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// LoadShared is [Load], with moments, for the processes of g, which are to share the run and all
// call it: each reads the weights and its part of the moments. The checkpoint can be
// resumed by a run that is then shared by g, and by no other. All processes get a checkpoint,
// or all get an error.
func LoadShared(dir string, g Group) (*Checkpoint, error) { return loadShared(durable.OS, dir, g) }

// LoadNewestShared is [LoadNewest] in the same way. Process 0 says which checkpoints there are. One
// that is damaged for any process is passed over by all.
func LoadNewestShared(run string, g Group) (c *Checkpoint, passed []error, err error) {
	return loadNewestShared(durable.OS, run, g)
}

// A loading is what a process says of a checkpoint that it has read.
type loading struct {
	Dir     string // process 0: of the next checkpoint to read; "" = there is none
	Err     string // why it could not be read; "" = it could
	Damaged bool
}

// tell gives what this process says to all, and returns what all say.
func (l loading) tell(g Group) ([]loading, error) {
	text, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	gathered, err := g.Gather(text)
	if err != nil {
		return nil, err
	}
	all := make([]loading, len(gathered))
	for rank, text := range gathered {
		if err := json.Unmarshal(text, &all[rank]); err != nil {
			return nil, fmt.Errorf("what process %d says of a checkpoint: %w", rank, err)
		}
	}
	return all, nil
}

func loadShared(fs durable.FS, dir string, g Group) (*Checkpoint, error) {
	c, err := loadWith(fs, dir, func(s *reader, c *Checkpoint) error { return s.momentsOf(c, g) })
	mine := loading{}
	if damage := (*durable.Damaged)(nil); errors.As(err, &damage) {
		mine.Err, mine.Damaged = damage.Err.Error(), true
	} else if err != nil {
		mine.Err = err.Error()
	}
	all, lost := mine.tell(g)
	if lost != nil {
		return nil, errors.Join(err, lost)
	}
	// What is no damage is told first: then no older checkpoint is loaded instead.
	for _, damaged := range []bool{false, true} {
		for rank, l := range all {
			switch {
			case l.Err == "" || l.Damaged != damaged:
			case rank == g.Rank():
				return nil, err
			case damaged:
				return nil, fmt.Errorf("loading the checkpoint: %w", &durable.Damaged{Dir: dir, Err: fmt.Errorf("process %d: %s", rank, l.Err)})
			default:
				return nil, fmt.Errorf("process %d: %s", rank, l.Err)
			}
		}
	}
	return c, nil
}

func loadNewestShared(fs durable.FS, run string, g Group) (c *Checkpoint, passed []error, err error) {
	var next []Entry
	first := loading{}
	if g.Rank() == 0 {
		if next, err = checkpoints(fs, run); err != nil {
			first.Err = err.Error()
		}
	}
	for {
		if first.Dir = ""; len(next) > 0 {
			first.Dir = next[len(next)-1].Dir
			next = next[:len(next)-1]
		}
		all, err := first.tell(g)
		switch {
		case err != nil:
			return nil, passed, err
		case all[0].Err != "":
			return nil, passed, errors.New(all[0].Err)
		case all[0].Dir == "" && len(passed) > 0:
			return nil, passed, fmt.Errorf("%s holds no checkpoint that is whole: %w", run, errors.Join(passed...))
		case all[0].Dir == "":
			return nil, nil, noCheckpoint(run)
		}
		c, err := loadShared(fs, all[0].Dir, g)
		if err == nil {
			return c, passed, nil
		}
		if !isDamage(err) {
			return nil, passed, err
		}
		passed = append(passed, err)
	}
}

// momentsOf reads the part of the moments that this process of g has.
func (s *reader) momentsOf(c *Checkpoint, g Group) error {
	if err := c.Options.checkProcesses(g.Size()); err != nil {
		return err
	}
	w := c.State.Trained()
	p := newMomentsPart(g, w, c.Options)
	if err := s.ask(momentsFile, 2*w.Count(), 2*len(p.m)); err != nil {
		return err
	}
	c.State.part = p
	// The names of the moments, with the places of their numbers in the slab.
	m, v := w.Tensors(), w.Tensors()
	for i := range m {
		m[i].Name += ".m"
		v[i].Name += ".v"
	}
	return s.ReadPart(momentsFile, func(r io.ReaderAt, size int64) error {
		if err := tooSmall(momentsFile, size, 2*w.Count()); err != nil {
			return err
		}
		f, err := openTensors(r, size, slices.Concat(m, v))
		if err == nil {
			err = readPart(f, p.m, p.at, m)
		}
		if err == nil {
			err = readPart(f, p.v, p.at, v)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", momentsFile, err)
		}
		return nil
	})
}

// readPart sets part to the numbers of a slab from number at on. ts say where in the slab each
// tensor is, all of which are in f.
func readPart(f *safetensors.File, part []float32, at int, ts []pedestrian.Tensor[float32]) error {
	for _, t := range ts {
		from, to := max(at, t.Offset), min(at+len(part), t.Offset+t.Rows*t.Cols)
		if from >= to {
			continue
		}
		in, _ := f.Lookup(t.Name)
		if err := safetensors.Decode(f, in, from-t.Offset, part[from-at:to-at]); err != nil {
			return err
		}
	}
	return nil
}
