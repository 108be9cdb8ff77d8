package paper

import (
	"math"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// llamas are small networks of the Llama family in which all dimensions differ; tokens
// repeat and are absent, targets are ignored.
func llamas() map[string]whole {
	turn := pedestrian.Rotation{Base: 100}
	family := pedestrian.Config{Context: 9, Activation: pedestrian.SiLU, Eps: 0.01, Norm: pedestrian.RMSNorm, Positions: pedestrian.Rotary, Rotation: turn, Gated: true}
	shape := func(vocab, d, f, blocks, heads, kv, dρ, dh int) pedestrian.Config {
		c := family
		c.Vocab, c.Width, c.Hidden, c.Blocks, c.Heads, c.KVHeads, c.KeyDim, c.HeadDim = vocab, d, f, blocks, heads, kv, dρ, dh
		return c
	}
	llama, qwen2, qwen3 := shape(8, 6, 7, 2, 4, 2, 4, 3), shape(7, 5, 9, 1, 3, 1, 4, 2), shape(7, 5, 8, 2, 2, 2, 4, 3)
	gemma, mistral, lora := shape(7, 6, 5, 1, 2, 1, 4, 3), shape(7, 5, 8, 2, 2, 1, 4, 2), shape(7, 5, 6, 1, 4, 2, 4, 2)
	qwen2.Tied, qwen2.QKVBias = true, true
	qwen3.QKNorm = true
	gemma.Tied, gemma.Activation, gemma.ScaleEmbedding = true, pedestrian.GELUTanh, true
	mistral.SlidingWindow = 2
	lora.Tied, lora.QKVBias, lora.AttProjBias, lora.MLPBias, lora.QKNorm, lora.LogitsBias = true, true, true, true, true, true
	partial, mixed, dora := qwen2, shape(7, 6, 8, 2, 3, 1, 0, 0), shape(7, 6, 5, 1, 4, 2, 4, 2)
	partial.Rotation.Dims = 2
	mixed.Norm, mixed.Positions, mixed.Rotation, mixed.Gated, mixed.Bias, mixed.Activation = pedestrian.LayerNorm, pedestrian.Learned, pedestrian.Rotation{}, false, true, pedestrian.GELU
	dora.QKNorm, dora.QKVBias, dora.Eps = true, true, 1 // a small token's norm bends too much for differences
	one := []Sequence{{Tokens: []int{2, 5, 2, 1, 0}, Targets: []int{5, 2, Ignored, 3, 3}}}
	packed := []Sequence{{Tokens: []int{2, 5, 2, 1, 4, 4, 6}, Targets: []int{5, 2, 1, Ignored, 4, 6, 0}, Starts: []int{4}}, {Tokens: []int{3, 3, 0}, Targets: []int{3, 0, 2}}}
	all := pedestrian.AdapterConfig{Rank: 2, Alpha: 1.4, Scaling: pedestrian.ScaleRank, Targets: lora.Targets()}
	some := pedestrian.AdapterConfig{Rank: 2, Alpha: 1.4, Scaling: pedestrian.ScaleRSqrt, DoRA: true, DoRAExact: true, Dropout: 0.3, Norms: true, Bias: pedestrian.BiasAll, Tokens: []int32{1, 4},
		Targets: []pedestrian.Target{pedestrian.TargetQKV, pedestrian.TargetGate, pedestrian.TargetDown}}
	return map[string]whole{
		"llama":   {generic(llama, 90), nil, one, Sum},
		"qwen2":   {generic(qwen2, 91), nil, packed, Mean},
		"qwen3":   {generic(qwen3, 92), nil, one, Mean},
		"gemma":   {generic(gemma, 93), nil, one, Sum},
		"mistral": {generic(mistral, 94), nil, one, Sum},
		"lora":    {generic(lora, 95), genericAdapter(lora, all, 96), one, Sum},
		"partial": {generic(partial, 97), nil, packed, Mean},
		"grouped": {generic(mixed, 98), nil, packed, Sum}, // with GPT-2's other choices
		"dora":    {generic(dora, 99), genericAdapter(dora, some, 100), packed, Mean},
	}
}

// TestLlamaKeyBias: in a whole network the bias of the keys has a gradient of the size of
// the others (L12). Where no key turns it is exactly zero (29), with grouped heads too.
func TestLlamaKeyBias(t *testing.T) {
	for name, learns := range map[string]bool{"qwen2": true, "grouped": false} {
		w := llamas()[name]
		_, back := Network(nil, w.p, nil, w.batch, w.r)
		dp, _ := back()
		keys := fused(w.p.Config, 0)[1]
		db := Vec(dp.Blocks[0].QKV.B.V[keys.From:][:keys.Out])
		if size := math.Sqrt(db.Dot(db)); learns && size < 1e-2 || !learns && size != 0 {
			t.Errorf("%s: |∂L/∂b_k| = %g", name, size)
		}
	}
}

// TestLlamaDocuments: two documents in one sequence give the loss and the gradients of
// the two alone, added. Positions need not begin again: scores see differences only.
func TestLlamaDocuments(t *testing.T) {
	w := llamas()["qwen2"]
	alone := func(seqs ...Sequence) (float64, []float64) {
		loss, back := Network(nil, w.p, nil, seqs, Sum)
		dp, _ := back()
		return loss, dp.Slab
	}
	seq := w.batch[0]
	packed, g := alone(seq)
	apart, g2 := alone(Sequence{Tokens: seq.Tokens[:4], Targets: seq.Targets[:4]}, Sequence{Tokens: seq.Tokens[4:], Targets: seq.Targets[4:]})
	same(t, "loss", []float64{packed}, []float64{apart}, rounding)
	same(t, "gradients", g, g2, rounding)
	var tr Trace
	Network(&tr, w.p, nil, w.batch[:1], w.r)
	q, _ := tr.Find("seq.0.block.0", "q")
	k, _ := tr.Find("seq.0.block.0", "k")
	v, _ := tr.Find("seq.0.block.0", "v")
	began, _ := tr.Find("seq.0.block.0", "a_i")
	through, _ := GroupedAttention(nil, q.V, k.V, v.V, read(nil, w.p, nil, false).Blocks[0].Grouped, positions(7, nil), SlidingWindow(7, 0, seq.Starts...))
	same(t, "positions counted through", through.V, began.V.V, rounding)
}

// TestFreeChecksOfLlama: what gradients fulfil because a network does not change when
// a factor moves from one layer to the next: (L24.a) to (L24.d). A bias is one more
// row of its weights.
func TestFreeChecksOfLlama(t *testing.T) {
	c := llamas()["llama"].p.Config
	c.QKVBias, c.AttProjBias, c.MLPBias = true, true, true
	params := generic(c, 96)
	_, back := Network(nil, params, nil, []Sequence{{Tokens: []int{2, 5, 2, 1, 0, 7}, Targets: []int{5, 2, 1, 0, 7, 3}}}, Sum)
	gradients, _ := back()
	p, dp := read(nil, params, nil, false), read(nil, gradients, nil, false)
	const tolerance = 1e-12 // sums of some hundred products
	fed := func(layers ...[2]Layer) Vec {
		sum := make(Vec, 6)
		for _, l := range layers {
			sum = sum.row().Add(l[0].W.FeatureDot(l[1].W).row()).V
		}
		return sum
	}
	gain := func(w, dw Vec) Vec { return w.row().Had(dw.row()).V }
	same(t, "final (L24.a)", gain(p.LNFinal.W, dp.LNFinal.W), fed([2]Layer{p.Logits, dp.Logits}), tolerance)
	for i, b := range p.Blocks {
		d := dp.Blocks[i]
		bQ, bK, bV, dQ, dK, dV := b.QKV[0], b.QKV[1], b.QKV[2], d.QKV[0], d.QKV[1], d.QKV[2]
		same(t, "first norm (L24.a)", gain(b.LN1.W, d.LN1.W), fed([2]Layer{bQ, dQ}, [2]Layer{bK, dK}, [2]Layer{bV, dV}), tolerance)
		same(t, "second norm (L24.a)", gain(b.LN2.W, d.LN2.W), fed([2]Layer{b.Gate, d.Gate}, [2]Layer{b.Up, d.Up}), tolerance)

		rows := func(l Layer) Mat { return l.W.Append(l.B.row()) }
		same(t, "(L24.b)", rows(b.Up).Had(rows(d.Up)).SumTokens(), b.Down.W.FeatureDot(d.Down.W), tolerance)

		for j := range 2 { // heads of keys and values
			v, dv := rows(bV).Columns(3*j, 3), rows(dV).Columns(3*j, 3)
			outputs, real, imaginary := Zeros(3, 3), make(Vec, 2), make(Vec, 2)
			for h := 2 * j; h < 2*j+2; h++ {
				o, do := b.AttProj.W.T().Columns(3*h, 3).T(), d.AttProj.W.T().Columns(3*h, 3).T()
				outputs = outputs.Add(do.Mul(o.T()))
				re, im := pairs(rows(bQ).Columns(4*h, 4), rows(dQ).Columns(4*h, 4))
				real, imaginary = real.row().Add(re.row()).V, imaginary.row().Add(im.row()).V
			}
			same(t, "(L24.c)", v.T().Mul(dv).V, outputs.V, tolerance)
			re, im := pairs(rows(bK).Columns(4*j, 4), rows(dK).Columns(4*j, 4))
			same(t, "(L24.d), real", real, re, tolerance)
			same(t, "(L24.d), imaginary", imaginary, im.row().Scale(-1).V, tolerance)
			// Any other mixing of columns does not commute with rotations.
			q, dq := rows(bQ).Columns(8*j, 4), rows(dQ).Columns(8*j, 4)
			q2, dq2 := rows(bQ).Columns(8*j+4, 4), rows(dQ).Columns(8*j+4, 4)
			k, dk := rows(bK).Columns(4*j, 4), rows(dK).Columns(4*j, 4)
			rest := q.T().Mul(dq).Add(q2.T().Mul(dq2)).Sub(dk.T().Mul(k))
			if rest.Dot(rest) < 1e-6 {
				t.Error("w_qᵗ ∂L/∂w_q = (∂L/∂w_k)ᵗ w_k, although keys turn")
			}
		}
	}
}

// pairs is (w_x - i w_y) · (dw_x + i dw_y) of two half-split pairs of columns.
func pairs(w, dw Mat) (real, imaginary Vec) {
	x, y, dx, dy := w.Columns(0, 2), w.Columns(2, 2), dw.Columns(0, 2), dw.Columns(2, 2)
	return x.Had(dx).Add(y.Had(dy)).SumTokens(), x.Had(dy).Sub(y.Had(dx)).SumTokens()
}

// llamaCount is (L25), with what some networks have besides.
func llamaCount(vocab, d, f, blocks, heads, kv, dh int, tied, bias, norms bool) int {
	n := vocab*d + blocks*(2*d*heads*dh+2*d*kv*dh+3*d*f+2*d) + d
	if !tied {
		n += vocab * d
	}
	if bias { // of queries, keys and values
		n += blocks * (heads + 2*kv) * dh
	}
	if norms {
		n += blocks * 2 * dh
	}
	return n
}

// TestLlamaCounts: (L25) counts what a network here has, and gives the published
// figures.
func TestLlamaCounts(t *testing.T) {
	c := llamas()["llama"].p.Config
	c.KeyDim, c.HeadDim, c.QKNorm = 0, 4, true
	if n, want := generic(c, 97).Count(), llamaCount(8, 6, 7, 2, 4, 2, 4, false, false, true); n != want {
		t.Errorf("%d parameters, (L25) says %d", n, want)
	}
	for _, c := range []struct {
		name      string
		got, want int
	}{
		{"SmolLM2-135M", llamaCount(49152, 576, 1536, 30, 9, 3, 64, true, false, false), 134515008},
		{"SmolLM2-360M", llamaCount(49152, 960, 2560, 32, 15, 5, 64, true, false, false), 361821120},
		{"Qwen2.5-0.5B", llamaCount(151936, 896, 4864, 24, 14, 2, 64, true, true, false), 494032768},
		{"Qwen3-0.6B", llamaCount(151936, 1024, 3072, 28, 16, 8, 128, true, false, true), 596049920},
		{"TinyLlama-1.1B", llamaCount(32000, 2048, 5632, 22, 32, 4, 64, false, false, false), 1100048384},
		{"Llama-3.2-1B", llamaCount(128256, 2048, 8192, 16, 32, 8, 64, true, false, false), 1235814400},
		{"Mistral-7B", llamaCount(32000, 4096, 14336, 32, 32, 8, 128, false, false, false), 7241732096},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, published are %d", c.name, c.got, c.want)
		}
	}
}

// TestLlamaPlaces: every step of a pass has a place, and one name at a place is
// recorded once.
func TestLlamaPlaces(t *testing.T) {
	var tr Trace
	w := llamas()["lora"]
	_, back := Network(&tr, w.p, w.lora, w.batch, w.r)
	back()
	seen := map[[3]string]bool{}
	for _, s := range tr.Steps {
		k := [3]string{s.At, s.Name, s.Eq}
		if seen[k] && !strings.HasPrefix(s.Name, "ohe") {
			t.Errorf("%s is recorded twice at %q", s.Name, s.At)
		}
		seen[k] = true
	}
}
