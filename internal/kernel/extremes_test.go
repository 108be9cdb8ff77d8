package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

var (
	inf32 = float32(math.Inf(1))
	nan32 = float32(math.NaN())
)

// extremeRow is a row of logits with numbers from everywhere in float32: the largest
// and the smallest, ties, -Inf, and ordinary ones among them.
func extremeRow(r *rand.Rand) []float32 {
	x := make([]float32, 1+r.IntN(40))
	kind := r.IntN(4)
	for i := range x {
		switch k := r.IntN(8); {
		case k == 0:
			x[i] = -inf32
		case k == 1 && kind == 0:
			x[i] = math.MaxFloat32
		case k == 2:
			x[i] = -math.MaxFloat32
		case k == 3:
			x[i] = math.Float32frombits(r.Uint32N(1 << 23)) // subnormal
		case k == 4 && kind == 1:
			x[i] = float32(math.Copysign(math.Pow(10, 38*r.Float64()), r.Float64()-0.5))
		default:
			x[i] = float32(r.NormFloat64() * 5)
		}
	}
	return x
}

// softmax64 is the softmax of a x and the logarithm of its denominator, in float64.
func softmax64(x []float32, a float64) (y []float64, lse float64) {
	m := math.Inf(-1)
	for _, v := range x {
		m = max(m, a*float64(v))
	}
	y = make([]float64, len(x))
	if math.IsInf(m, -1) {
		return y, m
	}
	sum := 0.0
	for i, v := range x {
		y[i] = math.Exp(a*float64(v) - m)
		sum += y[i]
	}
	for i := range y {
		y[i] /= sum
	}
	return y, m + math.Log(sum)
}

// closeTo says whether p, computed in float32, is the probability want within a relative
// error of 1e-6; below e^-13 with the rounding error of the exponent besides, which is
// 6e-8 of itself; and below the smallest normal number, whose exponential counts as 0,
// within it.
func closeTo(p float32, want float64) (relative float64, ok bool) {
	const (
		tolerance = 1e-6
		half      = 1.0 / (1 << 24) // unit in the last place
		tiny      = 1.2e-38
	)
	off := math.Abs(float64(p) - want)
	if want < tiny || off == 0 {
		return 0, off <= tiny
	}
	limit := tolerance
	if exponent := -math.Log(want); exponent > 13 {
		limit += half * exponent
	}
	return off / want, off <= limit*want
}

// Finite in, finite out, and right: softmax, log-sum-exp and cross-entropy of rows with
// numbers up to ±3.4e38, subnormal ones and -Inf. What lies before and behind a row, as
// tokens do that it must not see, has no effect, be it NaN or the largest number, and
// is not written.
func TestSoftmaxExtremes(t *testing.T) {
	const (
		tolerance = 1e-6  // relative
		scale     = 0.378 // no power of 2: products are rounded
		around    = 17    // numbers on both sides
	)
	eachFloatPath(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		hidden := make([]float32, 40+2*around)
		other := nan32
		among := func(x []float32) []float32 { // x where everything else is other
			for i := range hidden {
				hidden[i] = other
			}
			copy(hidden[around:], x)
			return hidden[around : around+len(x)]
		}
		untouched := func(n int) bool {
			for i, v := range hidden {
				if (i < around || i >= around+n) && math.Float32bits(v) != math.Float32bits(other) {
					return false
				}
			}
			return true
		}
		worst, worstTiny, worstLSE := 0.0, 0.0, 0.0
		check := func(got float32, want float64) bool {
			e, ok := closeTo(got, want)
			if want > 2.3e-6 {
				worst = max(worst, e)
			} else {
				worstTiny = max(worstTiny, e)
			}
			return ok
		}
		for row := range extremeRows {
			x := extremeRow(r)
			if other = nan32; row%2 == 1 {
				other = math.MaxFloat32
			}
			for _, a := range []float32{1, scale} {
				want, lse := softmax64(x, float64(a))
				y := among(x)
				got := Softmax(y, a)
				if e := math.Abs(float64(got)-lse) / max(1, math.Abs(lse)); !(e <= tolerance || float64(got) == lse) || !untouched(len(x)) {
					t.Fatalf("log-sum-exp of %g·%v is %v, want %v; nothing else written: %v", a, x, got, lse, untouched(len(x)))
				} else if e == e {
					worstLSE = max(worstLSE, e)
				}
				for i, p := range want {
					if !check(y[i], p) {
						t.Fatalf("softmax of %g·%v: [%d] is %v, want %v", a, x, i, y[i], p)
					}
				}
			}
			target := r.IntN(len(x))
			want, lse := softmax64(x, 1)
			if math.IsInf(float64(x[target]), -1) {
				continue // a loss of +Inf, or of NaN where all are -Inf
			}
			loss := lse - float64(x[target])
			losses := []float64{NegLogProb(among(x), target), 0}
			dx := among(x)
			losses[1] = CrossEntropy(dx, target, 1)
			for _, got := range losses {
				if !(math.Abs(got-loss) <= tolerance*max(1, math.Abs(lse), math.Abs(float64(x[target])))) || !untouched(len(x)) {
					t.Fatalf("cross-entropy of %v at %d is %v, want %v", x, target, got, loss)
				}
			}
			for i, p := range want {
				if i == target && !(math.Abs(float64(dx[i])-p+1) <= tolerance) || i != target && !check(dx[i], p) {
					t.Fatalf("gradient of cross-entropy of %v at %d: [%d] is %v, want the probability %v, less 1 at the target", x, target, i, dx[i], p)
				}
			}
		}
		t.Logf("%d rows: probabilities are off by %.2g of themselves, those below e^-13 by %.2g, log-sum-exp by %.2g", extremeRows, worst, worstTiny, worstLSE)
	})
}

