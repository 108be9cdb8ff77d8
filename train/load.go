package train

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/internal/memory"
	"github.com/pedestrian-ml/pedestrian/token"
)

const (
	maxTokenizer = 64 << 20 // bytes of tokenizer.json
	// smallNetwork is how many bytes of tensors may be allocated before the size of the file
	// is known.
	smallNetwork = 256 << 20
)

// Load reads the checkpoint in dir, with or without the optimizer's moments. It compares every
// file with its digest in the manifest, and every size with config.json before it allocates.
// A damaged checkpoint, or a file that cannot be read, is a [durable.Damaged] error. Other
// errors are: a format of a later program, an imported network that cannot be resumed, a file
// that is a link to elsewhere ([durable.Linked]), and a checkpoint that was removed in the
// meantime ([Pruned]).
func Load(dir string, moments bool) (*Checkpoint, error) { return load(durable.OS, dir, moments) }

func load(fs durable.FS, dir string, moments bool) (c *Checkpoint, err error) {
	if !moments {
		return loadWith(fs, dir, nil)
	}
	return loadWith(fs, dir, (*reader).moments)
}

// loadWith reads the checkpoint in dir, and its moments by the given function; nil is none.
func loadWith(fs durable.FS, dir string, moments func(*reader, *Checkpoint) error) (c *Checkpoint, err error) {
	in, err := fs.Within(dir)
	if err == nil {
		defer in.Close()
		var s *reader
		if s, err = open(in, dir); err == nil {
			c, err = s.read(moments)
		}
		err = unlessPruned(fs, dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("loading the checkpoint: %w", err)
	}
	return c, nil
}

// A reader reads the files of a checkpoint; its manifest has been read.
type reader struct{ *durable.Folder }

// open reads the manifest of the checkpoint in dir.
func open(fs durable.FS, dir string) (*reader, error) {
	f, err := durable.Open(fs, dir)
	if err != nil {
		return nil, err
	}
	if e, ok := parseEntry(filepath.Base(dir)); ok && e.Step != f.Step {
		return nil, &durable.Damaged{Dir: dir, Err: fmt.Errorf("%s is that of step %d", durable.ManifestFile, f.Step)}
	}
	return &reader{f}, nil
}

// damaged returns err as damage of the checkpoint, except for a link that leads out of it and
// for too little memory.
func (s *reader) damaged(err error) error {
	if err == nil || isLinked(err) {
		return err
	}
	if errors.As(err, new(*memory.Short)) {
		return fmt.Errorf("%s: %w", s.Dir, err)
	}
	return &durable.Damaged{Dir: s.Dir, Err: err}
}

// read reads the checkpoint, and its moments by the given function; nil is none.
func (s *reader) read(moments func(*reader, *Checkpoint) error) (*Checkpoint, error) {
	c, err := s.meta()
	if err != nil {
		return nil, s.damaged(err)
	}
	if err := s.weights(c); err != nil {
		return nil, s.damaged(err)
	}
	if moments == nil {
		return c, nil
	}
	if c.Data.Train == 0 {
		return nil, fmt.Errorf("%s was imported, and never trained: there is nothing to resume; let a new run begin with it", s.Dir)
	}
	return c, s.damaged(moments(s, c))
}

// meta reads all files but those of tensors.
func (s *reader) meta() (*Checkpoint, error) {
	var config configJSON
	if err := s.json(configFile, &config); err != nil {
		return nil, err
	}
	if err := config.Network.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", configFile, err)
	}
	options, err := config.options()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", configFile, err)
	}
	if tuned := options.Tuning.Base != ""; tuned != (config.Base != nil) {
		return nil, fmt.Errorf("%s: a base among the options and none beside them, or the other way round", configFile)
	}
	c := &Checkpoint{Dir: s.Dir, Network: config.Network, Options: options, Data: config.Data, Base: config.Base, Ends: config.Ends, State: &State{}}
	if err := s.json(stateFile, &c.State.Progress); err != nil {
		return nil, err
	}
	if err := c.State.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", stateFile, err)
	}
	if c.State.Step != s.Step {
		return nil, fmt.Errorf("%s: it is that of step %d, and the checkpoint that of step %d", stateFile, c.State.Step, s.Step)
	}
	text, err := s.Content(tokenizerFile, maxTokenizer)
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

// options returns the options of a run; none for an imported network.
func (c *configJSON) options() (o Options, err error) {
	switch {
	case c.Options == nil && c.Data.Train > 0:
		return o, fmt.Errorf("it has no options, and a text of %d tokens that was trained on", c.Data.Train)
	case c.Options == nil:
		return o, nil
	}
	if err := c.Options.Validate(); err != nil || c.Options.Preset == importPreset {
		return o, err
	}
	return *c.Options, nil
}

// json reads a small file of the checkpoint.
func (s *reader) json(name string, v any) error {
	text, err := s.Content(name, maxJSON)
	if err != nil {
		return err
	}
	return readJSON(name, text, v)
}

// weights reads the trained weights, whose shapes follow from the configuration of c.
func (s *reader) weights(c *Checkpoint) error {
	if t := c.Options.Tuning; t.trainsAdapter() {
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

// moments reads the optimizer's moments.
func (s *reader) moments(c *Checkpoint) error {
	w := c.State.Trained()
	return s.tensors(momentsFile, 2*w.Count(), func() []pedestrian.Tensor[float32] {
		c.State.M, c.State.V = w.zerosLike(), w.zerosLike()
		return c.State.moments()
	})
}

// tensors reads a file of count numbers into the tensors that allocate makes.
func (s *reader) tensors(name string, count int, allocate func() []pedestrian.Tensor[float32]) error {
	if err := s.ask(name, count, count); err != nil {
		return err
	}
	return s.Read(name, func(r io.ReaderAt, size int64) error {
		if err := tooSmall(name, size, count); err != nil {
			return err
		}
		if _, err := readTensors(r, size, allocate()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
}

// ask returns an error if there is no memory for so many of the count numbers of a file.
func (s *reader) ask(name string, count, some int) error {
	if s.Size(name) < 4*int64(count) {
		return nil // it is damaged
	}
	return memory.Ask(4*int64(some), fmt.Sprintf("%d numbers of %s need", some, name), "free some, or load it where there is more")
}

// tooSmall returns an error if a file of size bytes cannot hold count numbers, of which there are
// many.
func tooSmall(name string, size int64, count int) error {
	if need := 4 * float64(count); need > smallNetwork && need > float64(size) {
		return fmt.Errorf("%s has %d bytes, the network in %s needs %.0f: a checkpoint of other sizes", name, size, configFile, need)
	}
	return nil
}

// Verify compares every byte of the checkpoint in dir with the digests in its manifest, and then
// reads the files that are not tensors. Damage is a [durable.Damaged] error.
func Verify(dir string) error { return verify(durable.OS, dir) }

func verify(fs durable.FS, dir string) error {
	in, err := fs.Within(dir)
	if err != nil {
		return err
	}
	defer in.Close()
	return unlessPruned(fs, dir, verifyWithin(in, dir))
}

func verifyWithin(fs durable.FS, dir string) error {
	s, err := open(fs, dir)
	if err != nil {
		return err
	}
	weights := modelFile
	if s.Size(adapterFile) >= 0 {
		weights = adapterFile
	}
	for _, name := range []string{configFile, tokenizerFile, stateFile, weights, momentsFile} {
		if err := s.Read(name, nil); err != nil {
			return s.damaged(err)
		}
	}
	_, err = s.meta()
	return s.damaged(err)
}
