package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/pedestrian-ml/pedestrian/gguf"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// readHeader reads the header of the file at path, whose numbers are not asked for.
func readHeader[F any](path string, open func(string) (*os.File, error), read func(io.ReaderAt, int64) (F, error)) (h F, size int64, err error) {
	f, err := open(path)
	if err != nil {
		return h, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return h, 0, err
	}
	if h, err = read(f, info.Size()); err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return h, info.Size(), err
}

// inDirectory opens a file of a directory that was named: no link leads out of that.
func inDirectory(path string) (*os.File, error) {
	return hub.OpenIn(filepath.Dir(path), filepath.Base(path))
}

// weights lists a safetensors file; ours says what a tensor is read as.
func (i *inspection) weights(path string, open func(string) (*os.File, error), ours func(string) string) error {
	s, size, err := readHeader(path, open, safetensors.Read)
	if err != nil {
		return err
	}
	name := filepath.Base(path)
	i.Files = append(i.Files, inspectedFile{name, size, s.Metadata})
	for _, t := range s.Tensors {
		e := inspectedTensor{Name: t.Name, DType: string(t.DType), Shape: t.Shape, Bytes: t.Bytes(), File: name}
		if ours != nil {
			e.Ours = ours(t.Name)
		}
		i.Tensors = append(i.Tensors, e)
	}
	return nil
}

const maxAdapterConfig = 64 << 20 // bytes

// adapter inspects an adapter directory of PEFT.
func (i *inspection) adapter() error {
	f, err := hub.OpenIn(i.Path, "adapter_config.json")
	if err == nil {
		err = json.NewDecoder(io.LimitReader(f, maxAdapterConfig)).Decode(&i.Settings)
		f.Close()
	}
	if err == nil {
		err = i.weights(filepath.Join(i.Path, "adapter_model.safetensors"), inDirectory, nil)
	}
	if problem := hub.CheckAdapter(i.Path); err == nil && problem != nil {
		i.Problem = problem.Error()
	}
	return usage(err)
}

func (i *inspection) llmc() error {
	c, d, padded, err := hub.InspectLLMC(i.Path)
	if err != nil {
		return err
	}
	i.network(c)
	i.Notes = append(i.Notes, fmt.Sprintf("Numbers are %s; the token embedding has %s rows, of which %s are tokens.", d, commas(padded), commas(c.Vocab)))
	info, err := os.Stat(i.Path)
	if err == nil {
		i.Files = []inspectedFile{{Name: filepath.Base(i.Path), Bytes: info.Size()}}
	}
	return err
}

func (i *inspection) gguf() error {
	i.Kind = "GGUF file"
	g, size, err := readHeader(i.Path, os.Open, gguf.Read)
	if err != nil {
		return err
	}
	i.Files = []inspectedFile{{Name: filepath.Base(i.Path), Bytes: size}}
	i.Settings = map[string]any{}
	for _, p := range g.Pairs {
		i.Settings[p.Key] = p.Value
	}
	var ours map[string]string
	switch kind, _ := g.Lookup("general.type"); kind {
	case "adapter":
		if err := hub.CheckAdapter(i.Path); err != nil {
			i.Problem = err.Error()
		} else {
			i.Notes = append(i.Notes, "It is an adapter, to be put beside its base with --adapter.")
		}
	case nil, "model":
		m, err := hub.OpenGGUF(i.Path)
		if err != nil {
			i.Problem = err.Error()
		} else {
			defer m.Close()
			i.network(m.Network)
			i.tokens(m.Tokenizer)
			i.EOS, i.Notes, i.Name, ours = m.EOS, m.Notes, m.Name, m.Ours
		}
	}
	for _, t := range g.Tensors {
		shape := make([]int, len(t.Dims))
		for j, d := range t.Dims {
			shape[len(shape)-1-j] = int(d)
		}
		i.Tensors = append(i.Tensors, inspectedTensor{Name: t.Name, DType: t.Type.String(), Shape: shape, Bytes: t.Bytes(), File: i.Files[0].Name, Ours: ours[t.Name]})
	}
	return nil
}
