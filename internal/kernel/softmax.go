package kernel

import "math"

// On the vector paths the error of the exponential is at most 0.9 units in the last place of
// float32, and results below the smallest normal number, 1.2e-38, become 0. The
// portable path computes in float64 and rounds.

// expSlice replaces x by its exponential:
//
//	for i { x[i] = exp(x[i]) }
func expSlice[T Float](x []T) {
	if vectors && hasVectors[T]() {
		expVector(as32(x))
		return
	}
	for i, v := range x {
		x[i] = exp(v)
	}
}

func exp[T Float](x T) T { return T(math.Exp(float64(x))) }

// expProduct is exp(a x - shift); the product of two float32 is exact in float64.
func expProduct[T Float](a, x, shift T) T {
	return T(math.Exp(float64(float64(a)*float64(x)) - float64(shift)))
}

// ExpSum replaces x by exp(a x - shift) and returns the sum:
//
//	s := 0; for i { x[i] = exp(a*x[i] - shift); s += x[i] }; return s
func ExpSum[T Float](x []T, a, shift T) (s T) {
	if vectors && hasVectors[T]() {
		return T(expSumVector(as32(x), float32(a), float32(shift)))
	}
	for i, v := range x {
		e := expProduct(a, v, shift)
		x[i] = e
		s += e
	}
	return s
}

// sumExp returns the sum of exp(a x - shift):
//
//	s := 0; for i { s += exp(a*x[i] - shift) }; return s
func sumExp[T Float](x []T, a, shift T) (s T) {
	if vectors && hasVectors[T]() {
		return T(sumExpVector(as32(x), float32(a), float32(shift)))
	}
	for _, v := range x {
		s += expProduct(a, v, shift)
	}
	return s
}

// logSumExp returns the logarithm of the sum of exp(x). It does not overflow. x must not be
// empty:
//
//	m := Max(x); return m + log(sumExp(x, 1, m))
func logSumExp[T Float](x []T) T {
	m := Max(x)
	return m + T(math.Log(float64(sumExp(x, 1, m))))
}

// Softmax replaces x by the softmax of a x and returns the logarithm of the sum of exp(a x).
// x must not be empty and a not negative. If all of x are -Inf, it sets x to 0:
//
//	m := a * Max(x); s := ExpSum(x, a, m); Scale(x, 1/s); return m + log(s)
func Softmax[T Float](x []T, a T) (lse T) {
	m := a * Max(x)
	if math.IsInf(float64(m), -1) && !hasNaN(x) {
		clear(x)
		return m
	}
	a = ScaleLarge(x, a, m)
	s := ExpSum(x, a, m)
	Scale(x, 1/s)
	return m + T(math.Log(float64(s)))
}

// ScaleLarge prepares x for ExpSum(x, a, shift). If shift is so large that its rounding
// error would change the exponents, it multiplies x by a and returns 1 as the new a.
// Otherwise it returns a.
func ScaleLarge[T Float](x []T, a, shift T) T {
	const large = 1 << 24 // above it neighbouring float32 numbers differ by 2
	if shift < large && shift > -large {
		return a
	}
	Scale(x, a)
	return 1
}

func hasNaN[T Float](x []T) bool {
	for _, v := range x {
		if v != v {
			return true
		}
	}
	return false
}

// SoftmaxBackward replaces dy, the gradient of y = softmax(a x), by the gradient of x.
// rowDot is Σ dy∘y:
//
//	for i { dy[i] = (dy[i] - rowDot) * y[i] * a }
func SoftmaxBackward[T Float](dy, y []T, rowDot, a T) {
	mustLen("SoftmaxBackward", len(dy), len(y))
	if vectors && hasVectors[T]() {
		softmaxBackwardVector(as32(dy), as32(y), float32(rowDot), float32(a))
		return
	}
	for i, v := range y {
		dy[i] = (dy[i] - rowDot) * v * a
	}
}

// CrossEntropy returns -log softmax(x)[target], and replaces x by the gradient of that times
// a:
//
//	m := Max(x); t := x[target]; s := ExpSum(x, 1, m)
//	Scale(x, a/s); x[target] -= a
//	return log(s) - (float64(t) - float64(m))
func CrossEntropy[T Float](x []T, target int, a T) float64 {
	m := Max(x)
	t := x[target]
	s := ExpSum(x, 1, m)
	Scale(x, a/s)
	x[target] -= a
	return math.Log(float64(s)) - (float64(t) - float64(m))
}

// NegLogProb returns -log softmax(x)[target]:
//
//	m := Max(x); return log(sumExp(x, 1, m)) - (float64(x[target]) - float64(m))
func NegLogProb[T Float](x []T, target int) float64 {
	m := Max(x)
	return math.Log(float64(sumExp(x, 1, m))) - (float64(x[target]) - float64(m))
}
