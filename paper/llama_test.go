package paper

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// A llama is a small network of the Llama family with all there is to compute its loss.
type llama struct {
	p      LlamaParams
	seq    Sequence
	weight float64
}

func (w llama) run(tr *Trace) (loss float64, back func() LlamaParams) {
	return Llama(tr, w.p, w.seq, w.weight)
}

func (w llama) loss(tr *Trace) float64 {
	l, _ := w.run(tr)
	return l
}

// A shape is what a network of the Llama family is drawn from.
type llamaShape struct {
	vocab, d, f, blocks, heads, kv, dρ, dh, rank int
	tied, biases, norms                          bool
	window                                       int
	g                                            pedestrian.Activation
	r                                            Rotation
}

// llama draws parameters at which no term of a gradient is hidden.
func (s source) llama(c llamaShape) LlamaParams {
	gain := func(d int) Norm {
		w := s.vec(d)
		for i := range w {
			w[i] = 1 + 0.3*w[i]
		}
		return Norm{W: w, Eps: 0.01}
	}
	layer := func(in, out int) Layer {
		l := Layer{W: s.mat(in, out).Scale(1 / math.Sqrt(float64(in)))}
		if c.biases {
			l.B = s.vec(out)
		}
		if c.rank > 0 {
			l.D, l.U, l.Alpha = s.mat(in, c.rank).Scale(1/math.Sqrt(float64(in))), s.mat(c.rank, out).Scale(0.5), 0.7
		}
		return l
	}
	p := LlamaParams{Tok: s.mat(c.vocab, c.d), Final: gain(c.d)}
	if !c.tied {
		p.Logits = Layer{W: s.mat(c.d, c.vocab).Scale(1 / math.Sqrt(float64(c.d)))}
	}
	for range c.blocks {
		b := LlamaBlockParams{Norm1: gain(c.d), Norm2: gain(c.d), Window: c.window, Activation: c.g,
			Q: layer(c.d, c.heads*c.dρ), K: layer(c.d, c.kv*c.dρ), V: layer(c.d, c.kv*c.dh), O: layer(c.heads*c.dh, c.d),
			Gate: layer(c.d, c.f), Up: layer(c.d, c.f), Down: layer(c.f, c.d),
			Heads: Grouped{Heads: c.heads, KVHeads: c.kv, Rotation: c.r}}
		if c.norms {
			b.Heads.QNorm, b.Heads.KNorm = gain(c.dρ), gain(c.dρ)
		}
		p.Blocks = append(p.Blocks, b)
	}
	return p
}

// llamas are small networks in which all dimensions differ; tokens repeat and are
// absent, targets are ignored.
func llamas() map[string]llama {
	turn := Rotation{Freqs: Frequencies(4, 100)}
	one := Sequence{Tokens: []int{2, 5, 2, 1, 0}, Targets: []int{5, 2, Ignored, 3, 3}}
	packed := Sequence{Tokens: []int{2, 5, 2, 1, 4, 4, 6}, Targets: []int{5, 2, 1, Ignored, 4, 6, 0}, Starts: []int{4}}
	gemma := draw(93).llama(llamaShape{7, 6, 5, 1, 2, 1, 4, 3, 0, true, false, false, 0, pedestrian.GELUTanh, turn})
	gemma.TokScale = math.Sqrt(6)
	return map[string]llama{
		"llama":   {draw(90).llama(llamaShape{8, 6, 7, 2, 4, 2, 4, 3, 0, false, false, false, 0, pedestrian.SiLU, turn}), one, 1},
		"qwen2":   {draw(91).llama(llamaShape{7, 5, 9, 1, 3, 1, 4, 2, 0, true, true, false, 0, pedestrian.SiLU, turn}), packed, 0.2},
		"qwen3":   {draw(92).llama(llamaShape{7, 5, 8, 2, 2, 2, 4, 3, 0, false, false, true, 0, pedestrian.SiLU, Rotation{Freqs: turn.Freqs, Interleaved: true}}), one, 0.5},
		"gemma":   {gemma, one, 1},
		"mistral": {draw(94).llama(llamaShape{7, 5, 8, 2, 2, 1, 4, 2, 0, false, false, false, 2, pedestrian.SiLU, turn}), one, 1},
		"lora":    {draw(95).llama(llamaShape{7, 5, 6, 1, 4, 2, 4, 2, 2, true, true, true, 0, pedestrian.SiLU, turn}), one, 1},
	}
}

