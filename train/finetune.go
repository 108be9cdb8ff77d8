package train

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
)

// Finetune begins a run that goes on from the base b, as o.Tuning says: with an
// adapter beside it, and then b.Params are read and never changed, or with all of its
// parameters, and then they are. The adapter is b.Adapter, if there is one: its moments
// begin anew. The network is that of b, whatever o has; what is 0 of o is planned by the
// data. An empty o.Tuning.Base is the name of b. For the rest it is as Start.
func Finetune(o Options, b Base, d *Data, dir string) (*Run, error) {
	return finetuneOn(durable.OS, o, b, d, dir)
}

func finetuneOn(fs durable.FS, o Options, b Base, d *Data, dir string) (*Run, error) {
	o.Config = b.Params.Config
	if o.Tuning.Base == "" {
		o.Tuning.Base = cmp.Or(b.Name, b.Path, memorySource)
	}
	if d.memory {
		o, d = o.forMemory(), d.ofBase(o)
	}
	o = o.filled(true)
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o, notes := o.Plan(d)
	c, err := networkFor(o, d)
	if err != nil {
		return nil, err
	}
	if err := checkFinite(b); err != nil {
		return nil, err
	}
	if b.SHA256 == "" {
		b.SHA256 = b.digest()
	}
	s := &State{Progress: Progress{Seed: o.Seed}, Params: b.Params}
	if o.Tuning.adapts() {
		s.Adapter = pedestrian.NewAdapter[float32](c, o.Tuning.Adapter)
		if b.Adapter == nil {
			InitAdapter(s.Adapter, b.Params, o.Tuning.Init, o.Seed)
		} else if err := goOnFrom(s.Adapter, b.Adapter); err != nil {
			return nil, err
		}
	}
	s.M, s.V = s.Trained().like(), s.Trained().like()
	r, err := begin(fs, o, c, d, s, &b, dir)
	if err != nil {
		return nil, err
	}
	r.Planned = notes
	return r, nil
}

// goOnFrom sets a to from, which has the same tensors.
func goOnFrom(a, from *pedestrian.Adapter[float32]) error {
	same := func(x, y pedestrian.Tensor[float32]) bool { return x.Slot == y.Slot }
	if a.Base != from.Base || !slices.EqualFunc(a.Tensors(), from.Tensors(), same) {
		panic("train.Finetune: the adapter to go on from is not the one of the options")
	}
	if bad := firstBad("the adapter's", Weights{Adapter: from}, isFinite); bad != "" {
		return fmt.Errorf("%s: an adapter that cannot be trained", bad)
	}
	copy(a.Slab, from.Slab)
	return nil
}

// checkFinite refuses a base with numbers that are not.
func checkFinite(b Base) error {
	if bad := firstBad("the weight", Weights{Params: b.Params}, isFinite); bad != "" {
		return fmt.Errorf("%s: %s: a network that cannot be trained", b.Path, bad)
	}
	return nil
}
