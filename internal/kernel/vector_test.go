package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// eachLength runs f with every length 0…257 from starts that are not aligned.
// What lies outside the slices that slice makes must stay as it is.
func eachLength(t *testing.T, f func(n int, slice func() []float32)) {
	r := rand.New(rand.NewPCG(11, 12))
	const guard = -77
	for n := range 258 {
		var whole [][]float32
		f(n, func() []float32 {
			start := r.IntN(20)
			w := make([]float32, start+n+20)
			for i := range w {
				w[i] = guard
			}
			x := w[start : start+n : start+n]
			for i := range x {
				x[i] = float32(r.NormFloat64())
			}
			whole = append(whole, w[:start:start], w[start+n:])
			return x
		})
		for _, w := range whole {
			for _, v := range w {
				if v != guard {
					t.Fatalf("length %d: wrote outside the slice", n)
				}
			}
		}
	}
}

func to64(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// near fails unless got[i] is within tol·(|want[i]| + size) of want[i]. It leaves
// want equal to got, so that what follows starts from the same numbers.
func near(t *testing.T, what string, got []float32, want []float64, tol, size float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i, g := range got {
		w := want[i]
		want[i] = float64(g)
		if math.IsNaN(w) && math.IsNaN(float64(g)) || float64(g) == w {
			continue
		}
		if !(math.Abs(float64(g)-w) <= tol*(math.Abs(w)+size)) {
			t.Fatalf("%s, length %d: [%d] is %v, want %v", what, len(got), i, g, w)
		}
	}
}

// The rounding of a handful of float32 operations on numbers of the order of 1,
// and of sums of up to 257 of them.
const (
	few  = 20.0 / (1 << 24)
	many = 300.0 / (1 << 24)
)

// On every path the kernels are the loops of their comments, which the float64
// instances run.
func TestSlices(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		eachLength(t, func(n int, slice func() []float32) {
			x, y, z, w, b := slice(), slice(), slice(), slice(), slice()
			x64, y64, z64, w64, b64 := to64(x), to64(y), to64(z), to64(w), to64(b)
			one := func(what string, got float32, want, tol float64) {
				t.Helper()
				near(t, fmt.Sprintf("%s of %d", what, n), []float32{got}, []float64{want}, tol, 1)
			}
			both := func(what string, got []float32, want []float64, tol float64) {
				t.Helper()
				near(t, what, got, want, tol, 1)
			}
			one("Dot", Dot(x, y), Dot(x64, y64), many)
			one("Sum", sumOf(x), sumOf(x64), many)
			one("Max", Max(x), Max(x64), 0)
			if got, want := SumSquares(x), SumSquares(x64); math.Abs(got-want) > 1e-12*want {
				t.Fatalf("SumSquares of %d: %v, want %v", n, got, want)
			}
			Axpy(y, 0.7, x)
			Axpy(y64, float64(float32(0.7)), x64)
			both("Axpy", y, y64, few)
			Add(y, x)
			Add(y64, x64)
			both("Add", y, y64, few)
			addTo(z, x, y)
			addTo(z64, x64, y64)
			both("AddTo", z, z64, few)
			MulAdd(z, x, y)
			MulAdd(z64, x64, y64)
			both("MulAdd", z, z64, few)
			Scale(z, -1.5)
			Scale(z64, -1.5)
			both("Scale", z, z64, few)
			half := n / 2
			Rotate(z[:2*half], x[:half], y[:half])
			Rotate(z64[:2*half], x64[:half], y64[:half])
			near(t, "Rotate", z, z64, few, 100) // of products that cancel
			RotateBack(z[:2*half], x[:half], y[:half])
			RotateBack(z64[:2*half], x64[:half], y64[:half])
			near(t, "RotateBack", z, z64, few, 100)
			ReLU(y, x)
			ReLU(y64, x64)
			both("ReLU", y, y64, 0)
			ReLUBackward(z, y, z, x)
			ReLUBackward(z64, y64, z64, x64)
			both("ReLUBackward", z, z64, few)
			both("ReLUBackward y", y, y64, 0)
			Affine(y, x, w, b)
			Affine(y64, x64, w64, b64)
			both("Affine", y, y64, few)
			Affine(y, x, w, nil)
			Affine(y64, x64, w64, nil)
			both("Affine without b", y, y64, few)
			SoftmaxBackward(z, y, 0.3, 0.5)
			SoftmaxBackward(z64, y64, float64(float32(0.3)), 0.5)
			both("SoftmaxBackward", z, z64, 3*few)
		})
	})
}

