package parity

import (
	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/gradcheck"
)

// An enginePass is what package engine makes of a point.
type enginePass[T engine.Float] struct {
	loss   float64
	params *pedestrian.Params[T]
	lora   *pedestrian.Adapter[T]
}

// tensors lists the gradients in the order of [gradcheck.Pass].
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
func batch(p gradcheck.Point) engine.Batch {
	b := engine.Batch{B: len(p.Batch), T: len(p.Batch[0].Tokens)}
	for _, s := range p.Batch {
		if len(s.Tokens) != b.T {
			panic("parity: the sequences of case " + p.Name + " are not of one length")
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

// run computes the loss and every gradient by the loops of package engine.
func run[T engine.Float](p gradcheck.Point) enginePass[T] { return runAt[T](p, "", nil) }

// runAt is run with that precision of operands, and with its steps shown.
func runAt[T engine.Float](p gradcheck.Point, precision engine.Precision, show func(engine.Place, engine.Mat[T])) enginePass[T] {
	params := pedestrian.NewParams[T](p.Config)
	pedestrian.Convert(&params.Values, &p.Params.Values)
	e := enginePass[T]{params: pedestrian.NewParams[T](p.Config)}
	var lora *pedestrian.Adapter[T]
	if p.LoRA != nil {
		lora = pedestrian.NewAdapter[T](p.Config, *p.Case.Adapter)
		pedestrian.Convert(&lora.Values, &p.LoRA.Values)
		e.lora = pedestrian.NewAdapter[T](p.Config, *p.Case.Adapter)
	}
	b := batch(p)
	n := engine.New(params, lora, engine.Options{Batch: b.B, Context: b.T, Threads: 1, Seed: p.Seed, Precision: precision})
	defer n.Close()
	n.Watch(show)
	sum, _ := n.Gradients(e.params, e.lora, b, p.Scale(), 0)
	e.loss = sum * p.Scale()
	return e
}

// A float32Loss is package engine's loss in float32, for whoever wants to see
// what differences of it are worth.
type float32Loss struct {
	params  *pedestrian.Params[float32]
	lora    *pedestrian.Adapter[float32]
	network *engine.Network[float32]
	batch   engine.Batch
}

func newFloat32Loss(p gradcheck.Point) gradcheck.Float32Loss {
	l := &float32Loss{params: pedestrian.NewParams[float32](p.Config), batch: batch(p)}
	if p.LoRA != nil {
		l.lora = pedestrian.NewAdapter[float32](p.Config, *p.Case.Adapter)
	}
	l.network = engine.New(l.params, l.lora, engine.Options{Batch: l.batch.B, Context: l.batch.T, Threads: 1, Seed: p.Seed})
	return gradcheck.Float32Loss{At: l.at, Gradients: func() [][]float64 { return run[float32](p).tensors() }, Close: l.network.Close}
}

// at is the loss at p.
func (l *float32Loss) at(p gradcheck.Point) float64 {
	pedestrian.Convert(&l.params.Values, &p.Params.Values)
	if l.lora != nil {
		pedestrian.Convert(&l.lora.Values, &p.LoRA.Values)
	}
	sum, _ := l.network.Gradients(nil, nil, l.batch, 1, 0) // Loss knows no dropout
	return sum * p.Scale()
}
