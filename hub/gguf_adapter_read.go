package hub

import (
	"fmt"
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gguf"
	"github.com/pedestrian-ml/pedestrian/internal/memory"
)

// IsAdapterGGUF says whether path is a file in GGUF whose header says that it is an adapter.
func IsAdapterGGUF(path string) bool {
	if !IsGGUF(path) {
		return false
	}
	g, err := openAdapterGGUF(path)
	if err != nil {
		return false
	}
	defer g.Close()
	kind, err := g.text("general.type")
	return err == nil && kind == "adapter"
}

// LoadAdapterGGUF reads an adapter in GGUF for base, as llama.cpp's converter, its option
// --lora and [SaveAdapterGGUF] have it: factors of layers of base in F32, F16, BF16 or Q8_0.
// llama.cpp multiplies a layer's update by α/r, and by 1 where α is 0. A tensor that is not
// of base, and a kind of adapter other than LoRA, is an error. An adapter that SaveAdapterGGUF
// wrote with the hash of its base is restored exactly, if all of its layers had one α.
func LoadAdapterGGUF(path string, base *pedestrian.Params[float32]) (*Adapter, error) {
	g, err := openAdapterGGUF(path)
	if err != nil {
		return nil, fmt.Errorf("reading the adapter: %w", err)
	}
	defer g.Close()
	a, err := g.adapter(base)
	if err != nil {
		return nil, fmt.Errorf("reading the adapter: %s: %w", path, err)
	}
	return a, nil
}

