package kernel

import "math"

// Normalize sets xhat to (x - μ)/σ and returns 1/σ, with μ the mean of x and
// σ² = mean((x-μ)²) + eps. A constant x with eps = 0 has no σ: it gives zeros,
// and 1/σ counts as 0. Numbers whose squares a float32 cannot hold are taken in
// float64. xhat may be x:
//
//	μ := Sum(x) / n
//	v := 0; for i { v += (x[i]-μ)² }
//	rstd := 1 / √(v/n + eps)
//	for i { xhat[i] = (x[i] - μ) * rstd }
//	return rstd
func Normalize[T Float](xhat, x []T, eps float64) (rstd T) {
	mustLen("Normalize", len(xhat), len(x))
	if constant(x) {
		clear(xhat)
		return inverseRoot(T(0), eps)
	}
	if vectors && fast[T]() {
		mean, rstd := moments(as32(x), eps)
		if extreme(mean, rstd) {
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
	if extreme(mean, rstd) {
		return normalizeWide(xhat, x, eps)
	}
	for i, s := range x {
		xhat[i] = (s - mean) * rstd
	}
	return rstd
}

// extreme reports that σ is so large or small that its square, the sum behind it, or
// the sum behind the mean, may have left the range of float32; or so small beside the
// mean that the rounding error of the mean shows in ā. A σ in between has squares from
// 1e-32 to 1e32, and sums of them that are exact to the last places.
func extreme[T Float](mean, rstd T) bool {
	return !(rstd > 1e-16 && rstd < 1e16 && mean*rstd < 16 && mean*rstd > -16)
}

// normalizeWide is Normalize in float64. Where 1/σ is above the largest float32 that
// stands for it: an infinity would make NaN of gradients that are 0.
func normalizeWide[T Float](xhat, x []T, eps float64) (rstd T) {
	n := float64(len(x))
	var mean, v float64
	for _, s := range x {
		mean += float64(s) // exact where all are equal
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

// constant reports whether x has no σ: rounding of μ must not make one up. Infinities
// are not constant, since what comes of them must not look like a number.
func constant[T Float](x []T) bool {
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
	if vectors && fast[T]() && b != nil && !constant(x) {
		mustLen("LayerNorm", len(y), len(xhat), len(x), len(w), len(b))
		mean, rstd := moments(as32(x), eps)
		if extreme(mean, rstd) {
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
