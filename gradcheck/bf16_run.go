package gradcheck

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// runBF16 is Run with Options.BF16.
func runBF16(c Case, o Options) (*Report, error) {
	switch {
	case o.Float32:
		return nil, fmt.Errorf("float32 and bf16 are two precisions: choose one at a time")
	case o.Variant != "":
		return nil, fmt.Errorf("the wrong reading %q is one of float64: leave bf16 out", o.Variant)
	}
	if _, ok := findLaw(o.Only); ok {
		return nil, fmt.Errorf("%s is an identity, and those are checked in float64 alone: leave bf16 out", o.Only)
	}
	m := c.At(o.Seed, kinkMargin*DefaultStep).mixed()
	pass, plain := m.pass(paper.BF16, nil), m.pass(unrounded, nil)
	r := &Report{Case: c, Seed: o.Seed, BF16: true, Moved: m.moved, Loss: Number(pass.loss), Ties: pass.ties}
	r.LossBF16 = lossComparison(pass.loss, m.engine.loss, bf16Tolerance)
	d := (&plan{}).filter(o.Only)
	r.Parameters, r.Signals = pass.rows(d, plain)
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
func (r *mixedPass) rows(d *plan, plain *mixedPass) (parameters, steps []Row) {
	for _, q := range r.table3() {
		if !d.wantsPiece(q) {
			continue
		}
		row := Row{Name: q.name, Param: q.param, Shape: q.shape(), Eq: q.eq, cols: q.cols, analytic: of(q, r.tensors[q.tensor])}
		var without []float64
		if plain != nil {
			without = of(q, plain.tensors[q.tensor])
		}
		row.atBF16(of(q, r.mixedPoint.tensors[q.tensor]), without, largest(r.tensors[q.tensor]))
		row.How = "package engine at bf16"
		parameters = append(parameters, row)
	}
	for i, s := range r.tr.Steps {
		e := r.shown[[2]string{s.At, s.Name}]
		if e == nil || !d.wanted(s.Name, "("+s.Eq+")") {
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
		row := Row{Name: s.Name, At: s.At, Shape: fmt.Sprintf("%dx%d", s.V.N, s.V.D), Eq: s.Eq, cols: s.V.D, analytic: a, symbol: s.Name, order: i}
		if row.Eq == "" {
			row.Eq = "–"
		}
		row.atBF16(b, without, largest(a))
		row.BF16.Worst.Row = tokens[row.BF16.Worst.Row]
		row.How = "package engine at bf16"
		steps = append(steps, row)
	}
	return parameters, steps
}

// atBF16 compares the row with package engine's numbers, and with those of the pass
// that does not round.
func (row *Row) atBF16(engine, without []float64, scale float64) {
	row.Total, row.Checked, row.Largest = len(row.analytic), len(row.analytic), Number(largest(row.analytic))
	c := compare(row.analytic, engine, row.cols, bf16Tolerance, toLargest(scale))
	row.BF16, row.OK = &c, c.OK
	if without != nil {
		u := compare(row.analytic, without, row.cols, bf16Tolerance, toLargest(scale)).Error
		row.Unrounded = &u
	}
}
