package kernel

import "math"

// Normalize sets xhat to (x - μ)/σ and returns 1/σ, with μ the mean of x and
// σ² = mean((x-μ)²) + eps. A constant x with eps = 0 has no σ: it gives zeros,
// and 1/σ counts as 0. xhat may be x:
//
//	μ := Sum(x) / n
//	v := 0; for i { v += (x[i]-μ)² }
//	rstd := 1 / √(v/n + eps)
//	for i { xhat[i] = (x[i] - μ) * rstd }
//	return rstd
func Normalize[T Float](xhat, x []T, eps float64) (rstd T) {
	mustLen("Normalize", len(xhat), len(x))
	if constant(x, eps) {
		clear(xhat)
		return 0
	}
	if vectors && fast[T]() {
		mean, rstd := moments(as32(x), eps)
		normalizeVector(as32(xhat), as32(x), mean, rstd)
		return T(rstd)
	}
	n := T(len(x))
	var mean, v T
	for _, s := range x {
		mean += s
	}
	mean /= n
	for _, s := range x {
		s -= mean
		v += s * s
	}
	rstd = inverseRoot(v/n, eps)
	for i, s := range x {
		xhat[i] = (s - mean) * rstd
	}
	return rstd
}

// constant reports whether x has no σ: rounding of μ must not make one up.
func constant[T Float](x []T, eps float64) bool {
	if eps > 0 {
		return len(x) == 0
	}
	for _, v := range x {
		if v != x[0] {
			return false
		}
	}
	return true
}

// moments returns μ and 1/σ.
func moments(x []float32, eps float64) (mean, rstd float32) {
	n := float32(len(x))
	mean = sumVector(x) / n
	return mean, inverseRoot(deviationVector(x, mean)/n, eps)
}

// inverseRoot is 1/√(v + eps), and 0 where that has no value.
func inverseRoot[T Float](v T, eps float64) T {
	s := math.Sqrt(float64(v) + eps)
	if s == 0 {
		return 0
	}
	return T(1 / s)
}

// Affine sets y to w∘xhat + b; without b, to w∘xhat. y may be xhat:
//
//	for i { y[i] = xhat[i]*w[i] (+ b[i]) }
func Affine[T Float](y, xhat, w, b []T) {
	mustLen("Affine", len(y), len(xhat), len(w))
	if b != nil {
		mustLen("Affine", len(y), len(b))
	}
	if vectors && fast[T]() {
		affineVector(as32(y), as32(xhat), as32(w), as32(b))
		return
	}
	if b == nil {
		for i, v := range xhat {
			y[i] = v * w[i]
		}
		return
	}
	for i, v := range xhat {
		y[i] = v*w[i] + b[i]
	}
}

// LayerNorm is Normalize and Affine in one:
//
//	rstd := Normalize(xhat, x, eps); Affine(y, xhat, w, b); return rstd
func LayerNorm[T Float](y, xhat, x, w, b []T, eps float64) (rstd T) {
	if vectors && fast[T]() && b != nil && !constant(x, eps) {
		mustLen("LayerNorm", len(y), len(xhat), len(x), len(w), len(b))
		mean, rstd := moments(as32(x), eps)
		layerNormVector(as32(y), as32(xhat), as32(x), as32(w), as32(b), mean, rstd)
		return T(rstd)
	}
	rstd = Normalize(xhat, x, eps)
	Affine(y, xhat, w, b)
	return rstd
}

// NormalizeBackward adds to dx the gradient with respect to x, given dy, that
// with respect to w∘xhat + b, and what Normalize left:
//
//	s, t := 0, 0; for i { g := w[i]*dy[i]; s += g; t += xhat[i]*g }
//	for i { dx[i] += rstd * (w[i]*dy[i] - s/n - xhat[i]*t/n) }
func NormalizeBackward[T Float](dx, dy, w, xhat []T, rstd T) {
	mustLen("NormalizeBackward", len(dx), len(dy), len(w), len(xhat))
	n := T(len(dx))
	if vectors && fast[T]() {
		s, t := normalizeSumsVector(as32(dy), as32(w), as32(xhat))
		normalizeBackwardVector(as32(dx), as32(dy), as32(w), as32(xhat), float32(rstd), s/float32(n), t/float32(n))
		return
	}
	var s, t T
	for i, d := range dy {
		g := w[i] * d
		s += g
		t += xhat[i] * g
	}
	s /= n
	t /= n
	for i, d := range dy {
		dx[i] += rstd * (w[i]*d - s - xhat[i]*t)
	}
}

// LayerNormBackward is NormalizeBackward and the gradients of w and b in one;
// db may be nil:
//
//	MulAdd(dw, xhat, dy); Add(db, dy); NormalizeBackward(dx, dy, w, xhat, rstd)
func LayerNormBackward[T Float](dx, dw, db, dy, w, xhat []T, rstd T) {
	if vectors && fast[T]() && db != nil {
		mustLen("LayerNormBackward", len(dx), len(dw), len(db), len(dy), len(w), len(xhat))
		n := float32(len(dx))
		s, t := layerNormSumsVector(as32(dw), as32(db), as32(dy), as32(w), as32(xhat))
		normalizeBackwardVector(as32(dx), as32(dy), as32(w), as32(xhat), float32(rstd), s/n, t/n)
		return
	}
	MulAdd(dw, xhat, dy)
	if db != nil {
		Add(db, dy)
	}
	NormalizeBackward(dx, dy, w, xhat, rstd)
}
