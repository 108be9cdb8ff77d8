package hub

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gguf"
)

// adapterBase is the network of testdata/gguf/adapter.py, of which the shapes matter.
func adapterBase(change func(*pedestrian.Config)) *pedestrian.Params[float32] {
	c := pedestrian.Config{Vocab: 16, Context: 16, Width: 8, Heads: 2, KVHeads: 1, HeadDim: 4, Hidden: 12, Blocks: 2, Activation: pedestrian.SiLU, Eps: 1e-5,
		Norm: pedestrian.RMSNorm, Positions: pedestrian.Rotary, Rotation: pedestrian.Rotation{Base: 1e4}, Gated: true}
	change(&c)
	return pedestrian.NewParams[float32](c)
}

// An adapter that the gguf package wrote adds to each weight what its script says.
func TestLoadAdapterGGUF(t *testing.T) {
	path := filepath.Join(ggufDir, "adapter.gguf")
	a, err := LoadAdapterGGUF(path, adapterBase(func(*pedestrian.Config) {}))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(ggufDir, "adapter.json"))
	want := map[string][][]float64{}
	if err == nil {
		err = json.Unmarshal(text, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	if a.BaseName != "someone/base" || a.Config.Rank != 2 || a.Config.RankOf("k") != 3 || a.Config.Alpha != 6 || !IsAdapterGGUF(path) || IsAdapterGGUF(filepath.Join(ggufDir, "read-f32.gguf")) {
		t.Errorf("%q, %+v", a.BaseName, a.Config)
	}
	names := map[pedestrian.Target]string{"q": "attn_q", "k": "attn_k", "v": "attn_v", "attProj": "attn_output", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down"}
	for target, name := range names {
		for block := range 2 {
			l, delta := a.LoRA(block, target), want[fmt.Sprintf("blk.%d.%s", block, name)]
			for i, row := range delta {
				for j, w := range row {
					got := 0.0
					for k := range l.Down.Cols {
						got += l.Multiplier * float64(l.Down.V[i*l.Down.Cols+k]) * float64(l.Up.V[k*l.Up.Cols+j])
					}
					if math.Abs(got-w) > 1e-6 {
						t.Fatalf("block %d, %s: Δ[%d,%d] is %g, want %g", block, target, i, j, got, w)
					}
				}
			}
		}
	}
}

// What SaveAdapterGGUF writes is read again: with the hash of its base to the bit and in its
// shape, if the file's one α of 32 bits is that of each layer; otherwise with the same effect.
func TestAdapterGGUFRoundTrip(t *testing.T) {
	llama := func(*pedestrian.Config) {}
	gpt2 := func(c *pedestrian.Config) {
		*c = pedestrian.Config{Vocab: 16, Context: 16, Width: 8, Heads: 2, Blocks: 2, Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true}
	}
	all := pedestrian.Config{Heads: 1, Gated: true}.Targets()
	for name, c := range map[string]struct {
		base func(*pedestrian.Config)
		a    pedestrian.AdapterConfig
	}{
		"all":        {llama, pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Targets: all}},
		"qwen2":      {func(c *pedestrian.Config) { c.QKVBias, c.Tied = true, true }, pedestrian.AdapterConfig{Rank: 2, Alpha: 3, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"q", "v", "down"}, Layers: []int{1}}},
		"wide heads": {func(c *pedestrian.Config) { c.HeadDim = 8 }, pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"q", "k"}}}, // the order of 4 columns is its own inverse
		"rslora":     {llama, pedestrian.AdapterConfig{Rank: 3, Alpha: 4, Scaling: pedestrian.ScaleRSqrt, Targets: []pedestrian.Target{"qkv", "up"}}},
		"fused":      {llama, pedestrian.AdapterConfig{Rank: 3, Alpha: 4, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"qkv", "up"}}},
		"thirds":     {gpt2, pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"q", "k", "v"}}},
		"logits":     {gpt2, pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScalePaper, Targets: []pedestrian.Target{"qkv", "logits"}}},
		"two alphas": {llama, pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"q", "v"}, Alphas: map[pedestrian.Target]float64{"v": 1}}},
	} {
		base := adapterBase(c.base)
		for _, sum := range []string{"", "abc"} {
			a := &Adapter{Adapter: anAdapter(base, c.a, 3), BaseName: "someone/base", BaseSHA256: sum}
			path := filepath.Join(t.TempDir(), "a.gguf")
			err := SaveAdapterGGUF(path, a)
			var back *Adapter
			if err == nil {
				back, err = LoadAdapterGGUF(path, base)
			}
			if err != nil {
				t.Fatal(name, err)
			}
			if back.BaseName != a.BaseName || back.BaseSHA256 != sum || len(back.Notes) > 0 {
				t.Errorf("%s: %+v", name, back)
			}
			if one := name != "two alphas" && name != "rslora"; one && sum != "" && (!reflect.DeepEqual(back.Config, a.Config) || !slices.Equal(back.Slab, a.Slab)) {
				t.Errorf("%s: other numbers, or another shape: %+v", name, back.Config)
			}
			want, got := deltas(a.Adapter), deltas(back.Adapter)
			for i, w := range want {
				if math.Abs(got[i]-w) > 1e-6 {
					t.Fatalf("%s, %q: change %d is %g, want %g", name, sum, i, got[i], w)
				}
			}
		}
	}
}

