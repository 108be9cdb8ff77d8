package model

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/train"
)

// A Kind says in what form a model is kept.
type Kind string

// The kinds of places.
const (
	KindRun        Kind = "run"
	KindCheckpoint Kind = "checkpoint"
	KindDirectory  Kind = "Hugging Face directory"
	KindCached     Kind = "model in the cache of Hugging Face"
	KindLLMC       Kind = "llm.c model"
	KindGGUF       Kind = "GGUF file"
	KindAdapter    Kind = "adapter of PEFT" // which is no model without its base
)

// An InputError says that what was asked for cannot be opened: the path does not exist, the
// files are no model, they do not belong together. Another name, or other options, may help.
// Every other error of this package is a failure of the work: of the disk, of the network.
type InputError struct{ Err error }

// Error is the text of Err.
func (e *InputError) Error() string { return e.Err.Error() }

// Unwrap is Err.
func (e *InputError) Unwrap() error { return e.Err }

// A NotFoundError says that neither a path nor the cache has a model of that name. It comes
// inside an [InputError].
type NotFoundError struct {
	Name string
	Err  error // of the path
}

// Error says where the model was looked for, and how to get it.
func (e *NotFoundError) Error() string {
	if hub.CheckRepo(e.Name) != nil {
		return e.Err.Error()
	}
	return fmt.Sprintf("%s: no such file or directory, and no model of that name is in the cache: \"pedestrian download %[1]s\" fetches one", e.Name)
}

// Unwrap is Err.
func (e *NotFoundError) Unwrap() error { return e.Err }

// inputf is an InputError of that text.
func inputf(format string, args ...any) error { return &InputError{fmt.Errorf(format, args...)} }

// input makes an error one of the input, unless it is one of the disk.
func input(err error) error {
	if p := (*os.PathError)(nil); err == nil || errors.As(err, &p) {
		return err
	}
	return &InputError{err}
}

// Find says where the model called name is, and of what kind: a path, or a name in
// o.Cache, or one that o.Fetch brings.
func Find(ctx context.Context, name string, o Options) (Kind, string, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		at, err := named(ctx, name, err, o)
		if err == nil && isAdapter(at) {
			return KindAdapter, at, nil
		}
		return KindCached, at, err
	case err != nil:
		return "", "", &InputError{err}
	case info.IsDir():
		kind, err := directory(name)
		return kind, name, err
	case hub.IsLLMC(name):
		return KindLLMC, name, nil
	case hub.IsGGUF(name):
		return KindGGUF, name, nil
	case strings.HasSuffix(name, ".safetensors"):
		return "", "", inputf("%s is a file of weights, and a model is a directory with %s and them: give the directory", name, "config.json")
	}
	return "", "", inputf("%s is not a model: give a run directory, a directory of Hugging Face with config.json, or a model file of GGUF or llm.c", name)
}

// named is the directory of what is called name on the hub; missing says that there is no
// such path.
func named(ctx context.Context, name string, missing error, o Options) (dir string, err error) {
	if hub.CheckRepo(name) != nil {
		return "", &InputError{&NotFoundError{name, missing}}
	}
	if o.Cache.Dir != "" {
		if s, err := o.Cache.Find(name, ""); err == nil && len(s.Missing) == 0 {
			return s.Dir, nil
		}
	}
	if o.Fetch != nil {
		return o.Fetch(ctx, name)
	}
	return "", &InputError{&NotFoundError{name, missing}}
}

// directory says what is kept in the directory path.
func directory(path string) (Kind, error) {
	if _, err := os.Stat(filepath.Join(path, durable.ManifestFile)); err == nil {
		return KindCheckpoint, nil
	}
	if isAdapter(path) {
		return KindAdapter, nil
	}
	if hub.IsDirectory(path) {
		return KindDirectory, nil
	}
	if _, err := train.Newest(path); err != nil {
		if hub.HasConfig(path) {
			return KindDirectory, nil // which says what is wrong with it
		}
		if weights := hub.Weights(path); weights != "" {
			return "", inputf("%s has %s and no config.json, which says what network the weights are of: put it beside them", path, weights)
		}
		return "", inputf("no model: %w: name a run directory of \"pedestrian train\", or a directory of Hugging Face with config.json", err)
	}
	return KindRun, nil
}

// isAdapter says whether path is an adapter directory of PEFT, and no model.
func isAdapter(path string) bool { return hub.IsAdapter(path) && !hub.IsDirectory(path) }

// network is the network of a model of others, by its header, and the memory of its
// weights. What is wrong with that is told when it is loaded.
func network(kind Kind, at string, o Options) (c pedestrian.Config, weights int64, known bool) {
	switch kind {
	case KindRun, KindCheckpoint, KindGGUF:
		return c, 0, false
	case KindLLMC:
		c, _, _, err := hub.InspectLLMC(at)
		return c, 4 * int64(c.Ledger().Total()), err == nil
	}
	d, err := hub.Open(at)
	if err != nil {
		return c, 0, false
	}
	defer d.Close()
	if d.Check() != nil {
		return c, 0, false
	}
	return d.Network, d.Bytes(o.load()), true
}

// shellQuote is a path as a shell reads it.
func shellQuote(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:+=@%,") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
