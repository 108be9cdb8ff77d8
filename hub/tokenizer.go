package hub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/token"
)

const (
	tokenizerFile   = "tokenizer.json"
	pieceFile       = "tokenizer.model"
	vocabFile       = "vocab.json"
	tokenizerConfig = "tokenizer_config.json"
	chatTemplate    = "chat_template.jinja"

	// ownTokenizer is the file of a tokenizer of characters or bytes in this module's
	// format. Earlier exports have only this file.
	ownTokenizer = "pedestrian_tokenizer.json"
)

// Open opens a regular file. With it a folder is an fs.FS.
func (f *folder) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	file, err := durable.OpenRegular(f.root, path.Join(filepath.ToSlash(f.dir), name))
	if durable.Escapes(err) {
		err = f.explain(name, err)
	}
	if err != nil {
		return nil, err
	}
	return file, nil
}

// hasTokenizer says whether there is a file of a tokenizer that others write.
func (f *folder) hasTokenizer() bool {
	return f.has(tokenizerFile) || f.has(pieceFile) || f.has(vocabFile)
}

// Tokenizer reads the tokenizer of d; it returns nil if there is none. Special tokens for
// which the network has no row are left out.
func (d *Directory) Tokenizer() (*token.Tokenizer, error) {
	if d.folder.hasTokenizer() {
		t, err := token.LoadFS(d.folder)
		if err != nil {
			return nil, fmt.Errorf("reading the model: %s: %w", d.Path, err)
		}
		if d.Network.Vocab > 0 {
			t, d.rowless = t.Within(d.Network.Vocab)
		}
		return t, nil
	}
	text, err := d.folder.text(ownTokenizer)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	t := new(token.Tokenizer)
	if err == nil {
		err = t.UnmarshalJSON(text)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the model: %s: %w", filepath.Join(d.Path, ownTokenizer), err)
	}
	return t, nil
}

// tokenizerFiles returns the files of t; none if it is nil. context becomes
// model_max_length in the tokenizer's configuration.
func tokenizerFiles(t *token.Tokenizer, context int) ([]durable.File, error) {
	if t == nil {
		return nil, nil
	}
	all, err := t.HuggingFace()
	if err != nil {
		return nil, err
	}
	if all[tokenizerConfig], err = withLength(all[tokenizerConfig], context); err != nil {
		return nil, err
	}
	if t.Kind() == token.Chars || t.Kind() == token.Bytes {
		own, err := t.MarshalJSON()
		if err != nil {
			return nil, err
		}
		all[ownTokenizer] = append(own, '\n')
	}
	var files []durable.File
	for _, name := range slices.Sorted(maps.Keys(all)) {
		files = append(files, textFile(name, string(all[name])))
	}
	return files, nil
}

// withLength sets model_max_length in tokenizer_config.json.
func withLength(config []byte, context int) ([]byte, error) {
	o := object{}
	if config != nil {
		var err error
		if o, err = parseObject(config); err != nil {
			return nil, err
		}
	}
	o["model_max_length"] = json.RawMessage(fmt.Sprint(context))
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(o)
	return out.Bytes(), err
}
