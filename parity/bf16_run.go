package parity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// runBF16 is Run with Options.BF16.
func runBF16(c gradcheck.Case, o Options) (*gradcheck.Report, error) {
	switch {
	case o.Float32:
		return nil, fmt.Errorf("float32 and bf16 are two precisions: choose one at a time")
	case o.Variant != "":
		return nil, fmt.Errorf("the wrong reading %q is one of float64: leave bf16 out", o.Variant)
	}
	if gradcheck.IsIdentity(o.Only) {
		return nil, fmt.Errorf("%s is an identity, and those are checked in float64 alone: leave bf16 out", o.Only)
	}
	m := mixed(c.At(o.Seed, 10*gradcheck.DefaultStep))
	pass, plain := m.pass(paper.BF16, nil), m.pass(unrounded, nil)
	r := &gradcheck.Report{Case: c, Seed: o.Seed, BF16: true, Moved: m.Moved, Loss: gradcheck.Number(pass.loss), Ties: pass.ties}
	r.LossBF16 = compareLoss(pass.loss, m.engine.loss, bf16Tolerance)
	r.Parameters, r.Signals = pass.rows(o.Only, plain)
	if len(r.Parameters)+len(r.Signals) == 0 {
		return nil, fmt.Errorf("no row at bf16 contains %q: rows are named like %q, %q, %q or %q", o.Only, "w_q head 0", "logits.w", "Δ_7", "a_7")
	}
	for _, row := range r.Parameters {
		r.Total, r.Checked = r.Total+row.Total, r.Checked+row.Checked
	}
	if o.Only == "" && !o.NoMutants {
		r.Mutants = m.mutants()
	}
	r.Pass = len(r.Failed()) == 0
	return r, nil
}

func unrounded(s paper.Step) paper.Mat { return s.V }

// rows compares the pass with package engine: gradients, and every step that both
// have. plain is the pass that does not round, or nil.
func (r *mixedPass) rows(only string, plain *mixedPass) (parameters, steps []gradcheck.Row) {
	wanted := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, only) })
	}
	for _, row := range r.Table3() {
		if !wanted(row.Name, row.Param, "("+row.Eq+")") {
			continue
		}
		var without []float64
		if plain != nil {
			without = row.Of(plain.tensors)
		}
		atBF16(&row, row.Of(r.tensors), row.Of(r.mixedPoint.tensors), without, largest(r.tensors[row.Tensor]))
		row.How = "package engine at bf16"
		parameters = append(parameters, row)
	}
	for i, s := range r.tr.Steps {
		e := r.shown[[2]string{s.At, s.Name}]
		if e == nil || !wanted(s.Name, "("+s.Eq+")") {
			continue
		}
		var a, b, without []float64
		var tokens []int
		for t, has := range e.has {
			if has {
				tokens = append(tokens, t)
				a, b = append(a, s.V.Row(t)...), append(b, e.v.Row(t)...)
				if plain != nil {
					without = append(without, plain.tr.Steps[i].V.Row(t)...)
				}
			}
		}
		row := gradcheck.Row{Name: s.Name, At: s.At, Shape: fmt.Sprintf("%dx%d", s.V.N, s.V.D), Eq: s.Eq, Cols: s.V.D}
		if row.Eq == "" {
			row.Eq = "–"
		}
		atBF16(&row, a, b, without, largest(a))
		row.BF16.Worst.Row = tokens[row.BF16.Worst.Row]
		row.How = "package engine at bf16"
		steps = append(steps, row)
	}
	return parameters, steps
}

// atBF16 compares a row of the rounded pass with package engine's numbers, and with those of
// the pass that does not round.
func atBF16(row *gradcheck.Row, rounded, engine, without []float64, scale float64) {
	row.Total, row.Checked, row.Largest = len(rounded), len(rounded), gradcheck.Number(largest(rounded))
	c := gradcheck.Compare(rounded, engine, row.Cols, bf16Tolerance, gradcheck.ToLargest(scale))
	row.BF16, row.OK = &c, c.OK
	if without != nil {
		u := gradcheck.Compare(rounded, without, row.Cols, bf16Tolerance, gradcheck.ToLargest(scale)).Error
		row.Unrounded = &u
	}
}
