package train

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/token"
)

// A run directory holds metrics.jsonl, the file lock, and one directory a checkpoint,
// step-000250, with these files:
//
//	config.json            the network, the options, the text's digest
//	tokenizer.json         as package token writes it
//	state.json             Progress
//	model.safetensors      the weights, float32, by our dotted names; of an adapter run
//	adapter.safetensors    in its place: the adapter, but not the base beside it
//	optimizer.safetensors  the moments: the same names with ".m" and ".v"
//	MANIFEST.json          sizes and digests of the files above
const (
	configFile    = "config.json"
	tokenizerFile = "tokenizer.json"
	stateFile     = "state.json"
	modelFile     = "model.safetensors"
	adapterFile   = "adapter.safetensors"
	momentsFile   = "optimizer.safetensors"

	checkpointFormat = 2 // 1 had no manifest
)

// A Checkpoint is a run at one step. Load leaves State.Params empty where an adapter
// was trained: Attach gives it the base.
type Checkpoint struct {
	Dir       string // where it was loaded from
	Network   pedestrian.Config
	Options   Options
	Data      DataInfo
	Base      *Base // that the run went on from; nil when it began with random weights
	Tokenizer *token.Tokenizer
	State     *State
}

// configJSON is config.json.
type configJSON struct {
	Network pedestrian.Config `json:"network"`
	Options Options           `json:"options"`
	Data    DataInfo          `json:"data"`
	Base    *Base             `json:"base,omitempty"`
}

// Save writes c as a checkpoint of its step in the directory run. It appears under its
// name complete, or not at all; when Save returns, no failure of power takes it away
// again. What was saved before stays. It returns the checkpoint's directory.
func (c *Checkpoint) Save(run string) (dir string, err error) { return c.save(disk{}, run) }

func (c *Checkpoint) save(fs fileSystem, run string) (dir string, err error) {
	dir, err = save(fs, run, c.State.Step, c.files())
	if err != nil {
		return "", fmt.Errorf("saving the checkpoint of step %d: %w (what was saved before is intact)", c.State.Step, err)
	}
	return dir, nil
}

// files are the files of c that its manifest lists, in the order in which they are
// written.
func (c *Checkpoint) files() []file {
	weights := modelFile
	if c.State.Adapter != nil {
		weights = adapterFile
	}
	meta := map[string]string{"format": "pedestrian", "step": strconv.Itoa(c.State.Step)}
	return []file{
		{configFile, func(w io.Writer) error { return writeJSON(w, configJSON{c.Network, c.Options, c.Data, c.Base}) }},
		{tokenizerFile, func(w io.Writer) error { return writeJSON(w, c.Tokenizer) }},
		{stateFile, func(w io.Writer) error { return writeJSON(w, c.State.Progress) }},
		{weights, func(w io.Writer) error { return writeTensors(w, meta, c.State.Trained().Tensors()) }},
		{momentsFile, func(w io.Writer) error { return writeTensors(w, meta, c.State.moments()) }},
	}
}

// moments are the tensors of optimizer.safetensors.
func (s *State) moments() []pedestrian.Tensor[float32] {
	ts := s.M.Tensors()
	for i := range ts {
		ts[i].Name += ".m"
	}
	for _, t := range s.V.Tensors() {
		t.Name += ".v"
		ts = append(ts, t)
	}
	return ts
}

// Load reads the checkpoint in dir, with or without the optimizer's moments. What it
// reads is compared with the digests in the manifest, which [Damaged] tells of, and
// every size with config.json before it allocates.
func Load(dir string, moments bool) (*Checkpoint, error) { return load(disk{}, dir, moments) }

func load(fs fileSystem, dir string, moments bool) (*Checkpoint, error) {
	s, err := unseal(fs, dir)
	var c *Checkpoint
	if err == nil {
		c, err = s.read(moments)
	}
	if err != nil {
		return nil, fmt.Errorf("loading the checkpoint: %w", err)
	}
	return c, nil
}

