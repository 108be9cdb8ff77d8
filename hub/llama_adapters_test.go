package hub

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pedestrian-ml/pedestrian"
)

// readLlamaVerdict reads what PEFT computed with adapters beside Llamas: after some tokens,
// the logits of each adapter.
func readLlamaVerdict(t *testing.T, name string) (tokens []int, logits map[string]string) {
	t.Helper()
	text, err := readGzip(name)
	var v struct {
		Tokens []int
		Logits map[string]string
	}
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v.Tokens, v.Logits
}

// Adapters that PEFT made beside models of the Llama family are read, compute here what
// they compute there, and go out as they came in.
func TestTheirLlamaAdapters(t *testing.T) {
	type targets = []pedestrian.Target
	seven := targets{"q", "k", "v", "attProj", "gate", "up", "down"}
	want := map[string]struct {
		base   string
		config pedestrian.AdapterConfig
	}{
		"seven":   {"gqa", pedestrian.AdapterConfig{Rank: 3, Alpha: 5, Targets: seven, Dropout: 0.1}},
		"default": {"mistral", pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Targets: targets{"q", "v"}}},
		"linear":  {"smollm", pedestrian.AdapterConfig{Rank: 2, Alpha: 3, Scaling: pedestrian.ScaleRSqrt, Targets: seven}},
		"regex":   {"qwen2", pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Targets: targets{"q", "v", "down"}, Layers: []int{1}}},
		"ranks": {"mistral", pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Targets: seven, Ranks: map[pedestrian.Target]int{"q": 5, "up": 1},
			Alphas: map[pedestrian.Target]float64{"k": 9}}},
		"dora":      {"qwen3", pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Targets: seven, DoRA: true}},
		"biases":    {"biased", pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Targets: targets{"q", "up"}, Bias: pedestrian.BiasAll, Norms: true}},
		"lora_only": {"qwen2", pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Targets: targets{"q", "v"}, Bias: pedestrian.BiasAdapted}},
		"norms":     {"qwen3", pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Targets: targets{"attProj"}, Layers: []int{1}, Norms: true}},
		"head":      {"gqa", pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Targets: targets{"v", "logits"}}},
		"tokens":    {"smollm", pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Targets: targets{"k"}, Tokens: []int32{3, 60}}},
	}
	dir, _ := readLlamas(t)
	tokens, verdict := readLlamaVerdict(t, "theirs.json.gz")
	for name, f := range want {
		t.Run(name, func(t *testing.T) {
			if f.config.Scaling == "" {
				f.config.Scaling = pedestrian.ScaleRank
			}
			p := load[float32](t, filepath.Join(dir, f.base)).Params
			a, err := LoadAdapter(filepath.Join(llamaGoldens, "theirs", name), p)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(f.config, a.Config); diff != "" || a.BaseName != "someone/"+f.base || len(a.Notes) > 0 {
				t.Errorf("base %q, notes %q, -want +got:\n%s", a.BaseName, a.Notes, diff)
			}
			if off := offBy(logits(p, a.Adapter, tokens), numbers(t, verdict[name])); !(off <= near64) {
				t.Errorf("logits are off by %.1e", off)
			}
			out := filepath.Join(t.TempDir(), "a")
			if err := SaveAdapter(out, a, p); err != nil {
				t.Fatal(err)
			}
			comesBack(t, out, a, p)
		})
	}
	if len(want) != len(verdict) {
		t.Errorf("%d adapters are read, and PEFT made %d", len(want), len(verdict))
	}
}

