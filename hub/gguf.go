package hub

import (
	"fmt"
	"io"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/gguf"
)

// ggufTypes are the types in which models are written, each with llama.cpp's file type: the
// number for a file with mostly matrices of this type.
var ggufTypes = map[gguf.Type]uint32{gguf.F32: 0, gguf.F16: 1, gguf.Q8_0: 7, gguf.BF16: 32}

// ggufArch is the name of llama.cpp's architecture for networks of configuration c, which
// begins the keys of a file.
func ggufArch(c pedestrian.Config) (string, error) {
	if familyOf(c) == &gpt2 {
		return "gpt2", nil
	}
	kind, err := llamaType(c)
	if kind == typeMistral {
		kind = typeLlama // one architecture for both
	}
	return kind, err
}

// SaveGGUF writes m, with its tokenizer, as one file for llama.cpp. Matrices are of type t:
// F32, F16, BF16 or Q8_0. Vectors and the position embedding are F32, as llama.cpp's own
// converter writes them. With Q8_0, a matrix whose rows are not a multiple of 32 long is
// F16. The notes say what llama.cpp will compute in another way, or what is missing in the
// file, one line each. An error says why the format cannot hold m.
func SaveGGUF(path string, m *Model[float32], t gguf.Type) (notes []string, err error) {
	fileType, ok := ggufTypes[t]
	if !ok {
		return nil, fmt.Errorf("writing %s: matrices in %s: choose F32, F16, BF16 or Q8_0", path, t)
	}
	c := m.Params.Config
	if err := checkGGUF(m.Params); err != nil {
		return nil, err
	}
	arch, err := ggufArch(c)
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	if c.Activation == pedestrian.GELU {
		notes = append(notes, "llama.cpp computes GELU by its tanh form, and this network was trained with the exact one: they differ by up to 0.0005 in each feature")
	}
	if Standard(c) != c {
		notes = append(notes, FoldNote)
	}
	if w := c.SlidingWindow; w > 0 && w < c.Context {
		notes = append(notes, fmt.Sprintf("llama.cpp's %s has no window, and this network sees %d tokens: the two agree on texts up to that length", arch, w))
	}
	name := m.Name
	if name == "" {
		name = "pedestrian"
	}
	pairs := []gguf.Pair{
		{Key: "general.architecture", Value: arch},
		{Key: "general.type", Value: "model"},
		{Key: "general.name", Value: name},
		{Key: "general.file_type", Value: fileType},
		{Key: "general.quantization_version", Value: uint32(2)},
		{Key: arch + ".context_length", Value: uint32(c.Context)},
		{Key: arch + ".embedding_length", Value: uint32(c.Width)},
		{Key: arch + ".block_count", Value: uint32(c.Blocks)},
		{Key: arch + ".feed_forward_length", Value: uint32(c.HiddenDim())},
		{Key: arch + ".attention.head_count", Value: uint32(c.Heads)},
	}
	if familyOf(c) == &gpt2 {
		pairs = append(pairs, gguf.Pair{Key: arch + ".attention.layer_norm_epsilon", Value: float32(c.Eps)})
	} else {
		pairs = append(pairs, llamaPairs(c, arch)...)
	}
	pairs = append(pairs, gguf.Pair{Key: arch + ".vocab_size", Value: uint32(c.Vocab)})
	if familyOf(c) == &gpt2 && c.Activation != pedestrian.GELUTanh {
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

// checkGGUF returns an error if llama.cpp's architectures cannot hold p.
func checkGGUF(p *pedestrian.Params[float32]) error {
	if err := checkFormat(HuggingFace, p); err != nil { // llama.cpp has the same networks, but for what follows
		return err
	}
	c := p.Config
	arch, err := ggufArch(c)
	switch {
	case err != nil:
		return err
	case arch == "gpt2" && c.Activation != pedestrian.GELUTanh && c.Activation != pedestrian.GELU:
		return fmt.Errorf("llama.cpp's gpt2 cannot hold this network: its activation is %s, and there it is GELU", c.Activation)
	case arch != "gpt2":
		return checkGGUFLlama(c, arch)
	}
	return nil
}

// ggufEntries are the tensors of the file. ggml's matrices are output×input, and the size
// of a row is first in Dims.
func ggufEntries(p *pedestrian.Params[float32], matrices gguf.Type) (es []gguf.Entry) {
	for _, s := range slotsOf(p.Config) {
		w := viewOf(s, p.Tensor(s.Name))
		e := gguf.Entry{Name: s.llamaCPP, Type: matrices, Dims: s.shape(s.transposed(false))}
		slices.Reverse(e.Dims) // the innermost first
		switch {
		case s.Vec() || s.Layer == "pos":
			e.Type = gguf.F32
		case matrices == gguf.Q8_0 && e.Dims[0]%32 != 0:
			e.Type = gguf.F16
		}
		order := ggufOrder(p.Config, s.part)
		switch {
		case !w.exists(): // llama.cpp needs every bias of a GPT-2
			e.Data = make([]float32, s.Cols)
		case s.transposed(false):
			e.Make = func() []float32 { return reordered(w.transposed(), order) }
		default:
			e.Data = reordered(w.contiguous(), order)
		}
		es = append(es, e)
	}
	if p.Config.Rotation.Scaling == pedestrian.Llama3Scaling {
		divisors := ropeFactors(p.Config)
		es = append(es, gguf.Entry{Name: ropeFreqs, Type: gguf.F32, Dims: []int{len(divisors)}, Data: divisors})
	}
	return es
}
