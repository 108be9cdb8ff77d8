package parity

import (
	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// mutants plants every bug, one at a time, and reports which rows noticed.
func (m *mixedPoint) mutants() (all []gradcheck.Mutant) {
	for _, b := range gradcheck.RoundingBugs(m.Config) {
		pass := m.pass(b.Round, func(s paper.Step) paper.Mat {
			if b.Step != "" && s.Name == b.Step {
				return paper.BF16(s)
			}
			return s.V
		})
		found := gradcheck.Mutant{ID: b.ID, Title: b.Title, Where: b.Where, Case: m.Name}
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