func TestSoftmax(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		eachLength(t, func(n int, slice func() []float32) {
			x, y := slice(), slice()
			for i := range x {
				x[i] *= 8
			}
			x64, y64 := to64(x), to64(y)
			s, s64 := sumExp(x, 0.3, 1), sumExp(x64, float64(float32(0.3)), 1)
			near(t, "SumExp", []float32{s}, []float64{s64}, many, 1)
			copy(y, x)
			copy(y64, x64)
			s, s64 = ExpSum(y, 0.3, 1), ExpSum(y64, float64(float32(0.3)), 1)
			near(t, "ExpSum", []float32{s}, []float64{s64}, many, 1)
			near(t, "ExpSum x", y, y64, few, 0)
			if n == 0 {
				return
			}
			near(t, "LogSumExp", []float32{logSumExp(x)}, []float64{logSumExp(x64)}, many, 1)
			copy(y, x)
			copy(y64, x64)
			s, s64 = Softmax(y, 0.25), Softmax(y64, 0.25)
			near(t, "Softmax lse", []float32{s}, []float64{s64}, many, 1)
			near(t, "Softmax", y, y64, many, 0)
			target := n / 3
			if got, want := NegLogProb(x, target), NegLogProb(x64, target); math.Abs(got-want) > many*(1+want) {
				t.Fatalf("NegLogProb of %d: %v, want %v", n, got, want)
			}
			if got, want := CrossEntropy(x, target, 0.125), CrossEntropy(x64, target, 0.125); math.Abs(got-want) > many*(1+want) {
				t.Fatalf("CrossEntropy of %d: %v, want %v", n, got, want)
			}
			near(t, "CrossEntropy x", x, x64, many, 1e-3)
		})
	})
}