// tensors are the numbers of p by name; of a gradient, where like has any.
func (p LlamaParams) tensors(like LlamaParams) (names []string, tensors map[string][]float64) {
	tensors = map[string][]float64{}
	add := func(name string, v, of []float64) {
		if of != nil {
			names = append(names, name)
			tensors[name] = v
		}
	}
	layer := func(name string, l, of Layer) {
		add(name+".w", l.W.V, of.W.V)
		add(name+".b", l.B, of.B)
		add(name+".down", l.D.V, of.D.V)
		add(name+".up", l.U.V, of.U.V)
	}
	add("tok.w", p.Tok.V, like.Tok.V)
	for i, b := range p.Blocks {
		of, at := like.Blocks[i], fmt.Sprintf("block.%d.", i)
		add(at+"norm1.w", b.Norm1.W, of.Norm1.W)
		add(at+"norm2.w", b.Norm2.W, of.Norm2.W)
		add(at+"qNorm.w", b.Heads.QNorm.W, of.Heads.QNorm.W)
		add(at+"kNorm.w", b.Heads.KNorm.W, of.Heads.KNorm.W)
		layer(at+"q", b.Q, of.Q)
		layer(at+"k", b.K, of.K)
		layer(at+"v", b.V, of.V)
		layer(at+"o", b.O, of.O)
		layer(at+"gate", b.Gate, of.Gate)
		layer(at+"up", b.Up, of.Up)
		layer(at+"down", b.Down, of.Down)
	}
	add("final.w", p.Final.W, like.Final.W)
	layer("logits", p.Logits, like.Logits)
	return names, tensors
}

// TestLlamaGradients differentiates the loss with respect to every parameter.
func TestLlamaGradients(t *testing.T) {
	for name, w := range llamas() {
		t.Run(name, func(t *testing.T) {
			_, back := w.run(nil)
			_, got := back().tensors(w.p)
			names, numbers := w.p.tensors(w.p)
			for _, name := range names {
				check(t, name, numbers[name], got[name], func() float64 { return w.loss(nil) })
			}
		})
	}
}

// TestLlamaKeyBias: in a whole network the bias of the keys has a gradient of the
// size of the others (L12).
func TestLlamaKeyBias(t *testing.T) {
	w := llamas()["qwen2"]
	_, back := w.run(nil)
	db := Vec(back().Blocks[0].K.B)
	if size := math.Sqrt(db.Dot(db)); size < 1e-2 {
		t.Errorf("|∂L/∂b_k| = %g", size)
	}
}

// TestLlamaDocuments: two documents in one sequence give the loss and the gradients of
// the two alone, added. Positions need not begin again: scores see differences only.
func TestLlamaDocuments(t *testing.T) {
	w := llamas()["qwen2"]
	alone := func(seq Sequence) (float64, map[string][]float64) {
		loss, back := Llama(nil, w.p, seq, w.weight)
		_, g := back().tensors(w.p)
		return loss, g
	}
	packed, g := alone(w.seq)
	first, g1 := alone(Sequence{Tokens: w.seq.Tokens[:4], Targets: w.seq.Targets[:4]})
	second, g2 := alone(Sequence{Tokens: w.seq.Tokens[4:], Targets: w.seq.Targets[4:]})
	same(t, "loss", []float64{packed}, []float64{first + second}, rounding)
	for name := range g {
		same(t, name, g[name], Vec(g1[name]).row().Add(Vec(g2[name]).row()).V, rounding)
	}
	var tr Trace
	Llama(&tr, w.p, w.seq, w.weight)
	q, _ := tr.Find("block.0.heads", "q")
	k, _ := tr.Find("block.0.heads", "k")
	v, _ := tr.Find("block.0.heads", "v")
	began, _ := tr.Find("block.0.heads", "a_i")
	through, _ := GroupedAttention(nil, q.V, k.V, v.V, w.p.Blocks[0].Heads, positions(7, nil), SlidingWindow(7, 0, w.seq.Starts...))
	same(t, "positions counted through", through.V, began.V.V, rounding)
}

