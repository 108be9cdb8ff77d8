package hub

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// SaveLLMC writes m as a new directory with a model file of llm.c, model.bin, in F32 or
// BF16, and tokenizer.bin if m has a tokenizer. Biases that m does not have are written as
// zeros. Other factors of the scores than 1/√d_h are multiplied into the queries (see
// [Folded]). If llm.c cannot compute the same function as m, nothing is written, and the
// error says why.
func SaveLLMC[T pedestrian.Float](path string, m *Model[T], o SaveOptions) error {
	if o.DType == "" {
		o.DType = safetensors.F32
	}
	if o.DType != safetensors.F32 && o.DType != safetensors.BF16 {
		return fmt.Errorf("writing %s: numbers of type %q: llm.c has F32 and BF16", path, o.DType)
	}
	if err := checkFormat(LLMC, m.Params); err != nil {
		return err
	}
	files := []durable.File{{Name: llmcModel, Write: func(w io.Writer) error { return writeLLMC(w, Folded(m.Params), o.DType) }}}
	if m.Tokenizer != nil {
		files = append(files, durable.File{Name: llmcTokenizer, Write: func(w io.Writer) error { return writeLLMCTokenizer(w, m.Tokenizer) }})
	}
	return durable.WriteFolder(path, files)
}

func writeLLMC[T pedestrian.Float](w io.Writer, p *pedestrian.Params[T], d safetensors.DType) error {
	c := p.Config
	version := map[safetensors.DType]int{safetensors.F32: llmcFloat32, safetensors.BF16: llmcBF16}[d]
	padded := (c.Vocab + llmcPadding - 1) / llmcPadding * llmcPadding
	if err := writeInts(w, llmcMagic, version, c.Context, c.Vocab, c.Blocks, c.Heads, c.Width, padded); err != nil {
		return err
	}
	var buf []byte
	return llmcOrder(p, func(s slot, t pedestrian.Tensor[T]) error {
		data := t.Widened()
		switch {
		case data == nil:
			data = make([]T, s.Cols)
		case s.transposed(false):
			data = transposed(t)
		}
		zeros := 0
		if s.Name == "tok.w" {
			zeros = (padded - c.Vocab) * c.Width
		}
		for _, data := range [][]T{data, make([]T, zeros)} {
			for part := range slices.Chunk(data, 1<<14) {
				var err error
				if buf, err = safetensors.Append(buf[:0], part, d); err != nil {
					return fmt.Errorf("%s: %w", s.Name, err)
				}
				if _, err := w.Write(buf); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// writeInts writes a header of 256 int32: ints, then zeros.
func writeInts(w io.Writer, ints ...int) error {
	header := make([]byte, llmcHeader)
	for i, v := range ints {
		binary.LittleEndian.PutUint32(header[4*i:], uint32(v))
	}
	_, err := w.Write(header)
	return err
}
