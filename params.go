package pedestrian

import "fmt"

// Float is the precision of a network: float32 to train, float64 to check.
type Float interface{ float32 | float64 }

// A Tensor is a named view of a slab: a row-major Rows×Cols matrix, or a vector
// of Cols numbers when Vec is set (then Rows is 1).
type Tensor[T Float] struct {
	Name       string // dotted, such as "block.0.ln1.w"
	Rows, Cols int
	Vec        bool // a gain or a bias
	V          []T  // Rows·Cols numbers; nil when the configuration has no such parameter
}

// Shape is "32x10" for a matrix and "10" for a vector.
func (t Tensor[T]) Shape() string {
	if t.Vec {
		return fmt.Sprint(t.Cols)
	}
	return fmt.Sprintf("%dx%d", t.Rows, t.Cols)
}

// Affine holds the two parameters of a fully connected layer (W is input×output)
// or of a layer normalization (W is the gain, a vector).
type Affine[T Float] struct{ W, B Tensor[T] }

// Block holds the parameters of one transformer block, in the order of table 2.
type Block[T Float] struct {
	LN1      Affine[T] // w_1, b_1
	QKV      Affine[T] // w_q, w_k, w_v of all heads side by side: [q of every head | k of every head | v of every head]
	AttProj  Affine[T] // w_3, b_3
	LN2      Affine[T] // w_5, b_5
	Expand   Affine[T] // w_6, b_6
	Contract Affine[T] // w_8, b_8
}

// Params holds every parameter of a network in one flat slab with named views.
// Gradients and optimizer moments are Params too: ∂L/∂θ has the shape of θ.
//
// Every view starts at a multiple of 16 numbers; the padding between views is
// zero and stays zero.
type Params[T Float] struct {
	Config  Config
	Slab    []T
	Tok     Tensor[T] // w_tok, vocab×width
	Pos     Tensor[T] // w_pos, context×width
	Blocks  []Block[T]
	LNFinal Affine[T] // w_10, b_10
	Logits  Affine[T] // w_11, b_11; W.V is nil when tied, B.V when there is no logits bias
}

// align is the number of elements that every view's start is a multiple of.
const align = 16

// NewParams allocates the parameters of c, all zero. It panics when c is not valid.
func NewParams[T Float](c Config) *Params[T] {
	if err := c.Validate(); err != nil {
		panic("pedestrian.NewParams: " + err.Error())
	}
	p := &Params[T]{Config: c, Blocks: make([]Block[T], c.Blocks)}
	size := p.layout(func(t *Tensor[T], offset int) {})
	p.Slab = make([]T, size)
	hugePages(p.Slab)
	p.layout(func(t *Tensor[T], offset int) {
		n := t.Rows * t.Cols
		t.V = p.Slab[offset : offset+n : offset+n]
	})
	return p
}

// Layout visits every parameter that c has, in the order of the slab, with the place
// of its first number there, and returns the slab's size. It takes no memory for
// them: V of each is nil.
func Layout(c Config, visit func(t Tensor[float32], offset int)) (size int) {
	p := &Params[float32]{Config: c, Blocks: make([]Block[float32], c.Blocks)}
	return p.layout(func(t *Tensor[float32], offset int) { visit(*t, offset) })
}

// layout visits every parameter that c has with its offset in the slab, in
// slab order, and returns the slab's size.
func (p *Params[T]) layout(visit func(t *Tensor[T], offset int)) (size int) {
	c := p.Config
	at := func(t *Tensor[T], present bool, name string, rows, cols int, vec bool) {
		*t = Tensor[T]{Name: name, Rows: rows, Cols: cols, Vec: vec}
		if present {
			visit(t, size)
			size += (rows*cols + align - 1) / align * align
		}
	}
	matrix := func(t *Tensor[T], name string, rows, cols int) { at(t, true, name, rows, cols, false) }
	norm := func(a *Affine[T], name string) {
		at(&a.W, true, name+".w", 1, c.Width, true)
		at(&a.B, c.Bias, name+".b", 1, c.Width, true)
	}
	linear := func(a *Affine[T], name string, rows, cols int) {
		matrix(&a.W, name+".w", rows, cols)
		at(&a.B, c.Bias, name+".b", 1, cols, true)
	}
	matrix(&p.Tok, "tok.w", c.Vocab, c.Width)
	matrix(&p.Pos, "pos.w", c.Context, c.Width)
	for i := range p.Blocks {
		b, name := &p.Blocks[i], fmt.Sprintf("block.%d.", i)
		norm(&b.LN1, name+"ln1")
		linear(&b.QKV, name+"qkv", c.Width, c.QKVDim())
		linear(&b.AttProj, name+"attProj", c.Width, c.Width)
		norm(&b.LN2, name+"ln2")
		linear(&b.Expand, name+"expand", c.Width, c.HiddenDim())
		linear(&b.Contract, name+"contract", c.HiddenDim(), c.Width)
	}
	norm(&p.LNFinal, "lnFinal")
	at(&p.Logits.W, !c.Tied, "logits.w", c.Width, c.Vocab, false)
	at(&p.Logits.B, c.LogitsBias, "logits.b", 1, c.Vocab, true)
	return size
}

// Tensors returns the views of every parameter that the configuration has, in
// slab order.
func (p *Params[T]) Tensors() []Tensor[T] {
	var ts []Tensor[T]
	add := func(as ...Affine[T]) {
		for _, a := range as {
			for _, t := range []Tensor[T]{a.W, a.B} {
				if t.V != nil {
					ts = append(ts, t)
				}
			}
		}
	}
	ts = append(ts, p.Tok, p.Pos)
	for _, b := range p.Blocks {
		add(b.LN1, b.QKV, b.AttProj, b.LN2, b.Expand, b.Contract)
	}
	add(p.LNFinal, p.Logits)
	return ts
}

// Count is the number of parameters, padding not counted.
func (p *Params[T]) Count() (n int) {
	for _, t := range p.Tensors() {
		n += len(t.V)
	}
	return n
}

// Zero sets every parameter to zero.
func (p *Params[T]) Zero() { clear(p.Slab) }

// Convert copies src into dst, number by number. It panics when the
// configurations differ.
func Convert[T, S Float](dst *Params[T], src *Params[S]) {
	if dst.Config != src.Config {
		panic(fmt.Sprintf("pedestrian.Convert: configurations differ: %+v and %+v", dst.Config, src.Config))
	}
	for i, v := range src.Slab {
		dst.Slab[i] = T(v)
	}
}
