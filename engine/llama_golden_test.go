package engine

import (
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// A goldenArray is one tensor of testdata/llama: float64, little-endian, row-major.
type goldenArray struct {
	Shape []int
	F64   []byte
}

func (a goldenArray) numbers() []float64 {
	v := make([]float64, len(a.F64)/8)
	for i := range v {
		v[i] = math.Float64frombits(binary.LittleEndian.Uint64(a.F64[8*i:]))
	}
	return v
}

// A goldenNetwork is one network of transformers; testdata/llama/make.py says what is in it.
type goldenNetwork struct {
	Family        string
	Heads, Blocks int
	KVHeads       int `json:"kv_heads"`
	Window        int
	Eps, Loss     float64
	Rope          struct {
		RopeType        string  `json:"rope_type"`
		Theta           float64 `json:"rope_theta"`
		Factor          float64
		LowFreqFactor   float64 `json:"low_freq_factor"`
		HighFreqFactor  float64 `json:"high_freq_factor"`
		OriginalContext int     `json:"original_max_position_embeddings"`
	}
	Tied            bool
	PlusOne         bool  `json:"plus_one"` // a gain is stored as w - 1
	LoRA            []int // rank and α
	Tokens, Targets []int32
	Logits          goldenArray
	Params, Grads   map[string]goldenArray
}

// theirs are the names of layers in the goldens.
var theirs = map[string]string{"ln1": "norm1", "ln2": "norm2", "lnFinal": "final", "attProj": "o"}

// config is the network's configuration, by the shapes of its parameters.
func (g *goldenNetwork) config() pedestrian.Config {
	tok, gate, q := g.Params["tok.w"].Shape, g.Params["block.0.gate.w"].Shape, g.Params["block.0.q.w"].Shape
	_, norms := g.Params["block.0.qNorm.w"]
	_, qkvBias := g.Params["block.0.q.b"]
	_, outBias := g.Params["block.0.o.b"]
	_, mlpBias := g.Params["block.0.up.b"]
	c := pedestrian.Config{Vocab: tok[0], Width: tok[1], Context: 16, Heads: g.Heads, KVHeads: g.KVHeads, HeadDim: q[1] / g.Heads, Blocks: g.Blocks, Hidden: gate[1],
		Activation: pedestrian.SiLU, Eps: g.Eps, Tied: g.Tied, Norm: pedestrian.RMSNorm, Positions: pedestrian.Rotary, Gated: true, QKNorm: norms,
		QKVBias: qkvBias, AttProjBias: outBias, MLPBias: mlpBias, SlidingWindow: g.Window}
	r := g.Rope
	c.Rotation = pedestrian.Rotation{Base: r.Theta, Factor: r.Factor, Low: r.LowFreqFactor, High: r.HighFreqFactor, Original: r.OriginalContext}
	if r.RopeType != "default" {
		c.Rotation.Scaling = pedestrian.RotationScaling(r.RopeType)
	}
	if g.Family == "Gemma" {
		c.Activation, c.ScaleEmbedding = pedestrian.GELUTanh, true
	}
	return c
}

// find sets the numbers of t to what from has for it, and takes them out of from; a fused
// layer is put together of its parts.
func (g *goldenNetwork) find(t *testing.T, c pedestrian.Config, to pedestrian.Tensor[float64], from map[string]goldenArray, gains bool) {
	layer, suffix := to.Layer, to.Name[strings.LastIndex(to.Name, "."):]
	if name, ok := theirs[layer]; ok {
		layer = name
	}
	prefix := ""
	if to.Block >= 0 {
		prefix = fmt.Sprintf("block.%d.", to.Block)
	}
	part := func(name string, first, cols int) {
		a, ok := from[name]
		if !ok {
			t.Errorf("no %s", name)
			return
		}
		delete(from, name)
		for i, v := range a.numbers() {
			if gains && g.PlusOne && to.Role == pedestrian.Gain {
				v++
			}
			to.V[i/cols*to.Cols+first+i%cols] = v
		}
	}
	if layer != "qkv" {
		part(prefix+layer+suffix, 0, to.Cols)
		return
	}
	for _, target := range []pedestrian.Target{pedestrian.TargetQ, pedestrian.TargetK, pedestrian.TargetV} {
		l := c.Linear(to.Block, target)
		part(prefix+string(target)+suffix, l.From, l.Out)
	}
}

// TestLlamaNetworks: whole networks of transformers, in float64 and with PEFT's LoRA beside
// one: logits, loss and every gradient; in float32 with what that rounds; and the decoder.
func TestLlamaNetworks(t *testing.T) {
	paths, err := filepath.Glob("../testdata/llama/*.json.gz")
	if err != nil || len(paths) != 9 {
		t.Fatalf("found %d goldens of 9 (%v)", len(paths), err)
	}
	for _, path := range paths {
		if name := strings.TrimSuffix(filepath.Base(path), ".json.gz"); name != "layers" {
			t.Run(name, func(t *testing.T) {
				testGolden[float64](t, path, 1e-12)
				testGolden[float32](t, path, netTol[float32]())
			})
		}
	}
}

func testGolden[T Float](t *testing.T, path string, tol float64) {
	var g goldenNetwork
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err == nil {
		err = json.NewDecoder(z).Decode(&g)
	}
	if err != nil {
		t.Fatal(err)
	}
	c := g.config()
	p, a := pedestrian.NewParams[float64](c), (*pedestrian.Adapter[float64])(nil)
	tensors := p.Tensors()
	if g.LoRA != nil {
		seven := pedestrian.AdapterConfig{Rank: g.LoRA[0], Alpha: float64(g.LoRA[1]), Scaling: pedestrian.ScaleRank, Targets: c.Targets()[:7]}
		a = pedestrian.NewAdapter[float64](c, seven)
		tensors = append(tensors, a.Tensors()...)
	}
	for _, to := range tensors {
		g.find(t, c, to, g.Params, true)
	}
	if len(g.Params) > 0 {
		t.Errorf("parameters are not read: %v", g.Params)
	}
	q, lora := convert[T](p, a)
	n := New(q, lora, Options{})
	defer n.Close()
	b := Batch{B: 1, T: len(g.Tokens), Tokens: g.Tokens, Targets: g.Targets}
	logits := NewMat[T](b.T, c.Vocab)
	n.Logits(logits, b)
	near(t, "logits", logits.V, g.Logits.numbers(), tol)
	counted := 0
	for _, id := range b.Targets {
		if id != Ignored {
			counted++
		}
	}
	dp, da := like(q), likeAdapter(lora)
	sum, _ := n.Gradients(dp, da, b, 1/float64(counted), 0)
	near(t, "loss", []float64{sum / float64(counted)}, []float64{g.Loss}, tol)
	got := dp.Tensors()
	if da != nil {
		got = append(got, da.Tensors()...)
	}
	for i, want := range tensors { // which are read already
		g.find(t, c, want, g.Grads, false)
		near(t, "∂"+want.Name, got[i].V, want.V, tol)
	}
	if len(g.Grads) > 0 {
		t.Errorf("gradients are not read: %v", g.Grads)
	}
	d := n.NewDecoder(1)
	for i, id := range b.Tokens {
		near(t, "a token's logits", d.Feed(0, []int32{id}), logits.Row(i), max(tol, cacheTol))
	}
}