func TestNorms(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		eachLength(t, func(n int, slice func() []float32) {
			x, y, xhat, w, b, dx, dw, db := slice(), slice(), slice(), slice(), slice(), slice(), slice(), slice()
			x64, y64, xhat64, w64, b64, dx64, dw64, db64 := to64(x), to64(y), to64(xhat), to64(w), to64(b), to64(dx), to64(dw), to64(db)
			near(t, "Normalize", []float32{Normalize(xhat, x, 1e-5)}, []float64{Normalize(xhat64, x64, 1e-5)}, many, 0)
			near(t, "Normalize xhat", xhat, xhat64, many, 1)
			clear(xhat)
			for _, b := range [][]float32{b, nil} {
				b64 := b64
				if b == nil {
					b64 = nil
				}
				near(t, "LayerNorm", []float32{LayerNorm(y, xhat, x, w, b, 1e-5)}, []float64{LayerNorm(y64, xhat64, x64, w64, b64, 1e-5)}, many, 0)
				near(t, "LayerNorm y", y, y64, many, 1)
				near(t, "LayerNorm xhat", xhat, xhat64, many, 1)
			}
			NormalizeBackward(dx, y, w, xhat, 0.5)
			NormalizeBackward(dx64, y64, w64, xhat64, 0.5)
			near(t, "NormalizeBackward", dx, dx64, many, 1)
			for _, db := range [][]float32{db, nil} {
				db64 := db64
				if db == nil {
					db64 = nil
				}
				LayerNormBackward(dx, dw, db, y, w, xhat, 0.5)
				LayerNormBackward(dx64, dw64, db64, y64, w64, xhat64, 0.5)
				near(t, "LayerNormBackward", dx, dx64, many, 1)
				near(t, "LayerNormBackward dw", dw, dw64, many, 1)
				near(t, "LayerNormBackward db", db, db64, many, 1)
			}
			if n == 0 {
				return
			}
			near(t, "RMSNorm", []float32{RMSNorm(y, xhat, x, w, 1e-5)}, []float64{RMSNorm(y64, xhat64, x64, w64, 1e-5)}, many, 0)
			near(t, "RMSNorm y", y, y64, many, 1)
			near(t, "RMSNorm xhat", xhat, xhat64, many, 1)
			near(t, "RMSNorm in place", []float32{RMSNorm(x, xhat, x, w, 1e-5)}, []float64{RMSNorm(x64, xhat64, x64, w64, 1e-5)}, many, 0)
			near(t, "RMSNorm y in place", x, x64, many, 1)
			for _, dw := range [][]float32{dw, nil} {
				dw64 := dw64
				if dw == nil {
					dw64 = nil
				}
				RMSNormBackward(dx, dw, y, w, xhat, 0.5)
				RMSNormBackward(dx64, dw64, y64, w64, xhat64, 0.5)
				near(t, "RMSNormBackward", dx, dx64, many, 1)
				near(t, "RMSNormBackward dw", dw, dw64, many, 1)
				RMSNormBackwardInPlace(y, dw, w, xhat, 0.5)
				RMSNormBackwardInPlace(y64, dw64, w64, xhat64, 0.5)
				near(t, "RMSNormBackwardInPlace", y, y64, many, 1)
				near(t, "RMSNormBackwardInPlace dw", dw, dw64, many, 1)
			}
		})
		for _, size := range []float32{0, 1e-30, 3e-38, 1e30, 3e38} { // whose squares float32 does not hold
			x, y := []float32{size, -size, size}, make([]float32, 3)
			want := float32(1)
			if size == 0 {
				want = 0
			}
			if r := RMSNorm(y, y, x, []float32{1, 1, 1}, 0); r-r != 0 || math.Abs(float64(y[0]-want)) > few || y[1] != -y[0] {
				t.Errorf("RMSNorm of ±%g is %v, 1/σ %g", size, y, r)
			}
		}
		for _, n := range []int{0, 1, 7, 300} { // 0.1 does not survive being summed and divided
			x, y, w := make([]float32, n), make([]float32, n), make([]float32, n)
			for i := range x {
				x[i] = 0.1
			}
			if r := LayerNorm(y, x, x, w, w, 0); r != 0 || Max(x) > 0 {
				t.Errorf("a constant row of %d: 1/σ %v, up to %v", n, r, Max(x))
			}
		}
	})
}

func TestAddRows(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(13, 14))
		for n := range 140 {
			for _, rows := range []int{0, 1, 5} {
				x, y := random[float32](r, rows, n, 3), make([]float32, n)
				want := make([]float32, n)
				for j := range y {
					y[j] = float32(j)
					want[j] = y[j]
					for i := range rows {
						want[j] += x.Row(i)[j]
					}
				}
				AddRows(y, x)
				for j := range y {
					if y[j] != want[j] { // the order is part of the contract
						t.Fatalf("%d rows of %d: [%d] is %v, want %v", rows, n, j, y[j], want[j])
					}
				}
			}
		}
	})
}

func TestAdamW(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		h := AdamWStep[float32]{Scale: 0.5, Beta1: 0.9, Rest1: 0.1, Beta2: 0.99, Rest2: 0.01, Rate: 1e-2, Unbias: 3, Eps: 1e-8, Keep: 0.999}
		h64 := AdamWStep[float64]{float64(h.Scale), float64(h.Beta1), float64(h.Rest1), float64(h.Beta2), float64(h.Rest2), float64(h.Rate), float64(h.Unbias), float64(h.Eps), float64(h.Keep)}
		eachLength(t, func(n int, slice func() []float32) {
			w, g, m, v := slice(), slice(), slice(), slice()
			for i := range v {
				v[i] *= v[i]
			}
			w64, g64, m64, v64 := to64(w), to64(g), to64(m), to64(v)
			AdamW(w, g, m, v, &h)
			AdamW(w64, g64, m64, v64, &h64)
			near(t, "AdamW w", w, w64, few, 1)
			near(t, "AdamW m", m, m64, few, 1)
			near(t, "AdamW v", v, v64, few, 1)
		})
	})
}
