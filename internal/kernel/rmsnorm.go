package kernel

import "math"

// RMSNorm sets xhat to x/σ and y to w∘xhat, with σ² = mean(x²) + eps, and returns 1/σ. y may
// be x. If x is zero and eps = 0, xhat and 1/σ are set to 0. The sum is float64.
//
//	s := 0.0; for i { s += x[i]² }
//	rstd := 1 / √(s/n + eps)
//	for i { xhat[i] = x[i] * rstd; y[i] = xhat[i] * w[i] }
//	return rstd
func RMSNorm[T Float](y, xhat, x, w []T, eps float64) (rstd T) {
	mustLen("RMSNorm", len(y), len(xhat), len(x), len(w))
	wide := inverseRoot(SumSquares(x)/float64(len(x)), eps)
	rstd = T(min(wide, math.MaxFloat32)) // infinity times a gradient of 0 would be NaN
	switch {
	case !(wide < 1e30):
		for i, v := range x {
			xhat[i] = T(float64(v) * wide)
		}
	case vectors && hasVectors[T]():
		normalizeVector(as32(xhat), as32(x), 0, float32(rstd))
	default:
		for i, v := range x {
			xhat[i] = v * rstd
		}
	}
	Affine(y, xhat, w, nil)
	return rstd
}

// RMSNormBackward adds the gradient of x to dx and, unless dw is nil, that of w to dw. dy is
// the gradient of w∘xhat; xhat and rstd are results of RMSNorm:
//
//	t := 0; for i { dw[i] += xhat[i]*dy[i]; t += xhat[i]*w[i]*dy[i] }
//	for i { dx[i] += rstd * (w[i]*dy[i] - xhat[i]*t/n) }
func RMSNormBackward[T Float](dx, dw, dy, w, xhat []T, rstd T) {
	mustLen("RMSNormBackward", len(dx), len(dy), len(w), len(xhat))
	if dw != nil {
		MulAdd(dw, xhat, dy)
	}
	if vectors && hasVectors[T]() {
		_, t := normalizeSumsVector(as32(dy), as32(w), as32(xhat))
		normalizeBackwardVector(as32(dx), as32(dy), as32(w), as32(xhat), float32(rstd), 0, t/float32(len(dx)))
		return
	}
	var t T
	for i, d := range dy {
		t += xhat[i] * (w[i] * d)
	}
	t /= T(len(dx))
	for i, d := range dy {
		dx[i] += rstd * (w[i]*d - xhat[i]*t)
	}
}

// RMSNormBackwardInPlace replaces d, the gradient of w∘xhat, by that of x, and unless dw is
// nil adds the gradient of w to dw:
//
//	t := 0; for i { dw[i] += xhat[i]*d[i]; d[i] *= w[i]; t += xhat[i]*d[i] }
//	for i { d[i] = rstd * (d[i] - xhat[i]*t/n) }
func RMSNormBackwardInPlace[T Float](d, dw, w, xhat []T, rstd T) {
	mustLen("RMSNormBackwardInPlace", len(d), len(w), len(xhat))
	if dw != nil {
		MulAdd(dw, xhat, d)
	}
	Affine(d, d, w, nil)
	Axpy(d, -Dot(xhat, d)/T(len(d)), xhat)
	Scale(d, rstd)
}
