package engine

import (
	"math"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// rotary turns the columns of queries and keys in pairs, by angles that grow with the
// position of their token (RoPE). Column j of a head is paired with column j + dims/2; the
// columns from dims on stay.
//
//	a_i     = a_{i-1} ∘ cos θ + (a_{i-1} Q) ∘ sin θ      (L8)
//	Δ_{i-1} = Δ_i ∘ cos θ - (Δ_i Q) ∘ sin θ              (L9)
//
// where Q is the quarter turn of every pair. Both passes work in place. There is nothing to
// learn.
type rotary[T Float] struct {
	dims  int // columns of a head that turn; 0: none
	width int // columns of a head
}

// rotaryOf is the rotation of c; without positions that turn it does nothing.
func rotaryOf[T Float](c pedestrian.Config) rotary[T] {
	if c.Positions != pedestrian.Rotary {
		return rotary[T]{}
	}
	return rotary[T]{dims: c.Rotation.WithDefaults(c.QueryDim()).Dims, width: c.QueryDim()}
}

// frequencies are ω of every pair, in radians a position, (L7.a) and as they are scaled
// (L7.b) to (L7.d). r has no zeros that mean something else.
func frequencies(r pedestrian.Rotation) []float64 {
	f := make([]float64, r.Dims/2)
	lo, hi := yarnRamp(r)
	for j := range f {
		f[j] = math.Pow(r.Base, -2*float64(j)/float64(r.Dims)) // (L7.a)
		slow := f[j] / r.Factor
		switch r.Scaling {
		case pedestrian.LinearScaling:
			f[j] = slow // (L7.b)
		case pedestrian.Llama3Scaling:
			turns := float64(r.Original) * f[j] / (2 * math.Pi)
			s := min(1, max(0, (turns-r.Low)/(r.High-r.Low)))
			f[j] = (1-s)*slow + s*f[j] // (L7.c)
		case pedestrian.YarnScaling:
			s := min(1, max(0, (float64(j)-lo)/(hi-lo)))
			f[j] = (1-s)*f[j] + s*slow // (L7.d)
		}
	}
	return f
}

// yarnRamp is the range of pairs over which YaRN passes from fast to slow.
func yarnRamp(r pedestrian.Rotation) (lo, hi float64) {
	pair := func(turns float64) float64 {
		return float64(r.Dims) * math.Log(float64(r.Original)/(2*math.Pi*turns)) / (2 * math.Log(r.Base))
	}
	lo, hi = max(0, math.Floor(pair(r.Fast))), min(float64(r.Dims-1), math.Ceil(pair(r.Slow)))
	if lo == hi {
		hi += 0.001
	}
	return lo, hi
}

// A turnTable holds the cosines and sines of every position, rows×dims/2.
type turnTable[T Float] struct{ cos, sin Mat[T] }

// planTurns places the table of positions up to rows; none without rotation.
func planTurns[T Float](a *arena[T], c pedestrian.Config, rows int) (t turnTable[T]) {
	if c.Positions != pedestrian.Rotary {
		return t
	}
	r := c.Rotation.WithDefaults(c.QueryDim())
	pairs := r.Dims / 2
	size := int(saturated(0, int64(rows), int64(pairs)))
	cos, sin := list[T](a, size), list[T](a, size) // beside the slab: the numbers stay from pass to pass
	if a.counts() {
		return t
	}
	t = turnTable[T]{over(cos, rows, pairs), over(sin, rows, pairs)}
	by := 1.0
	if r.Scaling == pedestrian.YarnScaling {
		by = r.Scale
	}
	freqs := frequencies(r)
	for pos := range rows {
		cos, sin := t.cos.Row(pos), t.sin.Row(pos)
		for j, f := range freqs {
			s, c := math.Sincos(float64(pos) * f)
			cos[j], sin[j] = T(by*c), T(by*s)
		}
	}
	return t
}

// rotateRows is the task of turning the heads of two matrices by the positions of their
// rows.
type rotateRows[T Float] struct {
	l         rotary[T]
	q, k      Mat[T]
	table     turnTable[T]
	positions []int32
	back      bool
}

// forward turns the heads of q and k; row t stands at positions[t].
func (l rotary[T]) forward(p *kernel.Pool, q, k Mat[T], task *rotateRows[T], table turnTable[T], positions []int32) {
	if l.dims > 0 {
		*task = rotateRows[T]{l, q, k, table, positions, false}
		p.Run(rowParts(q.Rows), task)
	}
}

// backward turns the errors on q' and k' back: they become those on q and k.
func (l rotary[T]) backward(p *kernel.Pool, dq, dk Mat[T], task *rotateRows[T], table turnTable[T], positions []int32) {
	if l.dims > 0 {
		*task = rotateRows[T]{l, dq, dk, table, positions, true}
		p.Run(rowParts(dq.Rows), task)
	}
}

func (f *rotateRows[T]) Do(_ *kernel.Pool, part int) {
	from, to := rowRange(part, f.q.Rows)
	for t := from; t < to; t++ {
		cos, sin := f.table.cos.Row(int(f.positions[t])), f.table.sin.Row(int(f.positions[t]))
		for _, row := range [2][]T{f.q.Row(t), f.k.Row(t)} {
			for ; len(row) > 0; row = row[f.l.width:] {
				if x := row[:f.l.dims]; f.back {
					kernel.RotateBack(x, cos, sin) // (L9)
				} else {
					kernel.Rotate(x, cos, sin) // (L8)
				}
			}
		}
	}
}
