package paper

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// doraLayer draws a layer whose magnitudes are not the lengths of its columns.
func (s source) doraLayer(in, r, out int) Layer {
	p := Layer{W: s.mat(in, out), B: s.vec(out), D: s.mat(in, r), U: s.mat(r, out), M: s.vec(out), Alpha: 0.7}
	for j := range p.M {
		p.M[j] += 2
	}
	return p
}

// held makes traces that hold ‖v‖ at the first value each place recorded, and put
// masks that leave out every third number.
func held(norm bool) func() *Trace {
	first := map[string]Mat{}
	return func() *Trace {
		return &Trace{Rewrite: func(s Step) Mat {
			if s.Name == "mask" {
				return each(s.V.N, s.V.D, func(t, j int) float64 {
					if (t*s.V.D+j)%3 == 0 {
						return 0
					}
					return 1.5
				})
			}
			if s.Name != ColumnNorm || !norm {
				return s.V
			}
			if _, ok := first[s.At]; !ok {
				first[s.At] = Mat{s.V.N, s.V.D, slices.Clone(s.V.V)}
			}
			return first[s.At]
		}}
	}
}

// TestDoRA differentiates both forms: the exact one, and the one in which the norm
// counts as a constant, whose differences are taken with the norm held; with and
// without a mask.
func TestDoRA(t *testing.T) {
	for _, exact := range []bool{true, false} {
		for _, masked := range []bool{false, true} {
			s := draw(73)
			x, Δ, p := s.mat(4, 5), s.mat(4, 3), s.doraLayer(5, 2, 3)
			p.Exact, p.Masked = exact, masked
			trace := held(!exact)
			loss := func() float64 {
				a, _ := DoRA(trace(), x, p)
				return a.Dot(Δ)
			}
			_, back := DoRA(trace(), x, p)
			ΔPrev, dp := back(Δ)
			is := fmt.Sprintf("exact %v, masked %v: ", exact, masked)
			check(t, is+"Δ_{i-1}", x.V, ΔPrev.V, loss)
			check(t, is+"∂L/∂w", p.W.V, dp.W.V, loss)
			check(t, is+"∂L/∂b", p.B, dp.B, loss)
			check(t, is+"∂L/∂m", p.M, dp.M, loss)
			check(t, is+"∂L/∂d", p.D.V, dp.D.V, loss)
			check(t, is+"∂L/∂u", p.U.V, dp.U.V, loss)
		}
	}
	s := draw(73)
	p := s.doraLayer(5, 2, 3)
	p.M = p.M[:2]
	panics(t, "paper.DoRA: weight 5×3, down 5×2, up 2×3, 2 magnitudes", func() { DoRA(nil, s.mat(4, 5), p) })
}

// TestDoRAMerged: two weights, one for each input, do the same; and so does one
// weight when there is no mask.
func TestDoRAMerged(t *testing.T) {
	for _, exact := range []bool{true, false} {
		for _, masked := range []bool{false, true} {
			s := draw(74)
			x, Δ, p := s.mat(4, 5), s.mat(4, 3), s.doraLayer(5, 2, 3)
			p.Exact, p.Masked = exact, masked
			a, back := DoRA(held(false)(), x, p)
			_, dp := back(Δ)
			masks := &Trace{}
			if masked {
				masks = held(false)()
			}
			aMasked, _ := Dropout(masks, x)
			frozen, adapter, backMerge := Merge(nil, p)
			dm := backMerge(x.T().Mul(Δ), aMasked.T().Mul(Δ))
			same(t, "merged a_i", x.Mul(frozen).Add(aMasked.Mul(adapter)).Bias(p.B).V, a.V, rounding)
			same(t, "merged ∂L/∂w", dm.W.V, dp.W.V, rounding)
			same(t, "merged ∂L/∂m", dm.M, dp.M, rounding)
			same(t, "merged ∂L/∂d", dm.D.V, dp.D.V, rounding)
			same(t, "merged ∂L/∂u", dm.U.V, dp.U.V, rounding)
		}
	}
}

// TestDoRAAtRest: with m the lengths of the columns and u = 0 the layer is the
// frozen one; and only the error that is across a column turns it: (w + ∂w) has, to
// first order, the lengths of w in the exact form, and not in the other.
func TestDoRAAtRest(t *testing.T) {
	s := draw(75)
	x, Δ, p := s.mat(4, 5), s.mat(4, 3), s.doraLayer(5, 2, 3)
	p.U = Zeros(2, 3)
	p.M = p.W.Had(p.W).SumTokens()
	for j := range p.M {
		p.M[j] = math.Sqrt(p.M[j])
	}
	a, _ := DoRA(nil, x, p)
	frozen, backFC := FC(nil, x, p.W, p.B)
	same(t, "a_i", a.V, frozen.V, rounding)
	_, plain, _ := backFC(Δ)

	_, back := DoRA(nil, x, p)
	_, dp := back(Δ)
	same(t, "detached ∂L/∂w", dp.W.V, plain.V, rounding)
	p.Exact = true
	_, back = DoRA(nil, x, p)
	_, dp = back(Δ)
	same(t, "exact: wᵗ ∂L/∂w, column by column", p.W.Had(dp.W).SumTokens(), make(Vec, 3), rounding)
	same(t, "the length's share is m's", p.W.Had(plain).SumTokens().row().Div(p.M.row()).V, dp.M, rounding)
}

