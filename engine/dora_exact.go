package engine

import "github.com/pedestrian-ml/pedestrian/internal/kernel"

// throughNorm adds the share of N of adapter i.
func (d *dora[T]) throughNorm(p *kernel.Pool, i int, dw Mat[T], g *lora[T]) {
	l := &d.layer[i]
	d.exactTask = doraExact[T]{d, i, dw, *g}
	p.Run(colParts(l.up.Cols), &d.exactTask) // c, α c∘u, and what is entry by entry
	uc, r := d.uc[i], l.up.Rows
	if g.on() {
		gram := over(d.ud.V, r, r)
		kernel.MulNT(p, gram, l.up, uc, false)
		scale(gram, l.scale)
		kernel.MulNN(p, g.down, l.down, gram, nil, true)
		if !d.tied {
			kernel.WeightMulT(p, g.down, l.columns(d.w), uc, true)
		} else {
			t := over(d.ud.V, r, l.down.Rows)
			kernel.MulWeight(p, t, uc, d.w, nil, false)
			for a := range g.down.Rows {
				row := g.down.Row(a)
				for k := range row {
					row[k] += t.V[k*t.Stride+a]
				}
			}
		}
	}
	if dw.V == nil {
		return
	}
	if d.tied {
		kernel.MulTN(p, dw, uc, transposeTo(d.dt, l.down), true)
	} else {
		kernel.MulNN(p, l.outputs(dw), l.down, uc, nil, true)
	}
}

// doraExact computes α c∘u, and adds Q diag(c) to ∂u and w diag(c) to ∂w.
type doraExact[T Float] struct {
	d    *dora[T]
	i    int
	dw   Mat[T]
	grad lora[T]
}

func (f *doraExact[T]) Do(_ *kernel.Pool, part int) {
	d, l := f.d, &f.d.layer[f.i]
	from, to := colRange(part, l.up.Cols)
	var buffer [colsPerPart]T
	c := buffer[:to-from]
	for j := range c {
		n := d.norm[l.from+from+j]
		c[j] = -d.gain[l.from+from+j] / n * (d.sums[l.from+from+j] / n)
	}
	for k := range l.up.Rows {
		uc := d.uc[f.i].Row(k)[from:to]
		clear(uc)
		kernel.MulAdd(uc, c, l.up.Row(k)[from:to])
		kernel.Scale(uc, l.scale)
		if f.grad.on() {
			kernel.MulAdd(f.grad.up.Row(k)[from:to], c, d.q[f.i].Row(k)[from:to])
		}
	}
	switch {
	case f.dw.V == nil:
	case d.tied:
		for j := from; j < to; j++ {
			kernel.Axpy(f.dw.Row(j), c[j-from], d.w.Row(j)) // w is trained, and so wide
		}
	default:
		w, dw := l.outputs(d.w.Mat), l.outputs(f.dw)
		for i := range w.Rows {
			kernel.MulAdd(dw.Row(i)[from:to], c, w.Row(i)[from:to])
		}
	}
}
