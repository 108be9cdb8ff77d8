package train

import "github.com/pedestrian-ml/pedestrian"

// Weights are the numbers that a run trains, or numbers of the same shape, such as their gradient
// or a moment. They are all parameters of a network, or an adapter of a frozen network; the
// other field is nil. The zero value has no numbers.
type Weights struct {
	Params  *pedestrian.Params[float32] // all parameters, or else the adapter
	Adapter *pedestrian.Adapter[float32]
}

// values returns the numbers of the field that is set.
func (w Weights) values() *pedestrian.Values[float32] {
	switch {
	case w.Adapter != nil:
		return &w.Adapter.Values
	case w.Params != nil:
		return &w.Params.Values
	}
	return &pedestrian.Values[float32]{}
}

// Slab returns all numbers in one slice; changing it changes w.
func (w Weights) Slab() []float32 { return w.values().Slab }

// Tensors returns the named views of the slab, in its order.
func (w Weights) Tensors() []pedestrian.Tensor[float32] { return w.values().Tensors() }

// Count returns the number of parameters without padding.
func (w Weights) Count() int { return w.values().Count() }

// zerosLike returns zeros of the shape of w.
func (w Weights) zerosLike() Weights {
	switch {
	case w.Adapter != nil:
		return Weights{Adapter: pedestrian.NewAdapter[float32](w.Adapter.Base, w.Adapter.Config)}
	case w.Params != nil:
		return Weights{Params: pedestrian.NewParams[float32](w.Params.Config)}
	}
	return w
}
