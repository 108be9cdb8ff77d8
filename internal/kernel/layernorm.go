package kernel

import "math"

// Normalize sets xhat to (x - μ)/σ and returns 1/σ, with the mean μ of x and σ² =
// mean((x-μ)²) + eps. xhat may be x. If x is constant and eps = 0, σ is 0: then xhat and 1/σ
// are set to 0. If σ is out of range for float32, it computes in float64.
//
//	μ := sum(x) / n
//	v := 0; for i { v += (x[i]-μ)² }
//	rstd := 1 / √(v/n + eps)
//	for i { xhat[i] = (x[i] - μ) * rstd }
//	return rstd
func Normalize[T Float](xhat, x []T, eps float64) (rstd T) {
	mustLen("Normalize", len(xhat), len(x))
	if isConstant(x) {
		clear(xhat)
		return inverseRoot(T(0), eps)
	}
	if vectors && hasVectors[T]() {
		mean, rstd := moments(as32(x), eps)
		if needsFloat64(mean, rstd) {
			return normalizeWide(xhat, x, eps)
		}
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
	if needsFloat64(mean, rstd) {
		return normalizeWide(xhat, x, eps)
	}
	for i, s := range x {
		xhat[i] = (s - mean) * rstd
	}
	return rstd
}

// needsFloat64 reports that σ is so large or so small that its square, or a sum in the
// computation, may be out of the range of float32; or that σ is so small beside the mean
// that the rounding error of the mean is visible in x̂. For σ in between, squares are from
// 1e-32 to 1e32, and their sums are exact up to the last places.
func needsFloat64[T Float](mean, rstd T) bool {
	return !(rstd > 1e-16 && rstd < 1e16 && mean*rstd < 16 && mean*rstd > -16)
}

// normalizeWide is Normalize in float64. If 1/σ is above the largest float32, it returns the
// largest float32: infinity times a gradient of 0 would be NaN.
func normalizeWide[T Float](xhat, x []T, eps float64) (rstd T) {
	n := float64(len(x))
	var mean, v float64
	for _, s := range x {
		mean += float64(s) // exact if all are equal
	}
	mean /= n
	for _, s := range x {
		v += (float64(s) - mean) / n * (float64(s) - mean)
	}
	wide := inverseRoot(v, eps)
	for i, s := range x {
		xhat[i] = T((float64(s) - mean) * wide)
	}
	return T(min(wide, math.MaxFloat32))
}

// isConstant reports whether all of x are equal, so that σ² is eps; rounding of μ must not
// change that. Infinities do not count as constant: their result must be NaN.
func isConstant[T Float](x []T) bool {
	for _, v := range x {
		if v != x[0] {
			return false
		}
	}
	return len(x) == 0 || x[0]-x[0] == 0
}

// moments returns μ and 1/σ.
func moments(x []float32, eps float64) (mean, rstd float32) {
	n := float32(len(x))
	mean = sumVector(x) / n
	return mean, inverseRoot(deviationVector(x, mean)/n, eps)
}

// inverseRoot is 1/√(v + eps), and 0 if v + eps is 0.
func inverseRoot[T Float](v T, eps float64) T {
	s := math.Sqrt(float64(v) + eps)
	if s == 0 {
		return 0
	}
	return T(1 / s)
}

// Affine sets y to w∘xhat + b, or to w∘xhat if b is nil. y may be xhat:
//
//	for i { y[i] = xhat[i]*w[i] (+ b[i]) }
func Affine[T Float](y, xhat, w, b []T) {
	mustLen("Affine", len(y), len(xhat), len(w))
	if b != nil {
		mustLen("Affine", len(y), len(b))
	}
	if vectors && hasVectors[T]() {
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

// LayerNorm sets xhat to the normalized x and y to w∘xhat + b, and returns 1/σ:
//
//	rstd := Normalize(xhat, x, eps); Affine(y, xhat, w, b); return rstd
func LayerNorm[T Float](y, xhat, x, w, b []T, eps float64) (rstd T) {
	if vectors && hasVectors[T]() && b != nil && !isConstant(x) {
		mustLen("LayerNorm", len(y), len(xhat), len(x), len(w), len(b))
		mean, rstd := moments(as32(x), eps)
		if needsFloat64(mean, rstd) {
			rstd := normalizeWide(xhat, x, eps)
			Affine(y, xhat, w, b)
			return rstd
		}
		layerNormVector(as32(y), as32(xhat), as32(x), as32(w), as32(b), mean, rstd)
		return T(rstd)
	}
	rstd = Normalize(xhat, x, eps)
	Affine(y, xhat, w, b)
	return rstd
}

// NormalizeBackward adds the gradient of x to dx. dy is the gradient of w∘xhat + b; xhat and
// rstd are results of the forward pass:
//
//	s, t := 0, 0; for i { g := w[i]*dy[i]; s += g; t += xhat[i]*g }
//	for i { dx[i] += rstd * (w[i]*dy[i] - s/n - xhat[i]*t/n) }
func NormalizeBackward[T Float](dx, dy, w, xhat []T, rstd T) {
	mustLen("NormalizeBackward", len(dx), len(dy), len(w), len(xhat))
	n := T(len(dx))
	if vectors && hasVectors[T]() {
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

// LayerNormBackward adds the gradients of x, w and b to dx, dw and db; db may be nil:
//
//	MulAdd(dw, xhat, dy); Add(db, dy); NormalizeBackward(dx, dy, w, xhat, rstd)
func LayerNormBackward[T Float](dx, dw, db, dy, w, xhat []T, rstd T) {
	if vectors && hasVectors[T]() && db != nil {
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