// The sum of squares that clipping needs: of any finite numbers it is finite, and right.
func TestSumSquaresExtremes(t *testing.T) {
	const tolerance = 1e-14 // relative: squares of float32 are exact in float64, and the sum has few terms
	eachFloatPath(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for range extremeRows {
			x, want := make([]float32, r.IntN(40)), 0.0
			for i := range x {
				x[i] = math.Float32frombits(r.Uint32())
				if x[i]-x[i] != 0 {
					x[i] = math.MaxFloat32
				}
				want += float64(x[i]) * float64(x[i])
			}
			if got := SumSquares(x); !(math.Abs(got-want) <= tolerance*want) {
				t.Fatalf("the sum of squares of %v is %v, want %v", x, got, want)
			}
		}
	})
}

// What is not finite and cannot be chosen against comes out as NaN: it is never
// replaced by a number that looks right.
func TestSoftmaxOfNonFinite(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		for n := 1; n < 40; n++ {
			for i := range n {
				for _, bad := range []float32{nan32, inf32} {
					for _, rest := range []float32{1, -inf32} {
						x := make([]float32, n)
						for j := range x {
							x[j] = rest
						}
						x[i] = bad
						y := append([]float32(nil), x...)
						if lse := Softmax(y, 1); lse == lse && !math.IsInf(float64(lse), 1) || y[i] == y[i] {
							t.Fatalf("softmax of %v is %v, log-sum-exp %v", x, y, lse)
						}
						if l := NegLogProb(x, n/2); l-l == 0 {
							t.Fatalf("cross-entropy of %v is %v", x, l)
						}
					}
				}
			}
			x := make([]float32, n)
			for j := range x {
				x[j] = -inf32
			}
			if lse := Softmax(x, 0.3); !math.IsInf(float64(lse), -1) || Max(x) != 0 || sumOf(x) != 0 {
				t.Fatalf("softmax of %d times -Inf is %v, log-sum-exp %v", n, x, lse)
			}
			dy := make([]float32, n)
			for j := range dy {
				dy[j] = float32(j) - 3
			}
			if SoftmaxBackward(dy, x, 0, 0.3); SumSquares(dy) != 0 {
				t.Fatalf("the gradient of a row of which nothing can be chosen is %v", dy)
			}
		}
	})
}

