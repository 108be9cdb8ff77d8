package gradcheck

import (
	"context"
	"fmt"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// Options say how to check. The zero value checks everything at seed 1.
type Options struct {
	Seed    uint64  // seed of the point; 0 means 1
	Step    float64 // h of the central differences; 0 means DefaultStep
	Only    string  // rows whose name, parameter or "(equation)" contains it, or the identity of that name, such as R13; all else is then left out
	Entries int     // differentiate at most so many entries of a row, spread evenly; 0 means all
	Threads int     // goroutines; 0 means one per processor. The results do not depend on it

	SignalEntries int // the same for error signals; 0 means as Entries says

	Variant      Variant // check a wrong reading of the paper instead, to see it fail
	NoMutants    bool    // leave out the mutants
	NoIdentities bool    // leave out the identities

	Float32 func(p Point) Float32Loss // differentiate this loss instead, to see what that is worth; called once for each goroutine, and once for the gradients

	Progress func(done, total int) // called from several goroutines while differences are taken; may be nil
}

// A Float32Loss is the loss of the network at points of one case, computed in float32 by
// something else than package paper, such as package parity's.
type Float32Loss struct {
	At        func(p Point) float64 // the loss at p, a point of the same case
	Gradients func() [][]float64    // at the point it was made for, tensor by tensor as in [Pass]
	Close     func()
}

// A Variant is a reading of the paper that is known to be wrong (see Errata).
type Variant string

const (
	LiteralMask       Variant = "literal-mask"        // S1: a 0/1 mask multiplied before the softmax, (13) as it is printed
	MissingFrozenPath Variant = "missing-frozen-path" // S2: Δ_11 = α Δ_12 (d u)ᵗ beside a frozen layer, as §7 prints
)

// Run checks a case at the point that belongs to the options' seed. The error is
// ctx's, or says what is wrong with the options; a gradient that is wrong is no
// error but a report that does not pass.
func Run(ctx context.Context, c Case, o Options) (*Report, error) {
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Step == 0 {
		o.Step = DefaultStep
		if o.Float32 != nil {
			o.Step = Float32Step
		}
	}
	if !(o.Step > 0 && o.Step <= 0.1) {
		return nil, fmt.Errorf("h is %g: it must be above 0 and at most 0.1, for losses change over lengths of order one", o.Step)
	}
	pl, err := o.Variant.plant(c)
	if err != nil {
		return nil, err
	}
	if a := c.Adapter; o.Float32 != nil && a != nil && a.DoRA && !a.DoRAExact {
		return nil, fmt.Errorf("case %s holds the norms of DoRA constant, which differences of the engine's loss cannot: leave float32 out", c.Name)
	}
	p := c.At(o.Seed, kinkMargin*o.Step)
	r := &Report{Case: c, Seed: o.Seed, Step: Number(o.Step), Variant: o.Variant, Float32: o.Float32 != nil, Moved: p.Moved}
	r.Near, _ = p.kinks(kinkMargin * o.Step)

	pass := p.run(pl)
	r.Loss, r.Paper = Number(pass.loss), pass.result()
	if l, ok := findLaw(o.Only); ok {
		if o.Float32 != nil {
			return nil, fmt.Errorf("%s is an identity, and those are checked in float64 alone: leave float32 out", l.id)
		}
		r.Parameters, r.Identities = []Row{}, []Identity{l.on(pass)}
		r.Pass = len(r.Failed()) == 0
		return r, nil
	}
	d := pass.plan(o)
	if len(d.pieces)+len(d.signals) == 0 {
		return nil, fmt.Errorf("no row contains %q: rows are named like %q, %q, %q or %q, identities R1 to R30, X1 to X13 and Y1 to Y18", o.Only, "w_q head 0", "logits.w", "Δ_7", "(25)")
	}
	if err := d.run(ctx, p, pl, o); err != nil {
		return nil, err
	}
	r.Parameters, r.Signals = d.rows(pass)
	for _, row := range r.Parameters {
		r.Total, r.Checked, r.Refused = r.Total+row.Total, r.Checked+row.Checked, r.Refused+row.Refused
	}
	if o.Only == "" && o.Float32 == nil {
		if !o.NoIdentities {
			r.Identities = identities(pass)
			r.Errata = errata(o.Seed)
		}
		if !o.NoMutants && o.Variant == "" {
			if r.Mutants, err = Mutants(ctx, o.Seed, o.Threads); err != nil {
				return nil, err
			}
		}
	}
	r.Pass = len(r.Failed()) == 0
	return r, nil
}

// A pass is both directions through the network, recorded.
type pass struct {
	Point
	plant  plant
	loss   float64
	tr     *paper.Trace
	split  int // Steps[:split] are the forward pass
	params *pedestrian.Params[float64]
	lora   *pedestrian.Adapter[float64]
}

// run goes forward and backward, with a plant at work if there is one.
func (p Point) run(pl plant) *pass {
	r := &pass{Point: p, plant: pl, tr: &paper.Trace{}}
	switch held := p.fixedSteps(); {
	case held != nil && pl != nil:
		pl = both(held, pl)
	case held != nil:
		pl = held
	}
	if pl != nil {
		r.tr.Rewrite = func(s paper.Step) paper.Mat { return pl(r.tr, s) }
	}
	loss, back := paper.Network(r.tr, p.Params, p.LoRA, p.Batch, p.Reduction)
	r.loss, r.split = loss, len(r.tr.Steps)
	r.params, r.lora = back()
	return r
}

// A Pass is what package paper computes at a point, perhaps with a bug planted in it.
type Pass struct {
	Point
	Loss      float64
	Gradients [][]float64  // of each tensor of the parameters, then of the adapter's, in the order of Tensors
	Trace     *paper.Trace // every step of both directions
}

func (r *pass) result() *Pass {
	p := &Pass{Point: r.Point, Loss: r.loss, Trace: r.tr}
	for _, t := range r.gradients() {
		p.Gradients = append(p.Gradients, t.V)
	}
	return p
}

// gradients lists the gradients in the order of Point.tensors.
func (r *pass) gradients() []pedestrian.Tensor[float64] {
	ts := r.params.Tensors()
	if r.lora != nil {
		ts = append(ts, r.lora.Tensors()...)
	}
	return ts
}
