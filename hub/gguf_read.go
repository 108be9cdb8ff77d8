package hub

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/gguf"
	"github.com/pedestrian-ml/pedestrian/token"
)

// A GGUF is a model in a file for llama.cpp whose header was read, and of its numbers
// at most those that say whether the logits are tied.
type GGUF struct {
	Path      string
	Network   pedestrian.Config
	Tokenizer *token.Tokenizer
	EOS, BOS  []int32
	Name      string
	Notes     []string          // sentences on what was read otherwise than it stands there
	Ours      map[string]string // our names of its tensors

	file  *os.File
	info  os.FileInfo // when it was opened
	in    *gguf.File
	bound []bound
}

// A bound tensor of a file is a parameter.
type bound struct {
	in gguf.Tensor
	slot
}

// IsGGUF says whether the file at path begins as one of GGUF.
func IsGGUF(path string) bool { return begins(path) == "GGUF" }

// OpenGGUF reads the header of a network in GGUF: of GPT-2's architecture, as
// [SaveGGUF] writes it and as llama.cpp's converter does. Close it after use.
func OpenGGUF(path string) (*GGUF, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	defer root.Close()
	file, err := durable.OpenRegular(root, filepath.Base(path))
	if err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	g := &GGUF{Path: path, file: file, Ours: map[string]string{}}
	if g.info, err = file.Stat(); err == nil {
		err = g.read(file, g.info.Size())
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("reading the model: %s: %w", path, err)
	}
	return g, nil
}

// read reads the header of size bytes, and what a model has to say.
func (g *GGUF) read(r io.ReaderAt, size int64) (err error) {
	if g.in, err = gguf.Read(r, size); err == nil {
		err = g.network()
	}
	if err == nil {
		err = g.bind()
	}
	if err == nil {
		err = g.tokens()
	}
	return err
}

// Close closes the file.
func (g *GGUF) Close() error { return g.file.Close() }

// LoadGGUF reads a network in GGUF.
func LoadGGUF(path string, o LoadOptions) (*Model[float32], error) {
	g, err := OpenGGUF(path)
	if err != nil {
		return nil, err
	}
	defer g.Close()
	if err := room[float32](path, g.Network); err != nil {
		return nil, err
	}
	p, err := g.numbers(o)
	if err != nil {
		return nil, fmt.Errorf("reading the model: %s: %w", path, err)
	}
	return &Model[float32]{Params: p, Tokenizer: g.Tokenizer, EOS: g.EOS, BOS: g.BOS, Name: g.Name, Notes: g.Notes}, nil
}

// numbers reads the parameters.
func (g *GGUF) numbers(o LoadOptions) (*pedestrian.Params[float32], error) {
	p := pedestrian.NewParams[float32](g.Network)
	var buf []float32
	for _, b := range g.bound {
		t := p.Tensor(b.Name)
		rows, cols := t.Rows, t.Cols // in the file
		turned := b.transposed(false)
		if turned {
			rows, cols = cols, rows
		}
		for row := 0; row < rows; row += rowsAtOnce {
			n := min(rowsAtOnce, rows-row)
			part := t.V[row*cols:][:n*cols]
			if turned {
				buf = slices.Grow(buf[:0], n*cols)[:n*cols]
				part = buf
			}
			if err := g.in.DecodeAt(part, b.in, int64(row)*int64(cols)); err != nil {
				return nil, err
			}
			for i, v := range part {
				if v-v != 0 && !o.AllowNonfinite {
					return nil, fmt.Errorf("tensor %s holds %g: the model is broken", b.in.Name, v)
				}
				if turned {
					t.V[i%cols*rows+row+i/cols] = v
				}
			}
		}
	}
	now, err := g.file.Stat()
	if err == nil && (now.Size() != g.info.Size() || !now.ModTime().Equal(g.info.ModTime())) {
		err = fmt.Errorf("it was changed while it was read: try again when it is written")
	}
	return p, err
}
