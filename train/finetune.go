package train

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
)

// Finetune starts a run that fine-tunes the base b, as o.Tuning says. It trains an adapter and
// does not change b.Params, which may be frozen ([pedestrian.NewFrozen]); or it trains all
// parameters and changes them, of a frozen base those of a copy. If b.Adapter is set,
// its training continues, with moments of zero. The network is that of b, and the sizes in o
// are not used. Options of 0 are planned by the data (see Options.Plan). An empty
// o.Tuning.Base is set to the name of b. Otherwise Finetune is like Start.
func Finetune(o Options, b Base, d *Data, dir string) (*Run, error) {
	return finetuneOn(durable.OS, o, b, d, dir)
}

func finetuneOn(fs durable.FS, o Options, b Base, d *Data, dir string) (*Run, error) {
	o.Config = b.Params.Config
	if o.Tuning.Base == "" {
		o.Tuning.Base = cmp.Or(b.Name, b.Path, memorySource)
	}
	if d.memory {
		o, d = o.withoutSources(), d.withBase(o)
	}
	o = o.withDefaults(true).For(b.Params.Config)
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
	if !o.Tuning.trainsAdapter() {
		b.Params = b.Params.Widened()
	}
	if b.SHA256 == "" {
		b.SHA256 = b.digest()
	}
	s := &State{Progress: Progress{Seed: o.Seed}, Params: b.Params}
	if o.Tuning.trainsAdapter() {
		s.Adapter = pedestrian.NewAdapter[float32](c, o.Tuning.Adapter)
		if b.Adapter == nil {
			InitAdapter(s.Adapter, b.Params, o.Tuning.Init, o.Seed)
		} else if err := copyAdapter(s.Adapter, b.Adapter); err != nil {
			return nil, err
		}
	}
	s.M, s.V = s.Trained().zerosLike(), s.Trained().zerosLike()
	r, err := begin(fs, o, c, d, s, &b, dir)
	if err != nil {
		return nil, err
	}
	r.Planned = notes
	return r, nil
}

// copyAdapter copies the numbers of from to a. It returns an error if their tensors differ.
func copyAdapter(a, from *pedestrian.Adapter[float32]) error {
	same := func(x, y pedestrian.Tensor[float32]) bool { return x.Slot == y.Slot }
	if a.Base != from.Base || !slices.EqualFunc(a.Tensors(), from.Tensors(), same) {
		panic("train.Finetune: the adapter to go on from is not the one of the options")
	}
	if bad := firstInvalid("the adapter's", Weights{Adapter: from}, isFinite); bad != "" {
		return fmt.Errorf("%s: an adapter that cannot be trained", bad)
	}
	copy(a.Slab, from.Slab)
	return nil
}

// checkFinite returns an error if a number of the base is infinite or NaN.
func checkFinite(b Base) error {
	if bad := firstInvalid("the weight", Weights{Params: b.Params}, isFinite); bad != "" {
		return fmt.Errorf("%s: %s: a network that cannot be trained", b.Path, bad)
	}
	return nil
}
