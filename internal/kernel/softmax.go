package kernel

import "math"

// The exponential in float32 is within 0.9 units in the last place on the vector
// paths, where results below the smallest normal number, 1.2e-38, count as 0; the
// portable path rounds that of float64.

// Exp replaces x by its exponential:
//
//	for i { x[i] = exp(x[i]) }
func Exp[T Float](x []T) {
	if vectors && fast[T]() {
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
	if vectors && fast[T]() {
		return T(expSumVector(as32(x), float32(a), float32(shift)))
	}
	for i, v := range x {
		e := expProduct(a, v, shift)
		x[i] = e
		s += e
	}
	return s
}

// SumExp returns the sum of exp(a x - shift):
//
//	s := 0; for i { s += exp(a*x[i] - shift) }; return s
func SumExp[T Float](x []T, a, shift T) (s T) {
	if vectors && fast[T]() {
		return T(sumExpVector(as32(x), float32(a), float32(shift)))
	}
	for _, v := range x {
		s += expProduct(a, v, shift)
	}
	return s
}

// LogSumExp returns the logarithm of the sum of exp(x), in a way that does not
// overflow; x must not be empty:
//
//	m := Max(x); return m + log(SumExp(x, 1, m))
func LogSumExp[T Float](x []T) T {
	m := Max(x)
	return m + T(math.Log(float64(SumExp(x, 1, m))))
}

// Softmax replaces x by the softmax of a x and returns the logarithm of the sum
// of exp(a x); x must not be empty and a not negative. Where nothing can be chosen,
// since all of x is -Inf, it is all 0:
//
//	m := a * Max(x); s := ExpSum(x, a, m); Scale(x, 1/s); return m + log(s)
func Softmax[T Float](x []T, a T) (lse T) {
	m := a * Max(x)
	if math.IsInf(float64(m), -1) && !anyNaN(x) {
		clear(x)
		return m
	}
	a = ScaleLarge(x, a, m)
	s := ExpSum(x, a, m)
	Scale(x, 1/s)
	return m + T(math.Log(float64(s)))
}

// ScaleLarge makes ready for ExpSum(x, a, shift) what is so large that the rounding
// error of shift, of the size of a x, would be a large exponent: it multiplies x by a
// and returns 1. Otherwise it returns a.
func ScaleLarge[T Float](x []T, a, shift T) T {
	const large = 1 << 24 // above it numbers of float32 are 2 apart
	if shift < large && shift > -large {
		return a
	}
	Scale(x, a)
	return 1
}

func anyNaN[T Float](x []T) bool {
	for _, v := range x {
		if v != v {
			return true
		}
	}
	return false
}

// SoftmaxBackward replaces dy, the gradient with respect to y = softmax(a x), by
// that with respect to x, where rowDot = Σ dy∘y:
//
//	for i { dy[i] = (dy[i] - rowDot) * y[i] * a }
func SoftmaxBackward[T Float](dy, y []T, rowDot, a T) {
	mustLen("SoftmaxBackward", len(dy), len(y))
	if vectors && fast[T]() {
		softmaxBackwardVector(as32(dy), as32(y), float32(rowDot), float32(a))
		return
	}
	for i, v := range y {
		dy[i] = (dy[i] - rowDot) * v * a
	}
}

// CrossEntropy returns -log softmax(x)[target] and replaces x by its gradient
// times a:
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
//	m := Max(x); return log(SumExp(x, 1, m)) - (float64(x[target]) - float64(m))
func NegLogProb[T Float](x []T, target int) float64 {
	m := Max(x)
	return math.Log(float64(SumExp(x, 1, m))) - (float64(x[target]) - float64(m))
}
