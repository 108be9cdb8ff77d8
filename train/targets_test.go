package train

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pedestrian-ml/pedestrian"
)

// "all" is what a base has: GPT-2's four layers, or the seven of the Llama family, with
// ranks for each.
func TestTargetsForBase(t *testing.T) {
	llama := pedestrian.Config{Vocab: 9, Context: 8, Width: 8, Heads: 4, KVHeads: 2, Blocks: 2, Norm: pedestrian.RMSNorm, Positions: pedestrian.Rotary, Gated: true, Activation: pedestrian.SiLU}
	gpt2 := pedestrian.Config{Vocab: 9, Context: 8, Width: 8, Heads: 4, Blocks: 2, Activation: pedestrian.GELU}
	for _, f := range []struct {
		text    string
		base    pedestrian.Config
		targets []pedestrian.Target
		ranks   map[pedestrian.Target]int
		written string
	}{
		{"all", gpt2, []pedestrian.Target{"qkv", "attProj", "expand", "contract"}, nil, "all"},
		{"all", llama, []pedestrian.Target{"q", "k", "v", "attProj", "gate", "up", "down"}, nil, "all"},
		{"all-linear,lm_head", llama, []pedestrian.Target{"q", "k", "v", "attProj", "gate", "up", "down", "logits"}, nil, "all,logits"},
		{"all,attProj:3,qkv:5", llama, []pedestrian.Target{"q", "k", "v", "attProj", "gate", "up", "down"}, map[pedestrian.Target]int{"q": 5, "k": 5, "v": 5, "attProj": 3}, "q:5,k:5,v:5,attProj:3,gate,up,down"},
		{"all:4", llama, []pedestrian.Target{"q", "k", "v", "attProj", "gate", "up", "down"}, map[pedestrian.Target]int{"q": 4, "k": 4, "v": 4, "attProj": 4, "gate": 4, "up": 4, "down": 4}, "q:4,k:4,v:4,attProj:4,gate:4,up:4,down:4"},
		{"q_proj,v_proj:2,self_attn.o_proj,mlp.down_proj", llama, []pedestrian.Target{"q", "v", "attProj", "down"}, map[pedestrian.Target]int{"v": 2}, "q,v:2,attProj,down"},
	} {
		var o Options
		a := &o.Tuning.Adapter
		var err error
		if a.Targets, a.Ranks, err = parseTargets(f.text); err != nil {
			t.Fatal(err)
		}
		a.Rank, a.Alpha, a.Scaling = 8, 8, pedestrian.ScaleRank
		o = o.For(f.base)
		a = &o.Tuning.Adapter
		if diff := cmp.Diff(f.targets, a.Targets); diff != "" {
			t.Errorf("%s: %s", f.text, diff)
		}
		if diff := cmp.Diff(f.ranks, a.Ranks); diff != "" {
			t.Errorf("%s: %s", f.text, diff)
		}
		if err := a.ValidateFor(f.base); err != nil || writeTargets(a) != f.written {
			t.Errorf("%s: %v, written %q", f.text, err, writeTargets(a))
		}
		if again := o.For(f.base); !cmp.Equal(again.Tuning.Adapter, *a) {
			t.Errorf("%s: twice, it is %+v", f.text, again.Tuning.Adapter)
		}
	}
}
