package kernel

import "math"

// AdamWStep holds the numbers of one step that all parameters share.
type AdamWStep[T Float] struct {
	Scale        T // of the gradient
	Beta1, Rest1 T // β₁, 1-β₁
	Beta2, Rest2 T // β₂, 1-β₂
	Rate         T // LR/(1-β₁ᵗ)
	Unbias       T // 1/√(1-β₂ᵗ)
	Eps          T
	Keep         T // 1 - LR·decay; 1 where nothing decays
}

// AdamW takes one step on w with gradient g and moments m and v:
//
//	for i { d := g[i] * h.Scale
//		m[i] = h.Beta1*m[i] + h.Rest1*d
//		v[i] = h.Beta2*v[i] + h.Rest2*d*d
//		w[i] = h.Keep*w[i] - h.Rate*m[i]/(√v[i]*h.Unbias + h.Eps) }
func AdamW[T Float](w, g, m, v []T, h *AdamWStep[T]) {
	mustLen("AdamW", len(w), len(g), len(m), len(v))
	if vectors && fast[T]() {
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
