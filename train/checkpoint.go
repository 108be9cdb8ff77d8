package train

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/token"
)

// A run directory holds metrics.jsonl and one directory a checkpoint, step-000250,
// with these files:
//
//	config.json            the network, the options, the text's digest
//	tokenizer.json         as package token writes it
//	state.json             Progress
//	model.safetensors      the weights, float32, by our dotted names
//	optimizer.safetensors  the moments: the same names with ".m" and ".v"
const (
	configFile    = "config.json"
	tokenizerFile = "tokenizer.json"
	stateFile     = "state.json"
	modelFile     = "model.safetensors"
	momentsFile   = "optimizer.safetensors"

	checkpointFormat = 1
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
	Format  int               `json:"format"`
	Network pedestrian.Config `json:"network"`
	Options Options           `json:"options"`
	Data    DataInfo          `json:"data"`
}

// Save writes c as the checkpoint of its step in the directory run. It appears
// under its final name complete, or not at all, and what was saved before stays.
// It returns the checkpoint's directory.
func (c *Checkpoint) Save(run string) (dir string, err error) {
	dir = stepDir(run, c.State.Step)
	err = writeDir(dir, []file{
		{configFile, func(w io.Writer) error {
			return writeJSON(w, configJSON{checkpointFormat, c.Network, c.Options, c.Data})
		}},
		{tokenizerFile, func(w io.Writer) error { return writeJSON(w, c.Tokenizer) }},
		{stateFile, func(w io.Writer) error { return writeJSON(w, c.State.Progress) }},
		{modelFile, func(w io.Writer) error {
			return writeTensors(w, map[string]string{"format": "pedestrian", "step": strconv.Itoa(c.State.Step)}, c.State.Params.Tensors())
		}},
		{momentsFile, func(w io.Writer) error {
			return writeTensors(w, map[string]string{"format": "pedestrian", "step": strconv.Itoa(c.State.Step)}, c.State.moments())
		}},
	})
	if err != nil {
		return "", fmt.Errorf("saving the checkpoint of step %d: %w (what was saved before is intact)", c.State.Step, err)
	}
	return dir, nil
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

// Load reads the checkpoint in dir, with or without the optimizer's moments, and
// checks every size against config.json before it allocates.
func Load(dir string, moments bool) (*Checkpoint, error) {
	c, err := load(dir, moments)
	if err != nil {
		return nil, fmt.Errorf("loading the checkpoint: %w", err)
	}
	return c, nil
}

func load(dir string, moments bool) (*Checkpoint, error) {
	var config configJSON
	if err := readJSON(filepath.Join(dir, configFile), &config); err != nil {
		return nil, err
	}
	if config.Format != checkpointFormat {
		return nil, fmt.Errorf("%s has format %d: this program reads format %d", filepath.Join(dir, configFile), config.Format, checkpointFormat)
	}
	if err := config.Network.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, configFile), err)
	}
	if err := config.Options.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, configFile), err)
	}
	c := &Checkpoint{Dir: dir, Network: config.Network, Options: config.Options, Data: config.Data, State: &State{}}
	if err := readJSON(filepath.Join(dir, stateFile), &c.State.Progress); err != nil {
		return nil, err
	}
	var err error
	if c.Tokenizer, err = token.Load(filepath.Join(dir, tokenizerFile)); err != nil {
		return nil, err
	}
	if c.Tokenizer.Vocab() > c.Network.Vocab {
		return nil, fmt.Errorf("%s has %d tokens, the network in %s %d", filepath.Join(dir, tokenizerFile), c.Tokenizer.Vocab(), configFile, c.Network.Vocab)
	}
	err = loadTensors(filepath.Join(dir, modelFile), c.Network, 1, func() []pedestrian.Tensor[float32] {
		c.State.Params = pedestrian.NewParams[float32](c.Network)
		return c.State.Params.Tensors()
	})
	if err != nil || !moments {
		return c, err
	}
	return c, loadTensors(filepath.Join(dir, momentsFile), c.Network, 2, func() []pedestrian.Tensor[float32] {
		c.State.M = pedestrian.NewParams[float32](c.Network)
		c.State.V = pedestrian.NewParams[float32](c.Network)
		return c.State.moments()
	})
}

// smallNetwork is how many bytes of tensors may be allocated before the file was
// seen to have as many.
const smallNetwork = 256 << 20

// loadTensors reads a file that holds the parameters of c copies times.
func loadTensors(path string, c pedestrian.Config, copies int, allocate func() []pedestrian.Tensor[float32]) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", path)
	}
	need := 4 * int64(c.Ledger().Total()) * int64(copies)
	if need > smallNetwork && need > info.Size() {
		return fmt.Errorf("%s has %d bytes, the network in %s needs %d: a checkpoint of other sizes", path, info.Size(), configFile, need)
	}
	if _, err := readTensors(f, info.Size(), allocate()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
