package train

import (
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// Weights are those of a network, of an adapter or none, and what is like them has their
// shape and none of their numbers.
func TestWeights(t *testing.T) {
	o := adapted()
	b, err := randomBase(o, dataOf(t, sentences(t), o))
	if err != nil {
		t.Fatal(err)
	}
	p := b.Params
	a := pedestrian.NewAdapter[float32](p.Config, o.Tuning.Adapter)
	for i := range a.Slab {
		a.Slab[i] = 1
	}
	for _, c := range []struct {
		name    string
		w       Weights
		slab    int
		tensors int
	}{
		{"a network", Weights{Params: p}, len(p.Slab), len(p.Tensors())},
		{"an adapter", Weights{Adapter: a}, len(a.Slab), len(a.Tensors())},
		{"none", Weights{}, 0, 0},
	} {
		count := 0
		for _, x := range c.w.Tensors() {
			count += len(x.V)
		}
		like := c.w.zerosLike()
		if len(c.w.Slab()) != c.slab || len(c.w.Tensors()) != c.tensors || c.w.Count() != count || count > c.slab || (count == 0) != (c.slab == 0) {
			t.Errorf("%s: %d numbers, %d of them in %d tensors", c.name, len(c.w.Slab()), c.w.Count(), len(c.w.Tensors()))
		}
		if len(like.Slab()) != c.slab || like.Count() != count || (like.Adapter != nil) != (c.w.Adapter != nil) {
			t.Errorf("%s: like it are %d numbers, %d of them parameters", c.name, len(like.Slab()), like.Count())
		}
		for _, x := range like.Slab() {
			if x != 0 {
				t.Fatalf("%s: like it has a %g", c.name, x)
			}
		}
	}
}
