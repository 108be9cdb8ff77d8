package engine

import (
	"math"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// dora holds the magnitudes of an adapted layer: what multiplies each of its outputs,
// and how that depends on the factors. For an output without adapter the number is 1. It is paper.DoRA without a matrix of the size of w: with Q = α dᵗ v,
//
//	v = w + α d u,  ‖v‖² = Σ_rows w∘w + Σ_rows u ∘ (Q + α dᵗ w),  Q = α dᵗ w + α² dᵗ d u
//	a_i = z diag(g) + b̃,  Δ_z = Δ_i diag(g),  g = m/‖v‖          (DoRA)
//	∂L/∂m = s/‖v‖,  s = Σ_tokens Δ_i ∘ z                         (DoRA)
//
// and with exact, where c = -m/‖v‖³ ∘ s, the columns' share of N = v diag(c):
//
//	∂L/∂d += w (α c∘u)ᵗ + α d (u (α c∘u)ᵗ),  ∂L/∂u += Q diag(c)  (DoRA-N)
//
// updateNorms reads w once and costs 2r operations for each of its numbers, whatever the
// batch; the exact gradients cost as much again. The magnitudes cost O(1) for each
// number of the output.
type dora[T Float] struct {
	exact bool

	layer *[3]lora[T]
	w     kernel.Weight[T] // input×output, or output×input when tied
	tied  bool

	gain, norm, sums []T       // g, ‖v‖ and s of every output; s of the last backwardInput
	q, g, uc         [3]Mat[T] // Q, dᵗ d and α c∘u of each adapter
	dt, ud           Mat[T]    // dᵗ, and (α c∘u) wᵗ or u (α c∘u)ᵗ

	normTask     doraNorm[T]
	forwardTask  doraForward[T]
	backwardTask doraBackward[T]
	exactTask    doraExact[T]
}

// plan places what d needs.
func (d *dora[T]) plan(a *arena[T]) {
	a.in("adapters")
	in, out := d.w.Rows, d.w.Cols
	if d.tied {
		in, out = out, in
	}
	d.gain, d.norm, d.sums = a.vec(out), a.vec(out), a.vec(out)
	most := 0
	for i := range d.layer {
		if l := &d.layer[i]; l.up.Rows > 0 {
			r := l.up.Rows
			d.q[i], d.g[i], d.uc[i] = a.mat(r, l.up.Cols), a.mat(r, r), a.mat(r, l.up.Cols)
			most = max(most, r)
		}
	}
	d.dt, d.ud = a.mat(most, in), a.mat(most, max(in, most))
}

// updateNorms computes the norms, and what multiplies the outputs, from the current
// parameters.
func (d *dora[T]) updateNorms(p *kernel.Pool) {
	for i := range d.gain {
		d.gain[i], d.norm[i] = 1, 1
	}
	for i := range d.layer {
		l := &d.layer[i]
		if !l.on() {
			continue
		}
		if d.tied {
			kernel.MulWeightT(p, d.q[i], transposeTo(d.dt, l.down), d.w, false)
		} else {
			kernel.MulTWeight(p, d.q[i], l.down, l.columns(d.w), false)
		}
		kernel.MulTN(p, d.g[i], l.down, l.down, false)
		d.normTask = doraNorm[T]{d, i}
		p.Run(colParts(l.up.Cols), &d.normTask)
	}
}

type doraNorm[T Float] struct {
	d *dora[T]
	i int
}

func (f *doraNorm[T]) Do(p *kernel.Pool, part int) {
	d, l := f.d, &f.d.layer[f.i]
	from, to := colRange(part, l.up.Cols)
	var buffer, partial [colsPerPart]T
	square, some := buffer[:to-from], partial[:to-from]
	if d.tied {
		for j := range square {
			row := d.w.Part(p, from+j, 0, d.w.Cols)
			square[j] = kernel.Dot(row, row)
		}
	} else {
		w := l.columns(d.w)
		for i := 0; i < w.Rows; i += 64 {
			clear(some)
			for k := i; k < min(i+64, w.Rows); k++ {
				row := w.Part(p, k, from, to)
				kernel.MulAdd(some, row, row)
			}
			kernel.Add(square, some)
		}
	}
	for k := range l.up.Rows {
		q, u := d.q[f.i].Row(k)[from:to], l.up.Row(k)[from:to]
		kernel.Scale(q, l.scale)
		kernel.MulAdd(square, u, q)
		for h, g := range d.g[f.i].Row(k) {
			kernel.Axpy(q, l.scale*l.scale*g, l.up.Row(h)[from:to])
		}
		kernel.MulAdd(square, u, q)
	}
	gain, norm := d.gain[l.from+from:l.from+to], d.norm[l.from+from:l.from+to]
	for j, s := range square {
		if norm[j] = T(math.Sqrt(float64(s))); s <= 0 { // no length: gives zero, forward and backward
			norm[j] = T(math.Inf(1))
		}
		gain[j] = l.magnitude[from+j] / norm[j]
	}
}

// forward sets y to z diag(g) + b̃, or adds that to y; z may be y unless it adds.
func (d *dora[T]) forward(p *kernel.Pool, y, z Mat[T], b []T, add bool) {
	mustShape("DoRA.Forward", "y", y, z.Rows, z.Cols)
	d.forwardTask = doraForward[T]{d, y, z, b, add}
	p.Run(rowParts(z.Rows), &d.forwardTask)
}

type doraForward[T Float] struct {
	d    *dora[T]
	y, z Mat[T]
	b    []T
	add  bool
}

func (f *doraForward[T]) Do(_ *kernel.Pool, part int) {
	from, to := rowRange(part, f.z.Rows)
	for t := from; t < to; t++ {
		y, z := f.y.Row(t), f.z.Row(t)
		switch {
		case &y[0] == &z[0]:
			for j, g := range f.d.gain {
				y[j] *= g
			}
			if f.b != nil {
				kernel.Add(y, f.b)
			}
			continue
		case f.b == nil && !f.add:
			clear(y)
		case f.b != nil && !f.add:
			copy(y, f.b)
		case f.b != nil:
			kernel.Add(y, f.b)
		}
		kernel.MulAdd(y, f.d.gain, z)
	}
}

// backwardInput replaces z by Δ_z, the error on it, given dy, the error on the output.
// It keeps what backwardWeights needs.
func (d *dora[T]) backwardInput(p *kernel.Pool, dy, z Mat[T]) Mat[T] {
	mustShape("DoRA.Error", "z", z, dy.Rows, dy.Cols)
	d.backwardTask = doraBackward[T]{d, dy, z}
	p.Run(colParts(dy.Cols), &d.backwardTask)
	return z
}

type doraBackward[T Float] struct {
	d     *dora[T]
	dy, z Mat[T]
}

func (f *doraBackward[T]) Do(_ *kernel.Pool, part int) {
	from, to := colRange(part, f.dy.Cols)
	sums, gain := f.d.sums[from:to], f.d.gain[from:to]
	clear(sums)
	for t := range f.dy.Rows {
		dy, z := f.dy.Row(t)[from:to], f.z.Row(t)[from:to]
		kernel.MulAdd(sums, dy, z)
		clear(z)
		kernel.MulAdd(z, gain, dy)
	}
}

// backwardWeights adds the gradients of the magnitudes. In the exact form it also adds
// what comes through the norm: to the factors and, if dw has V, to the weight. Call it
// after backwardInput and after the other gradients of factors and weight.
func (d *dora[T]) backwardWeights(p *kernel.Pool, dw Mat[T], grad *[3]lora[T]) {
	for i := range grad {
		l, g := &d.layer[i], &grad[i]
		if !l.on() {
			continue
		}
		if g.magnitude != nil {
			if g.overwrite {
				clear(g.magnitude)
			}
			for j := range g.magnitude {
				g.magnitude[j] += d.sums[l.from+j] / d.norm[l.from+j]
			}
		}
		if d.exact && (g.on() || dw.V != nil) {
			d.throughNorm(p, i, dw, g)
		}
	}
}
