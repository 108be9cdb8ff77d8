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

// A Model is a network that came from elsewhere, or goes there, with what belongs to
// it.
type Model[T pedestrian.Float] struct {
	Params    *pedestrian.Params[T]
	Tokenizer *token.Tokenizer // nil when there is none
	EOS       []int32          // tokens that end a text, the first one is written; none when it is not known
	BOS       []int32          // token that begins a text, at most one
	Notes     []string         // what was read otherwise than it stands there, a sentence each
	Name      string           // what others call it, such as "openai-community/gpt2"; "" when it is not known
}

// LoadModel reads the model in the directory path, in float32. What the hub calls a model
// is no path: package model opens both, and [Access.Fetch] brings one into the cache.
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

// IsDirectory says whether path looks like a model directory of Hugging Face: it
// holds config.json with a model_type, or of a GPT-2 without one.
func IsDirectory(path string) bool {
	f, err := openFolder(path)
	if err != nil {
		return false
	}
	defer f.Close()
	if _, err := f.root.Stat(filepath.Join(f.dir, configFile)); durable.Escapes(err) {
		return true // reading it says so
	}
	text, err := f.text(configFile)
	if err != nil {
		return false
	}
	o, err := parseObject(text)
	return err == nil && (!o.null("model_type") || o.null("network") && o.looksOtherwise() == "")
}

// HasConfig says whether path holds a config.json, whatever it says.
func HasConfig(path string) bool {
	f, err := openFolder(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return f.has(configFile)
}

// Weights is the file of weights in path, "" when there is none.
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
