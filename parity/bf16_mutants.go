package parity

import (
	"fmt"
	"math"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A mixedBug is a mistake in what is rounded, or how, planted in the reference.
type mixedBug struct {
	title, where string
	round        paper.Rounding
	step         string // of table 2, which is rounded though it is no operand
}

// mixedBugs lists those of a network.
func mixedBugs(c pedestrian.Config) []mixedBug {
	layers, steps := []string{"qkv", "attProj", "expand", "contract", "logits"}, []string{"a_5", "q, k, v", "a_7", "a_12", "Δ_12", "Δ_10", "Δ_7", "Δ_q, Δ_k, Δ_v"}
	if c.Gated {
		layers, steps = []string{"qkv", "attProj", "gate", "up", "down", "logits"}, []string{"a_5", "q, k, v", "z", "u", "a_12", "Δ_12", "Δ_10", "Δ_z", "Δ_u", "Δ_q, Δ_k, Δ_v"}
	}
	all := []mixedBug{
		{title: "round nothing", where: "r", round: unrounded},
		{title: "truncate in place of rounding to nearest", where: "r", round: roundDigits(math.Trunc)},
		{title: "round ties away from zero in place of to even", where: "r", round: roundDigits(math.Round)},
	}
	for _, layer := range layers {
		for _, operand := range []string{"a_{i-1}", "w", "Δ_i"} {
			all = append(all, mixedBug{title: "leave " + operand + " of " + layer + " as it is", where: operand, round: func(s paper.Step) paper.Mat {
				if layerOf(s.At) == layer && (s.Name == operand || s.Name == "Δ_z" && operand == "Δ_i") {
					return s.V
				}
				return paper.BF16(s)
			}})
		}
	}
	for _, step := range steps {
		all = append(all, mixedBug{title: "round " + step + ", which is float32", where: step, round: paper.BF16, step: step})
	}
	return all
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

// mutants plants every bug, one at a time, and reports which rows noticed.
func (m *mixedPoint) mutants() (all []gradcheck.Mutant) {
	for i, b := range mixedBugs(m.Config) {
		pass := m.pass(b.round, func(s paper.Step) paper.Mat {
			if b.step != "" && s.Name == b.step {
				return paper.BF16(s)
			}
			return s.V
		})
		found := gradcheck.Mutant{ID: fmt.Sprintf("B%d", i+1), Title: b.title, Where: b.where, Case: m.Name}
		parameters, steps := pass.rows("", nil)
		for _, row := range append(steps, parameters...) {
			if !row.OK {
				found.BF16 = append(found.BF16, row.Name)
			}
		}
		if !compareLoss(pass.loss, m.engine.loss, bf16Tolerance).OK {
			found.BF16 = append(found.BF16, "loss")
		}
		all = append(all, found)
	}
	return all
}
