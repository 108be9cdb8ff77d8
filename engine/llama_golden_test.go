package engine

import (
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/golden"
)

// TestLlamaNetworks: whole networks of transformers, in float64 and with PEFT's LoRA beside
// one: logits, loss and every gradient; in float32 with what that rounds; and the decoder.
func TestLlamaNetworks(t *testing.T) {
	golden.EachLlama(t, func(t *testing.T, g golden.Llama) {
		testLlama[float64](t, g, 1e-12)
		testLlama[float32](t, g, netTol[float32]())
	})
}

func testLlama[T Float](t *testing.T, g golden.Llama, tol float64) {
	c := g.Config()
	p, a := g.Network(t)
	q, lora := convert[T](p, a)
	n := New(q, lora, Options{})
	defer n.Close()
	b := Batch{B: 1, T: len(g.Tokens), Tokens: g.Tokens, Targets: g.Targets}
	logits := NewMat[T](b.T, c.Vocab)
	n.Logits(logits, b)
	near(t, "logits", logits.V, g.Logits.Numbers(), tol)
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
	want := p.Tensors() // which are read already
	if a != nil {
		want = append(want, a.Tensors()...)
	}
	g.Gradients(t, want)
	for i, w := range want {
		near(t, "∂"+w.Name, got[i].V, w.V, tol)
	}
	d := n.NewDecoder(1)
	for i, id := range b.Tokens {
		near(t, "a token's logits", d.Feed(0, []int32{id}), logits.Row(i), max(tol, cacheTol))
	}
}
