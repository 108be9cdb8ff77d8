package engine

import (
	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// Precision is the number format of the operands of the large products.
type Precision string

const (
	Float32 Precision = "float32" // that of the parameters: nothing is rounded
	BF16    Precision = "bf16"    // mixed precision: operands are rounded to bf16; sums and everything else are float32

	// BF16x3 rounds nothing. A frozen weight that is held in bf16 is multiplied by three bf16
	// numbers that add up to the float32 of the other operand; products are exact, sums
	// float32. Other weights are as with Float32. The results are as accurate as those of
	// Float32 and have other bits. It is for processors whose products of bf16 are more than
	// three times as fast (AMX).
	BF16x3 Precision = "bf16x3"
)

// takesBF16 says whether operands of products become bf16 numbers.
func (p Precision) takesBF16() bool { return p == BF16 || p == BF16x3 }

// In mixed precision the operands of every product of a fully connected layer,
// forward and backward, are rounded to bf16 (to nearest, ties to even) just before
// the product; the sums are float32. Parameters, gradients, moments, the residual
// stream, normalization, attention, g, the loss and adapters stay float32. With r for
// rounding, (T2) and (T3) become
//
//	a_i = r(a_{i-1}) r(w) + b̃,  Δ_{i-1} = r(Δ_i) r(w)ᵗ,  ∂L/∂w = r(a_{i-1})ᵗ r(Δ_i)

// mixed is a weight, rounded and packed for products once for each step of the
// optimizer, with the buffers for the other operands of its products.
type mixed struct {
	w *kernel.PackedBF16
	*operands
}

// operands holds the rounded operands of the current products. All layers share it.
type operands struct {
	x, dy, dh slot           // rounded a_{i-1}; rounded Δ_i; rounded Δ_i of a layer inside a branch
	dyRounded kernel.MatBF16 // set by backwardInput, read by backwardWeights
	task      roundRows      // it splits operands instead of rounding them with BF16x3
}

// each calls product with m rounded, in the buffer of s. Where operands are split it does so
// with each part of m, the smallest first, for products that add up: add says whether
// there was one before.
func (o *operands) each(p *kernel.Pool, s *slot, m Mat[float32], product func(m kernel.MatBF16, add bool)) {
	if !o.task.split {
		product(o.rounded(p, s, m), false)
		return
	}
	for part := kernel.SplitParts - 1; part >= 0; part-- {
		o.task.part = part
		product(o.task.run(p, shaped(s.buf, m.Rows, m.Cols), m), part < kernel.SplitParts-1)
	}
}

// A slot is the buffer of one rounded matrix, large enough for the largest. The layer
// that computes an operand of the next product may write it here row by row, while the
// row is in the L1 cache; otherwise the method rounded does it.
type slot struct {
	buf     kernel.MatBF16
	pending *float32 // the start of the matrix that buf holds rounded and that no product has used yet; or nil
}

// roundTarget returns the matrix into which a layer writes m, rounded. Without a slot, V of the
// result is nil.
func roundTarget[T Float](s *slot, m Mat[T]) kernel.MatBF16 {
	if s == nil {
		return kernel.MatBF16{}
	}
	s.pending = &as32(m).V[0]
	return shaped(s.buf, m.Rows, m.Cols)
}

// roundRow rounds row into row t of dst, if dst has a V.
func roundRow[T Float](dst kernel.MatBF16, t int, row []T) {
	if dst.V != nil {
		kernel.RoundBF16(dst.Row(t), vec32(row))
	}
}

// rounded returns m rounded to bf16, in the buffer of s. It rounds m unless the layer
// that computed m has done so.
func (o *operands) rounded(p *kernel.Pool, s *slot, m Mat[float32]) kernel.MatBF16 {
	r := shaped(s.buf, m.Rows, m.Cols)
	if s.pending != &m.V[0] {
		o.task.run(p, r, m)
	}
	s.pending = nil
	return r
}

// roundSlots holds the slots for the results of a layer: y in the forward pass, dx in the
// backward pass.
type roundSlots struct{ y, dx *slot }

// is32 says whether T is float32.
func is32[T Float]() bool {
	_, ok := any((*T)(nil)).(*float32)
	return ok
}

// as32 returns m as a matrix of float32, which it is in mixed precision.
func as32[T Float](m Mat[T]) Mat[float32] {
	m32, _ := any(&m).(*Mat[float32])
	return *m32
}

func vec32[T Float](v []T) []float32 {
	v32, _ := any(&v).(*[]float32)
	return *v32
}

// shaped returns a matrix of rows×cols at the start of buf.
func shaped(buf kernel.MatBF16, rows, cols int) kernel.MatBF16 {
	stride := strideBF16(cols)
	return kernel.MatBF16{Rows: rows, Cols: cols, Stride: stride, V: buf.V[:rows*stride]}
}

// strideBF16 is the stride of rows of cols numbers: an odd number of cache lines, so that
// the elements of a column spread over the sets of the cache.
func strideBF16(cols int) int { return ((cols+31)/32 | 1) * 32 }

// forward sets y to r(x) r(w) plus bias, or adds that to y.
func (m *mixed) forward(p *kernel.Pool, y, x Mat[float32], bias []float32, add bool) {
	m.each(p, &m.x, x, func(x kernel.MatBF16, more bool) {
		kernel.MulPacked(p, y, x, m.w, bias, add || more)
		bias = nil
	})
}

// backwardInput sets dx to r(dy) r(w)ᵗ, or adds that to dx.
func (m *mixed) backwardInput(p *kernel.Pool, dx, dy Mat[float32], add bool) {
	s := &m.dy
	if m.dh.pending == &dy.V[0] {
		s = &m.dh
	}
	m.each(p, s, dy, func(dy kernel.MatBF16, more bool) {
		m.operands.dyRounded = dy
		kernel.MulPackedT(p, dx, dy, m.w, add || more)
	})
}

// backwardWeights adds r(x)ᵗ r(dy) to dw if add is true, and else sets dw to it. Call
// backwardInput first: it rounds dy.
func (m *mixed) backwardWeights(p *kernel.Pool, dw, dy, x Mat[float32], add bool) {
	kernel.MulTNBF16(p, dw, m.rounded(p, &m.x, x), m.operands.dyRounded, add)
}

// roundRows is the task of rounding a matrix, or of taking a part of it.
type roundRows struct {
	dst   kernel.MatBF16
	src   Mat[float32]
	split bool
	part  int
}

func (r *roundRows) run(p *kernel.Pool, dst kernel.MatBF16, src Mat[float32]) kernel.MatBF16 {
	r.dst, r.src = dst, src
	p.Run(rowParts(src.Rows), r)
	return dst
}

func (r *roundRows) Do(_ *kernel.Pool, part int) {
	from, to := rowRange(part, r.src.Rows)
	for t := from; t < to; t++ {
		if r.split {
			kernel.SplitBF16(r.dst.Row(t), r.src.Row(t), r.part)
		} else {
			kernel.RoundBF16(r.dst.Row(t), r.src.Row(t))
		}
	}
}

// packedWeights are the weights of a network in mixed precision.
type packedWeights struct {
	operands
	packed weights
	train  bool // there is room for backward passes
	stale  bool // the parameters have changed since they were packed
}

type packedWeight struct {
	from kernel.Weight[float32]
	to   *kernel.PackedBF16
}

type weights []*packedWeight

// of returns the packed form of the parameter v, or nil.
func (w weights) of(v any) *packedWeight {
	if t, ok := v.(pedestrian.Tensor[float32]); ok {
		for _, p := range w {
			if p.from.V != nil && &p.from.V[0] == &t.V[0] {
				return p
			}
		}
	}
	return nil
}

// reserveBF16 takes the memory of operands for passes of shape s, and gives every layer
// its packed weight; with BF16x3, every layer whose weight is held in bf16.
func (n *Network[T]) reserveBF16(s shape) {
	w, train := &n.mixed, s.backward
	x, dy, dh := s.operands()
	for _, r := range []struct {
		s    *slot
		size int
	}{{&w.x, x}, {&w.dy, dy}, {&w.dh, dh}} {
		if len(r.s.buf.V) < r.size {
			r.s.buf = kernel.NewMatBF16(1, r.size)
		}
	}
	w.task.split = s.precision == BF16x3
	for i := range n.work.blocks {
		if w.task.split {
			break // a layer has no part to write before the product asks for it
		}
		c := &n.work.blocks[i]
		c.ln1.round, c.ln2.round, c.act.round = roundSlots{&w.x, &w.dy}, roundSlots{&w.x, &w.dy}, roundSlots{&w.x, &w.dh}
	}
	if !w.task.split {
		n.work.final.round.dx = &w.dy
	}
	if w.packed != nil && (w.train || !train) {
		return
	}
	w.packed, w.train, w.stale = nil, train, true
	n.paramParts = nil // they depend on which weights are packed
	add := func(m kernel.Weight[T], nn, nt bool) *mixed {
		if w.task.split && (m.Narrow.V == nil || m.Narrow.F16) {
			return nil // bf16 does not hold it
		}
		to := kernel.NewPackedBF16(m.Rows, m.Cols, nn, nt)
		w.packed = append(w.packed, &packedWeight{kernel.Weight[float32]{Mat: as32(m.Mat), Narrow: m.Narrow}, to})
		return &mixed{to, &w.operands}
	}
	for i := range n.blocks {
		for _, l := range n.blocks[i].linears() {
			l.mixed = add(l.w, true, train)
		}
	}
	if l := &n.logits; l.w.On() {
		l.mixed = add(l.w, true, train)
	} else {
		l.mixed = add(l.tok, train, true)
	}
}

// operands returns the size of each slot's buffer, in numbers.
func (s shape) operands() (x, dy, dh int) {
	x = s.rows * strideBF16(max(s.Width, s.HiddenDim(), s.AttentionDim()))
	if s.backward {
		dy = max(s.rows*strideBF16(max(s.Width, s.HiddenDim(), s.QKVDim())), s.chunk*strideBF16(s.Vocab))
		dh = s.rows * strideBF16(s.HiddenDim())
	}
	return x, dy, dh
}

// mixedBytes returns the memory that reserveBF16 allocates, in bytes.
func (s shape) mixedBytes() (bytes int64) {
	x, dy, dh := s.operands()
	for _, size := range []int{x, dy, dh} {
		if size > 0 {
			bytes = saturated(bytes, 2, int64(strideBF16(size))) // as kernel.NewMatBF16 allocates it
		}
	}
	packed := func(times, rows, cols int, nn, nt bool) {
		size := saturated(0, 2*int64(rows), int64(cols))
		if size < 1<<50 { // larger sizes fit no memory, so their layout does not matter
			size = int64(kernel.PackedBF16Bytes(rows, cols, nn, nt))
		}
		bytes = saturated(bytes, int64(times), size)
	}
	one := s.Config
	one.Blocks = 1
	for _, l := range one.Linears() {
		switch {
		case l.Target != l.Layer: // a part of another layer's matrix
		case l.Transposed:
			packed(1, l.Out, l.In, s.backward, true)
		case l.Block < 0:
			packed(1, l.In, l.Out, true, s.backward)
		default:
			packed(s.Blocks, l.In, l.Out, true, s.backward)
		}
	}
	return bytes
}

// Changed tells n that its parameters were changed by something other than AdamW. In
// mixed precision the next pass rounds the weights again; with DoRA, the next call of a
// decoder computes the norms again.
func (n *Network[T]) Changed() { n.mixed.stale, n.normsStale = true, true }

// packWeights packs the weights again if the parameters have changed.
func (n *Network[T]) packWeights() {
	if !n.mixed.stale {
		return
	}
	for _, w := range n.mixed.packed {
		w.to.Pack(n.pool, w.from)
	}
	n.mixed.stale = false
}