// Layer normalization of rows of 1e-30 and 1e30, constant and almost constant ones, and
// the largest there are, in 1 to 4 and 19 features, without ε and with it, forward and backward.
func TestLayerNormExtremes(t *testing.T) {
	const (
		tolerance = 1e-5 // of 1, the size of ā; of the gradient, of its largest term
		rows      = 1 + extremeRows/(6*11*2)
	)
	eachFloatPath(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		worst := [2]float64{}
		for _, d := range []int{1, 2, 3, 4, 19, 64} {
			for _, size := range []float64{0, 1e-36, 1e-30, 1e-20, 1e-10, 1, 1e10, 1e19, 1e20, 1e30, 1e37} {
				for _, eps := range []float64{0, 1e-5} {
					for row := range rows {
						x, w, b, dy := make([]float32, d), make([]float32, d), make([]float32, d), make([]float32, d)
						for i := range x {
							x[i] = float32((r.NormFloat64() + 0.5) * size)
							if row%4 == 3 { // almost constant
								x[i] = float32((1 + 1e-3*r.NormFloat64()) * size)
							}
							w[i], b[i], dy[i] = float32(r.NormFloat64()), float32(r.NormFloat64()), float32(r.NormFloat64())
						}
						if size == 0 {
							for i := range x {
								x[i] = 1e30
							}
						}
						checkLayerNorm(t, x, w, b, dy, eps, tolerance, &worst)
						if t.Failed() {
							return
						}
					}
				}
			}
		}
		t.Logf("%d rows: ā is off by %.2g, the gradient by %.2g of its largest term", 6*11*2*rows, worst[0], worst[1])
	})
}

func checkLayerNorm(t *testing.T, x, w, b, dy []float32, eps, tolerance float64, worst *[2]float64) {
	t.Helper()
	d := len(x)
	n := float64(d)
	var mean, v float64
	for _, s := range x {
		mean += float64(s)
	}
	mean /= n
	for _, s := range x {
		v += (float64(s) - mean) * (float64(s) - mean) / n
	}
	rstd := 0.0
	if v+eps > 0 && !(eps == 0 && Max(x) == -maxOfNegative(x)) {
		rstd = 1 / math.Sqrt(v+eps)
	}
	y, xhat, dx, dw, db := make([]float32, d), make([]float32, d), make([]float32, d), make([]float32, d), make([]float32, d)
	got := LayerNorm(y, xhat, x, w, b, eps)
	LayerNormBackward(dx, dw, db, dy, w, xhat, got)
	var s, u, largest float64
	for i := range x {
		g := float64(w[i]) * float64(dy[i])
		s += g / n
		u += (float64(x[i]) - mean) * rstd * g / n
		largest = max(largest, math.Abs(g))
	}
	for i := range x {
		a := (float64(x[i]) - mean) * rstd
		want := min(rstd, math.MaxFloat32) * (float64(w[i])*float64(dy[i]) - s - a*u)
		worst[0] = max(worst[0], math.Abs(float64(xhat[i])-a))
		if limit := n * rstd * largest; limit > 0 && math.Abs(want) <= math.MaxFloat32 {
			worst[1] = max(worst[1], math.Abs(float64(dx[i])-want)/limit)
		}
		if !(math.Abs(float64(xhat[i])-a) <= tolerance) || !(math.Abs(float64(y[i])-a*float64(w[i])-float64(b[i])) <= tolerance*(1+math.Abs(float64(w[i])))) {
			t.Errorf("layer norm of %v, ε %g: ā[%d] is %v, want %v; y %v", x, eps, i, xhat[i], a, y[i])
			return
		}
		if math.Abs(want) > math.MaxFloat32 {
			want = math.Copysign(math.Inf(1), want)
		}
		if !(math.Abs(float64(dx[i])-want) <= tolerance*n*rstd*largest || float64(dx[i]) == want) {
			t.Errorf("gradient of the layer norm of %v, ε %g: [%d] is %v, want %v", x, eps, i, dx[i], want)
			return
		}
	}
}

func maxOfNegative(x []float32) float32 {
	y := append([]float32(nil), x...)
	Scale(y, -1)
	return Max(y)
}

// A row that is not finite does not come out as numbers, even when it is constant.
func TestLayerNormOfNonFinite(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		for n := 1; n < 40; n++ {
			w, b := make([]float32, n), make([]float32, n)
			for i := range n + 1 {
				for _, bad := range []float32{nan32, inf32, -inf32} {
					for _, eps := range []float64{0, 1e-5} {
						x, y, xhat := make([]float32, n), make([]float32, n), make([]float32, n)
						for j := range x {
							if x[j] = float32(j); i == n {
								x[j] = bad
							}
						}
						if i < n {
							x[i] = bad
						}
						if LayerNorm(y, xhat, x, w, b, eps); y[min(i, n-1)] == y[min(i, n-1)] {
							t.Fatalf("layer norm of %v is %v", x, y)
						}
					}
				}
			}
		}
	})
}
