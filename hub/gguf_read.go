package hub

import (
	"encoding/binary"
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

// A GGUF is an open file of llama.cpp with a model. Its header has been read. Of its
// numbers at most the token embedding and the logits matrix have been read, to see whether
// they are equal.
type GGUF struct {
	Path      string            // as given to OpenGGUF
	Network   pedestrian.Config // the configuration
	Tokenizer *token.Tokenizer  // nil if the file has none that can be read
	EOS, BOS  []int32           // tokens that end and begin a text
	Name      string            // general.name, "" if there is none
	Notes     []string          // what was read in another way than the file says, one sentence each
	Ours      map[string]string // our names of its tensors

	arch  string
	file  *os.File
	info  os.FileInfo // as it was when the file was opened
	in    *gguf.File
	bound []bound
}

// A bound is a tensor of a file with the parameter that it is.
type bound struct {
	in gguf.Tensor
	slot
}

// IsGGUF says whether the file at path begins with the magic number of GGUF.
func IsGGUF(path string) bool { return readMagic(path) == "GGUF" }

// OpenGGUF opens a network in GGUF and reads its header. The network must be of the
// architecture gpt2, llama, qwen2 or qwen3, as [SaveGGUF] and llama.cpp's converter write
// it; anything else is an error that says why.
// Close the result after use.
func OpenGGUF(path string) (*GGUF, error) {
	file, err := openRegular(path)
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

// openRegular opens the file at path, which must be a regular one.
func openRegular(path string) (*os.File, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return durable.OpenRegular(root, filepath.Base(path))
}

// read reads the header of a file of size bytes: configuration, tensors and tokenizer.
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

// LoadGGUF reads a network in GGUF, in float32; for what it accepts see [OpenGGUF].
func LoadGGUF(path string, o LoadOptions) (*Model[float32], error) {
	g, err := OpenGGUF(path)
	if err != nil {
		return nil, err
	}
	defer g.Close()
	if err := askMemory[float32](path, g.Network, g.storage(o)); err != nil {
		return nil, err
	}
	p, err := g.numbers(o)
	if err != nil {
		return nil, fmt.Errorf("reading the model: %s: %w", path, err)
	}
	return &Model[float32]{Params: p, Tokenizer: g.Tokenizer, EOS: g.EOS, BOS: g.BOS, Name: g.Name, Notes: g.Notes}, nil
}

// storage says how the parameters are kept.
func (g *GGUF) storage(o LoadOptions) func(s pedestrian.Slot) pedestrian.Storage {
	k := kept{}
	if o.Frozen || o.Q8 {
		for _, b := range g.bound {
			k.part(b.Name, ggufNarrowTypes[b.in.Type])
		}
	}
	return o.quantized(k.storage)
}

// ggufNarrowTypes are the types of files that parameters can be kept in.
var ggufNarrowTypes = map[gguf.Type]pedestrian.Storage{gguf.BF16: pedestrian.BF16, gguf.F16: pedestrian.F16, gguf.Q8_0: pedestrian.Q8}

// numbers reads the parameters.
func (g *GGUF) numbers(o LoadOptions) (*pedestrian.Params[float32], error) {
	p := pedestrian.NewFrozen[float32](g.Network, g.storage(o))
	var buf []float32
	for _, b := range g.bound {
		w := viewOf(b.slot, p.Tensor(b.Name))
		rows, cols := w.rows, w.cols // in the file
		if b.transposed(false) {
			rows, cols = cols, rows
		}
		order := ggufOrder(g.Network, b.part)
		place := placed(order)
		if w.isBlocks() && b.in.Type == gguf.Q8_0 {
			if err := g.blocks(w, b.in, rows, place, o); err != nil {
				return nil, err
			}
			continue
		}
		for row := 0; row < rows; row += rowsAtOnce {
			n := min(rowsAtOnce, rows-row)
			buf = slices.Grow(buf[:0], n*cols)[:n*cols]
			if err := g.in.DecodeAt(buf, b.in, int64(row)*int64(cols)); err != nil {
				return nil, err
			}
			for _, v := range buf {
				if v-v != 0 && !o.AllowNonfinite {
					return nil, fmt.Errorf("tensor %s holds %g: the model is broken", b.in.Name, v)
				}
			}
			switch {
			case w.isBlocks():
				for r := range n {
					if err := w.putLine(place(row+r), 0, buf[r*cols:][:cols]); err != nil {
						return nil, fmt.Errorf("tensor %s in q8_0: %w", b.in.Name, err)
					}
				}
			case b.transposed(false) && order == nil:
				w.put(row, buf)
			case b.transposed(false):
				for r := range n { // rows of the file are columns
					w.put(place(row+r), buf[r*cols:][:cols])
				}
			case w.rows == 1:
				for i, v := range buf {
					w.v[place(i)] = v
				}
			default:
				for r := range n {
					w.set((row+r)*w.stride, buf[r*cols:][:cols])
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

// blocks reads the blocks of in to w. Each of its rows is a line of w, at its place.
func (g *GGUF) blocks(w view[float32], in gguf.Tensor, rows int, place func(row int) int, o LoadOptions) error {
	perRow := int(in.Dims[0]) / pedestrian.BlockLen
	size := perRow * pedestrian.BlockBytes
	buf := make([]byte, min(rowsAtOnce, rows)*size)
	for row := 0; row < rows; row += rowsAtOnce {
		part := buf[:min(rowsAtOnce, rows-row)*size]
		if err := g.in.Blocks(part, in, int64(row)*int64(perRow)); err != nil {
			return err
		}
		for at := 0; at < len(part); at += pedestrian.BlockBytes {
			if scale := binary.LittleEndian.Uint16(part[at:]); scale&0x7c00 == 0x7c00 && !o.AllowNonfinite {
				return fmt.Errorf("tensor %s holds a scale that is infinite or not a number: the model is broken", in.Name)
			}
		}
		for r := range len(part) / size {
			w.narrow.SetBlocks(w.from+place(row+r), 0, part[r*size:][:size])
		}
	}
	return nil
}

// placed is the inverse of an order of [ggufOrder]: the column of a row of the file.
func placed(order []int) func(row int) int {
	if order == nil {
		return func(row int) int { return row }
	}
	columns := make([]int, len(order))
	for column, row := range order {
		columns[row] = column
	}
	return func(row int) int { return columns[row] }
}
