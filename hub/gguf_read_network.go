package hub

import (
	"fmt"
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gguf"
)

// ggufActivation is a key of this module, for a network that was trained with another
// activation than the tanh form of GELU. llama.cpp's gpt2 ignores it and computes the tanh
// form; reading the file here restores the activation.
const ggufActivation = "pedestrian.activation"

// network reads the configuration.
func (g *GGUF) network() error {
	kind, err := g.text("general.type")
	switch {
	case err != nil:
		return err
	case kind == "adapter":
		return fmt.Errorf("it is an adapter, not a network: name its base, and put it beside that (--adapter)")
	case kind != "model" && kind != "":
		return fmt.Errorf("general.type is %.40q: only \"model\" is read", kind)
	}
	if g.arch, err = g.text("general.architecture"); err != nil {
		return err
	}
	if !slices.Contains([]string{"gpt2", typeLlama, typeQwen2, typeQwen3}, g.arch) {
		return fmt.Errorf("general.architecture is %.40q: gpt2, llama, qwen2 and qwen3 are read", g.arch)
	}
	if g.Name, err = g.text("general.name"); err != nil {
		return err
	}
	n := &g.Network
	for _, f := range []struct {
		key string
		to  *int
	}{
		{"context_length", &n.Context}, {"embedding_length", &n.Width}, {"block_count", &n.Blocks}, {"feed_forward_length", &n.Hidden}, {"attention.head_count", &n.Heads},
	} {
		v, err := g.whole(g.arch+"."+f.key, -1)
		if err != nil {
			return err
		}
		*f.to = int(v)
	}
	if n.Hidden == 4*n.Width {
		n.Hidden = 0
	}
	if g.arch == "gpt2" {
		err = g.gpt2()
	} else {
		err = g.llama()
	}
	if err != nil {
		return err
	}
	t, ok := g.in.Tensor("token_embd.weight")
	if !ok || len(t.Dims) != 2 || t.Dims[1] == 0 || t.Dims[1] > math.MaxInt32 {
		return fmt.Errorf("the tensor token_embd.weight, a row a token, is missing or of another shape")
	}
	n.Vocab, n.Tied = int(t.Dims[1]), true
	if n.Tied, err = g.tied(t); err != nil {
		return err
	}
	return n.Validate()
}

// gpt2 reads what the architecture gpt2 alone has.
func (g *GGUF) gpt2() (err error) {
	n := &g.Network
	n.Bias, n.Activation = true, pedestrian.GELUTanh
	if own, err := g.text(ggufActivation); err != nil {
		return err
	} else if own != "" {
		n.Activation = pedestrian.Activation(own)
	}
	if n.Eps, err = g.number(g.arch+".attention.layer_norm_epsilon", math.NaN()); err != nil {
		return err
	}
	for _, key := range []string{"attention.key_length", "attention.value_length"} {
		if v, err := g.whole(g.arch+"."+key, 0); err != nil {
			return err
		} else if v != 0 && n.Heads > 0 && int(v)*n.Heads != n.Width {
			return fmt.Errorf("%s.%s is %d, and %d heads have a width of %d: heads of other sizes are not read", g.arch, key, v, n.Heads, n.Width)
		}
	}
	return nil
}

// tied says whether the logits are tied: their matrix is absent, or equal to the token
// embedding, as earlier converters wrote it.
func (g *GGUF) tied(embedding gguf.Tensor) (bool, error) {
	head, ok := g.in.Tensor("output.weight")
	if !ok {
		return true, nil
	}
	if !slices.Equal(head.Dims, embedding.Dims) {
		return false, nil // bind reports the wrong shape
	}
	width := int64(embedding.Dims[0])
	rows := max(1, (1<<18)/max(1, width))
	for at, end := int64(0), embedding.Elements(); at < end; {
		n := min(rows*width, end-at)
		a, b := make([]float32, n), make([]float32, n)
		if err := g.in.DecodeAt(a, embedding, at); err != nil {
			return false, err
		}
		if err := g.in.DecodeAt(b, head, at); err != nil {
			return false, err
		}
		if !slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) }) {
			return false, nil
		}
		at += n
	}
	return true, nil
}

// bind finds the tensor of each parameter.
func (g *GGUF) bind() error {
	n := g.Network
	if n.Blocks > len(g.in.Tensors) {
		return fmt.Errorf("%s.block_count is %d, and there are %d tensors in all", g.arch, n.Blocks, len(g.in.Tensors))
	}
	byName := make(map[string]gguf.Tensor, len(g.in.Tensors))
	for _, t := range g.in.Tensors {
		byName[t.Name] = t
	}
	for _, s := range slotsOf(n) {
		name := s.llamaCPP
		t, ok := byName[name]
		delete(byName, name)
		var want []uint64
		for _, size := range slices.Backward(s.shape(s.transposed(false))) {
			want = append(want, uint64(size))
		}
		for ok && len(t.Dims) > len(want) && t.Dims[len(t.Dims)-1] == 1 { // some programs append sizes of 1
			t.Dims = t.Dims[:len(t.Dims)-1]
		}
		switch {
		case !ok:
			return fmt.Errorf("tensor %s is missing", name)
		case !slices.Equal(t.Dims, want):
			return fmt.Errorf("tensor %s is %v, the innermost first, and %v by the sizes of the network", name, t.Dims, want)
		case !slices.Contains([]gguf.Type{gguf.F32, gguf.F16, gguf.BF16, gguf.Q8_0}, t.Type):
			return fmt.Errorf("tensor %s is of type %s: F32, F16, BF16 and Q8_0 are read: convert the model again with one of these", name, t.Type)
		}
		g.Ours[name] = s.ours()
		g.bound = append(g.bound, bound{t, s})
	}
	if _, ok := byName["output.weight"]; ok && n.Tied {
		g.Ours["output.weight"] = "tok.w"
		delete(byName, "output.weight")
	}
	if g.arch != "gpt2" {
		delete(byName, ropeFreqs) // rotation has read it
	}
	for _, t := range g.in.Tensors { // report the first tensor that is not a parameter
		if _, left := byName[t.Name]; left {
			return fmt.Errorf("tensor %.80q is not of a %s with %d blocks", t.Name, familyOf(n).title, n.Blocks)
		}
	}
	return nil
}
