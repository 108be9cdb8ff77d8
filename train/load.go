package train

import (
	"fmt"
	"io"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/memory"
	"github.com/pedestrian-ml/pedestrian/token"
)

const (
	maxTokenizer = 64 << 20 // bytes of tokenizer.json
	// smallNetwork is how many bytes of tensors may be allocated before the file was
	// seen to have as many.
	smallNetwork = 256 << 20
)

// Load reads the checkpoint in dir, with or without the optimizer's moments. What it
// reads is compared with the digests in the manifest, and every size with config.json
// before it allocates. Whatever is wrong with the checkpoint is told as [Damaged], and
// so is a file that cannot be read; a format of a later program is not, nor that there
// is nothing to resume, nor what is [Linked] from elsewhere or was [Pruned] meanwhile.
func Load(dir string, moments bool) (*Checkpoint, error) { return load(disk{}, dir, moments) }

func load(fs fileSystem, dir string, moments bool) (c *Checkpoint, err error) {
	in, err := fs.Within(dir)
	if err == nil {
		defer in.Close()
		var s *sealed
		if s, err = unseal(in, dir); err == nil {
			c, err = s.read(moments)
		}
		err = unlessPruned(fs, dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("loading the checkpoint: %w", err)
	}
	return c, nil
}

// read reads what the manifest lists.
func (s *sealed) read(moments bool) (*Checkpoint, error) {
	c, err := s.meta()
	if err != nil {
		return nil, s.damaged(err)
	}
	if err := s.weights(c); err != nil {
		return nil, s.damaged(err)
	}
	if !moments {
		return c, nil
	}
	if c.Data.Train == 0 {
		return nil, fmt.Errorf("%s was imported, and never trained: there is nothing to resume; let a new run begin with it", s.dir)
	}
	return c, s.damaged(s.moments(c))
}

// meta reads all that is not tensors.
func (s *sealed) meta() (*Checkpoint, error) {
	var config configJSON
	if err := s.json(configFile, &config); err != nil {
		return nil, err
	}
	if err := config.Network.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", configFile, err)
	}
	if err := config.Options.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", configFile, err)
	}
	if tuned := config.Options.Tuning.Base != ""; tuned != (config.Base != nil) {
		return nil, fmt.Errorf("%s: a base among the options and none beside them, or the other way round", configFile)
	}
	c := &Checkpoint{Dir: s.dir, Network: config.Network, Options: config.Options, Data: config.Data, Base: config.Base, Ends: config.Ends, State: &State{}}
	if err := s.json(stateFile, &c.State.Progress); err != nil {
		return nil, err
	}
	if err := c.State.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", stateFile, err)
	}
	if c.State.Step != s.step {
		return nil, fmt.Errorf("%s: it is that of step %d, and the checkpoint that of step %d", stateFile, c.State.Step, s.step)
	}
	text, err := s.content(tokenizerFile, maxTokenizer)
	if err != nil {
		return nil, err
	}
	c.Tokenizer = new(token.Tokenizer)
	if err := c.Tokenizer.UnmarshalJSON(text); err != nil {
		return nil, fmt.Errorf("%s: %w", tokenizerFile, err)
	}
	if c.Tokenizer.Vocab() > c.Network.Vocab {
		return nil, fmt.Errorf("%s has %d tokens, the network in %s %d", tokenizerFile, c.Tokenizer.Vocab(), configFile, c.Network.Vocab)
	}
	return c, nil
}

// json reads a small file of the checkpoint.
func (s *sealed) json(name string, v any) error {
	text, err := s.content(name, maxJSON)
	if err != nil {
		return err
	}
	return readJSON(name, text, v)
}

// weights reads what c trains, by its configuration.
func (s *sealed) weights(c *Checkpoint) error {
	if t := c.Options.Tuning; t.adapts() {
		return s.tensors(c.weightsFile(), t.Adapter.Ledger(c.Network).Total(), func() []pedestrian.Tensor[float32] {
			c.State.Adapter = pedestrian.NewAdapter[float32](c.Network, t.Adapter)
			return c.State.Adapter.Tensors()
		})
	}
	return s.tensors(c.weightsFile(), c.Network.Ledger().Total(), func() []pedestrian.Tensor[float32] {
		c.State.Params = pedestrian.NewParams[float32](c.Network)
		return c.State.Params.Tensors()
	})
}

// moments reads the moments of what c trains.
func (s *sealed) moments(c *Checkpoint) error {
	w := c.State.Trained()
	return s.tensors(momentsFile, 2*w.Count(), func() []pedestrian.Tensor[float32] {
		c.State.M, c.State.V = w.like(), w.like()
		return c.State.moments()
	})
}

// tensors reads a file that holds count numbers in the tensors that allocate makes.
func (s *sealed) tensors(name string, count int, allocate func() []pedestrian.Tensor[float32]) error {
	if i := s.index(name); i >= 0 && s.files[i].Bytes >= 4*int64(count) { // or it is damaged
		if err := memory.Ask(4*int64(count), fmt.Sprintf("the %d numbers of %s need", count, name), "free some, or load it where there is more"); err != nil {
			return err
		}
	}
	return s.whole(name, func(r io.ReaderAt, size int64) error {
		if need := 4 * float64(count); need > smallNetwork && need > float64(size) {
			return fmt.Errorf("%s has %d bytes, the network in %s needs %.0f: a checkpoint of other sizes", name, size, configFile, need)
		}
		if _, err := readTensors(r, size, allocate()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
}
