package gradcheck

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
)

// A plan is what to differentiate, and then the differences.
type plan struct {
	pieces  []piece
	params  []*numeric // of each piece
	signals []signal
	nudged  []*numeric // of each signal
	jobs    []job
	float32 func(p Point) Float32Loss
	wanted  func(names ...string) bool
}

// plan lists the rows of the pass that the options let through.
func (r *pass) plan(o Options) *plan {
	d := (&plan{float32: o.Float32}).filter(o.Only)
	rnd := rand.New(rand.NewPCG(o.Seed, 0xd1ff))
	for _, q := range r.table3() {
		if d.wantsPiece(q) {
			n := newNumeric(rnd, q.len(), o.Entries)
			d.pieces, d.params = append(d.pieces, q), append(d.params, n)
			d.jobs = append(d.jobs, n.parameterJobs(q, o.Step)...)
		}
	}
	if o.Float32 != nil { // which has no steps to nudge
		return d
	}
	limit := o.SignalEntries
	if limit == 0 {
		limit = o.Entries
	}
	for _, s := range r.signals() {
		if d.wantsSignal(s) {
			n := newNumeric(rnd, len(s.step.V.V), limit)
			d.signals, d.nudged = append(d.signals, s), append(d.nudged, n)
			d.jobs = append(d.jobs, n.signalJobs(s, o.Step)...)
		}
	}
	return d
}

// filter keeps the rows whose names contain only.
func (d *plan) filter(only string) *plan {
	d.wanted = func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, only) })
	}
	return d
}

func (d *plan) wantsPiece(q piece) bool   { return d.wanted(q.name, q.param, "("+q.eq+")") }
func (d *plan) wantsSignal(s signal) bool { return d.wanted(s.name, "("+s.step.Eq+")") }

// run takes the differences at p.
func (d *plan) run(ctx context.Context, p Point, pl plant, o Options) error {
	var done atomic.Int64
	return runJobs(ctx, d.jobs, o.Threads, func() *evaluator { return newEvaluator(p, pl, o.Float32) }, func(n int) {
		if o.Progress != nil {
			o.Progress(int(done.Add(int64(n))), len(d.jobs))
		}
	})
}

// rows compares a pass with the differences. The pass need not be the one that made the
// plan: a bug that was planted on the way back has the same forward pass, and so the same
// differences.
func (d *plan) rows(r *pass) (parameters, signals []Row) {
	var single [][]float64
	if d.float32 != nil {
		l := d.float32(r.Point)
		single = l.Gradients()
		l.Close()
	}
	for i, q := range d.pieces {
		row := r.parameterRow(q, d.params[i])
		if single != nil {
			row.analytic = row.Of(single)
			row.How = "central differences of the float32 engine"
		}
		row.differences(single != nil)
		row.judge(r, single == nil)
		parameters = append(parameters, row)
	}
	i := 0
	for _, s := range r.signals() {
		if len(d.signals) == 0 || !d.wantsSignal(s) {
			continue
		}
		row := r.signalRow(s, d.nudged[i])
		row.differences(false)
		row.judge(r, true)
		signals = append(signals, row)
		i++
	}
	return parameters, signals
}
