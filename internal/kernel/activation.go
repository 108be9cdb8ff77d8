package kernel

import "math"

// ReLU sets y to max(x, 0); y may be x:
//
//	for i { y[i] = max(x[i], 0) }
func ReLU[T Float](y, x []T) {
	mustLen("ReLU", len(y), len(x))
	if vectors && hasVectors[T]() {
		reluVector(as32(y), as32(x))
		return
	}
	for i, v := range x {
		y[i] = max(v, 0)
	}
}

// ReLUBackward recomputes y = ReLU(x) and sets dx to dy times the derivative, which is 0 at
// 0; dx may be dy:
//
//	for i { y[i] = max(x[i], 0); if x[i] > 0 { dx[i] = dy[i] } else { dx[i] = 0 } }
func ReLUBackward[T Float](dx, y, dy, x []T) {
	mustLen("ReLUBackward", len(dx), len(y), len(dy), len(x))
	if vectors && hasVectors[T]() {
		reluBackwardVector(as32(dx), as32(y), as32(dy), as32(x))
		return
	}
	for i, v := range x {
		d := dy[i]
		if !(v > 0) {
			d = 0
		}
		dx[i], y[i] = d, max(v, 0)
	}
}

// On the vector paths both GELUs have errors of at most 2 units in the last place of float32,
// and the derivatives of at most 2⁻²³ (GELU) and 2⁻²² (GELUTanh). Magnitudes below 2e-37 may
// become 0. The portable path computes in float64 and rounds the result.

// GELU sets y to x Φ(x), with Φ the normal distribution function; y may be x:
//
//	for i { y[i] = x[i] * (1 + erf(x[i]/√2)) / 2 }
func GELU[T Float](y, x []T) {
	mustLen("GELU", len(y), len(x))
	if vectors && hasVectors[T]() {
		geluVector(as32(y), as32(x))
		return
	}
	for i, v := range x {
		v := float64(v)
		y[i] = T(v * normalCDF(v))
	}
}

// normalCDF is Φ(x); it is accurate in the left tail, too.
func normalCDF(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

// GELUBackward recomputes y = GELU(x), which is cheap beside the derivative and saves
// storing y, and sets dx to dy times the derivative; dx may be dy:
//
//	for i { Φ := (1 + erf(x[i]/√2)) / 2; φ := exp(-x[i]²/2) / √(2π)
//		y[i] = x[i]*Φ; dx[i] = dy[i] * (Φ + x[i]*φ) }
func GELUBackward[T Float](dx, y, dy, x []T) {
	mustLen("GELUBackward", len(dx), len(y), len(dy), len(x))
	if vectors && hasVectors[T]() {
		geluBackwardVector(as32(dx), as32(y), as32(dy), as32(x))
		return
	}
	const norm = 1 / (math.Sqrt2 * math.SqrtPi)
	for i, v := range x {
		v := float64(v)
		cdf := normalCDF(v)
		y[i] = T(v * cdf)
		dx[i] = dy[i] * T(cdf+v*norm*math.Exp(-0.5*v*v))
	}
}

// SiLU sets y to x/(1 + exp(-x)); y may be x. On the vector paths it has errors of at
// most 2.5 units in the last place, its derivative of at most 2⁻²², and magnitudes below 2e-36
// may become 0:
//
//	for i { y[i] = x[i] / (1 + exp(-x[i])) }
func SiLU[T Float](y, x []T) {
	mustLen("SiLU", len(y), len(x))
	if vectors && hasVectors[T]() {
		siluVector(as32(y), as32(x))
		return
	}
	for i, v := range x {
		v := float64(v)
		y[i] = T(v * logistic(v))
	}
}

// SiLUBackward recomputes y = SiLU(x) and sets dx to dy times the derivative; dx may be dy:
//
//	for i { s := 1 / (1 + exp(-x[i])); y[i] = x[i]*s; dx[i] = dy[i] * s * (1 + x[i]*(1-s)) }
func SiLUBackward[T Float](dx, y, dy, x []T) {
	mustLen("SiLUBackward", len(dx), len(y), len(dy), len(x))
	if vectors && hasVectors[T]() {
		siluBackwardVector(as32(dx), as32(y), as32(dy), as32(x))
		return
	}
	for i, v := range x {
		v := float64(v)
		s := logistic(v)
		y[i] = T(v * s)
		slope := v * (1 - s)
		if s == 0 || s == 1 {
			slope = 0
		}
		dx[i] = dy[i] * T(s*(1+slope))
	}
}

const (
	tanhScale = 2 / (math.Sqrt2 * math.SqrtPi) // √(2/π)
	tanhCube  = 0.044715
)

// GELUTanh sets y to the approximation of GELU that GPT-2 uses; y may be x:
//
//	for i { u := √(2/π) * (x[i] + 0.044715*x[i]³); y[i] = x[i] * (1 + tanh(u)) / 2 }
func GELUTanh[T Float](y, x []T) {
	mustLen("GELUTanh", len(y), len(x))
	if vectors && hasVectors[T]() {
		geluTanhVector(as32(y), as32(x))
		return
	}
	for i, v := range x {
		v := float64(v)
		y[i] = T(v * logistic(2*tanhScale*(v+tanhCube*v*v*v)))
	}
}

// logistic is 1/(1 + exp(-x)) = (1 + tanh(x/2))/2, without cancellation in the left tail.
func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// GELUTanhBackward recomputes y = GELUTanh(x) and sets dx to dy times the derivative; dx may
// be dy:
//
//	for i { u := √(2/π) * (x[i] + 0.044715*x[i]³); u′ := √(2/π) * (1 + 3*0.044715*x[i]²)
//		y[i] = x[i] * (1 + tanh(u)) / 2
//		dx[i] = dy[i] * ((1 + tanh(u))/2 + x[i] * (1 - tanh²(u))/2 * u′) }
func GELUTanhBackward[T Float](dx, y, dy, x []T) {
	mustLen("GELUTanhBackward", len(dx), len(y), len(dy), len(x))
	if vectors && hasVectors[T]() {
		geluTanhBackwardVector(as32(dx), as32(y), as32(dy), as32(x))
		return
	}
	for i, v := range x {
		v := float64(v)
		up := logistic(2 * tanhScale * (v + tanhCube*v*v*v))
		y[i] = T(v * up)
		// (1 - tanh²)/2 = 2 up (1 - up); where up is 0 or 1 the second term is 0.
		slope := 2 * tanhScale * (1 + 3*tanhCube*v*v) * v * up * (1 - up)
		if up == 0 || up == 1 {
			slope = 0
		}
		dx[i] = dy[i] * T(up+slope)
	}
}
