package engine

import (
	"math"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// DoRA holds the magnitudes' side of an adapted layer: what multiplies each of its
// outputs, and how that depends on the factors. Where no adapter stands the number
// is 1. It is paper.DoRA without a matrix of the size of w: with Q = α dᵗ v,
//
//	v = w + α d u,  ‖v‖² = Σ_rows w∘w + Σ_rows u ∘ (Q + α dᵗ w),  Q = α dᵗ w + α² dᵗ d u
//	a_i = z diag(g) + b̃,  Δ_z = Δ_i diag(g),  g = m/‖v‖          (DoRA)
//	∂L/∂m = s/‖v‖,  s = Σ_tokens Δ_i ∘ z                         (DoRA)
//
// and with Exact, where c = -m/‖v‖³ ∘ s, the columns' share of N = v diag(c):
//
//	∂L/∂d += w (α c∘u)ᵗ + α d (u (α c∘u)ᵗ),  ∂L/∂u += Q diag(c)  (DoRA-N)
//
// Weigh reads w once and costs 2r operations for each of its numbers, whatever the
// batch; the exact gradients cost as much again. The magnitudes cost O(1) for each
// number of the output.
type DoRA[T Float] struct {
	Exact bool

	layer *[3]LoRA[T]
	w     Mat[T] // input×output, or output×input when tied
	tied  bool

	gain, norm, sums []T       // g, ‖v‖ and s of every output; s of the last Error
	q, g, uc         [3]Mat[T] // Q, dᵗ d and α c∘u of each adapter
	dt, ud           Mat[T]    // dᵗ, and (α c∘u) wᵗ or u (α c∘u)ᵗ

	weigh   doraWeigh[T]
	forward doraForward[T]
	back    doraBackward[T]
	exact   doraExact[T]
}

// plan places what d needs.
func (d *DoRA[T]) plan(a *arena[T]) {
	a.in("adapters")
	in, out := d.w.Rows, d.w.Cols
	if d.tied {
		in, out = out, in
	}
	d.gain, d.norm, d.sums = a.take(out), a.take(out), a.take(out)
	most := 0
	for i := range d.layer {
		if l := &d.layer[i]; l.Up.Rows > 0 {
			r := l.Up.Rows
			d.q[i], d.g[i], d.uc[i] = a.mat(r, l.Up.Cols), a.mat(r, r), a.mat(r, l.Up.Cols)
			most = max(most, r)
		}
	}
	d.dt, d.ud = a.mat(most, in), a.mat(most, max(in, most))
}

// Weigh computes the norms and what multiplies the outputs, from the parameters as
// they are.
func (d *DoRA[T]) Weigh(p *Pool) {
	for i := range d.gain {
		d.gain[i], d.norm[i] = 1, 1
	}
	for i := range d.layer {
		l := &d.layer[i]
		if !l.on() {
			continue
		}
		if d.tied {
			kernel.MulNT(p, d.q[i], transposeTo(d.dt, l.Down), d.w, false)
		} else {
			kernel.MulTN(p, d.q[i], l.Down, l.outputs(d.w), false)
		}
		kernel.MulTN(p, d.g[i], l.Down, l.Down, false)
		d.weigh = doraWeigh[T]{d, i}
		p.Run(colParts(l.Up.Cols), &d.weigh)
	}
}

type doraWeigh[T Float] struct {
	d *DoRA[T]
	i int
}

func (f *doraWeigh[T]) Do(_ *kernel.Pool, part int) {
	d, l := f.d, &f.d.layer[f.i]
	from, to := colRange(part, l.Up.Cols)
	var buffer, partial [colsPerPart]T
	square, some := buffer[:to-from], partial[:to-from]
	if d.tied {
		for j := range square {
			row := d.w.Row(from + j)
			square[j] = kernel.Dot(row, row)
		}
	} else {
		w := l.outputs(d.w)
		for i := 0; i < w.Rows; i += 64 {
			clear(some)
			for k := i; k < min(i+64, w.Rows); k++ {
				row := w.Row(k)[from:to]
				kernel.MulAdd(some, row, row)
			}
			kernel.Add(square, some)
		}
	}
	for k := range l.Up.Rows {
		q, u := d.q[f.i].Row(k)[from:to], l.Up.Row(k)[from:to]
		kernel.Scale(q, l.Scale)
		kernel.MulAdd(square, u, q)
		for h, g := range d.g[f.i].Row(k) {
			kernel.Axpy(q, l.Scale*l.Scale*g, l.Up.Row(h)[from:to])
		}
		kernel.MulAdd(square, u, q)
	}
	gain, norm := d.gain[l.From+from:l.From+to], d.norm[l.From+from:l.From+to]
	for j, s := range square {
		if norm[j] = T(math.Sqrt(float64(s))); s <= 0 { // no length: gives zero, forward and backward
			norm[j] = T(math.Inf(1))
		}
		gain[j] = l.Magnitude[from+j] / norm[j]
	}
}

// Forward sets y to z diag(g) + b̃, or adds that to y; z may be y unless it adds.
func (d *DoRA[T]) Forward(p *Pool, y, z Mat[T], b []T, add bool) {
	mustShape("DoRA.Forward", "y", y, z.Rows, z.Cols)
	d.forward = doraForward[T]{d, y, z, b, add}
	p.Run(rowParts(z.Rows), &d.forward)
}

type doraForward[T Float] struct {
	d    *DoRA[T]
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

// Error turns z into the error on it, Δ_z, given dy, the error on the output, and
// keeps what Grad needs.
func (d *DoRA[T]) Error(p *Pool, dy, z Mat[T]) Mat[T] {
	mustShape("DoRA.Error", "z", z, dy.Rows, dy.Cols)
	d.back = doraBackward[T]{d, dy, z}
	p.Run(colParts(dy.Cols), &d.back)
	return z
}

type doraBackward[T Float] struct {
	d     *DoRA[T]
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

// Grad adds the gradients of the magnitudes, and in the exact form what comes
// through the norm: to the factors and, if dw has V, to the weight. Error comes
// first, and the other gradients of factors and weight.
func (d *DoRA[T]) Grad(p *Pool, dw Mat[T], grad *[3]LoRA[T]) {
	for i := range grad {
		l, g := &d.layer[i], &grad[i]
		if !l.on() {
			continue
		}
		if g.Magnitude != nil {
			if g.Fresh {
				clear(g.Magnitude)
			}
			for j := range g.Magnitude {
				g.Magnitude[j] += d.sums[l.From+j] / d.norm[l.From+j]
			}
		}
		if d.Exact && (g.on() || dw.V != nil) {
			d.throughNorm(p, i, dw, g)
		}
	}
}
