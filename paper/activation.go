package paper

import (
	"fmt"
	"math"

	"github.com/pedestrian-ml/pedestrian"
)

// Activate applies the nonlinearity g to every number (table 2). aPrev and a are
// n×f.
//
//	a_i     = g(a_{i-1})            (g)
//	Δ_{i-1} = Δ_i ∘ g′(a_{i-1})     (g)
//
// It panics when g is not one of pedestrian.Activations. Derivation:
// docs/07-network.md.
func Activate(tr *Trace, aPrev Mat, g pedestrian.Activation) (a Mat, back func(Δ Mat) (ΔPrev Mat)) {
	f, slope := activation(g)
	aPrev = tr.Eq("", "a_{i-1}", aPrev)
	a = tr.Eq("g", "a_i", aPrev.mapped(f))

	back = func(Δ Mat) (ΔPrev Mat) {
		Δ.like(a, "Activate: error signal")
		return tr.Eq("g", "Δ_{i-1}", Δ.Had(aPrev.mapped(slope)))
	}
	return a, back
}

// activation returns g and g′.
func activation(g pedestrian.Activation) (f, slope func(x float64) float64) {
	switch g {
	case pedestrian.ReLU:
		return relu, reluSlope
	case pedestrian.GELU:
		return gelu, geluSlope
	case pedestrian.GELUTanh:
		return geluTanh, geluTanhSlope
	case pedestrian.SiLU:
		return silu, siluSlope
	}
	panic(fmt.Sprintf("paper.Activate: unknown activation %q: choose one of %v", g, pedestrian.Activations))
}

// relu is max(0, x); its slope at the kink is 0.
func relu(x float64) float64 { return max(0, x) }

func reluSlope(x float64) float64 {
	if x > 0 {
		return 1
	}
	return 0
}

// gelu is x Φ(x) with Φ = normal, the distribution function of N(0, 1), and
// density its derivative: g′ = Φ + x Φ′.
func gelu(x float64) float64 { return x * normal(x) }

func geluSlope(x float64) float64 { return normal(x) + x*density(x) }

func normal(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

func density(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }

// geluTanh is x (1 + tanh u)/2 with u = √(2/π) (x + 0.044715 x³), and
// g′ = (1 + tanh u)/2 + x (1 - tanh² u) u′/2.
func geluTanh(x float64) float64 { return x * (1 + math.Tanh(geluArgument(x))) / 2 }

func geluTanhSlope(x float64) float64 {
	h := math.Tanh(geluArgument(x))
	return (1+h)/2 + x*(1-h*h)*geluArgumentSlope(x)/2
}

func geluArgument(x float64) float64 { return math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x) }

func geluArgumentSlope(x float64) float64 { return math.Sqrt(2/math.Pi) * (1 + 3*0.044715*x*x) }
