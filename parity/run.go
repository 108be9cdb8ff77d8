package parity

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

const (
	// tolerance64 is what two orders of the same sums may differ by in float64, over the
	// largest number of the tensor: 2⁻⁵³ = 1.1e-16, some hundred additions deep and a dozen
	// layers long; 1e-14 is seen, 1e-12 is the limit.
	tolerance64 = 1e-12
	// tolerance32 is the same in float32, whose unit is 2²⁹ times larger: 2⁻²⁴ = 6.0e-8;
	// 5e-6 is seen in the deepest case. A constant that is wrong by less passes here, which
	// is why the engine is checked in float64 first.
	tolerance32 = 5e-5
)

// Options say how to check. The zero value checks everything at seed 1.
type Options struct {
	gradcheck.Options

	Float32 bool // differentiate package engine's float32 loss in place of package paper's, to see what that is worth
	BF16    bool // compare package engine at bf16 with paper.Mixed instead
}

// Run checks a case as [gradcheck.Run] does and compares package engine with it: the loss,
// the gradient of every parameter, and every gradient with a planted bug, which must be
// another than the engine's. Its errors are those of gradcheck.Run.
func Run(ctx context.Context, c gradcheck.Case, o Options) (*gradcheck.Report, error) {
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.BF16 {
		return runBF16(c, o)
	}
	if o.Float32 {
		o.Options.Float32 = newFloat32Loss
	}
	r, err := gradcheck.Run(ctx, c, o.Options)
	if err != nil {
		return nil, err
	}
	if !gradcheck.IsIdentity(o.Only) { // which has no rows beside it
		both(r)
	}
	for i := range r.Identities {
		if r.Identities[i].ID == "R20" {
			decode(r.Paper, &r.Identities[i])
		}
	}
	mutants(r.Mutants)
	r.Pass = len(r.Failed()) == 0
	return r, nil
}

// both compares loss and parameters of a report with package engine in both precisions.
func both(r *gradcheck.Report) {
	e64, e32 := run[float64](r.Paper.Point), run[float32](r.Paper.Point)
	r.LossEngine64 = compareLoss(r.Paper.Loss, e64.loss, tolerance64)
	r.LossEngine32 = compareLoss(r.Paper.Loss, e32.loss, tolerance32)
	for i := range r.Parameters {
		row := &r.Parameters[i]
		row.Engine64 = compare(row, r.Paper.Gradients, e64.tensors(), tolerance64)
		row.Engine32 = compare(row, r.Paper.Gradients, e32.tensors(), tolerance32)
		row.OK = row.OK && row.Engine64.OK && row.Engine32.OK
	}
}

// compare holds the gradient of a row against package engine's. Errors are relative to the
// largest number of the tensor that the row is cut out of.
func compare(row *gradcheck.Row, paper, engine [][]float64, tolerance float64) *gradcheck.Comparison {
	c := gradcheck.Compare(row.Of(paper), row.Of(engine), row.Cols, tolerance, gradcheck.ToLargest(largest(paper[row.Tensor])))
	return &c
}

// compareLoss compares the losses themselves.
func compareLoss(paper, engine, tolerance float64) *gradcheck.Comparison {
	c := gradcheck.Compare([]float64{paper}, []float64{engine}, 1, tolerance, gradcheck.ToLargest(math.Abs(paper)))
	return &c
}

func largest(v []float64) (m float64) {
	for _, x := range v {
		m = max(m, math.Abs(x))
	}
	return m
}

// mutants says of each planted bug which gradients are no longer package engine's.
func mutants(ms []gradcheck.Mutant) {
	type engines struct {
		e64, e32       [][]float64
		loss64, loss32 float64
		rows           []gradcheck.Row
	}
	hosts := map[string]*engines{}
	for i := range ms {
		m := &ms[i]
		h := hosts[m.Case]
		if h == nil {
			e64, e32 := run[float64](m.Paper.Point), run[float32](m.Paper.Point)
			h = &engines{e64.tensors(), e32.tensors(), e64.loss, e32.loss, m.Paper.Table3()}
			hosts[m.Case] = h
		}
		for j := range h.rows {
			row := &h.rows[j]
			if !compare(row, m.Paper.Gradients, h.e64, tolerance64).OK {
				m.Engine64 = append(m.Engine64, row.Name)
			}
			if !compare(row, m.Paper.Gradients, h.e32, tolerance32).OK {
				m.Engine32 = append(m.Engine32, row.Name)
			}
		}
		if !compareLoss(m.Paper.Loss, h.loss64, tolerance64).OK {
			m.Engine64 = append(m.Engine64, "loss")
		}
		if !compareLoss(m.Paper.Loss, h.loss32, tolerance32).OK {
			m.Engine32 = append(m.Engine32, "loss")
		}
	}
}

// decode adds to R20 what package engine's cache gives for the first sequence, which it is
// fed token by token.
func decode(r *gradcheck.Pass, i *gradcheck.Identity) {
	if !i.Numeric() {
		return
	}
	tr := r.Trace
	if a := r.Case.Adapter; a != nil && a.Dropout > 0 { // which the cache does not know
		tr = &paper.Trace{}
		paper.Network(tr, r.Params, r.LoRA, r.Batch[:1], r.Reduction)
	}
	full, ok := tr.Find("seq.0", "a_12")
	if !ok {
		panic(fmt.Sprintf("parity: the trace of case %s has no logits", r.Name))
	}
	n := engine.New(r.Params, r.LoRA, engine.Options{Threads: 1})
	defer n.Close()
	decoder := n.NewDecoder(1)
	off := 0.0
	for t, id := range r.Batch[0].Tokens {
		logits := decoder.Feed(0, []int32{int32(id)})
		want := full.V.Row(t)
		c := gradcheck.Compare(logits, want, len(want), tolerance64, gradcheck.ToLargest(max(largest(logits), largest(want))))
		off = max(off, float64(c.Error))
	}
	i.Claims = append(i.Claims, gradcheck.Claim{What: "logits of engine.Decoder against the full pass",
		Value: gradcheck.Number(off), Limit: tolerance64, OK: off <= tolerance64})
	i.OK = !slices.ContainsFunc(i.Claims, func(c gradcheck.Claim) bool { return !c.OK })
}
