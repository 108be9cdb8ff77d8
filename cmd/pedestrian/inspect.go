package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/model"
	"github.com/pedestrian-ml/pedestrian/token"
)

// An inspection is what a model's files say, without its numbers.
type inspection struct {
	Kind       string             `json:"kind"`
	Path       string             `json:"path"`
	Name       string             `json:"name,omitempty"`
	Network    *pedestrian.Config `json:"network,omitempty"`
	Parameters int                `json:"parameters,omitempty"`
	Ledger     pedestrian.Ledger  `json:"ledger,omitempty"`
	Files      []inspectedFile    `json:"files,omitempty"`
	Tensors    []inspectedTensor  `json:"tensors,omitempty"`
	Settings   map[string]any     `json:"settings,omitempty"` // key-value pairs of a GGUF, the configuration of an adapter
	Tokenizer  string             `json:"tokenizer,omitempty"`
	EOS        []int32            `json:"eos,omitempty"`
	Unknown    []string           `json:"unknown_keys,omitempty"` // of config.json, passed over
	Notes      []string           `json:"notes,omitempty"`
	Problem    string             `json:"problem,omitempty"` // why it cannot be loaded
}

type inspectedFile struct {
	Name     string            `json:"name"`
	Bytes    int64             `json:"bytes"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

type inspectedTensor struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
	Bytes int64  `json:"bytes"`
	File  string `json:"file"`
	Ours  string `json:"parameter,omitempty"` // our name of what it is read as
	Note  string `json:"note,omitempty"`      // why it is not read
}

func newInspectCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect PATH",
		Short: "Show what is in the files of a model, and what is read of it",
		Long: `Reads the headers of a model and none of its numbers: a run directory or checkpoint,
a model directory of Hugging Face or an adapter of PEFT, or the name of one in the
cache, a .safetensors or .gguf file, a model file of llm.c.

You will see the kind of model; the network and its parameters, term by term; every file
with its metadata; every tensor with its type, shape and our name for it, or why it is
not read; the tokenizer; the unknown keys of config.json. If the model cannot be loaded,
the last line says why, and the exit code is 1.`,
		Example: "  pedestrian inspect ./gpt2\n  pedestrian inspect runs/story-1 --json\n  pedestrian inspect model.safetensors",
		Args:    oneModel,
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := inspect(cmd.Context(), args[0], cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), i)
			} else {
				i.print(cmd.OutOrStdout())
			}
			if err == nil && i.Problem != "" {
				err = fmt.Errorf("%s", i.Problem)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// inspect reads what path holds.
func inspect(ctx context.Context, path string, stderr io.Writer) (*inspection, error) {
	info, err := os.Stat(path)
	i := &inspection{Path: path, Name: path}
	switch {
	case err == nil && info.Mode().IsRegular() && strings.HasSuffix(path, ".safetensors"):
		i.Kind = "safetensors file"
		return i, usage(i.weights(path, os.Open, nil))
	case err == nil && (info.Mode().IsRegular() && strings.HasSuffix(path, ".gguf") || hub.IsGGUF(path)):
		return i, usage(i.gguf())
	}
	if err := missingRun(path); err != nil {
		return nil, err
	}
	kind, at, err := model.Find(ctx, path, surroundings(model.Options{}, path, false, stderr))
	if err != nil {
		return nil, orNear(err)
	}
	i.Kind, i.Path = string(kind), at
	switch kind {
	case model.KindAdapter:
		return i, i.adapter()
	case model.KindRun, model.KindCheckpoint:
		return i, i.ours(kind, stderr)
	case model.KindLLMC:
		return i, usage(i.llmc())
	}
	return i, usage(i.directory())
}

// usage makes an error a mistake of the user's, if there is one.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

func (i *inspection) network(c pedestrian.Config) {
	i.Network, i.Ledger, i.Parameters = &c, c.Ledger(), c.Ledger().Total()
}

func (i *inspection) tokens(t *token.Tokenizer) {
	if t != nil {
		i.Tokenizer = fmt.Sprintf("%s of %s tokens", t.Kind(), commas(t.Vocab()))
	}
}

// directory inspects a model directory of Hugging Face.
func (i *inspection) directory() error {
	d, err := hub.Open(i.Path)
	if err != nil {
		return err
	}
	defer d.Close()
	i.EOS, i.Unknown, i.Notes = d.EOS, d.Unknown, d.Notes
	if d.Name != "" {
		i.Name = d.Name
	}
	if err := d.Check(); err != nil {
		i.Problem = err.Error()
	} else {
		i.network(d.Network)
	}
	for _, f := range d.Files {
		i.Files = append(i.Files, inspectedFile{f.Name, f.Bytes, f.Metadata})
	}
	for _, t := range d.Tensors {
		i.Tensors = append(i.Tensors, inspectedTensor{t.Name, string(t.DType), t.Shape, t.Bytes(), t.File, t.Ours, t.Note})
	}
	t, err := d.Tokenizer()
	if err != nil && i.Problem == "" {
		i.Problem = err.Error()
	}
	i.tokens(t)
	return nil
}

// ours inspects a run or a checkpoint.
func (i *inspection) ours(kind model.Kind, stderr io.Writer) error {
	c, err := model.OpenCheckpoint(kind, i.Path, surroundings(model.Options{}, "", false, stderr))
	if err != nil {
		return err
	}
	i.Path = c.Dir
	i.network(c.Network)
	i.tokens(c.Tokenizer)
	if c.Base != nil {
		i.Notes = append(i.Notes, fmt.Sprintf("It goes on from %s, SHA-256 of the weights %s.", c.Base.Path, c.Base.SHA256))
	}
	if a := c.State.Adapter; a != nil {
		i.Notes = append(i.Notes, fmt.Sprintf("It holds an adapter of %s parameters; the network beside it stays where it is.", commas(a.Count())))
	}
	i.Notes = append(i.Notes, fmt.Sprintf("Step %d, trained on %s.", c.State.Step, c.Data.Source))
	names, err := filepath.Glob(filepath.Join(c.Dir, "*.safetensors"))
	if err != nil {
		return err
	}
	for _, name := range names {
		ours := func(name string) string {
			if strings.HasSuffix(name, ".m") || strings.HasSuffix(name, ".v") {
				return ""
			}
			return name
		}
		if err := i.weights(name, inDirectory, ours); err != nil {
			return err
		}
	}
	return nil
}
