package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/internal/memory"
	"github.com/pedestrian-ml/pedestrian/train"
)

// A memoryPlan is what a run takes, in bytes.
type memoryPlan struct {
	frozen     int64 // weights of a base beside an adapter
	parameters int64 // weights, gradient and two moments of what is trained
	processes  int64 // that share the run, and have a part of the moments each
	sums       int64 // with leaves, gradients of some beside that of the step
	back       int64 // with on_spike rewind, the weights and moments to go back to
	audit      int64 // what the checks after the last step take (train.Run.Audit)
	engine     engine.Budget
}

// memoryNeeded plans a run of a network c, for one of so many processes that share it. Beside an
// adapter its weights take so many bytes; 0 means those of float32.
func memoryNeeded(o train.Options, c pedestrian.Config, weights int64, processes int) (memoryPlan, error) {
	var err error
	m := memoryPlan{processes: int64(processes)}
	trained := 4 * int64(c.Ledger().Total())
	a := o.Adapter()
	if a != nil {
		m.frozen = cmp.Or(weights, 4*int64(c.Ledger().Total()))
		trained = 4 * int64(a.Ledger(c).Total())
		if m.audit, err = o.AuditMemory(c); err != nil {
			return m, err
		}
	}
	moments := 2 * trained / m.processes
	m.parameters = 2*trained + moments
	m.sums = trained * int64(train.SumsOfLeaves(o.Leaves, processes))
	if o.OnSpike == train.SpikeRewind {
		m.back = trained + moments
	}
	m.engine, err = engine.Memory[float32](c, a, o.Engine())
	return m, err
}

func (m memoryPlan) total() int64 {
	return m.frozen + m.parameters + m.sums + m.back + m.audit + m.engine.Total()
}

// String lists the parts.
func (m memoryPlan) String() string {
	moments := "moments"
	if m.processes > 1 {
		moments = fmt.Sprintf("1/%d of the moments", m.processes)
	}
	s := fmt.Sprintf("weights, gradient and %s %s", moments, mebibytes(m.parameters))
	if m.frozen > 0 {
		s = "base " + mebibytes(m.frozen) + ", checks at the end " + mebibytes(m.audit) + ", adapter with " + strings.TrimPrefix(s, "weights, ")
	}
	if m.sums > 0 {
		s += ", sums of leaves " + mebibytes(m.sums)
	}
	if m.back > 0 {
		s += ", to go back to " + mebibytes(m.back)
	}
	for _, p := range m.engine {
		s += fmt.Sprintf(", %s %s", p.Name, mebibytes(p.Bytes))
	}
	return s
}

// A recomputed says what Options.Recompute does to a step.
type recomputed struct {
	without int64   // bytes that the run would take otherwise
	work    float64 // arithmetic of a step beside what it would take otherwise, less 1
}

// recomputing compares a step with Options.Recompute and one without.
func recomputing(o train.Options, c pedestrian.Config, weights int64) (r recomputed, err error) {
	plain := o
	plain.Recompute = false
	m, err := memoryNeeded(plain, c, weights, ranksOfRun())
	a, n := o.Adapter(), o.Length()
	return recomputed{m.total(), stepGFLOP(c, a, n, true)/stepGFLOP(c, a, n, false) - 1}, err
}

// fits refuses a run that this machine's memory cannot hold. weights is as in memoryNeeded;
// loaded is what of the run is in memory already.
func fits(o train.Options, c pedestrian.Config, weights, loaded int64) error {
	m, err := memoryNeeded(o, c, weights, ranksOfRun())
	if err != nil {
		return usageError{err}
	}
	need := m.total()
	what := fmt.Sprintf("the run (%s) needs", m)
	if loaded > 0 {
		need, what = need-loaded, fmt.Sprintf("the run (%s; %s are loaded) needs another", m, mebibytes(loaded))
	}
	return memory.Ask(need, what, "choose a smaller batch, context or network, or --recompute")
}

// vocabOf is o's network on d.
func vocabOf(o train.Options, d *train.Data) pedestrian.Config {
	c := o.Config
	if c.Vocab == 0 {
		c.Vocab = d.Tokenizer.Vocab()
	}
	return c
}

// weightBytes is what the numbers in a checkpoint take: those of its network, and all.
func weightBytes(c *train.Checkpoint) (network, all int64) {
	if p := c.State.Params; p != nil {
		network = p.Bytes()
	}
	n := 0
	if a := c.State.Adapter; a != nil {
		n += a.Count()
	}
	return network, network + 4*int64(n+c.State.Moments())
}
