package paper

import (
	"math"
	"testing"
)

// TestMul holds the product against its definition, for shapes with a one in them
// too.
func TestMul(t *testing.T) {
	s := draw(30)
	for _, c := range [][3]int{{1, 1, 1}, {3, 4, 5}, {1, 7, 2}, {5, 1, 3}, {2, 6, 1}} {
		a, b := s.mat(c[0], c[1]), s.mat(c[1], c[2])
		want := each(c[0], c[2], func(i, j int) (sum float64) {
			for k := range c[1] {
				sum += a.At(i, k) * b.At(k, j)
			}
			return sum
		})
		same(t, "a b", a.Mul(b).V, want.V, rounding)
		same(t, "(a b)ᵗ = bᵗ aᵗ", a.Mul(b).T().V, b.T().Mul(a.T()).V, rounding)
	}
}

// TestConcatAndColumnsAreAdjoint: the dot of a concatenation is the sum of the
// dots of its parts with the columns they came from.
func TestConcatAndColumnsAreAdjoint(t *testing.T) {
	s := draw(31)
	a, b, Δ := s.mat(4, 2), s.mat(4, 3), s.mat(4, 5)
	parts := a.Dot(Δ.Columns(0, 2)) + b.Dot(Δ.Columns(2, 3))
	same(t, "concat · Δ", Vec{Concat(a, b).Dot(Δ)}, Vec{parts}, rounding)
}

// TestSoftmaxOfLargeNumbers: nothing overflows, and every row sums to one.
func TestSoftmaxOfLargeNumbers(t *testing.T) {
	a := Mat{2, 3, []float64{1e4, 1e4 + 1, -1e4, -1e300, 0, math.Inf(-1)}}
	y := Softmax(a)
	same(t, "sums", y.SumFeatures(), Vec{1, 1}, rounding)
	same(t, "row 1", y.Row(1), Vec{0, 1, 0}, 0)
	same(t, "ratio", Vec{y.At(0, 1) / y.At(0, 0)}, Vec{math.E}, rounding)
	same(t, "log-sum-exp", LogSumExp(a), Vec{1e4 + math.Log(1+math.E), 0}, 1e-11) // 1e4 has 2e-12 between neighbors
}

// TestOperandsAreLeftAlone: no operation writes to what it reads; Append must not
// write into the room behind another's rows.
func TestOperandsAreLeftAlone(t *testing.T) {
	a := Mat{1, 2, make([]float64, 2, 4)}
	b, c := a.Append(Mat{1, 2, []float64{1, 2}}), a.Append(Mat{1, 2, []float64{3, 4}})
	same(t, "append", append(b.V, c.V...), []float64{0, 0, 1, 2, 0, 0, 3, 4}, 0)
}

func TestAlgebraPanics(t *testing.T) {
	a, b := Zeros(2, 3), Zeros(3, 4)
	for text, f := range map[string]func(){
		"paper.Mat.Add: 2×3 is not 3×4":                                 func() { a.Add(b) },
		"paper.Mat.Sub: 2×3 is not 3×4":                                 func() { a.Sub(b) },
		"paper.Mat.Had: 2×3 is not 3×4":                                 func() { a.Had(b) },
		"paper.Mat.Div: 2×3 is not 3×4":                                 func() { a.Div(b) },
		"paper.Mat.Dot: 2×3 is not 3×4":                                 func() { a.Dot(b) },
		"paper.Mat.Mul: 3×4 times 2×3":                                  func() { b.Mul(a) },
		"paper.Mat.Append: 3×4 below 2×3":                               func() { a.Append(b) },
		"paper.Concat: 3×4 beside 2×3":                                  func() { Concat(a, b) },
		"paper.Mat.Columns: columns 2 to 3 of 2×3":                      func() { a.Columns(2, 2) },
		"paper.OneHot: id 3 at position 1 is not below 3":               func() { OneHot([]int{0, 3}, 3) },
		"paper.Trace.Rewrite: 2×3 is not 3×4":                           func() { rewriteTo(a).Eq("10", "x", b) },
		"paper.Softmax: row 0 of 1×1 has nothing but -∞: a mask must l": func() { LogSumExp(Mat{1, 1, []float64{math.Inf(-1)}}) },
	} {
		panics(t, text, f)
	}
}

func rewriteTo(a Mat) *Trace { return &Trace{Rewrite: func(Step) Mat { return a }} }
