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
//	model.safetensors      the weights, float32, by our dotted names
//	optimizer.safetensors  the moments: the same names with ".m" and ".v"
//	MANIFEST.json          sizes and digests of the files above
const (
	configFile    = "config.json"
	tokenizerFile = "tokenizer.json"
	stateFile     = "state.json"
	modelFile     = "model.safetensors"
	momentsFile   = "optimizer.safetensors"

	checkpointFormat = 2 // 1 had no manifest
)

// A Checkpoint is a run at one step.
type Checkpoint struct {
	Dir       string // where it was loaded from
	Network   pedestrian.Config
	Options   Options
	Data      DataInfo
	Tokenizer *token.Tokenizer
	State     *State
}

// configJSON is config.json.
type configJSON struct {
	Network pedestrian.Config `json:"network"`
	Options Options           `json:"options"`
	Data    DataInfo          `json:"data"`
}

// checkpointFiles are the files that a manifest lists, in the order in which they are
// written.
var checkpointFiles = []string{configFile, tokenizerFile, stateFile, modelFile, momentsFile}

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

// files are the checkpointFiles of c.
func (c *Checkpoint) files() []file {
	meta := map[string]string{"format": "pedestrian", "step": strconv.Itoa(c.State.Step)}
	return []file{
		{configFile, func(w io.Writer) error { return writeJSON(w, configJSON{c.Network, c.Options, c.Data}) }},
		{tokenizerFile, func(w io.Writer) error { return writeJSON(w, c.Tokenizer) }},
		{stateFile, func(w io.Writer) error { return writeJSON(w, c.State.Progress) }},
		{modelFile, func(w io.Writer) error { return writeTensors(w, meta, c.State.Params.Tensors()) }},
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
	c := &Checkpoint{Dir: dir, Network: config.Network, Options: config.Options, Data: config.Data, State: &State{}}
	if err := s.json(stateFile, &c.State.Progress); err != nil {
		return nil, err
	}
	if c.Tokenizer, err = s.tokenizer(); err != nil {
		return nil, err
	}
	if c.Tokenizer.Vocab() > c.Network.Vocab {
		return nil, fmt.Errorf("%s has %d tokens, the network in %s %d", filepath.Join(dir, tokenizerFile), c.Tokenizer.Vocab(), configFile, c.Network.Vocab)
	}
	err = s.tensors(modelFile, c.Network, 1, func() []pedestrian.Tensor[float32] {
		c.State.Params = pedestrian.NewParams[float32](c.Network)
		return c.State.Params.Tensors()
	})
	if err != nil || !moments {
		return c, err
	}
	return c, s.tensors(momentsFile, c.Network, 2, func() []pedestrian.Tensor[float32] {
		c.State.M = pedestrian.NewParams[float32](c.Network)
		c.State.V = pedestrian.NewParams[float32](c.Network)
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

// tensors reads a file that holds the parameters of c copies times.
func (s *sealed) tensors(name string, c pedestrian.Config, copies int, allocate func() []pedestrian.Tensor[float32]) error {
	f, err := s.open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	path := filepath.Join(s.dir, name)
	need := 4 * int64(c.Ledger().Total()) * int64(copies)
	if need > smallNetwork && need > f.Size() {
		return fmt.Errorf("%s has %d bytes, the network in %s needs %d: a checkpoint of other sizes", path, f.Size(), configFile, need)
	}
	if _, err := readTensors(f, f.Size(), allocate()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
