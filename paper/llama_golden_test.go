package paper

import (
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// goldenTolerance bounds |ours - transformers'| over the largest entry of a tensor, in
// float64.
const goldenTolerance = 1e-12

// An array is one tensor of a golden: float64, little-endian, row-major.
type array struct {
	Shape []int
	F64   []byte
}

func (a array) vec() Vec {
	v := make(Vec, len(a.F64)/8)
	for i := range v {
		v[i] = math.Float64frombits(binary.LittleEndian.Uint64(a.F64[8*i:]))
	}
	return v
}

func (a array) mat() Mat { return Mat{a.Shape[0], a.Shape[1], a.vec()} }

// rope is the rotation of a configuration, and its frequencies.
type rope struct {
	RopeType        string  `json:"rope_type"`
	Theta           float64 `json:"rope_theta"`
	Factor          float64
	LowFreqFactor   float64 `json:"low_freq_factor"`
	HighFreqFactor  float64 `json:"high_freq_factor"`
	OriginalContext float64 `json:"original_max_position_embeddings"`
}

func (r rope) config() pedestrian.Rotation {
	c := pedestrian.Rotation{Base: r.Theta}
	if r.RopeType != "default" {
		c.Scaling, c.Factor = pedestrian.RotationScaling(r.RopeType), r.Factor
	}
	if c.Scaling == pedestrian.Llama3Scaling || c.Scaling == pedestrian.YarnScaling {
		c.Low, c.High, c.Original = r.LowFreqFactor, r.HighFreqFactor, int(r.OriginalContext)
	}
	return c
}

// readGolden decodes a file of testdata/llama; make.py there says what is in it.
func readGolden(t *testing.T, name string, to any) {
	t.Helper()
	f, err := os.Open(filepath.Join("../testdata/llama", name+".json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err == nil {
		err = json.NewDecoder(z).Decode(to)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// near holds numbers against a golden's, relative to its largest.
func near(t *testing.T, name string, got []float64, want array) {
	t.Helper()
	nearest(t, name, got, want.vec())
}

func nearest(t *testing.T, name string, got, w []float64) {
	t.Helper()
	largest := 0.0
	for _, x := range w {
		largest = max(largest, math.Abs(x))
	}
	same(t, name, got, w, goldenTolerance*largest)
}

// TestLlamaLayers: the layers of transformers, differentiated by autograd.
func TestLlamaLayers(t *testing.T) {
	var g struct {
		RMSNorm []struct {
			Eps                    float64
			X, W, Error, Y, DX, DW array
		}
		Rotary []struct {
			Scaling         rope
			Interleaved     bool
			Positions       []int
			AttentionFactor float64 `json:"attention_factor"`
			InvFreq         array   `json:"inv_freq"`
			X, Error, Y, DX array
		}
		Gated []struct {
			Activation             string
			Z, U, Error, H, DZ, DU array
		}
		Attention []struct {
			Heads, Window                 int
			KVHeads                       int `json:"kv_heads"`
			Eps, Theta                    float64
			Q, K, V, Error, Y, DQ, DK, DV array
			QNorm                         array `json:"q_norm"`
			KNorm                         array `json:"k_norm"`
			DQNorm                        array `json:"dq_norm"`
			DKNorm                        array `json:"dk_norm"`
		}
	}
	readGolden(t, "layers", &g)
	for _, c := range g.RMSNorm {
		name := fmt.Sprint("RMSNorm, ε=", c.Eps, ": ")
		y, back := RMSNorm(nil, c.X.mat(), c.W.vec(), c.Eps)
		dx, dw := back(c.Error.mat())
		near(t, name+"(L2)", y.V, c.Y)
		near(t, name+"(L3)", dx.V, c.DX)
		near(t, name+"(L4)", dw, c.DW)
	}
	for _, c := range g.Rotary {
		name := fmt.Sprintf("rotation, %s, interleaved %v: ", c.Scaling.RopeType, c.Interleaved)
		r := RotationOf(c.Scaling.config(), c.X.Shape[1])
		r.Interleaved = c.Interleaved
		near(t, name+"(L7)", r.Freqs, c.InvFreq)
		if f := max(r.Factor, 1); f != c.AttentionFactor {
			t.Errorf("%s factor %g, transformers has %g", name, f, c.AttentionFactor)
		}
		y, back := Rotate(nil, c.X.mat(), c.Positions, r)
		near(t, name+"(L8)", y.V, c.Y)
		near(t, name+"(L9)", back(c.Error.mat()).V, c.DX)
	}
	for _, c := range g.Gated {
		activation, ok := map[string]pedestrian.Activation{"silu": pedestrian.SiLU, "gelu": pedestrian.GELU, "gelu_pytorch_tanh": pedestrian.GELUTanh}[c.Activation]
		if !ok {
			t.Fatalf("activation %q", c.Activation)
		}
		h, back := Gated(nil, c.Z.mat(), c.U.mat(), activation)
		dz, du := back(c.Error.mat())
		near(t, c.Activation+" (L14)", h.V, c.H)
		near(t, c.Activation+" (L15.a)", du.V, c.DU)
		near(t, c.Activation+" (L15.b)", dz.V, c.DZ)
	}
	for _, c := range g.Attention {
		name := fmt.Sprintf("attention %d:%d, window %d: ", c.Heads, c.KVHeads, c.Window)
		q, n := c.Q.mat(), c.Q.Shape[0]
		p := Grouped{Heads: c.Heads, KVHeads: c.KVHeads, QNorm: Norm{W: c.QNorm.vec(), Eps: c.Eps}, KNorm: Norm{W: c.KNorm.vec(), Eps: c.Eps},
			Rotation: Rotation{Freqs: Frequencies(q.D/c.Heads, c.Theta)}}
		y, back := GroupedAttention(nil, q, c.K.mat(), c.V.mat(), p, positions(n, nil), SlidingWindow(n, c.Window))
		dq, dk, dv, dqNorm, dkNorm := back(c.Error.mat())
		near(t, name+"(L17)", y.V, c.Y)
		near(t, name+"(L18.a)", dq.V, c.DQ)
		near(t, name+"(L18.b)", dk.V, c.DK)
		near(t, name+"(L18.c)", dv.V, c.DV)
		near(t, name+"(L19) of queries", dqNorm, c.DQNorm)
		near(t, name+"(L19) of keys", dkNorm, c.DKNorm)
	}
	if len(g.RMSNorm) != 2 || len(g.Rotary) != 8 || len(g.Gated) != 3 || len(g.Attention) != 3 {
		t.Errorf("%d, %d, %d and %d cases", len(g.RMSNorm), len(g.Rotary), len(g.Gated), len(g.Attention))
	}
}

// A goldenNetwork is one network of transformers.
type goldenNetwork struct {
	Family          string
	Heads, Blocks   int
	KVHeads         int `json:"kv_heads"`
	Window          int
	Eps, Loss       float64
	Rope            rope
	Tied            bool
	PlusOne         bool  `json:"plus_one"` // a gain is stored as w - 1
	LoRA            []int // rank and α
	Tokens, Targets []int
	Logits          array
	Params, Grads   map[string]array
}

// params are the golden's, with nothing left over.
func (g goldenNetwork) params(t *testing.T) (*pedestrian.Params[float64], *pedestrian.Adapter[float64]) {
	shape := func(name string) []int { return g.Params[name].Shape }
	c := pedestrian.Config{Vocab: shape("tok.w")[0], Width: shape("tok.w")[1], Context: len(g.Tokens), Heads: g.Heads, Blocks: g.Blocks, KVHeads: g.KVHeads,
		Hidden: shape("block.0.gate.w")[1], KeyDim: shape("block.0.q.w")[1] / g.Heads, HeadDim: shape("block.0.v.w")[1] / g.KVHeads,
		Activation: pedestrian.SiLU, Eps: g.Eps, Tied: g.Tied, Norm: pedestrian.RMSNorm, Positions: pedestrian.Rotary, Rotation: g.Rope.config(), Gated: true,
		SlidingWindow: g.Window, QKNorm: shape("block.0.qNorm.w") != nil,
		QKVBias: shape("block.0.q.b") != nil, AttProjBias: shape("block.0.o.b") != nil, MLPBias: shape("block.0.gate.b") != nil}
	if g.Family == "Gemma" {
		c.ScaleEmbedding, c.Activation = true, pedestrian.GELUTanh
	}
	p := pedestrian.NewParams[float64](c)
	used := map[string]bool{}
	for _, t := range p.Tensors() {
		copy(t.V, g.tensor(g.Params, t.Slot, used))
		if t.Role == pedestrian.Gain && g.PlusOne {
			for i := range t.V {
				t.V[i]++
			}
		}
	}
	var lora *pedestrian.Adapter[float64]
	if g.LoRA != nil {
		targets := c.Targets()
		lora = pedestrian.NewAdapter[float64](c, pedestrian.AdapterConfig{Rank: g.LoRA[0], Alpha: float64(g.LoRA[1]), Scaling: pedestrian.ScaleRank, Targets: targets[:len(targets)-1]})
		for _, t := range lora.Tensors() {
			copy(t.V, g.tensor(g.Params, t.Slot, used))
		}
	}
	for name := range g.Params {
		if !used[name] {
			t.Errorf("%s is not read", name)
		}
	}
	return p, lora
}

// tensor is a parameter, or a gradient, of the golden: its queries, keys and values are
// three layers, and some names are other ones.
func (g goldenNetwork) tensor(of map[string]array, s pedestrian.Slot, used map[string]bool) []float64 {
	take := func(name string) array {
		used[name] = true
		return of[name]
	}
	name := strings.NewReplacer("ln1.", "norm1.", "ln2.", "norm2.", "lnFinal.", "final.", "attProj.", "o.").Replace(s.Name)
	before, kind, ok := strings.Cut(name, "qkv.")
	if !ok {
		return take(name).vec()
	}
	q, k, v := take(before+"q."+kind), take(before+"k."+kind), take(before+"v."+kind)
	if s.Role == pedestrian.Bias {
		return slices.Concat(q.vec(), k.vec(), v.vec())
	}
	return Concat(q.mat(), k.mat(), v.mat()).V
}

// TestLlamaNetworks: whole networks of transformers, with PEFT's LoRA beside one:
// logits, loss and every gradient.
func TestLlamaNetworks(t *testing.T) {
	paths, err := filepath.Glob("../testdata/llama/*.json.gz")
	if err != nil || len(paths) != 9 {
		t.Fatalf("found %d goldens of 9 (%v)", len(paths), err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json.gz")
		if name == "layers" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			var g goldenNetwork
			readGolden(t, name, &g)
			p, lora := g.params(t)
			seq := Sequence{Tokens: g.Tokens, Targets: g.Targets}
			var tr Trace
			loss, back := Network(&tr, p, lora, []Sequence{seq}, Mean)
			logits, _ := tr.Find("seq.0", "a_12")
			near(t, "logits", logits.V.V, g.Logits)
			same(t, "loss", []float64{loss}, []float64{g.Loss}, goldenTolerance*g.Loss)
			dp, dlora := back()
			used := map[string]bool{}
			hold := func(gradients []pedestrian.Tensor[float64]) {
				for _, d := range gradients {
					nearest(t, d.Name, d.V, g.tensor(g.Grads, d.Slot, used))
				}
			}
			hold(dp.Tensors())
			if lora != nil {
				hold(dlora.Tensors())
			}
			if len(used) != len(g.Grads) {
				t.Errorf("%d gradients, transformers has %d", len(used), len(g.Grads))
			}
		})
	}
}
