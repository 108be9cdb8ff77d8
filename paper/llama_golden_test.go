package paper

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

func (r rope) rotation(d int) Rotation {
	freqs := Frequencies(d, r.Theta)
	switch r.RopeType {
	case "linear":
		return Rotation{Freqs: LinearScaling(freqs, r.Factor)}
	case "llama3":
		return Rotation{Freqs: Llama3Scaling(freqs, r.Factor, r.LowFreqFactor, r.HighFreqFactor, r.OriginalContext)}
	case "yarn":
		freqs, by := YarnScaling(d, r.Theta, r.Factor, r.OriginalContext, 32, 1)
		return Rotation{Freqs: freqs, Factor: by}
	}
	return Rotation{Freqs: freqs}
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
	w := want.vec()
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
		r := c.Scaling.rotation(c.X.Shape[1])
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
func (g goldenNetwork) params(t *testing.T) LlamaParams {
	used := map[string]bool{}
	mat := func(name string) Mat {
		if a, ok := g.Params[name]; ok {
			used[name] = true
			return a.mat()
		}
		return Mat{}
	}
	vec := func(name string) Vec {
		if a, ok := g.Params[name]; ok {
			used[name] = true
			return a.vec()
		}
		return nil
	}
	norm := func(name string) Norm {
		w := vec(name + ".w")
		for i := range w {
			if g.PlusOne {
				w[i]++
			}
		}
		return Norm{W: w, Eps: g.Eps}
	}
	layer := func(name string) Layer {
		l := Layer{W: mat(name + ".w"), B: vec(name + ".b"), D: mat(name + ".down"), U: mat(name + ".up")}
		if g.LoRA != nil {
			l.Alpha = float64(g.LoRA[1]) / float64(g.LoRA[0])
		}
		return l
	}
	p := LlamaParams{Tok: mat("tok.w"), Final: norm("final"), Logits: layer("logits")}
	activation := pedestrian.SiLU
	if g.Family == "Gemma" {
		p.TokScale, activation = math.Sqrt(float64(p.Tok.D)), pedestrian.GELUTanh
	}
	for i := range g.Blocks {
		at := fmt.Sprintf("block.%d.", i)
		b := LlamaBlockParams{Norm1: norm(at + "norm1"), Norm2: norm(at + "norm2"), Window: g.Window, Activation: activation,
			Q: layer(at + "q"), K: layer(at + "k"), V: layer(at + "v"), O: layer(at + "o"), Gate: layer(at + "gate"), Up: layer(at + "up"), Down: layer(at + "down")}
		b.Heads = Grouped{Heads: g.Heads, KVHeads: g.KVHeads, QNorm: norm(at + "qNorm"), KNorm: norm(at + "kNorm"), Rotation: g.Rope.rotation(b.Q.W.D / g.Heads)}
		p.Blocks = append(p.Blocks, b)
	}
	for name := range g.Params {
		if !used[name] {
			t.Errorf("%s is not read", name)
		}
	}
	if g.Tied != (p.Logits.W.V == nil) {
		t.Errorf("tied: %v", g.Tied)
	}
	return p
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
			p := g.params(t)
			seq := Sequence{Tokens: g.Tokens, Targets: g.Targets}
			var tr Trace
			loss, back := Llama(&tr, p, seq, Mean.Weight([]Sequence{seq}))
			logits, _ := tr.Find("", "a_12")
			near(t, "logits", logits.V.V, g.Logits)
			same(t, "loss", []float64{loss}, []float64{g.Loss}, goldenTolerance*g.Loss)
			names, grads := back().tensors(p)
			if len(names) != len(g.Grads) {
				t.Errorf("%d gradients, transformers has %d", len(names), len(g.Grads))
			}
			for _, name := range names {
				near(t, name, grads[name], g.Grads[name])
			}
		})
	}
}
