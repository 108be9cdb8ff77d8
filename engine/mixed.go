package engine

import (
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// Precision says in what the operands of the large products are held.
type Precision string

const (
	Float32 Precision = "float32" // what the parameters are in: nothing is rounded
	BF16    Precision = "bf16"    // mixed: operands rounded to bf16, sums and all else float32
)

// In mixed precision the operands of every product of a fully connected layer,
// forward and backward, are rounded to bf16 (to nearest, ties to even) just before
// it, and the sums are float32. Parameters, gradients, moments, the residual
// stream, normalization, attention, g and the loss are float32 throughout, and so
// are adapters. With r for rounding, (T2) and (T3) become
//
//	a_i = r(a_{i-1}) r(w) + b̃,  Δ_{i-1} = r(Δ_i) r(w)ᵗ,  ∂L/∂w = r(a_{i-1})ᵗ r(Δ_i)

// mixed is a weight rounded and laid out for products, once for each step of the
// optimizer, with the operands that meet it.
type mixed struct {
	w *kernel.PackedBF16
	*operands
}

// operands holds the left operands of the product in work; all layers share it.
type operands struct {
	x, dy kernel.MatBF16 // rounded a_{i-1} and Δ_i, as large as the largest
	task  roundRows
}

// is32 says whether T is float32.
func is32[T Float]() bool {
	_, ok := any((*T)(nil)).(*float32)
	return ok
}

// as32 is m as the matrix of float32 that it is in mixed precision.
func as32[T Float](m Mat[T]) Mat[float32] {
	m32, _ := any(&m).(*Mat[float32])
	return *m32
}

func vec32[T Float](v []T) []float32 {
	v32, _ := any(&v).(*[]float32)
	return *v32
}

// shaped is a matrix at the start of buf.
func shaped(buf kernel.MatBF16, rows, cols int) kernel.MatBF16 {
	stride := strideBF16(cols)
	return kernel.MatBF16{Rows: rows, Cols: cols, Stride: stride, V: buf.V[:rows*stride]}
}

// strideBF16 is an odd number of cache lines, so that a column of many rows
// spreads over the sets of a cache.
func strideBF16(cols int) int { return ((cols+31)/32 | 1) * 32 }

// forward sets y to r(x) r(w) plus bias, or adds that to y.
func (m *mixed) forward(p *Pool, y, x Mat[float32], bias []float32, add bool) {
	kernel.MulPacked(p, y, m.task.run(p, shaped(m.x, x.Rows, x.Cols), x), m.w, bias, add)
}

// error sets dx to r(dy) r(w)ᵗ.
func (m *mixed) error(p *Pool, dx, dy Mat[float32]) {
	kernel.MulPackedT(p, dx, m.task.run(p, shaped(m.dy, dy.Rows, dy.Cols), dy), m.w, false)
}

// grad adds r(x)ᵗ r(dy) to dw, or sets dw to it. error comes first, which rounds dy.
func (m *mixed) grad(p *Pool, dw, dy, x Mat[float32], add bool) {
	kernel.MulTNBF16(p, dw, m.task.run(p, shaped(m.x, x.Rows, x.Cols), x), shaped(m.dy, dy.Rows, dy.Cols), add)
}

// roundRows is the task of rounding a matrix.
type roundRows struct {
	dst kernel.MatBF16
	src Mat[float32]
}

func (r *roundRows) run(p *Pool, dst kernel.MatBF16, src Mat[float32]) kernel.MatBF16 {
	r.dst, r.src = dst, src
	p.Run(rowParts(src.Rows), r)
	return dst
}

func (r *roundRows) Do(_ *kernel.Pool, part int) {
	from, to := rowRange(part, r.src.Rows)
	for t := from; t < to; t++ {
		kernel.RoundBF16(r.dst.Row(t), r.src.Row(t))
	}
}

// packedWeights are the weights of a network in mixed precision.
type packedWeights struct {
	operands
	packed []packedWeight
	train  bool // there is room for backward passes
	stale  bool // the parameters have changed since
}

type packedWeight struct {
	from Mat[float32]
	to   *kernel.PackedBF16
}

// mix makes room for passes of that many tokens, and backward passes if train, and
// gives every layer its packed weight.
func (n *Network[T]) mix(rows int, train bool) {
	w, s := &n.mixed, n.o.shape(n.params.Config, nil)
	s.rows = rows
	x, dy := s.operands(train || w.train)
	if len(w.x.V) < x {
		w.x = kernel.NewMatBF16(1, x)
	}
	if len(w.dy.V) < dy {
		w.dy = kernel.NewMatBF16(1, dy)
	}
	if w.packed != nil && (w.train || !train) {
		return
	}
	w.packed, w.train, w.stale = nil, train, true
	add := func(m Mat[T], nn, nt bool) *mixed {
		to := kernel.NewPackedBF16(m.Rows, m.Cols, nn, nt)
		w.packed = append(w.packed, packedWeight{as32(m), to})
		return &mixed{to, &w.operands}
	}
	for i := range n.blocks {
		b := &n.blocks[i]
		for _, l := range []*FC[T]{&b.qkv.FC, &b.attProj.FC, &b.expand.FC, &b.contract.FC} {
			l.mixed = add(l.W, true, train)
		}
	}
	if l := &n.logits; l.W.V != nil {
		l.mixed = add(l.W, true, train)
	} else {
		l.mixed = add(l.Tok, train, true)
	}
}

// operands is how many numbers the largest r(a_{i-1}) and r(Δ_i) have.
func (s shape) operands(train bool) (x, dy int) {
	x = s.rows * strideBF16(max(s.Width, s.HiddenDim()))
	if train {
		dy = max(s.rows*strideBF16(max(s.Width, s.HiddenDim(), s.QKVDim())), s.chunk*strideBF16(s.Vocab))
	}
	return x, dy
}

// mixedBytes is what mix(rows, true) takes.
func (s shape) mixedBytes() (bytes int64) {
	x, dy := s.operands(true)
	bytes = saturated(0, 2, saturated(int64(x), 1, int64(dy)))
	packed := func(times, rows, cols int) {
		size := saturated(0, int64(rows), int64(cols))
		if kernel.Current() == kernel.AMX { // whole tiles, in both layouts
			size = saturated(0, 2*int64((rows+31)/32*32), int64((cols+31)/32*32))
		}
		bytes = saturated(bytes, 2*int64(times), size)
	}
	packed(s.Blocks, s.Width, s.QKVDim())
	packed(s.Blocks, s.Width, s.Width)
	packed(2*s.Blocks, s.Width, s.HiddenDim())
	packed(1, s.Width, s.Vocab)
	return bytes
}

// Changed says that parameters were changed other than by AdamW, so that a network
// in mixed precision rounds its weights again.
func (n *Network[T]) Changed() { n.mixed.stale = true }

// round brings the packed weights up to date.
func (n *Network[T]) round() {
	if !n.mixed.stale {
		return
	}
	for _, w := range n.mixed.packed {
		w.to.Pack(n.pool, w.from)
	}
	n.mixed.stale = false
}