// TestDoRAWithoutLength: a column of zeros gives its bias, and no gradient.
func TestDoRAWithoutLength(t *testing.T) {
	s := draw(76)
	x, Δ, p := s.mat(4, 5), s.mat(4, 3), s.doraLayer(5, 2, 3)
	for i := range 5 {
		p.W.Row(i)[1] = 0
	}
	p.U.Row(0)[1], p.U.Row(1)[1], p.Exact = 0, 0, true
	a, back := DoRA(nil, x, p)
	_, dp := back(Δ)
	same(t, "a_i", a.Columns(1, 1).V, Vec{p.B[1], p.B[1], p.B[1], p.B[1]}, 0)
	for name, g := range map[string][]float64{"∂L/∂m": dp.M[1:2], "∂L/∂w": dp.W.Columns(1, 1).V, "∂L/∂u": dp.U.Columns(1, 1).V} {
		same(t, name, g, make([]float64, len(g)), 0)
	}
	for _, v := range append(dp.D.V, dp.W.V...) {
		if v-v != 0 {
			t.Fatal("a gradient is not finite")
		}
	}
}

// TestDropout: the mask multiplies both ways.
func TestDropout(t *testing.T) {
	s := draw(77)
	x, Δ := s.mat(4, 5), s.mat(4, 5)
	trace := held(false)
	loss := func() float64 {
		a, _ := Dropout(trace(), x)
		return a.Dot(Δ)
	}
	a, back := Dropout(trace(), x)
	check(t, "Δ_{i-1}", x.V, back(Δ).V, loss)
	if a.V[0] != 0 || a.V[1] != 1.5*x.V[1] {
		t.Errorf("%v under the mask is %v", x.V[:2], a.V[:2])
	}
	a, _ = Dropout(nil, x)
	same(t, "without a mask", a.V, x.V, 0)

	p := Layer{W: s.mat(5, 3), D: s.mat(5, 2), U: s.mat(2, 3), Alpha: 0.7, Masked: true}
	Δ = s.mat(4, 3)
	loss = func() float64 {
		a, _ := Adapted(trace(), x, p)
		return a.Dot(Δ)
	}
	_, backLayer := Adapted(trace(), x, p)
	ΔPrev, dp := backLayer(Δ)
	check(t, "beside a layer: Δ_{i-1}", x.V, ΔPrev.V, loss)
	check(t, "beside a layer: ∂L/∂w", p.W.V, dp.W.V, loss)
	check(t, "beside a layer: ∂L/∂d", p.D.V, dp.D.V, loss)
	check(t, "beside a layer: ∂L/∂u", p.U.V, dp.U.V, loss)
}

// TestDoRAForms measures how far the detached gradients are from those of the
// function, the table of docs/06-lora.md: at rest, and as d u grows against w.
func TestDoRAForms(t *testing.T) {
	t.Log("| ‖α d u‖ / ‖w‖ | ‖∂d − exact‖ / ‖exact‖ | cosine | ‖∂u − exact‖ / ‖exact‖ | cosine |")
	for _, size := range []float64{0, 0.01, 0.1, 1} {
		var errD, cosD, errU, cosU float64
		const draws = 50
		for i := range uint64(draws) {
			s := draw(100 + i)
			x, Δ, p := s.mat(32, 24), s.mat(32, 16), s.doraLayer(24, 4, 16)
			for j, n := range p.W.Had(p.W).SumTokens() {
				p.M[j] = math.Sqrt(n)
			}
			du := p.D.Mul(p.U).Scale(p.Alpha)
			p.U = p.U.Scale(size * math.Sqrt(p.W.Dot(p.W)/du.Dot(du)))
			_, back := DoRA(nil, x, p)
			_, detached := back(Δ)
			p.Exact = true
			_, back = DoRA(nil, x, p)
			_, exact := back(Δ)
			apart := func(a, b Mat) (err, cos float64) {
				e, n := a.Sub(b), b.Dot(b)
				if n == 0 {
					return 0, 1
				}
				return math.Sqrt(e.Dot(e) / n), a.Dot(b) / math.Sqrt(a.Dot(a)*n)
			}
			e, c := apart(detached.D, exact.D)
			errD, cosD = errD+e/draws, cosD+c/draws
			e, c = apart(detached.U, exact.U)
			errU, cosU = errU+e/draws, cosU+c/draws
			same(t, "∂L/∂m", detached.M, exact.M, 0)
		}
		t.Logf("| %g | %.2f | %.2f | %.2f | %.2f |", size, errD, cosD, errU, cosU)
		if !(cosU > 0.9 && cosU < 0.9999) {
			t.Errorf("at %g the two forms have a cosine of %g", size, cosU)
		}
	}
}
