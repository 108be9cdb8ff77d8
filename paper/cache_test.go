package paper

import (
	"fmt"
	"math"
	"testing"
)

// The numbers of ExampleAttention, one token at a time.
func ExampleHeadCache() {
	p := Head{
		Wq: Mat{2, 1, []float64{1, 0}}, Wk: Mat{2, 1, []float64{0, 1}},
		Wv: Mat{2, 1, []float64{0, 4 / math.Log(3)}}, Bv: Vec{4},
	}
	var c HeadCache
	fmt.Printf("%.4f\n", c.Next(nil, Mat{1, 2, []float64{5, 0}}, p).V)
	fmt.Printf("%.4f\n", c.Next(nil, Mat{1, 2, []float64{1, math.Log(3)}}, p).V)
	// Output:
	// [4.0000]
	// [7.0000]
}

// TestHeadCache: row by row, the cached pass is the full pass; and what it keeps
// of old tokens never changes.
func TestHeadCache(t *testing.T) {
	s := draw(100)
	n := 6
	x, p := s.mat(n, 5), s.head(5, 3, 2)
	a, _ := Attention(nil, x, p, Causal(n))
	var c HeadCache
	for i := range n {
		old := append(Vec{}, c.K.V...)
		same(t, fmt.Sprint("token ", i), c.Next(nil, Vec(x.Row(i)).row(), p).V, a.Row(i), rounding)
		same(t, "old keys", c.K.V[:len(old)], old, 0)
		if c.K.N != i+1 || c.V.N != i+1 || c.K.D != 3 || c.V.D != 2 {
			t.Errorf("after %d tokens: keys %d×%d, values %d×%d", i+1, c.K.N, c.K.D, c.V.N, c.V.D)
		}
	}
}

// TestQVCache: with the roles of queries and keys swapped, ρ^raw = k qᵗ, the
// attention of the new token needs the old queries and values and no old key.
func TestQVCache(t *testing.T) {
	s := draw(101)
	n, dρ := 6, 3
	x, p := s.mat(n, 5), s.head(5, dρ, 2)
	q, k, v := x.Mul(p.Wq).Bias(p.Bq), x.Mul(p.Wk).Bias(p.Bk), x.Mul(p.Wv).Bias(p.Bv)
	full := Softmax(k.Mul(q.T()).Scale(1 / math.Sqrt(float64(dρ))).Add(Causal(n))).Mul(v)

	swapped := p
	swapped.Wq, swapped.Bq, swapped.Wk, swapped.Bk = p.Wk, p.Bk, p.Wq, p.Bq
	var c HeadCache
	for i := range n {
		same(t, fmt.Sprint("token ", i), c.Next(nil, Vec(x.Row(i)).row(), swapped).V, full.Row(i), rounding)
	}
	same(t, "what is kept: queries", c.K.V, q.V, rounding)
	same(t, "what is kept: values", c.V.V, v.V, rounding)

	// The bias that changes nothing is now the queries'.
	other := p
	other.Bq = s.vec(dρ)
	q = x.Mul(other.Wq).Bias(other.Bq)
	moved := Softmax(k.Mul(q.T()).Scale(1 / math.Sqrt(float64(dρ))).Add(Causal(n))).Mul(v)
	same(t, "b_q has no gradient", moved.V, full.V, rounding)
}

// TestCache: the whole network, token by token, gives the logits of the full pass,
// with every kind of layer and adapter, up to the last position of the context.
func TestCache(t *testing.T) {
	for name, w := range everyWhole() {
		t.Run(name, func(t *testing.T) {
			c := w.p.Config
			tokens, targets := make([]int, c.Context), make([]int, c.Context)
			for i := range tokens {
				tokens[i], targets[i] = (3*i+1)%c.Vocab, Ignored
			}
			var tr Trace
			Network(&tr, w.p, w.lora, []Sequence{{Tokens: tokens, Targets: targets}}, Sum)
			logits, ok := tr.Find("seq.0", "a_12")
			if !ok {
				t.Fatal("no logits")
			}
			cache := NewCache(w.p, w.lora)
			for i, token := range tokens {
				same(t, fmt.Sprint("token ", i), cache.Next(nil, token), logits.V.Row(i), rounding)
			}
			panics(t, fmt.Sprintf("paper.Cache.Next: the context of %d tokens is full", c.Context), func() { cache.Next(nil, 0) })
		})
	}
}
