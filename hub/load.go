package hub

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/memory"
)

// LoadOptions are what a reader of a model may be told.
type LoadOptions struct {
	AllowNonfinite bool // load weights that are infinite or not numbers
}

// rowsAtOnce is how many rows of a matrix are read at a time where they are not kept.
const rowsAtOnce = 64

// Load reads the numbers of d: into float32, or into float64, which keeps every bit
// of what the files hold. It takes the memory of the parameters and little more.
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
	if err := room[T](d.Path, d.Network); err != nil {
		return nil, err
	}
	p := pedestrian.NewParams[T](d.Network)
	m := &Model[T]{Params: p, Tokenizer: tok, EOS: d.EOS, BOS: d.BOS, Name: d.Name}
	if len(d.rowless) > 0 {
		m.Notes = append(m.Notes, fmt.Sprintf("The tokens %s have no row in the network, and are taken as text.", strings.Join(d.rowless, " ")))
	}
	for _, s := range slotsOf(d.Network) {
		in, t := d.Tensors[d.place[s.transformers]], p.Tensor(s.Name)
		if s.transposed(true) {
			if err := readTransposed(d, in, t, o); err != nil {
				return nil, err
			}
			continue
		}
		if err := decode(in, 0, t.V); err != nil {
			return nil, d.reading(in, err)
		}
		if err := finite(d, in, t.V, o); err != nil {
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

// room asks for the memory of a network's numbers.
func room[T pedestrian.Float](path string, c pedestrian.Config) error {
	bytes := 4
	if T(1)/3 != T(float32(1)/3) { // of float64
		bytes = 8
	}
	n := c.Ledger().Total()
	return memory.Ask(int64(bytes)*int64(n), fmt.Sprintf("reading the model: %s: its %d numbers need", path, n), "take a smaller model, or free some")
}

// byRows reads a matrix by some rows at a time, which visit must not keep.
func byRows[T pedestrian.Float](d *Directory, in Stored, rows, cols int, visit func(first int, part []T) error) error {
	buf := make([]T, min(rowsAtOnce, rows)*cols)
	for row := 0; row < rows; row += rowsAtOnce {
		part := buf[:min(rowsAtOnce, rows-row)*cols]
		if err := decode(in, row*cols, part); err != nil {
			return d.reading(in, err)
		}
		if err := visit(row, part); err != nil {
			return err
		}
	}
	return nil
}

// readTransposed fills t from a matrix that is output×input in the file.
func readTransposed[T pedestrian.Float](d *Directory, in Stored, t pedestrian.Tensor[T], o LoadOptions) error {
	return byRows(d, in, t.Cols, t.Rows, func(first int, part []T) error {
		if err := finite(d, in, part, o); err != nil {
			return err
		}
		for j := range t.Rows {
			to := t.V[j*t.Cols+first:][:len(part)/t.Rows]
			for i := range to {
				to[i] = part[i*t.Rows+j]
			}
		}
		return nil
	})
}

// sameHead compares the matrix of tied logits with the token embedding, which it is.
func sameHead[T pedestrian.Float](d *Directory, in Stored, p *pedestrian.Params[T]) error {
	return byRows(d, in, p.Tok.Rows, p.Tok.Cols, func(first int, part []T) error {
		for i, v := range p.Tok.V[first*p.Tok.Cols:][:len(part)] {
			if v != part[i] && (v == v || part[i] == part[i]) {
				return d.reading(in, fmt.Errorf("%s differs from the token embedding, and tie_word_embeddings is true: set it to false in %s if two matrices are meant", in.Name, configFile))
			}
		}
		return nil
	})
}

func (d *Directory) reading(in Stored, err error) error {
	return fmt.Errorf("reading the model: %s: %w", filepath.Join(d.Path, in.File), err)
}

// finite refuses numbers that no network can compute with.
func finite[T pedestrian.Float](d *Directory, in Stored, v []T, o LoadOptions) error {
	if o.AllowNonfinite {
		return nil
	}
	for _, x := range v {
		if x-x != 0 {
			return d.reading(in, fmt.Errorf("tensor %s holds %g: the model is broken", in.Name, x))
		}
	}
	return nil
}

// unchanged says whether the files are still what they were when they were opened, so
// that no model is a mixture of two.
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
