package paper

import (
	"math"

	"github.com/pedestrian-ml/pedestrian"
)

// Gated multiplies one branch by an activation of the other: SwiGLU with g = SiLU,
// GeGLU with a GELU. z, u and h are n×f; z is the gate, u is called up.
//
//	h   = g(z) ∘ u              (L14)
//	Δ_u = Δ_h ∘ g(z)            (L15.a)
//	Δ_z = Δ_h ∘ u ∘ g′(z)       (L15.b)
//
// SiLU and its slope, with s = 1/(1 + e^-z):
//
//	g = z s,  g′ = s (1 + z (1 - s))      (L13)
//
// The products that make z and u, and the one that reads h, are layers of their own.
// Derivation: docs/09-llama.md.
func Gated(tr *Trace, z, u Mat, g pedestrian.Activation) (h Mat, back func(Δ Mat) (Δz, Δu Mat)) {
	z.like(u, "Gated: gate and up")
	f, slope := activation(g)
	z, u = tr.Eq("", "z", z), tr.Eq("", "u", u)
	open := tr.Eq("L14", "g(z)", z.mapped(f))
	h = tr.Eq("L14", "h", open.Had(u))

	back = func(Δ Mat) (Δz, Δu Mat) {
		Δ.like(h, "Gated: error signal")
		Δu = tr.Eq("L15.a", "Δ_u", Δ.Had(open))
		Δz = tr.Eq("L15.b", "Δ_z", Δ.Had(u).Had(z.mapped(slope)))
		return Δz, Δu
	}
	return h, back
}

// silu and its slope are (L13).
func silu(x float64) float64 { return x * logistic(x) }

func siluSlope(x float64) float64 {
	s := logistic(x)
	return s * (1 + x*(1-s))
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
