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
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// A model file of llm.c: a header of 256 little-endian int32 (magic number, version,
// context, vocabulary, blocks, heads, width, padded vocabulary), then the parameters, each
// for all blocks in turn. Matrices are output×input. The token embedding is padded with
// rows of zeros.
const (
	llmcMagic   = 20240326
	llmcFloat32 = 3    // version of a file of float32
	llmcBF16    = 5    // version of a file of bf16
	llmcHeader  = 1024 // bytes
	llmcPadding = 128  // the padded vocabulary is a multiple of it
	llmcModel   = "model.bin"
)

// IsLLMC says whether the file at path begins with the magic number of a model of llm.c.
func IsLLMC(path string) bool {
	magic := readMagic(path)
	return magic != "" && binary.LittleEndian.Uint32([]byte(magic)) == llmcMagic
}

// InspectLLMC reads the header of a model file of llm.c. It returns the configuration c,
// the type d of the numbers, and the number of rows of the padded token embedding.
func InspectLLMC(path string) (c pedestrian.Config, d safetensors.DType, padded int, err error) {
	file, f, err := openLLMC(path)
	if err != nil {
		return c, "", 0, fmt.Errorf("reading the model: %s: %w", path, err)
	}
	return f.network, f.dtype, f.padded, file.Close()
}

// An llmcFile is a model file whose header has been read and fits the file's size.
type llmcFile struct {
	network pedestrian.Config
	padded  int // rows of the token embedding
	dtype   safetensors.DType
	r       io.ReaderAt
	info    os.FileInfo // as it was when the file was opened
}

// parseLLMC reads the header of a model file of size bytes.
func parseLLMC(r io.ReaderAt, size int64) (*llmcFile, error) {
	var header [llmcHeader]byte
	if size < llmcHeader {
		return nil, fmt.Errorf("the file has %d bytes, and the header alone takes %d: not a model of llm.c, or cut short", size, llmcHeader)
	}
	if _, err := r.ReadAt(header[:], 0); err != nil {
		return nil, err
	}
	number := func(i int) int { return int(int32(binary.LittleEndian.Uint32(header[4*i:]))) }
	if number(0) != llmcMagic {
		return nil, fmt.Errorf("the magic number at offset 0 is %d, not %d: not a model of llm.c", number(0), llmcMagic)
	}
	f := &llmcFile{padded: number(7), r: r}
	switch number(1) {
	case llmcFloat32:
		f.dtype = safetensors.F32
	case llmcBF16:
		f.dtype = safetensors.BF16
	default:
		return nil, fmt.Errorf("version %d at offset 4: %d (float32) and %d (bf16) are read", number(1), llmcFloat32, llmcBF16)
	}
	f.network = pedestrian.Config{
		Context: number(2), Vocab: number(3), Blocks: number(4), Heads: number(5), Width: number(6),
		Activation: pedestrian.GELUTanh, Eps: gptEps, Bias: true, Tied: true,
	}
	if err := f.network.Validate(); err != nil {
		return nil, fmt.Errorf("the header: %w", err)
	}
	if f.padded < f.network.Vocab || f.padded-f.network.Vocab > 1<<16 {
		return nil, fmt.Errorf("a padded vocabulary of %d at offset 28, and %d tokens: it is as large or a little larger", f.padded, f.network.Vocab)
	}
	// This cannot overflow, because Validate bounds the number of parameters.
	want := llmcHeader + int64(f.dtype.Bits()/8)*(int64(f.network.Ledger().Total())+int64(f.padded-f.network.Vocab)*int64(f.network.Width))
	if size != want {
		return nil, fmt.Errorf("the file has %d bytes, and a model of its sizes %d: it was cut short, or is of another kind", size, want)
	}
	return f, nil
}

// LoadLLMC reads a model file of llm.c in float32 or bf16. The result has no tokenizer.
func LoadLLMC[T pedestrian.Float](path string, o LoadOptions) (*Model[T], error) {
	m, err := loadLLMC[T](path, o)
	if err != nil {
		return nil, fmt.Errorf("reading the model: %s: %w", path, err)
	}
	return m, nil
}

// openLLMC opens a model file and reads its header.
func openLLMC(path string) (*os.File, *llmcFile, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	file, err := durable.OpenRegular(root, filepath.Base(path))
	if err != nil {
		return nil, nil, err
	}
	f := new(llmcFile)
	info, err := file.Stat()
	if err == nil {
		f, err = parseLLMC(file, info.Size())
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	f.info = info
	return file, f, nil
}

func loadLLMC[T pedestrian.Float](path string, o LoadOptions) (*Model[T], error) {
	file, f, err := openLLMC(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readModel[T](file, f, o)
}

// readModel reads the numbers of f.
func readModel[T pedestrian.Float](file *os.File, f *llmcFile, o LoadOptions) (*Model[T], error) {
	if err := askMemory[T](file.Name(), f.network, asWide); err != nil {
		return nil, err
	}
	p := pedestrian.NewParams[T](f.network)
	if err := readLLMC(f, p, o); err != nil {
		return nil, err
	}
	now, err := file.Stat()
	if err == nil && (now.Size() != f.info.Size() || !now.ModTime().Equal(f.info.ModTime())) {
		err = fmt.Errorf("it was changed while it was read: try again when it is written")
	}
	return &Model[T]{Params: p}, err
}

// llmcOrder calls visit for every parameter in the order of the file: for each parameter of
// a block, all blocks in turn.
func llmcOrder[T pedestrian.Float](p *pedestrian.Params[T], visit func(s slot, t pedestrian.Tensor[T]) error) error {
	type parameter struct {
		layer string
		role  pedestrian.Role
	}
	var order []parameter
	blocks := map[parameter][]slot{}
	for _, s := range slotsOf(p.Config) {
		q := parameter{s.Layer, s.Role}
		if blocks[q] == nil {
			order = append(order, q)
		}
		blocks[q] = append(blocks[q], s)
	}
	for _, q := range order {
		for _, s := range blocks[q] {
			if err := visit(s, p.Tensor(s.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// readLLMC fills p with the numbers of f.
func readLLMC[T pedestrian.Float](f *llmcFile, p *pedestrian.Params[T], o LoadOptions) error {
	at, size := int64(llmcHeader), f.dtype.Bits()/8
	var buf []byte
	numbers := func(dst []T) error {
		for part := range slices.Chunk(dst, 1<<16) {
			buf = slices.Grow(buf[:0], size*len(part))[:size*len(part)]
			if _, err := f.r.ReadAt(buf, at); err != nil {
				return err
			}
			at += int64(len(buf))
			if err := safetensors.Convert(part, buf, f.dtype); err != nil {
				return err
			}
			for _, v := range part {
				if v-v != 0 && !o.AllowNonfinite {
					return fmt.Errorf("it holds %g: the model is broken", v)
				}
			}
		}
		return nil
	}
	var rows []T
	return llmcOrder(p, func(s slot, t pedestrian.Tensor[T]) error {
		if !s.transposed(false) {
			if err := numbers(t.V); err != nil {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
			if s.Name == "tok.w" {
				at += int64(f.padded-f.network.Vocab) * int64(f.network.Width) * int64(size)
			}
			return nil
		}
		for out := 0; out < t.Cols; out += rowsAtOnce {
			n := min(rowsAtOnce, t.Cols-out)
			rows = slices.Grow(rows[:0], n*t.Rows)[:n*t.Rows]
			if err := numbers(rows); err != nil {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
			for in := range t.Rows {
				to := t.V[in*t.Cols+out:][:n]
				for i := range to {
					to[i] = rows[i*t.Rows+in]
				}
			}
		}
		return nil
	})
}
