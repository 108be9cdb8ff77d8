package train

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
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
//	MANIFEST.json          sizes and digests of the files above, by package durable
const (
	configFile    = "config.json"
	tokenizerFile = "tokenizer.json"
	stateFile     = "state.json"
	modelFile     = "model.safetensors"
	adapterFile   = "adapter.safetensors"
	momentsFile   = "optimizer.safetensors"

	tensorSuffix = ".safetensors"

	// CurveSVG and CurvePNG are the names of the drawings that [Run.WriteFile] puts there.
	CurveSVG = "loss.svg"
	CurvePNG = "loss.png"
)

// runFiles are the files that are written anew in a run directory, by way of another name.
var runFiles = []string{MetricsFile, CurveSVG, CurvePNG}

// A Checkpoint is a run at one step. Load leaves State.Params empty where an adapter
// was trained: Attach gives it the base.
type Checkpoint struct {
	Dir       string // where it was loaded from
	Network   pedestrian.Config
	Options   Options // none of a network that was trained elsewhere
	Data      DataInfo
	Base      *Base   // that the run went on from; nil when it began with random weights
	Ends      []int32 // of a network that was trained elsewhere: the tokens that end a text, where the tokenizer does not say all
	Tokenizer *token.Tokenizer
	State     *State
}

// importPreset marks options that were made up for a network that was trained elsewhere, by
// programs which wrote no checkpoint without any.
const importPreset = "import"

// Imported says whether the network of c was trained elsewhere: c has no options of a run.
func (c *Checkpoint) Imported() bool { return c.Options.AdamEps == 0 }

// newFormat is the format from which on programs read a checkpoint without options, and one
// whose data were in memory.
const newFormat = 4

// configJSON is config.json.
type configJSON struct {
	Network pedestrian.Config `json:"network"`
	Options *Options          `json:"options,omitempty"` // none of a network that was trained elsewhere
	Data    DataInfo          `json:"data"`
	Base    *Base             `json:"base,omitempty"`
	Ends    []int32           `json:"ends,omitempty"`
}

// Save writes c as a checkpoint of its step in the directory run. It appears under its
// name complete, or not at all; when Save returns, no failure of power takes it away
// again. What was saved before stays. It returns the checkpoint's directory. A run that
// is being trained is refused.
func (c *Checkpoint) Save(run string) (dir string, err error) {
	fs, err := durable.OS.Within(run)
	if err != nil {
		return "", fmt.Errorf("saving the checkpoint of step %d: %w", c.State.Step, err)
	}
	defer fs.Close()
	lock, err := lockRun(fs, run)
	if err != nil {
		return "", fmt.Errorf("saving the checkpoint of step %d: %w", c.State.Step, err)
	}
	defer lock.Close()
	return c.save(fs, run)
}

func (c *Checkpoint) save(fs durable.FS, run string) (dir string, err error) {
	dir, err = saveFiles(fs, run, c.State.Step, c.files())
	if err != nil {
		return "", fmt.Errorf("saving the checkpoint of step %d: %w (what was saved before is intact)", c.State.Step, err)
	}
	return dir, nil
}

// saveFiles saves files as a checkpoint of a step in the directory run, under a name that
// no other has.
func saveFiles(fs durable.FS, run string, step int, files []durable.File) (dir string, err error) {
	sweep(fs, run)
	names, err := fs.List(run)
	if err != nil {
		return "", err
	}
	e := Entry{Step: step, Revision: 1}
	for slices.Contains(names, e.name()) {
		e.Revision++
	}
	if err := durable.Save(fs, run, e.name(), step, files); err != nil {
		return "", err
	}
	return filepath.Join(run, e.name()), nil
}

// files are the files of c that its manifest lists, in the order in which they are
// written.
func (c *Checkpoint) files() []durable.File {
	meta := map[string]string{"format": "pedestrian", "step": strconv.Itoa(c.State.Step)}
	bytes := 4 * int64(len(c.State.Trained().Slab()))
	config, format := configJSON{c.Network, &c.Options, c.Data, c.Base, c.Ends}, 0
	if c.Options.Data == "" {
		format = newFormat
	}
	if c.Imported() {
		config.Options = nil
	}
	return []durable.File{
		{Name: configFile, Format: format, Write: func(w io.Writer) error { return writeJSON(w, config) }},
		{Name: tokenizerFile, Write: func(w io.Writer) error { return writeJSON(w, c.Tokenizer) }},
		{Name: stateFile, Write: func(w io.Writer) error { return writeJSON(w, c.State.Progress) }},
		{Name: c.weightsFile(), Bytes: bytes, Blocks: true, Write: func(w io.Writer) error { return writeTensors(w, meta, c.State.Trained().Tensors()) }},
		{Name: momentsFile, Bytes: 2 * bytes, Blocks: true, Write: func(w io.Writer) error { return writeTensors(w, meta, c.State.moments()) }},
	}
}

// weightsFile is the file of what was trained.
func (c *Checkpoint) weightsFile() string {
	if c.Options.Tuning.adapts() {
		return adapterFile
	}
	return modelFile
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
