package hub

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/memory"
)

// LoadOptions are options for reading a model. The zero value is the default.
type LoadOptions struct {
	AllowNonfinite bool // load weights that are infinite or not numbers
}

// rowsAtOnce is the number of rows of a matrix in a buffer.
const rowsAtOnce = 64

// Load reads the parameters and the tokenizer of d. T is float32, or float64, which holds
// every number of the files exactly. Load needs little more memory than the parameters.
// It fails if d cannot be loaded (see [Directory.Check]), if the memory is too small, if a
// number is not finite, or if a file changes while it is read.
func Load[T pedestrian.Float](d *Directory, o LoadOptions) (*Model[T], error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	tok, err := d.Tokenizer()
	if err != nil {
		return nil, err
	}
	if tok != nil && tok.Vocab() > d.Network.Vocab {
		return nil, fmt.Errorf("reading the model: %s: its tokenizer has %d tokens, the network %d", d.Path, tok.Vocab(), d.Network.Vocab)
	}
	if err := askMemory[T](d.Path, d.Network); err != nil {
		return nil, err
	}
	p := pedestrian.NewParams[T](d.Network)
	m := &Model[T]{Params: p, Tokenizer: tok, EOS: d.EOS, BOS: d.BOS, Name: d.Name}
	if len(d.rowless) > 0 {
		m.Notes = append(m.Notes, fmt.Sprintf("The tokens %s have no row in the network, and are taken as text.", strings.Join(d.rowless, " ")))
	}
	for _, s := range slotsOf(d.Network) {
		in, w := d.Tensors[d.place[s.transformers]], viewOf(s, p.Tensor(s.Name))
		if s.transposed(true) {
			if err := readTransposed(d, in, w, o); err != nil {
				return nil, err
			}
			continue
		}
		if err := decode(in, 0, w.contiguous()); err != nil {
			return nil, d.errorIn(in, err)
		}
		if err := finite(d, in, w.contiguous(), o); err != nil {
			return nil, err
		}
	}
	if i, ok := d.place[lmHead]; ok && p.Config.Tied {
		if err := sameHead(d, d.Tensors[i], p); err != nil {
			return nil, err
		}
	}
	return m, d.unchanged()
}

// askMemory returns an error if the parameters of c do not fit into the memory.
func askMemory[T pedestrian.Float](path string, c pedestrian.Config) error {
	bytes := 4
	if T(1)/3 != T(float32(1)/3) { // of float64
		bytes = 8
	}
	n := c.Ledger().Total()
	return memory.Ask(int64(bytes)*int64(n), fmt.Sprintf("reading the model: %s: its %d numbers need", path, n), "take a smaller model, or free some")
}

// byRows reads a matrix rowsAtOnce rows at a time and calls visit with them; first is the
// number of the first row. visit must not keep part.
func byRows[T pedestrian.Float](d *Directory, in Stored, rows, cols int, visit func(first int, part []T) error) error {
	buf := make([]T, min(rowsAtOnce, rows)*cols)
	for row := 0; row < rows; row += rowsAtOnce {
		part := buf[:min(rowsAtOnce, rows-row)*cols]
		if err := decode(in, row*cols, part); err != nil {
			return d.errorIn(in, err)
		}
		if err := visit(row, part); err != nil {
			return err
		}
	}
	return nil
}

// readTransposed fills w from a matrix that is output×input in the file.
func readTransposed[T pedestrian.Float](d *Directory, in Stored, w view[T], o LoadOptions) error {
	return byRows(d, in, w.cols, w.rows, func(first int, part []T) error {
		if err := finite(d, in, part, o); err != nil {
			return err
		}
		w.put(first, part)
		return nil
	})
}

// sameHead returns an error if the matrix of tied logits is not the token embedding.
func sameHead[T pedestrian.Float](d *Directory, in Stored, p *pedestrian.Params[T]) error {
	return byRows(d, in, p.Tok.Rows, p.Tok.Cols, func(first int, part []T) error {
		for i, v := range p.Tok.V[first*p.Tok.Cols:][:len(part)] {
			if v != part[i] && (v == v || part[i] == part[i]) {
				return d.errorIn(in, fmt.Errorf("%s differs from the token embedding, and tie_word_embeddings is true: set it to false in %s if two matrices are meant", in.Name, configFile))
			}
		}
		return nil
	})
}

func (d *Directory) errorIn(in Stored, err error) error {
	return fmt.Errorf("reading the model: %s: %w", filepath.Join(d.Path, in.File), err)
}

// finite returns an error if a number of v is infinite or NaN, unless o allows it.
func finite[T pedestrian.Float](d *Directory, in Stored, v []T, o LoadOptions) error {
	if o.AllowNonfinite {
		return nil
	}
	for _, x := range v {
		if x-x != 0 {
			return d.errorIn(in, fmt.Errorf("tensor %s holds %g: the model is broken", in.Name, x))
		}
	}
	return nil
}

// unchanged returns an error if a file was changed after it was opened: the model that was
// read could then be a mixture of two.
func (d *Directory) unchanged() error {
	for _, s := range d.shards {
		info, err := s.file.Stat()
		if err != nil {
			return err
		}
		if info.Size() != s.size || !info.ModTime().Equal(s.mtime) {
			return fmt.Errorf("reading the model: %s was changed while it was read: try again when it is written", filepath.Join(d.Path, s.name))
		}
	}
	return nil
}
