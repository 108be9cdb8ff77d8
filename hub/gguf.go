package hub

import (
	"fmt"
	"io"
	"strconv"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gguf"
)

// ggufTypes are the types that models are written in, with llama.cpp's number for a
// file whose matrices mostly are of it.
var ggufTypes = map[gguf.Type]uint32{gguf.F32: 0, gguf.F16: 1, gguf.Q8_0: 7, gguf.BF16: 32}

const ggufArch = "gpt2"

// ggufBlock is what llama.cpp calls the layers of a block.
var ggufBlock = map[string]string{
	"ln1": "attn_norm", "qkv": "attn_qkv", "attProj": "attn_output", "ln2": "ffn_norm", "expand": "ffn_up", "contract": "ffn_down",
}

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
	return notes, writeOne(path, func(w io.Writer) error { return gguf.Write(w, pairs, entries) })
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
func ggufEntries(p *pedestrian.Params[float32], t gguf.Type) (es []gguf.Entry) {
	c := p.Config
	matrix := func(name string, in, out int, kind gguf.Type, e gguf.Entry) {
		if kind == gguf.Q8_0 && in%32 != 0 {
			kind = gguf.F16
		}
		e.Name, e.Type, e.Dims = name+".weight", kind, []int{in, out}
		es = append(es, e)
	}
	vector := func(name string, t pedestrian.Tensor[float32], n int) {
		if t.V == nil { // llama.cpp asks for every bias
			t.V = make([]float32, n)
		}
		es = append(es, gguf.Entry{Name: name, Type: gguf.F32, Dims: []int{n}, Data: t.V})
	}
	affine := func(name string, a pedestrian.Affine[float32]) {
		if a.W.Vec() {
			vector(name+".weight", a.W, a.W.Cols)
		} else {
			matrix(name, a.W.Rows, a.W.Cols, t, gguf.Entry{Make: func() []float32 { return transposed(a.W) }})
		}
		vector(name+".bias", a.B, a.W.Cols)
	}
	matrix("token_embd", c.Width, c.Vocab, t, gguf.Entry{Data: p.Tok.V})
	matrix("position_embd", c.Width, c.Context, gguf.F32, gguf.Entry{Data: p.Pos.V})
	for i, b := range p.Blocks {
		name := "blk." + strconv.Itoa(i) + "."
		affine(name+ggufBlock["ln1"], b.LN1)
		affine(name+ggufBlock["qkv"], b.QKV)
		affine(name+ggufBlock["attProj"], b.AttProj)
		affine(name+ggufBlock["ln2"], b.LN2)
		affine(name+ggufBlock["expand"], b.Expand)
		affine(name+ggufBlock["contract"], b.Contract)
	}
	affine("output_norm", p.LNFinal)
	if !c.Tied {
		matrix("output", c.Width, c.Vocab, t, gguf.Entry{Make: func() []float32 { return transposed(p.Logits.W) }})
	}
	return es
}
