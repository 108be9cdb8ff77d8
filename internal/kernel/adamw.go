package kernel

import "math"

// AdamWStep holds the numbers of one step that are the same for all parameters.
type AdamWStep[T Float] struct {
	Scale        T // factor of the gradient
	Beta1, Rest1 T // β₁, 1-β₁
	Beta2, Rest2 T // β₂, 1-β₂
	Rate         T // LR/(1-β₁ᵗ)
	Unbias       T // 1/√(1-β₂ᵗ)
	Eps          T // ε
	Keep         T // 1 - LR·decay; 1 without weight decay
}

// AdamW takes one step: it updates the weights w and the moments m and v with the gradient
// g. All have the same length:
//
//	for i { d := g[i] * h.Scale
//		m[i] = h.Beta1*m[i] + h.Rest1*d
//		v[i] = h.Beta2*v[i] + h.Rest2*d*d
//		w[i] = h.Keep*w[i] - h.Rate*m[i]/(√v[i]*h.Unbias + h.Eps) }
func AdamW[T Float](w, g, m, v []T, h *AdamWStep[T]) {
	mustLen("AdamW", len(w), len(g), len(m), len(v))
	if vectors && hasVectors[T]() {
		adamWVector(as32(w), as32(g), as32(m), as32(v), any(h).(*AdamWStep[float32]))
		return
	}
	for i, d := range g {
		d *= h.Scale
		m[i] = h.Beta1*m[i] + h.Rest1*d
		v[i] = h.Beta2*v[i] + h.Rest2*d*d
		w[i] = h.Keep*w[i] - h.Rate*m[i]/(T(math.Sqrt(float64(v[i])))*h.Unbias+h.Eps)
	}
}
