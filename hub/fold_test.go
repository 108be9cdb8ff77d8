package hub

import (
	"path/filepath"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gguf"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// scales are the four ways in which scores are multiplied, d_h = 9 so that no factor is
// a power of two.
func scales() map[string]pedestrian.Config {
	c := pedestrian.Config{Vocab: 40, Context: 12, Width: 27, Heads: 3, Blocks: 3, Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, Tied: true}
	unscaled, byBlock := c, c
	unscaled.Unscaled, byBlock.ScaleByBlock = true, true
	both := unscaled
	both.ScaleByBlock = true
	return map[string]pedestrian.Config{"standard": c, "unscaled": unscaled, "by block": byBlock, "both": both}
}

// What scores are multiplied by is written out: block 2 of three, heads of 9.
func TestScoreScale(t *testing.T) {
	for name, want := range map[string]float64{"standard": 1. / 3, "unscaled": 1, "by block": 1. / 9, "both": 1. / 3} {
		if got := scales()[name].ScoreScale(2); got != want {
			t.Errorf("%s: %g, want %g", name, got, want)
		}
	}
}

// A folded network divides by √d_h alone and computes the same, and what it was made of
// is as before; llm.c and nanoGPT get it so.
func TestFolded(t *testing.T) {
	tokens := []int{3, 1, 4, 1, 5, 9, 2, 6}
	for name, c := range scales() {
		p := pedestrian.NewParams[float32](c)
		generic(p, 7)
		was := append([]float32(nil), p.Slab...)
		f := Folded(p)
		if (f == p) != (name == "standard") || f.Config != scales()["standard"] || p.Config != c {
			t.Errorf("%s: %+v of %+v, the same network: %v", name, f.Config, p.Config, f == p)
		}
		want := logits(p, nil, tokens)
		if name != "standard" {
			standard := pedestrian.NewParams[float32](scales()["standard"])
			copy(standard.Slab, p.Slab)
			if d := worst(logits(standard, nil, tokens), want); !(d > 0.01) {
				t.Errorf("%s: logits differ by %g from those of a standard network: the case shows nothing", name, d)
			}
		}
		if d := worst(logits(f, nil, tokens), want); !(d < 1e-4) {
			t.Errorf("%s: folded, logits differ by %g", name, d)
		}
		for i := range was {
			if p.Slab[i] != was[i] {
				t.Fatalf("%s: number %d was changed", name, i)
			}
		}
		dir := filepath.Join(t.TempDir(), "x")
		if err := SaveLLMC(dir, &Model[float32]{Params: p}, SaveOptions{}); err != nil {
			t.Fatal(err)
		}
		back, err := LoadLLMC[float32](filepath.Join(dir, llmcModel), LoadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if d := worst(logits(back.Params, nil, tokens), want); !(d < 1e-4) {
			t.Errorf("%s: as llm.c reads it, logits differ by %g", name, d)
		}
	}
}

// GGUF holds folded queries, and an adapter that is folded with them: beside the folded
// base it does what it did, and unfolded it is what it was.
func TestFoldedAdapter(t *testing.T) {
	tokens := []int{3, 1, 4, 1, 5, 9, 2, 6}
	for name, c := range scales() {
		p := pedestrian.NewParams[float32](c)
		generic(p, 8)
		for _, targets := range [][]pedestrian.Target{{"qkv", "expand"}, {"q", "k", "v"}, {"q"}} {
			a := anAdapter(p, pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, DoRA: true, Bias: pedestrian.BiasAll, Targets: targets}, 3)
			want, f := logits(p, a, tokens), Folded(p)
			fa := foldAdapter(a)
			if d := worst(logits(f, fa, tokens), want); !(d < 1e-4) {
				t.Errorf("%s %v: folded, logits differ by %g", name, targets, d)
			}
			if d := worst(logits(p, UnfoldAdapter(fa, c), tokens), want); !(d < 1e-4) {
				t.Errorf("%s %v: unfolded, logits differ by %g", name, targets, d)
			}
		}
		base := scales()[name]
		lora := anAdapter(p, pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"qkv"}}, 3)
		es, _, _, err := adapterEntries(&Adapter{Adapter: lora})
		if err != nil {
			t.Fatal(err)
		}
		up := lora.Blocks[2].QKV.Up // rank×outputs here, outputs×rank there
		var there []float32
		for _, e := range es {
			if e.Name == "blk.2.attn_qkv.weight.lora_b" {
				there = e.Data
			}
		}
		factor := map[string]float32{"standard": 1, "unscaled": 3, "by block": 1. / 3, "both": 1}[name]
		for _, j := range []int{0, base.Width - 1, base.Width} {
			want := up.V[j] * factor
			if j == base.Width { // a key
				want = up.V[j]
			}
			if got := there[2*j]; got < want-1e-6 || got > want+1e-6 {
				t.Errorf("%s: output %d of the adapter is %g in GGUF, want %g", name, j, got, want)
			}
		}
		notes, err := SaveGGUF(filepath.Join(t.TempDir(), "x.gguf"), &Model[float32]{Params: p}, gguf.F32)
		if err != nil || (len(notes) > 0 && notes[0] == FoldNote) != (name != "standard") {
			t.Errorf("%s: %v, notes %q", name, err, notes)
		}
		for _, e := range ggufEntries(Folded(p), gguf.F32) {
			if e.Name == "blk.2.attn_qkv.bias" && (e.Data[0] != p.Blocks[2].QKV.B.V[0]*factor || e.Data[base.Width] != p.Blocks[2].QKV.B.V[base.Width]) {
				t.Errorf("%s: biases %g and %g in GGUF, %g and %g here", name, e.Data[0], e.Data[base.Width], p.Blocks[2].QKV.B.V[0], p.Blocks[2].QKV.B.V[base.Width])
			}
		}
	}
}

// A directory of Hugging Face says what scores are multiplied by, and its weights are
// the network's, to the bit.
func TestScalesAreWritten(t *testing.T) {
	for name, c := range scales() {
		p := pedestrian.NewParams[float32](c)
		generic(p, 9)
		dir := filepath.Join(t.TempDir(), "x")
		if err := SaveHuggingFace(dir, &Model[float32]{Params: p}, SaveOptions{DType: safetensors.F32}); err != nil {
			t.Fatal(err)
		}
		m, err := LoadModel(dir)
		if err != nil || m.Params.Config != c {
			t.Fatalf("%s: %v, %+v", name, err, m)
		}
		for i, v := range m.Params.Slab {
			if v != p.Slab[i] {
				t.Fatalf("%s: number %d is %g, and was %g", name, i, v, p.Slab[i])
			}
		}
	}
}
