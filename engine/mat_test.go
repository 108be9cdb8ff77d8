package engine

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// layerTol is the limit for one layer against paper, relative to the largest
// number of a matrix: in float64 the project's 1e-12; in float32 2⁻²⁴ for each of
// about a hundred operations that a number goes through.
func layerTol[T Float]() float64 {
	if is64[T]() {
		return 1e-12
	}
	return 100 * 0x1p-24
}

func is64[T Float]() bool {
	var one, small T = 1, 0x1p-40
	return one+small != one
}

// bothLanes runs a test in both precisions.
func bothLanes(t *testing.T, f64 func(*testing.T), f32 func(*testing.T)) {
	t.Run("float64", f64)
	t.Run("float32", f32)
}

// A lane draws operands of a layer for paper and hands copies to the engine.
type lane[T Float] struct {
	rnd  *rand.Rand
	pool *kernel.Pool
}

func newLane[T Float](t *testing.T) lane[T] {
	p := kernel.NewPool(2)
	t.Cleanup(p.Close)
	return lane[T]{rand.New(rand.NewPCG(1, 2)), p}
}

// mat draws numbers that both precisions represent.
func (l lane[T]) mat(rows, cols int) paper.Mat {
	m := paper.Zeros(rows, cols)
	for i := range m.V {
		m.V[i] = math.Round(l.rnd.NormFloat64()*0x1p20) * 0x1p-20
	}
	return m
}

func (l lane[T]) vec(n int) paper.Vec { return l.mat(1, n).V }

// to copies a matrix into the middle of a wider one, so that strides are not widths.
func to[T Float](m paper.Mat) Mat[T] {
	wide := NewMat[T](m.N, m.D+3)
	y := wide.Sub(0, m.N, 1, 1+m.D)
	for t := range m.N {
		for j, v := range m.Row(t) {
			y.Row(t)[j] = T(v)
		}
	}
	return y
}

func toVec[T Float](v paper.Vec) []T {
	y := make([]T, len(v))
	for i := range v {
		y[i] = T(v[i])
	}
	return y
}

// rubbish is a result matrix whose old numbers must not matter.
func rubbish[T Float](rows, cols int) Mat[T] {
	m := to[T](paper.Zeros(rows, cols))
	for i := range m.V {
		m.V[i] = T(math.NaN())
	}
	return m
}

// ones is a gradient that is to be added to.
func ones[T Float](rows, cols int) Mat[T] {
	m := NewMat[T](rows, cols)
	for i := range m.V {
		m.V[i] = 1
	}
	return m
}

func nearMat[T Float](t *testing.T, name string, got Mat[T], want paper.Mat) {
	t.Helper()
	if got.Rows != want.N || got.Cols != want.D {
		t.Errorf("%s is %d×%d, not %d×%d", name, got.Rows, got.Cols, want.N, want.D)
		return
	}
	flat := make([]T, 0, len(want.V))
	for i := range got.Rows {
		flat = append(flat, got.Row(i)...)
	}
	near(t, name, flat, want.V, layerTol[T]())
}

// nearMatPlus1 expects want on top of ones.
func nearMatPlus1[T Float](t *testing.T, name string, got Mat[T], want paper.Mat) {
	t.Helper()
	more := paper.Zeros(want.N, want.D)
	for i, v := range want.V {
		more.V[i] = v + 1
	}
	nearMat(t, name, got, more)
}

// row is a vector as a matrix of one row.
func row[T Float](v []T) Mat[T] { return Mat[T]{Rows: 1, Cols: len(v), Stride: len(v), V: v} }

func rowOf(v paper.Vec) paper.Mat { return paper.Mat{N: 1, D: len(v), V: v} }

// wide is m as a weight.
func wide[T Float](m Mat[T]) kernel.Weight[T] { return kernel.Weight[T]{Mat: m} }