// deltas are α d u of every layer, those of the fused queries, keys and values as one.
func deltas(a *pedestrian.Adapter[float32]) (all []float64) {
	for _, l := range a.Base.Linears() {
		if l.Target != l.Layer {
			continue
		}
		sum := make([]float64, l.In*l.Out)
		for _, part := range a.Base.Linears() {
			f := a.LoRA(max(part.Block, 0), part.Target)
			if part.Layer != l.Layer || part.Block != l.Block || f.Down.V == nil {
				continue
			}
			for i := range l.In {
				for j := range part.Out {
					for k := range f.Down.Cols {
						sum[i*l.Out+part.From+j] += f.Multiplier * float64(f.Down.V[i*f.Down.Cols+k]) * float64(f.Up.V[k*part.Out+j])
					}
				}
			}
		}
		all = append(all, sum...)
	}
	return all
}

// Adapters of another base, and what is no adapter or one of another kind, are refused in
// one line that says why.
func TestAdapterGGUFRefused(t *testing.T) {
	base := adapterBase(func(*pedestrian.Config) {})
	pairs := map[string]any{"general.architecture": "llama", "general.type": "adapter", "adapter.type": "lora", "adapter.lora.alpha": float32(2)}
	tensor := func(name string, dims ...int) gguf.Entry {
		n := 1
		for _, d := range dims {
			n *= d
		}
		return gguf.Entry{Name: name, Type: gguf.F32, Dims: dims, Data: make([]float32, n)}
	}
	down, up := tensor("blk.0.attn_v.weight.lora_a", 8, 2), tensor("blk.0.attn_v.weight.lora_b", 2, 4)
	broken := tensor("blk.0.attn_v.weight.lora_b", 2, 4)
	broken.Data[3] = float32(math.NaN())
	for _, c := range []struct {
		want, key string
		value     any
		entries   []gguf.Entry
	}{
		{`general.type is "model"`, "general.type", "model", []gguf.Entry{down, up}},
		{`adapter.type is "control_vector"`, "adapter.type", "control_vector", []gguf.Entry{down, up}},
		{"an activated LoRA", "adapter.alora.invocation_tokens", []uint32{1}, []gguf.Entry{down, up}},
		{`general.architecture is "qwen2", and the base is of "llama"`, "general.architecture", "qwen2", []gguf.Entry{down, up}},
		{"adapter.lora.alpha is NaN", "adapter.lora.alpha", float32(math.NaN()), []gguf.Entry{down, up}},
		{"has one of lora_a and lora_b", "", nil, []gguf.Entry{down}},
		{"does not fit a layer of 8 inputs and 4 outputs", "", nil, []gguf.Entry{down, tensor(up.Name, 2, 5)}},
		{"has a rank of 2 in lora_a and 3 in lora_b", "", nil, []gguf.Entry{down, tensor(up.Name, 3, 4)}},
		{"is of no layer of the base", "", nil, []gguf.Entry{down, up, tensor("token_embd.weight.lora_a", 16, 2)}},
		{"is not finite", "", nil, []gguf.Entry{down, broken}},
		{"it has no tensors", "", nil, nil},
		{"another block's", "", nil, []gguf.Entry{down, up, tensor("blk.1.attn_v.weight.lora_a", 8, 3), tensor("blk.1.attn_v.weight.lora_b", 3, 4)}},
	} {
		var list []gguf.Pair
		all := map[string]any{}
		for k, v := range pairs {
			all[k] = v
		}
		if c.key != "" {
			all[c.key] = c.value
		}
		for k, v := range all {
			list = append(list, gguf.Pair{Key: k, Value: v})
		}
		path := filepath.Join(t.TempDir(), "a.gguf")
		f, err := os.Create(path)
		if err == nil {
			err = gguf.Write(f, list, c.entries)
			f.Close()
		}
		if err != nil {
			t.Fatal(c.want, err)
		}
		if _, err := LoadAdapterGGUF(path, base); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want %q: %v", c.want, err)
		}
	}
}
