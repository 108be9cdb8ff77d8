package gradcheck

import (
	"math"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/paper"
)

const (
	// engine64Tolerance is what two orders of the same sums may differ by in
	// float64, over the largest number of the tensor: 2⁻⁵³ = 1.1e-16, some hundred
	// additions deep and a dozen layers long; 1e-14 is seen, 1e-12 is the limit.
	engine64Tolerance = 1e-12
	// engine32Tolerance is the same in float32, whose unit is 2²⁹ times larger:
	// 2⁻²⁴ = 6.0e-8; 5e-6 is seen in the deepest case. A constant that is wrong by
	// less passes here, which is why the engine is checked in float64 first.
	engine32Tolerance = 5e-5
)

// An enginePass is what package engine makes of a point.
type enginePass[T engine.Float] struct {
	loss   float64
	params *pedestrian.Params[T]
	lora   *pedestrian.Adapter[T]
}

// tensors lists the gradients in the order of Point.tensors.
func (e enginePass[T]) tensors() (vs [][]float64) {
	ts := e.params.Tensors()
	if e.lora != nil {
		ts = append(ts, e.lora.Tensors()...)
	}
	for _, t := range ts {
		v := make([]float64, len(t.V))
		for i := range v {
			v[i] = float64(t.V[i])
		}
		vs = append(vs, v)
	}
	return vs
}

// batch is the point's sequences as package engine reads them.
func (p Point) batch() engine.Batch {
	b := engine.Batch{B: len(p.Batch), T: len(p.Batch[0].Tokens)}
	for _, s := range p.Batch {
		if len(s.Tokens) != b.T {
			panic("gradcheck: the sequences of case " + p.Name + " are not of one length")
		}
		for _, at := range s.Starts {
			b.Starts = append(b.Starts, int32(len(b.Tokens)+at))
		}
		for t := range s.Tokens {
			b.Tokens = append(b.Tokens, int32(s.Tokens[t]))
			b.Targets = append(b.Targets, int32(s.Targets[t]))
		}
	}
	return b
}

// scale is the number that turns a sum over targets into the case's loss.
func (p Point) scale() float64 {
	if p.Reduction == paper.Mean {
		return 1 / float64(p.counted())
	}
	return 1
}

// runEngine computes the loss and every gradient by the loops of package engine.
func runEngine[T engine.Float](p Point) enginePass[T] { return engineAt[T](p, "", nil) }

// engineAt is runEngine with that precision of operands, and with its steps shown.
func engineAt[T engine.Float](p Point, precision engine.Precision, show func(engine.Place, engine.Mat[T])) enginePass[T] {
	params := pedestrian.NewParams[T](p.Config)
	pedestrian.Convert(&params.Values, &p.Params.Values)
	e := enginePass[T]{params: pedestrian.NewParams[T](p.Config)}
	var lora *pedestrian.Adapter[T]
	if p.LoRA != nil {
		lora = pedestrian.NewAdapter[T](p.Config, *p.Case.Adapter)
		pedestrian.Convert(&lora.Values, &p.LoRA.Values)
		e.lora = pedestrian.NewAdapter[T](p.Config, *p.Case.Adapter)
	}
	b := p.batch()
	n := engine.New(params, lora, engine.Options{Batch: b.B, Context: b.T, Threads: 1, Seed: p.Seed, Precision: precision})
	defer n.Close()
	n.Watch(show)
	sum, _ := n.Gradients(e.params, e.lora, b, p.scale(), 0)
	e.loss = sum * p.scale()
	return e
}

// compareEngines holds the gradient of a piece against both precisions. Errors
// are relative to the largest number of the tensor that the piece is cut out of.
func (row *Row) compareEngines(q piece, r *pass, e64, e32 [][]float64) {
	scale := largest(r.gradients()[q.tensor].V)
	c64 := compare(row.analytic, of(q, e64[q.tensor]), q.cols, engine64Tolerance, toLargest(scale))
	c32 := compare(row.analytic, of(q, e32[q.tensor]), q.cols, engine32Tolerance, toLargest(scale))
	row.Engine64, row.Engine32 = &c64, &c32
}

// lossComparison compares the losses themselves.
func lossComparison(paper, engine, tolerance float64) *Comparison {
	c := compare([]float64{paper}, []float64{engine}, 1, tolerance, toLargest(math.Abs(paper)))
	return &c
}

// A float32Loss is package engine's loss in float32, for whoever wants to see
// what differences of it are worth.
type float32Loss struct {
	params  *pedestrian.Params[float32]
	lora    *pedestrian.Adapter[float32]
	network *engine.Network[float32]
	batch   engine.Batch
}

func newFloat32Loss(p Point) *float32Loss {
	l := &float32Loss{params: pedestrian.NewParams[float32](p.Config), batch: p.batch()}
	if p.LoRA != nil {
		l.lora = pedestrian.NewAdapter[float32](p.Config, *p.Case.Adapter)
	}
	l.network = engine.New(l.params, l.lora, engine.Options{Batch: l.batch.B, Context: l.batch.T, Threads: 1, Seed: p.Seed})
	return l
}

// at is the loss at p.
func (l *float32Loss) at(p Point) float64 {
	pedestrian.Convert(&l.params.Values, &p.Params.Values)
	if l.lora != nil {
		pedestrian.Convert(&l.lora.Values, &p.LoRA.Values)
	}
	sum, _ := l.network.Gradients(nil, nil, l.batch, 1, 0) // Loss knows no dropout
	return sum * p.scale()
}
