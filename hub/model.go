package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/token"
)

// A Model is a network in another program's format, read or to be written, with its
// tokenizer.
type Model[T pedestrian.Float] struct {
	Params    *pedestrian.Params[T]
	Tokenizer *token.Tokenizer // nil if there is none
	EOS       []int32          // tokens that end a text; formats that hold one get the first; nil if unknown
	BOS       []int32          // the token that begins a text, or none
	Notes     []string         // what was read in another way than the files say, one sentence each
	Name      string           // its name, such as "openai-community/gpt2"; "" if unknown
}

// LoadModel reads the model in the directory path, in float32. path is not the name of a
// model on the hub: [Access.Fetch] downloads such a model and returns its directory, and
// package model opens both.
func LoadModel(path string) (*Model[float32], error) {
	d, err := Open(path)
	if errors.Is(err, fs.ErrNotExist) && CheckRepo(path) == nil {
		return nil, fmt.Errorf("reading the model: there is no directory %s: if it is the name of a model on the hub, Access.Fetch finds or downloads it and returns its directory, and model.Open does so with Options.Fetch", path)
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return Load[float32](d, LoadOptions{})
}

// IsDirectory says whether path looks like a model directory of Hugging Face: its
// config.json has a model_type, or is that of a GPT-2 without one.
func IsDirectory(path string) bool {
	f, err := openFolder(path)
	if err != nil {
		return false
	}
	defer f.Close()
	if _, err := f.root.Stat(filepath.Join(f.dir, configFile)); durable.Escapes(err) {
		return true // opening it gives the error
	}
	text, err := f.text(configFile)
	if err != nil {
		return false
	}
	o, err := parseObject(text)
	return err == nil && (!o.null("model_type") || o.null("network") && o.notGPT2() == "")
}

// HasConfig says whether the directory path has a config.json. It does not read it.
func HasConfig(path string) bool {
	f, err := openFolder(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return f.has(configFile)
}

// Weights returns the name of the file of weights, or of its index, in the directory path;
// "" if there is none.
func Weights(path string) string {
	f, err := openFolder(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for _, name := range []string{weightsFile, indexFile, pickledWeights, pickledIndex} {
		if f.has(name) {
			return name
		}
	}
	return ""
}
