package hub

import (
	"fmt"
	"path/filepath"
	"strings"
	"unsafe"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/memory"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// LoadOptions are options for reading a model. The zero value is the default.
type LoadOptions struct {
	AllowNonfinite bool // load weights that are infinite or not numbers

	// Frozen keeps matrices and tables that are bf16, half precision or q8_0 in the file in that
	// type, for a network that is not trained ([pedestrian.NewFrozen]).
	Frozen bool

	// Q8 rounds matrices and the table of tokens to q8_0 while they are read, as [Quantize]
	// does. It implies Frozen for the others.
	Q8 bool
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
	storage := d.storage(o)
	if err := askMemory[T](d.Path, d.Network, storage); err != nil {
		return nil, err
	}
	p := pedestrian.NewFrozen[T](d.Network, storage)
	m := &Model[T]{Params: p, Tokenizer: tok, EOS: d.EOS, BOS: d.BOS, Name: d.Name}
	if len(d.rowless) > 0 {
		m.Notes = append(m.Notes, fmt.Sprintf("The tokens %s have no row in the network, and are taken as text.", strings.Join(d.rowless, " ")))
	}
	for _, s := range slotsOf(d.Network) {
		in, w := d.Tensors[d.place[s.transformers]], viewOf(s, p.Tensor(s.Name))
		if s.transposed(true) || w.isNarrow() {
			if err := readRows(d, in, w, s, o); err != nil {
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

// storage says how Load keeps parameters.
func (d *Directory) storage(o LoadOptions) func(s pedestrian.Slot) pedestrian.Storage {
	k := kept{}
	if o.Frozen || o.Q8 {
		for _, s := range slotsOf(d.Network) {
			k.part(s.Name, narrowTypes[d.Tensors[d.place[s.transformers]].DType])
		}
	}
	return o.quantized(k.storage)
}

// A kept says by name how parameters are kept: one that others hold in parts as these are,
// if they are of one type. What it does not name is wide.
type kept map[string]pedestrian.Storage

// part adds a part of a parameter.
func (k kept) part(name string, own pedestrian.Storage) {
	if former, part := k[name]; part && former != own {
		own = pedestrian.Wide
	}
	k[name] = own
}

func (k kept) storage(s pedestrian.Slot) pedestrian.Storage { return k[s.Name] }

// narrowTypes are the types of files that parameters can be kept in.
var narrowTypes = map[safetensors.DType]pedestrian.Storage{safetensors.BF16: pedestrian.BF16, safetensors.F16: pedestrian.F16}

// Bytes is the memory of the parameters in float32 after Load with o. d must be one that
// Check finds nothing wrong with.
func (d *Directory) Bytes(o LoadOptions) int64 { return bytesOf[float32](d.Network, d.storage(o)) }

// bytesOf is the memory of parameters that are kept as storage says.
func bytesOf[T pedestrian.Float](c pedestrian.Config, storage func(s pedestrian.Slot) pedestrian.Storage) (bytes int64) {
	for _, s := range c.Slots() {
		bytes += s.Bytes(storage(s), int(unsafe.Sizeof(T(0))))
	}
	return bytes
}

// asWide keeps every parameter wide.
func asWide(pedestrian.Slot) pedestrian.Storage { return pedestrian.Wide }

// askMemory returns an error if the parameters of c do not fit into the memory.
func askMemory[T pedestrian.Float](path string, c pedestrian.Config, storage func(s pedestrian.Slot) pedestrian.Storage) error {
	return memory.Ask(bytesOf[T](c, storage), fmt.Sprintf("reading the model: %s: its %d numbers need", path, c.Ledger().Total()), "take a smaller model, or free some")
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

// readRows fills w some rows of the file at a time, in which it may be transposed,
// output×input.
func readRows[T pedestrian.Float](d *Directory, in Stored, w view[T], s slot, o LoadOptions) error {
	rows, cols, transposed := w.rows, w.cols, s.transposed(true)
	if transposed {
		rows, cols = cols, rows
	}
	return byRows(d, in, rows, cols, func(first int, part []T) error {
		if err := finite(d, in, part, o); err != nil {
			return err
		}
		switch {
		case w.isBlocks():
			if err := w.putBlocks(first, part, transposed || s.Role == pedestrian.Table); err != nil {
				return d.errorIn(in, fmt.Errorf("tensor %s in q8_0: %w", in.Name, err))
			}
		case transposed:
			w.put(first, part)
		default:
			w.set(first*cols, part)
		}
		return nil
	})
}

// sameHead returns an error if the matrix of tied logits is not the token embedding.
func sameHead[T pedestrian.Float](d *Directory, in Stored, p *pedestrian.Params[T]) error {
	own := make([]T, min(rowsAtOnce, p.Tok.Rows)*p.Tok.Cols)
	return byRows(d, in, p.Tok.Rows, p.Tok.Cols, func(first int, part []T) error {
		own = own[:len(part)]
		p.Tok.Read(own, first*p.Tok.Cols)
		for i, v := range own {
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