// TestFreeChecksOfLlama: what gradients fulfil because a network does not change when
// a factor moves from one layer to the next: (L24.a) to (L24.d). A bias is one more
// row of its weights.
func TestFreeChecksOfLlama(t *testing.T) {
	turn := Rotation{Freqs: Frequencies(4, 100)}
	p := draw(96).llama(llamaShape{8, 6, 7, 2, 4, 2, 4, 3, 0, false, true, false, 0, pedestrian.SiLU, turn})
	_, back := Llama(nil, p, Sequence{Tokens: []int{2, 5, 2, 1, 0, 7}, Targets: []int{5, 2, 1, 0, 7, 3}}, 1)
	dp := back()
	const tolerance = 1e-12 // sums of some hundred products
	fed := func(layers ...[2]Layer) Vec {
		sum := make(Vec, 6)
		for _, l := range layers {
			sum = sum.row().Add(l[0].W.FeatureDot(l[1].W).row()).V
		}
		return sum
	}
	gain := func(w, dw Vec) Vec { return w.row().Had(dw.row()).V }
	same(t, "final (L24.a)", gain(p.Final.W, dp.Final.W), fed([2]Layer{p.Logits, dp.Logits}), tolerance)
	for i, b := range p.Blocks {
		d := dp.Blocks[i]
		same(t, "norm1 (L24.a)", gain(b.Norm1.W, d.Norm1.W), fed([2]Layer{b.Q, d.Q}, [2]Layer{b.K, d.K}, [2]Layer{b.V, d.V}), tolerance)
		same(t, "norm2 (L24.a)", gain(b.Norm2.W, d.Norm2.W), fed([2]Layer{b.Gate, d.Gate}, [2]Layer{b.Up, d.Up}), tolerance)

		rows := func(l Layer) Mat { return l.W.Append(l.B.row()) }
		same(t, "(L24.b)", rows(b.Up).Had(rows(d.Up)).SumTokens(), b.Down.W.FeatureDot(d.Down.W), tolerance)

		for j := range 2 { // heads of keys and values
			v, dv := rows(b.V).Columns(3*j, 3), rows(d.V).Columns(3*j, 3)
			outputs, real, imaginary := Zeros(3, 3), make(Vec, 2), make(Vec, 2)
			for h := 2 * j; h < 2*j+2; h++ {
				o, do := b.O.W.T().Columns(3*h, 3).T(), d.O.W.T().Columns(3*h, 3).T()
				outputs = outputs.Add(do.Mul(o.T()))
				re, im := pairs(rows(b.Q).Columns(4*h, 4), rows(d.Q).Columns(4*h, 4))
				real, imaginary = real.row().Add(re.row()).V, imaginary.row().Add(im.row()).V
			}
			same(t, "(L24.c)", v.T().Mul(dv).V, outputs.V, tolerance)
			re, im := pairs(rows(b.K).Columns(4*j, 4), rows(d.K).Columns(4*j, 4))
			same(t, "(L24.d), real", real, re, tolerance)
			same(t, "(L24.d), imaginary", imaginary, im.row().Scale(-1).V, tolerance)
			// Any other mixing of columns does not commute with rotations.
			q, dq := rows(b.Q).Columns(8*j, 4), rows(d.Q).Columns(8*j, 4)
			q2, dq2 := rows(b.Q).Columns(8*j+4, 4), rows(d.Q).Columns(8*j+4, 4)
			k, dk := rows(b.K).Columns(4*j, 4), rows(d.K).Columns(4*j, 4)
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
	p := draw(97).llama(llamaShape{8, 6, 7, 2, 4, 2, 4, 4, 0, false, false, true, 0, pedestrian.SiLU, Rotation{}})
	names, tensors := p.tensors(p)
	n := 0
	for _, name := range names {
		n += len(tensors[name])
	}
	if want := llamaCount(8, 6, 7, 2, 4, 2, 4, false, false, true); n != want {
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
	_, back := llamas()["lora"].run(&tr)
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
