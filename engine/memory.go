package engine

import (
	"math"
	"math/bits"
	"runtime"

	"github.com/pedestrian-ml/pedestrian"
)

// A Part is a part of the memory of a network.
type Part struct {
	Name  string // "activations", "attention", "logits", "errors", "adapters", "keys and values" or "bf16"
	Bytes int64
}

// Budget lists the memory of a network by part. A number that does not fit into an
// int64 is given as the largest that does.
type Budget []Part

// Total is the sum over the parts.
func (b Budget) Total() (bytes int64) {
	for _, p := range b {
		bytes = saturated(bytes, 1, p.Bytes)
	}
	return bytes
}

// add adds bytes to the part of that name.
func (b *Budget) add(name string, bytes int64) {
	for i := range *b {
		if p := &(*b)[i]; p.Name == name {
			p.Bytes = saturated(p.Bytes, 1, bytes)
			return
		}
	}
	*b = append(*b, Part{name, bytes})
}

// Memory tells how many bytes a network of configuration c takes for itself to train,
// with the adapter a beside it unless that is nil: for SetGradients of the parameters
// if a is nil and of the adapter alone if not, and with Options.Accumulate for
// Gradients. It is the plan by which the network takes them. Parameters, gradients and
// moments are the caller's and do not count. The error says what is wrong with c, a or o.
func Memory[T Float](c pedestrian.Config, a *pedestrian.AdapterConfig, o Options) (Budget, error) {
	if err := validate(c, a); err != nil {
		return nil, err
	}
	o, err := o.withDefaults(c)
	if err != nil {
		return nil, err
	}
	o.Threads = threadsOf(o)
	train := trained{params: a == nil, overwrite: true, bottom: bottom(c, a == nil, a)}
	return newPlan[T](o.passes(c, a, &train)).budget, nil
}

// DecoderMemory tells how many bytes a decoder of that many sequences takes for itself
// beside a network of configuration c with the adapter a, or nil, and what the network
// rounds for it in mixed precision. It is the plan by which NewDecoder takes them.
// Parameters are the caller's and do not count. The error says what is wrong with c or a.
func DecoderMemory[T Float](c pedestrian.Config, a *pedestrian.AdapterConfig, o Options, sequences int) (Budget, error) {
	if err := validate(c, a); err != nil {
		return nil, err
	}
	o, err := o.withDefaults(c)
	if err != nil {
		return nil, err
	}
	o.Threads = threadsOf(o)
	return newPlan[T](o.decoding(c, a, sequences)).budget, nil
}

func validate(c pedestrian.Config, a *pedestrian.AdapterConfig) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if a == nil {
		return nil
	}
	return a.ValidateFor(c)
}

// threadsOf is the number of threads of a network with options o.
func threadsOf(o Options) int {
	most := runtime.GOMAXPROCS(0)
	if o.Threads <= 0 {
		return most
	}
	return min(o.Threads, most)
}

// saturated is a + b·c, at most the largest int64; none is negative.
func saturated(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(b), uint64(c))
	lo, carry := bits.Add64(lo, uint64(a), 0)
	if hi+carry > 0 || lo > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(lo)
}