// openAdapterGGUF opens the file and reads its header, of any kind.
func openAdapterGGUF(path string) (*GGUF, error) {
	file, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	g := &GGUF{Path: path, file: file}
	if g.info, err = file.Stat(); err == nil {
		g.in, err = gguf.Read(file, g.info.Size())
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return g, nil
}

// checkAdapter returns α, or an error if the header is not that of an adapter that can be
// read. It does not check the tensors, which must fit a base.
func (g *GGUF) checkAdapter() (alpha float64, err error) {
	for _, f := range [][2]string{{"general.type", "adapter"}, {"adapter.type", "lora"}} {
		if is, err := g.text(f[0]); err != nil {
			return 0, err
		} else if is != f[1] {
			return 0, fmt.Errorf("%s is %.40q: only %q is an adapter that is read", f[0], is, f[1])
		}
	}
	if _, ok := g.in.Lookup("adapter.alora.invocation_tokens"); ok {
		return 0, fmt.Errorf("it is an activated LoRA (adapter.alora.invocation_tokens), which starts in the middle of a text: that is not read")
	}
	if alpha, err = g.number("adapter.lora.alpha", 0); err == nil && alpha-alpha != 0 {
		err = fmt.Errorf("adapter.lora.alpha is %g", alpha)
	}
	return alpha, err
}

// The two tensors of a layer have its name and these endings.
const (
	ggufDown = ".weight.lora_a"
	ggufUp   = ".weight.lora_b"
)

// adapter reads the adapter for base.
func (g *GGUF) adapter(base *pedestrian.Params[float32]) (*Adapter, error) {
	alpha, err := g.checkAdapter()
	if err != nil {
		return nil, err
	}
	c := base.Config
	if err := checkBase(c); err != nil {
		return nil, err
	}
	arch, err := g.text("general.architecture")
	if err != nil {
		return nil, err
	}
	if want, err := ggufArch(c); err != nil {
		return nil, err
	} else if arch != want {
		return nil, fmt.Errorf("general.architecture is %.40q, and the base is of %q: an adapter of another base", arch, want)
	}
	shape, has, err := g.adapterShape(c, alpha)
	if err != nil {
		return nil, err
	}
	if n := int64(shape.Ledger(c).Total()); n > g.info.Size() { // a number has a byte at least
		return nil, fmt.Errorf("an adapter of its ranks has %d numbers, and the file %d bytes", n, g.info.Size())
	} else if err := memory.Ask(4*n, fmt.Sprintf("its %d numbers need", n), "take one of a lower rank"); err != nil {
		return nil, err
	}
	r := &peftReader{base: base, adapter: pedestrian.NewAdapter[float32](c, shape)}
	for _, m := range has {
		if err := g.factors(m, r.adapter.LoRA(max(m.block, 0), m.target), c); err != nil {
			return nil, err
		}
	}
	texts := [3]string{}
	for i, key := range []string{"general.base_model.0.name", metaBase, metaAdapter} {
		if texts[i], err = g.text(key); err != nil {
			return nil, err
		}
	}
	if texts[2] != "" {
		err = r.restore(texts[2])
	}
	return &Adapter{Adapter: r.adapter, BaseName: texts[0], BaseSHA256: texts[1], Notes: r.notes}, err
}

// adapterShape is the configuration of the adapter of a network of configuration c, and the
// layers that have factors.
func (g *GGUF) adapterShape(c pedestrian.Config, alpha float64) (shape pedestrian.AdapterConfig, has []module, err error) {
	known := map[string]bool{}
	p := peftConfig{ranks: map[string]int{}, alphas: map[string]float64{}}
	for _, m := range modulesOf(c) {
		down, ok := g.in.Tensor(m.llamaCPP + ggufDown)
		up, both := g.in.Tensor(m.llamaCPP + ggufUp)
		if ok != both {
			return shape, nil, fmt.Errorf("%s has one of lora_a and lora_b, and the other is missing", m.llamaCPP)
		}
		if !ok || m.block < 0 && c.Tied {
			continue // with tied logits this is no layer, and is told below
		}
		l := c.Linear(max(m.block, 0), m.target)
		for _, t := range []struct {
			gguf.Tensor
			inner, outer uint64
		}{{down, uint64(l.In), 0}, {up, 0, uint64(l.Out)}} {
			if len(t.Dims) != 2 || t.inner > 0 && t.Dims[0] != t.inner || t.outer > 0 && t.Dims[1] != t.outer {
				return shape, nil, fmt.Errorf("tensor %s is %v, the innermost first, and does not fit a layer of %d inputs and %d outputs", t.Name, t.Dims, l.In, l.Out)
			}
			if !slices.Contains([]gguf.Type{gguf.F32, gguf.F16, gguf.BF16, gguf.Q8_0}, t.Type) {
				return shape, nil, fmt.Errorf("tensor %s is of type %s: F32, F16, BF16 and Q8_0 are read", t.Name, t.Type)
			}
			known[t.Name] = true
		}
		rank := down.Dims[1]
		if rank != up.Dims[0] || rank < 1 || rank > math.MaxInt32 {
			return shape, nil, fmt.Errorf("%s has a rank of %d in lora_a and %d in lora_b", m.llamaCPP, rank, up.Dims[0])
		}
		if len(has) == 0 {
			p.rank, p.alpha = int(rank), alpha
			if alpha == 0 {
				p.alpha = float64(rank)
			}
		}
		has = append(has, m)
		if p.ranks["^"+m.name] = int(rank); alpha == 0 {
			p.alphas["^"+m.name] = float64(rank)
		}
	}
	for _, t := range g.in.Tensors {
		if !known[t.Name] {
			return shape, nil, fmt.Errorf("tensor %.80q is of no layer of the base that can be adapted", t.Name)
		}
	}
	if len(has) == 0 {
		return shape, nil, fmt.Errorf("it has no tensors")
	}
	shape, err = p.config(c, has)
	return shape, has, err
}

// factors reads the factors of one layer: lora_a is r×input, and lora_b output×r, whose rows
// are in llama.cpp's order.
func (g *GGUF) factors(m module, l *pedestrian.LoRA[float32], c pedestrian.Config) error {
	in, out, rank := l.Down.Rows, l.Up.Cols, l.Down.Cols
	for _, f := range []struct {
		ending     string
		to         []float32
		rows, cols int
		order      []int
	}{{ggufDown, l.Down.V, rank, in, nil}, {ggufUp, l.Up.V, out, rank, ggufOrder(c, m.part)}} {
		t, _ := g.in.Tensor(m.llamaCPP + f.ending)
		v := make([]float32, len(f.to))
		if err := g.in.DecodeAt(v, t, 0); err != nil {
			return err
		}
		if slices.ContainsFunc(v, func(x float32) bool { return x-x != 0 }) {
			return fmt.Errorf("tensor %s is not finite: the adapter is broken", t.Name)
		}
		transpose(f.to, restored(v, f.order), f.rows, f.cols)
	}
	return nil
}

// restored is the inverse of reordered: row i of the result is row order[i] of rows.
func restored(rows []float32, order []int) []float32 {
	if order == nil {
		return rows
	}
	out, n := make([]float32, len(rows)), len(rows)/len(order)
	for i, from := range order {
		copy(out[i*n:][:n], rows[from*n:][:n])
	}
	return out
}
