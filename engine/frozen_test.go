package engine

import (
	"math"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// frozenCases adds, to adapters of every kind, those whose lowest trained layer is
// each of the kinds, in the second block.
func frozenCases() (all []testCase) {
	all = append(all, adapterCases...)
	for _, t := range append([]pedestrian.Target{pedestrian.TargetQKV}, fcLayers...) {
		cs := adapterCases[1]
		cs.name = "block 2, " + string(t)
		cs.lora = &pedestrian.AdapterConfig{Rank: 2, Alpha: 1, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{t}, Layers: []int{2}, Dropout: 0.2}
		all = append(all, cs)
		l := *cs.lora
		l.DoRA, l.Bias, cs.name, cs.lora = true, pedestrian.BiasAdapted, cs.name+", DoRA", &l
		all = append(all, cs)
	}
	for _, cs := range llamaCases {
		if cs.lora != nil {
			all = append(all, cs)
		}
	}
	for _, t := range []pedestrian.Target{pedestrian.TargetQKV, pedestrian.TargetK, pedestrian.TargetAttProj, pedestrian.TargetGate, pedestrian.TargetUp, pedestrian.TargetDown} {
		cs := llamaCases[9]
		cs.name, cs.c.QKNorm = "llama, block 1, "+string(t), true
		cs.lora = &pedestrian.AdapterConfig{Rank: 2, Alpha: 1, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{t}, Layers: []int{1}, Dropout: 0.2}
		all = append(all, cs)
		l := *cs.lora
		l.DoRA, l.Bias, cs.name, cs.lora = true, pedestrian.BiasAdapted, cs.name+", DoRA", &l
		all = append(all, cs)
	}
	return all
}

// TestFrozenAdapters: alone, an adapter has the gradients, to the bit, that it has
// when everything is trained; and a network below it has those of a network whose
// adapter is held. Memory is planned from the block on that it is taken from.
func TestFrozenAdapters(t *testing.T) {
	for _, cs := range frozenCases() {
		for _, recompute := range []bool{false, true} {
			p, lora := cs.params(1)
			b := cs.batch(2)
			o := Options{Batch: b.B, Dropout: 0.3, Recompute: recompute}
			n, m := New(p, lora, o), New(p, lora, o)
			alone, dp, da := likeAdapter(lora), like(p), likeAdapter(lora)
			s1, _ := n.Gradients(nil, alone, b, 1, 1) // before there is memory for more
			if got, want := n.adapterBottom, lowestStage(alone); got != want {
				t.Errorf("%s: the lowest stage with a gradient is %d, not %d", cs.name, got, want)
			}
			s2, _ := m.Gradients(dp, da, b, 1, 1)
			if s1 != s2 || !slices.Equal(alone.Slab, da.Slab) {
				t.Errorf("%s: alone the adapter has other gradients", cs.name)
			}
			base, again := like(p), likeAdapter(lora)
			n.Gradients(base, nil, b, 1, 1) // more memory
			n.SetGradients(nil, again, b, 1, 1)
			if !slices.Equal(base.Slab, dp.Slab) || !slices.Equal(again.Slab, da.Slab) {
				t.Errorf("%s: other gradients after the memory grew", cs.name)
			}
			for _, x := range again.Tensors() {
				if !slices.ContainsFunc(x.V, func(v float64) bool { return v != 0 && !math.IsNaN(v) }) {
					t.Errorf("%s: no gradient of %s", cs.name, x.Name)
				}
			}
			n.Close()
			m.Close()
		}
	}
}

// lowestStage is bottom, from what an adapter has in fact.
func lowestStage[T Float](a *pedestrian.Adapter[T]) int {
	for _, t := range a.Tensors() {
		switch {
		case t.Name == "tok.rows":
			return -1
		case t.Block >= 0:
			return stages*t.Block + t.Stage
		case t.Layer == "lnFinal":
			return stages * a.Base.Blocks
		}
	}
	return stages*a.Base.Blocks + 1
}

// TestStages: the stages of a block are those of the list of parameters.
func TestStages(t *testing.T) {
	stageOf := map[string]int{"ln1": stageLN1, "qkv": stageQKV, "qNorm": stageQKNorm, "kNorm": stageQKNorm, "attProj": stageAttProj, "ln2": stageLN2, "expand": stageExpand, "contract": stageContract, "gate": stageExpand, "up": stageExpand, "down": stageContract}
	llama := llamaLike(func(c *pedestrian.Config) { c.QKNorm = true })
	for _, s := range append(gpt2Config.Slots(), llama.Slots()...) {
		if want, ok := stageOf[s.Layer]; s.Block >= 0 && (!ok || s.Stage != want || s.Stage >= stages) {
			t.Errorf("%s is of stage %d, not %d", s.Name, s.Stage, want)
		}
	}
}

// terms is the number of multiply-adds in the products of f.
func (n *Network[T]) terms(f func()) int {
	before := n.pool.Terms
	f()
	return int(n.pool.Terms - before)
}

// TestNoProductOfTheFrozen counts the multiply-adds of products. Beside queries, keys
// and values of every block, an adapter saves those of every weight's gradient and
// what would hand the error down below the first; beside FC_expand of the last block
// alone, the backward pass is that layer's and those above it.
func TestNoProductOfTheFrozen(t *testing.T) {
	cs := bigger
	c := cs.c
	b := cs.batch(2)
	rows, counted, r := cs.b*cs.t, 0, 5
	for _, id := range b.Targets {
		if id != Ignored {
			counted++
		}
	}
	network := func(a pedestrian.AdapterConfig) (*Network[float64], *pedestrian.Params[float64], *pedestrian.Adapter[float64]) {
		cs.lora = &a
		p, lora := cs.params(1)
		n := New(p, lora, Options{Batch: b.B, Threads: 1})
		dp, da := like(p), likeAdapter(lora)
		n.Gradients(dp, da, b, 1, 1)
		return n, dp, da
	}
	a := pedestrian.AdapterConfig{Rank: r, Alpha: 1, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{pedestrian.TargetQKV}}
	n, dp, da := network(a)
	both, alone := n.terms(func() { n.Gradients(dp, da, b, 1, 1) }), n.terms(func() { n.Gradients(nil, da, b, 1, 1) })
	n.Close()
	weights := c.Blocks * (c.Width*c.QKVDim() + c.Width*c.Width + 2*c.Width*c.HiddenDim())
	if got, want := both-alone, rows*weights+counted*c.Width*c.Vocab+rows*c.Width*(c.QKVDim()+r); got != want {
		t.Errorf("an adapter beside frozen weights saves %d multiply-adds, not %d", got, want)
	}

	a.Targets, a.Layers = []pedestrian.Target{pedestrian.TargetExpand}, []int{c.Blocks - 1}
	n, _, da = network(a)
	defer n.Close()
	forward, alone := n.terms(func() { n.Loss(b) }), n.terms(func() { n.Gradients(nil, da, b, 1, 1) })
	if got, want := alone-forward, counted*c.Vocab*c.Width+rows*(c.HiddenDim()*c.Width+r*(c.Width+2*c.HiddenDim())); got != want {
		t.Errorf("the backward pass to FC_expand of the last block takes %d multiply-adds, not %d", got, want)
	}
}

// TestFrozenKeepsNothing: of the blocks below the first that is trained no
// activations are kept, and the plan knows.
func TestFrozenKeepsNothing(t *testing.T) {
	a := &pedestrian.AdapterConfig{Rank: 8, Alpha: 1, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{pedestrian.TargetQKV}, Layers: []int{10, 11}}
	o := Options{Batch: 4, Context: 256, Threads: 2}
	every := o
	every.Accumulate = true // nothing lies in gradients
	full, err := Memory[float32](gpt2Config, nil, every)
	if err != nil {
		t.Fatal(err)
	}
	top, err := Memory[float32](gpt2Config, a, o)
	if err != nil {
		t.Fatal(err)
	}
	const rows, d = 1024, 768
	if saved := full[0].Bytes - top[0].Bytes; full[0].Name != "activations" || saved != 10*4*rows*(10*d+2+12) {
		t.Errorf("ten blocks save %d bytes of activations", saved)
	}
	cs := adapterCases[1]
	cs.lora = &pedestrian.AdapterConfig{Rank: 2, Alpha: 1, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{pedestrian.TargetV}, Layers: []int{2}, DoRA: true}
	p, lora := cs.params(1)
	n := New(p, lora, Options{Batch: cs.b})
	defer n.Close()
	n.Gradients(nil, likeAdapter(lora), cs.batch(2), 1, 1)
	if n.work.low != 2 || n.work.blocks[1].a7.V != nil {
		t.Errorf("a cache for a block that nothing is trained in or below: low is %d", n.work.low)
	}
}
