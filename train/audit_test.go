package train

import (
	"math"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// Every kind of adapter begins as the base, learns, leaves the base alone, is merged to
// the same logits, and is loaded again to the last bit.
func TestAuditOfEveryKind(t *testing.T) {
	qkv := []pedestrian.Target{pedestrian.TargetQKV, pedestrian.TargetContract}
	for name, a := range map[string]pedestrian.AdapterConfig{
		"all targets":    {Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Targets: pedestrian.Config{Heads: 1}.Targets()},
		"fused, rsLoRA":  {Rank: 3, Alpha: 2, Scaling: pedestrian.ScaleRSqrt, Targets: qkv, Ranks: map[pedestrian.Target]int{pedestrian.TargetQKV: 1}},
		"dropout":        {Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Targets: pedestrian.Config{Heads: 1}.Targets(), Dropout: 0.2},
		"DoRA":           {Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Targets: pedestrian.Config{Heads: 1}.Targets(), DoRA: true},
		"one block":      {Rank: 2, Alpha: 2, Scaling: pedestrian.ScalePaper, Targets: qkv, Layers: []int{1}},
		"norms, biases":  {Rank: 2, Alpha: 2, Scaling: pedestrian.ScalePaper, Targets: qkv, Norms: true, Bias: pedestrian.BiasAll},
		"norms alone":    {Scaling: pedestrian.ScalePaper, Norms: true},
		"biases adapted": {Rank: 1, Alpha: 2, Scaling: pedestrian.ScalePaper, Targets: qkv, Bias: pedestrian.BiasAdapted, DoRA: true},
	} {
		t.Run(name, func(t *testing.T) {
			o := adapted()
			o.Steps, o.Tuning.Adapter = 6, a
			b, d := aBase(t, o)
			dir := t.TempDir()
			r := finetune(t, o, b, d, dir)
			before := r.State.zerosLike()
			before.copyFrom(r.State)
			if _, err := r.Train(t.Context(), Observer{}); err != nil {
				t.Fatal(err)
			}
			for i, x := range r.State.Trained().Tensors() {
				// The first u is 0, and so is the first gradient of d; a bias of the keys cannot learn.
				if changed := !equal(x.V, before.Trained().Tensors()[i].V); !changed {
					t.Errorf("%s has not changed", x.Name)
				}
			}
			audit, err := r.Audit(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := audit.Err(); err != nil {
				t.Error(err)
			}
			if !a.DoRA && audit.FirstLoss != audit.BaseLoss {
				t.Errorf("the first loss is %g, the base's %g", audit.FirstLoss, audit.BaseLoss)
			}
			if len(audit.Up) != len(a.Targets) || audit.LargestLogit == 0 {
				t.Errorf("%+v", audit)
			}
			if len(a.Targets) > 0 && audit.MergedDifference == 0 { // float32 has no such luck with every logit
				t.Error("the merged network was compared with itself")
			}
			c, _, err := LoadNewest(dir, true)
			if err != nil {
				t.Fatal(err)
			}
			if err := sameState(c.State, r.State); err != nil {
				t.Error(err)
			}
		})
	}
}

func equal(a, b []float32) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// What an audit looks for, it finds.
func TestAuditFinds(t *testing.T) {
	o := adapted()
	o.Steps = 4
	b, d := aBase(t, o)
	for _, c := range []struct {
		want  string
		spoil func(r *Run)
	}{
		{"the adapter beside v has not left zero in some block", func(r *Run) { clear(r.State.Adapter.Blocks[1].V.Up.V) }},
		{"the base has changed in memory", func(r *Run) { r.State.Params.Tok.V[0] += 1e-6 }},
		{"the loss before the first step was 3, that of the base alone is", func(r *Run) { r.State.First.Loss = 3 }},
		{"the adapter beside q has not left zero", func(r *Run) { r.State.Adapter.Blocks[0].Q.Up.V[0] = float32(math.NaN()) }},
		{"logits of the merged weights differ by NaN", func(r *Run) { r.State.Adapter.Blocks[0].Q.Up.V[0] = float32(math.NaN()) }},
	} {
		r := finetune(t, o, b, d, "")
		if _, err := r.Train(t.Context(), Observer{}); err != nil {
			t.Fatal(err)
		}
		audit, err := r.Audit(t.Context())
		if err != nil || audit.Err() != nil {
			t.Fatal(err, audit.Err())
		}
		was := b.Params.Tok.V[0]
		c.spoil(r)
		if audit, err = r.Audit(t.Context()); err != nil || audit.Err() == nil || !strings.Contains(audit.Err().Error(), c.want) {
			t.Errorf("%s: %v, %v", c.want, err, audit.Failed())
		}
		b.Params.Tok.V[0] = was
	}
}

// Going back after a spike restores the adapter, and leaves the base alone.
func TestAdapterRewinds(t *testing.T) {
	o := adapted()
	o.OnSpike, o.SaveEvery, o.Steps = SpikeRewind, 2, 8
	b, d := aBase(t, o)
	r := finetune(t, o, b, d, t.TempDir())
	r.beforeUpdate = func() {
		if r.State.Position == 5 {
			r.grad.Slab()[0] = float32(math.NaN())
		}
	}
	var spikes []Spike
	if end, err := r.Train(t.Context(), Observer{Spike: func(s Spike) { spikes = append(spikes, s) }}); err != nil || end != Finished {
		t.Fatal(end, err)
	}
	if len(spikes) != 1 || spikes[0].Action != SpikeRewind || spikes[0].To != 5 {
		t.Errorf("%+v", spikes)
	}
	if Digest(b.Params) != b.SHA256 {
		t.Error("the base has changed")
	}
}
