package paper

import (
	"fmt"
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/golden"
)

// goldenTolerance bounds |ours - transformers'| over the largest entry of a tensor, in
// float64.
const goldenTolerance = 1e-12

// An array is one tensor of a golden.
type array struct{ golden.Array }

func (a array) vec() Vec { return a.Numbers() }

func (a array) mat() Mat { return Mat{a.Shape[0], a.Shape[1], a.vec()} }

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
			Scaling         golden.Rope
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
	golden.Read(t, "../testdata/llama/layers.json.gz", &g)
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
		r := RotationOf(c.Scaling.Config(), c.X.Shape[1])
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

// TestLlamaNetworks: whole networks of transformers, with PEFT's LoRA beside one:
// logits, loss and every gradient.
func TestLlamaNetworks(t *testing.T) {
	golden.EachLlama(t, func(t *testing.T, g golden.Llama) {
		p, lora := g.Network(t)
		seq := Sequence{Tokens: ints(g.Tokens), Targets: ints(g.Targets)}
		var tr Trace
		loss, back := Network(&tr, p, lora, []Sequence{seq}, Mean)
		logits, _ := tr.Find("seq.0", "a_12")
		near(t, "logits", logits.V.V, array{g.Logits})
		same(t, "loss", []float64{loss}, []float64{g.Loss}, goldenTolerance*g.Loss)
		dp, dlora := back()
		got, want := dp.Tensors(), pedestrian.NewParams[float64](p.Config).Tensors()
		if lora != nil {
			got, want = append(got, dlora.Tensors()...), append(want, pedestrian.NewAdapter[float64](p.Config, lora.Config).Tensors()...)
		}
		g.Gradients(t, want)
		for i, d := range got {
			nearest(t, d.Name, d.V, want[i].V)
		}
	})
}

func ints(of []int32) []int {
	v := make([]int, len(of))
	for i, x := range of {
		v[i] = int(x)
	}
	return v
}