// ourLlamaAdapters are what PEFT is shown.
var ourLlamaAdapters = map[string]struct {
	base   string
	config pedestrian.AdapterConfig
}{
	"paper": {"gqa", pedestrian.AdapterConfig{Rank: 3, Alpha: 0.7, Scaling: pedestrian.ScalePaper,
		Targets: []pedestrian.Target{"q", "k", "v", "attProj", "gate", "up", "down"}}},
	"fused": {"qwen2", pedestrian.AdapterConfig{Rank: 4, Alpha: 6, Scaling: pedestrian.ScaleRank, DoRA: true,
		Targets: []pedestrian.Target{"gate", "qkv", "down"}, Ranks: map[pedestrian.Target]int{"qkv": 3}, Alphas: map[pedestrian.Target]float64{"qkv": 2.5}}},
	"rslora": {"qwen3", pedestrian.AdapterConfig{Rank: 4, Alpha: 3, Scaling: pedestrian.ScaleRSqrt, Targets: []pedestrian.Target{"q", "v", "up"},
		Ranks: map[pedestrian.Target]int{"up": 2}, Layers: []int{1}, Norms: true}},
	"biases":  {"biased", pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Bias: pedestrian.BiasAll, Targets: []pedestrian.Target{"k"}, Layers: []int{2, 0}}},
	"adapted": {"qwen2", pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Bias: pedestrian.BiasAdapted, Targets: []pedestrian.Target{"q", "k", "v"}}},
	"head":    {"mistral", pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Norms: true, Targets: []pedestrian.Target{"logits", "attProj"}}},
}

// PEFT was shown the very files that are written, uses every tensor, and computes what we
// compute; they come back as they were, to the bit.
func TestOurLlamaAdapters(t *testing.T) {
	ours := filepath.Join(llamaGoldens, "ours")
	if *writeOurs {
		os.RemoveAll(ours)
	}
	dir, _ := readLlamas(t)
	var tokens []int
	var verdict map[string]string
	if !*writeOurs {
		tokens, verdict = readLlamaVerdict(t, "ours.json.gz")
	}
	for name, f := range ourLlamaAdapters {
		p := load[float32](t, filepath.Join(dir, f.base)).Params
		a := &Adapter{Adapter: anAdapter(p, f.config, uint64(len(name))), BaseName: "someone/" + f.base, BaseSHA256: strings.Repeat("ab", 32)}
		out := filepath.Join(t.TempDir(), "a")
		if *writeOurs {
			out = filepath.Join(ours, name)
		}
		if err := SaveAdapter(out, a, p); err != nil {
			t.Fatal(name, err)
		}
		if *writeOurs {
			continue
		}
		wasShown(t, out, filepath.Join(ours, name))
		comesBack(t, out, a, p)
		if off := offBy(logits(p, a.Adapter, tokens), numbers(t, verdict[name])); !(off <= near64) {
			t.Errorf("%s: PEFT's logits differ from ours by %.1e", name, off)
		}
	}
}

// Adapters of one family are refused beside the other.
func TestLlamaAdapterRefuses(t *testing.T) {
	dir, _ := readLlamas(t)
	p := load[float32](t, filepath.Join(dir, "gqa")).Params
	for _, f := range []struct {
		adapter string
		base    *pedestrian.Params[float32]
		want    string
	}{
		{filepath.Join(peftDir, "theirs", "plain"), p, `target_modules has "c_attn", which is no layer of this network`},
		{filepath.Join(llamaGoldens, "theirs", "seven"), readBase(t, "tied"), "which is no layer of this network"},
		{filepath.Join(llamaGoldens, "theirs", "dora"), p, "by adapter_config.json and the base"},
		{filepath.Join(llamaGoldens, "theirs", "tokens"), readBase(t, "tied"), `target_modules has "k_proj", which is no layer of this network`},
	} {
		if _, err := LoadAdapter(f.adapter, f.base); err == nil || !strings.Contains(err.Error(), f.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %s", f.adapter, err, f.want)
		}
	}
	half := &Adapter{Adapter: anAdapter(p, pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"q"}}, 1)}
	half.Base.Rotation.Dims = 2
	if err := SaveAdapter(filepath.Join(t.TempDir(), "a"), half, p); err == nil || !strings.Contains(err.Error(), "2 of the 4 columns of a head turn") {
		t.Errorf("beside a network that transformers does not have: %v", err)
	}
}
