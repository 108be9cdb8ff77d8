package train

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/safetensors"
	"github.com/pedestrian-ml/pedestrian/token"
)

// A run directory holds metrics.jsonl, the file lock, and one directory for each checkpoint,
// such as step-000250, with these files:
//
//	config.json            the network, the options, the text's digest
//	tokenizer.json         as package token writes it
//	state.json             Progress
//	model.safetensors      the weights, float32, under our dotted names
//	adapter.safetensors    instead of model.safetensors in an adapter run: the adapter without its base
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

	// CurveSVG and CurvePNG are the names of drawings for [Run.WriteFile].
	CurveSVG = "loss.svg"
	CurvePNG = "loss.png"
)

// runFiles are the files of a run directory that are replaced by a new file and a rename.
var runFiles = []string{MetricsFile, CurveSVG, CurvePNG}

// A Checkpoint is a run at one step. In a checkpoint of an adapter, Load leaves State.Params
// empty, and Attach sets it to the base.
type Checkpoint struct {
	Dir       string // the directory that it was loaded from
	Network   pedestrian.Config
	Options   Options // zero for an imported network
	Data      DataInfo
	Base      *Base   // that the run started from; nil if it started with random weights
	Ends      []int32 // of an imported network: the tokens that end a text, if the tokenizer does not have all of them
	Tokenizer *token.Tokenizer
	State     *State

	gather func(second bool) (Weights, error) // in a run that several processes share: stepper.moments
}

// importPreset is Options.Preset in checkpoints of imported networks from older programs,
// which could not write a checkpoint without options.
const importPreset = "import"

// Imported says whether the network of c was imported, so that c has no training options.
func (c *Checkpoint) Imported() bool { return c.Options.AdamEps == 0 }

// newFormat is the first format with checkpoints without options, and with data from memory.
const newFormat = 4

// configJSON is config.json.
type configJSON struct {
	Network pedestrian.Config `json:"network"`
	Options *Options          `json:"options,omitempty"` // nil for an imported network
	Data    DataInfo          `json:"data"`
	Base    *Base             `json:"base,omitempty"`
	Ends    []int32           `json:"ends,omitempty"`
}

// Save writes c as a checkpoint of its step in the directory run and returns the checkpoint's
// directory. The directory appears complete or not at all, and after Save has returned it
// survives a power failure. The directory run is made, as durably, where it is not there.
// Older checkpoints stay. It is an error if the run is being trained.
func (c *Checkpoint) Save(run string) (dir string, err error) { return c.saveOn(durable.OS, run) }

func (c *Checkpoint) saveOn(fs durable.FS, run string) (dir string, err error) {
	fs, err = durable.Enter(fs, run)
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

// saveFiles saves files as a checkpoint of a step in the directory run, under a new name.
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

// files returns the files of c that its manifest lists, in the order of writing.
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
		c.momentsFile(meta, 2*bytes),
	}
}

// momentsFile returns the file of the moments. Those of a shared run are gathered while the file
// is written, first the first ones and then the second ones, so it is written but once: its size
// is not given, by which durable.Save would call Write a second time for the digest.
func (c *Checkpoint) momentsFile(meta map[string]string, bytes int64) durable.File {
	f := durable.File{Name: momentsFile, Blocks: true}
	if c.gather == nil {
		f.Bytes = bytes
		f.Write = func(w io.Writer) error { return writeTensors(w, meta, c.State.moments()) }
		return f
	}
	f.Write = func(w io.Writer) error {
		var entries []safetensors.Entry[float32]
		var failed error
		for _, moment := range []string{".m", ".v"} {
			ts := c.State.Trained().Tensors()
			for i, t := range ts {
				entries = append(entries, safetensors.Entry[float32]{Name: t.Name + moment, DType: safetensors.F32, Shape: shapeOf(t), Make: func() []float32 {
					if i == 0 && failed == nil {
						var all Weights
						if all, failed = c.gather(moment == ".v"); failed == nil {
							ts = all.Tensors()
						}
					}
					return ts[i].V
				}})
			}
		}
		err := safetensors.Write(w, meta, entries)
		if failed != nil {
			return failed
		}
		return err
	}
	return f
}

// weightsFile returns the name of the file with the trained weights.
func (c *Checkpoint) weightsFile() string {
	if c.Options.Tuning.trainsAdapter() {
		return adapterFile
	}
	return modelFile
}

// moments returns the tensors of optimizer.safetensors.
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
