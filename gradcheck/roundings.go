package gradcheck

import (
	"fmt"
	"math"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A RoundingBug is a mistake in what is rounded to bf16, or how, ready to be planted in
// paper.Mixed: package parity does so.
type RoundingBug struct {
	ID    string // B1, B2, …
	Title string
	Where string         // the operand, or the step
	Round paper.Rounding // in the place of paper.BF16
	Step  string         // of table 2, which is rounded though it is no operand; "" for none
}

// RoundingBugs lists those of a network. How many there are, and what the later numbers mean,
// depends on its layers.
func RoundingBugs(c pedestrian.Config) []RoundingBug {
	var layers []string
	for _, l := range c.Linears() {
		if l.Target == l.Layer && l.Block < 1 { // the others are parts, or are alike
			layers = append(layers, string(l.Target))
		}
	}
	steps := []string{"a_5", "q, k, v", "a_7", "a_12", "Δ_12", "Δ_10", "Δ_7", "Δ_q, Δ_k, Δ_v"}
	if c.Gated {
		steps = []string{"a_5", "q, k, v", "z", "u", "a_12", "Δ_12", "Δ_10", "Δ_z", "Δ_u", "Δ_q, Δ_k, Δ_v"}
	}
	all := []RoundingBug{
		{Title: "round nothing", Where: "r", Round: func(s paper.Step) paper.Mat { return s.V }},
		{Title: "truncate in place of rounding to nearest", Where: "r", Round: roundDigits(math.Trunc)},
		{Title: "round ties away from zero in place of to even", Where: "r", Round: roundDigits(math.Round)},
	}
	for _, layer := range layers {
		for _, operand := range []string{"a_{i-1}", "w", "Δ_i"} {
			all = append(all, RoundingBug{Title: "leave " + operand + " of " + layer + " as it is", Where: operand, Round: func(s paper.Step) paper.Mat {
				if RoundedLayer(s.At) == layer && (s.Name == operand || s.Name == "Δ_z" && operand == "Δ_i") {
					return s.V
				}
				return paper.BF16(s)
			}})
		}
	}
	for _, step := range steps {
		all = append(all, RoundingBug{Title: "round " + step + ", which is float32", Where: step, Round: paper.BF16, Step: step})
	}
	for i := range all {
		all[i].ID = fmt.Sprintf("B%d", i+1)
	}
	return all
}

// RoundedLayer is the layer that a rounding is told of, by the place of its step.
func RoundedLayer(at string) string {
	if strings.Contains(at, ".qkv.") {
		return "qkv"
	}
	return at[strings.LastIndexByte(at, '.')+1:]
}

// roundDigits rounds numbers of eight binary digits before the point by f.
func roundDigits(f func(float64) float64) paper.Rounding {
	return func(s paper.Step) paper.Mat {
		m := paper.Zeros(s.V.N, s.V.D)
		for i, x := range s.V.V {
			frac, exp := math.Frexp(x)
			m.V[i] = math.Ldexp(f(math.Ldexp(frac, 8)), exp-8)
		}
		return m
	}
}