// read reads what the manifest lists.
func (s *sealed) read(moments bool) (*Checkpoint, error) {
	dir := s.dir
	var err error
	var config configJSON
	if err := s.json(configFile, &config); err != nil {
		return nil, err
	}
	if err := config.Network.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, configFile), err)
	}
	if err := config.Options.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, configFile), err)
	}
	if tuned := config.Options.Tuning.Base != ""; tuned != (config.Base != nil) {
		return nil, fmt.Errorf("%s: a base among the options and none beside them, or the other way round", filepath.Join(dir, configFile))
	}
	c := &Checkpoint{Dir: dir, Network: config.Network, Options: config.Options, Data: config.Data, Base: config.Base, State: &State{}}
	if err := s.json(stateFile, &c.State.Progress); err != nil {
		return nil, err
	}
	if err := c.State.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, stateFile), err)
	}
	if c.State.Step != s.step {
		return nil, fmt.Errorf("%s: it is that of step %d, and the checkpoint that of step %d", filepath.Join(dir, stateFile), c.State.Step, s.step)
	}
	if c.Tokenizer, err = s.tokenizer(); err != nil {
		return nil, err
	}
	if c.Tokenizer.Vocab() > c.Network.Vocab {
		return nil, fmt.Errorf("%s has %d tokens, the network in %s %d", filepath.Join(dir, tokenizerFile), c.Tokenizer.Vocab(), configFile, c.Network.Vocab)
	}
	return c, s.state(c, moments)
}

// state reads the tensors of c, whose configuration is known.
func (s *sealed) state(c *Checkpoint, moments bool) error {
	weights, count := modelFile, c.Network.Ledger().Total()
	allocate := func() { c.State.Params = pedestrian.NewParams[float32](c.Network) }
	if t := c.Options.Tuning; t.adapts() {
		weights, count = adapterFile, t.Adapter.Ledger(c.Network).Total()
		allocate = func() { c.State.Adapter = pedestrian.NewAdapter[float32](c.Network, t.Adapter) }
	}
	err := s.tensors(weights, count, func() []pedestrian.Tensor[float32] {
		allocate()
		return c.State.Trained().Tensors()
	})
	if err != nil || !moments {
		return err
	}
	if c.Data.Train == 0 {
		return fmt.Errorf("%s was imported, and never trained: there is nothing to resume; let a new run begin with it", s.dir)
	}
	return s.tensors(momentsFile, 2*count, func() []pedestrian.Tensor[float32] {
		c.State.M, c.State.V = c.State.Trained().like(), c.State.Trained().like()
		return c.State.moments()
	})
}

const (
	maxTokenizer = 64 << 20 // bytes of tokenizer.json
	// smallNetwork is how many bytes of tensors may be allocated before the file was
	// seen to have as many.
	smallNetwork = 256 << 20
)

func (s *sealed) tokenizer() (*token.Tokenizer, error) {
	f, err := s.open(tokenizerFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	path := filepath.Join(s.dir, tokenizerFile)
	if f.Size() > maxTokenizer {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", path, f.Size(), maxTokenizer)
	}
	text := make([]byte, f.Size())
	if _, err := f.ReadAt(text, 0); err != nil && err != io.EOF {
		return nil, err
	}
	t := new(token.Tokenizer)
	if err := t.UnmarshalJSON(text); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// tensors reads a file that holds count numbers in the tensors that allocate makes.
func (s *sealed) tensors(name string, count int, allocate func() []pedestrian.Tensor[float32]) error {
	f, err := s.open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	path := filepath.Join(s.dir, name)
	if need := 4 * float64(count); need > smallNetwork && need > float64(f.Size()) {
		return fmt.Errorf("%s has %d bytes, the network in %s needs %.0f: a checkpoint of other sizes", path, f.Size(), configFile, need)
	}
	if _, err := readTensors(f, f.Size(), allocate()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
