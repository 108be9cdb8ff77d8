package hub

import (
	"fmt"
	"io"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/gguf"
)

// ggufTypes are the types that models are written in, with llama.cpp's number for a
// file whose matrices mostly are of it.
var ggufTypes = map[gguf.Type]uint32{gguf.F32: 0, gguf.F16: 1, gguf.Q8_0: 7, gguf.BF16: 32}

const ggufArch = "gpt2"

// SaveGGUF writes m as one file that llama.cpp runs, with its tokenizer. Matrices are
// of type t, all else is F32, and the positions too, as llama.cpp's own converter has
// it; in Q8_0, a matrix whose rows are not whole blocks of 32 is F16. The notes are
// what is otherwise there than here, one line each.
func SaveGGUF(path string, m *Model[float32], t gguf.Type) (notes []string, err error) {
	fileType, ok := ggufTypes[t]
	if !ok {
		return nil, fmt.Errorf("writing %s: matrices in %s: choose F32, F16, BF16 or Q8_0", path, t)
	}
	c := m.Params.Config
	if err := expressGGUF(m.Params); err != nil {
		return nil, err
	}
	if c.Activation == pedestrian.GELU {
		notes = append(notes, "llama.cpp computes GELU by its tanh form, and this network was trained with the exact one: they differ by up to 0.0005 in each feature")
	}
	if Standard(c) != c {
		notes = append(notes, FoldNote)
	}
	name := m.Name
	if name == "" {
		name = "pedestrian"
	}
	pairs := []gguf.Pair{
		{Key: "general.architecture", Value: ggufArch},
		{Key: "general.type", Value: "model"},
		{Key: "general.name", Value: name},
		{Key: "general.file_type", Value: fileType},
		{Key: "general.quantization_version", Value: uint32(2)},
		{Key: "gpt2.context_length", Value: uint32(c.Context)},
		{Key: "gpt2.embedding_length", Value: uint32(c.Width)},
		{Key: "gpt2.block_count", Value: uint32(c.Blocks)},
		{Key: "gpt2.feed_forward_length", Value: uint32(c.HiddenDim())},
		{Key: "gpt2.attention.head_count", Value: uint32(c.Heads)},
		{Key: "gpt2.attention.layer_norm_epsilon", Value: float32(c.Eps)},
		{Key: "gpt2.vocab_size", Value: uint32(c.Vocab)},
	}
	if c.Activation != pedestrian.GELUTanh {
		pairs = append(pairs, gguf.Pair{Key: ggufActivation, Value: string(c.Activation)})
	}
	vocabulary, note, err := ggufTokenizer(m)
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	if note != "" {
		notes = append(notes, note)
	}
	pairs = append(pairs, vocabulary...)
	entries := ggufEntries(Folded(m.Params), t)
	return notes, durable.WriteFile(path, func(w io.Writer) error { return gguf.Write(w, pairs, entries) })
}

// expressGGUF says why llama.cpp's gpt2 cannot hold p, or nil.
func expressGGUF(p *pedestrian.Params[float32]) error {
	if err := express(HuggingFace, p); err != nil { // the same network, but for the activation
		return err
	}
	if p.Config.Activation == pedestrian.ReLU {
		return fmt.Errorf("llama.cpp's gpt2 cannot hold this network: its activation is %s, and there it is GELU", p.Config.Activation)
	}
	return nil
}

// ggufEntries are the tensors: ggml's matrices are output×input, their rows innermost.
func ggufEntries(p *pedestrian.Params[float32], matrices gguf.Type) (es []gguf.Entry) {
	for _, s := range slotsOf(p.Config) {
		t := p.Tensor(s.Name)
		e := gguf.Entry{Name: s.llamaCPP, Type: matrices, Dims: s.shape(s.transposed(false)), Data: t.V}
		slices.Reverse(e.Dims) // the innermost first
		switch {
		case s.Vec() || s.Layer == "pos":
			e.Type = gguf.F32
		case matrices == gguf.Q8_0 && e.Dims[0]%32 != 0:
			e.Type = gguf.F16
		}
		switch {
		case t.V == nil: // llama.cpp asks for every bias
			e.Data = make([]float32, s.Cols)
		case s.transposed(false):
			e.Data, e.Make = nil, func() []float32 { return transposed(t) }
		}
		es = append(es, e)
	}
	return es
}
