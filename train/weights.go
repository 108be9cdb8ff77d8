package train

import "github.com/pedestrian-ml/pedestrian"

// Weights are what a run trains, or numbers of the same shape: their gradient, a
// moment. They are all parameters of a network, or an adapter beside a network that
// is frozen; the other of the two is nil. The zero value is none.
type Weights struct {
	Params  *pedestrian.Params[float32] // all parameters, or an adapter beside them
	Adapter *pedestrian.Adapter[float32]
}

// values are the numbers of whichever there is; of none, none.
func (w Weights) values() *pedestrian.Values[float32] {
	switch {
	case w.Adapter != nil:
		return &w.Adapter.Values
	case w.Params != nil:
		return &w.Params.Values
	}
	return &pedestrian.Values[float32]{}
}

// Slab is all numbers, as views of one slice.
func (w Weights) Slab() []float32 { return w.values().Slab }

// Tensors are the named views of the slab, in its order.
func (w Weights) Tensors() []pedestrian.Tensor[float32] { return w.values().Tensors() }

// Count is the number of parameters, padding not counted.
func (w Weights) Count() int { return w.values().Count() }

// like is zeros of the shape of w.
func (w Weights) like() Weights {
	switch {
	case w.Adapter != nil:
		return Weights{Adapter: pedestrian.NewAdapter[float32](w.Adapter.Base, w.Adapter.Config)}
	case w.Params != nil:
		return Weights{Params: pedestrian.NewParams[float32](w.Params.Config)}
	}
	return w
}
