package gradcheck

import (
	"fmt"
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// An rmsNorm is one RMS normalization of the pass: its input, its output without the gain,
// the error on its output, the one it handed down, and its size per token.
type rmsNorm struct {
	a, down, up, normal, size paper.Mat
	gain                      []float64
}

// rmsNorms visits every RMS normalization of the pass, those of queries and keys too.
func (r *pass) rmsNorms(visit func(n rmsNorm)) {
	see := func(at string, up paper.Mat, gain []float64) {
		visit(rmsNorm{a: r.at(at, "a_{i-1}"), down: r.at(at, "Δ_{i-1}"), up: up, normal: r.at(at, "ā_{i-1}"), size: r.at(at, "σ"), gain: gain})
	}
	if r.Config.Norm == pedestrian.RMSNorm {
		for s := range r.Batch {
			at := fmt.Sprintf("seq.%d", s)
			see(at+".lnFinal", r.at(at, "Δ_11"), r.Params.LNFinal.W.V)
		}
		r.inBlocks(func(at string, b int) {
			see(at+".ln2", r.at(at, "Δ_6"), r.Params.Blocks[b].LN2.W.V)
			see(at+".ln1", r.at(at, "Δ_2"), r.Params.Blocks[b].LN1.W.V)
		})
	}
	if r.Config.QKNorm {
		r.queriesAndKeys(func(h turnedHead) { see(h.at+"."+h.letter+"Norm", r.at(h.at+"."+h.letter+"Turn", "Δ_{i-1}"), h.gain) })
	}
}

// A turnedHead is a head of queries or of keys of the Llama family.
type turnedHead struct {
	at, letter string // place; "q" or "k"
	seq, block int
	error      string    // name of the error on what leaves the rotation
	gain       []float64 // of its norm
}

// queriesAndKeys visits every head of queries and every head of keys. There are none where
// heads are the paper's.
func (r *pass) queriesAndKeys(visit func(h turnedHead)) {
	if paper.OwnHeads(r.Config) {
		return
	}
	for s := range r.Batch {
		for b, p := range r.Params.Blocks {
			at := fmt.Sprintf("seq.%d.block.%d", s, b)
			for h := range r.Config.Heads {
				visit(turnedHead{fmt.Sprintf("%s.head.%d", at, h), "q", s, b, "Δ_{q'_h}", p.QNorm.W.V})
			}
			for j := range r.Config.KeyHeads() {
				visit(turnedHead{fmt.Sprintf("%s.kv.%d", at, j), "k", s, b, "Δ_{k'_h}", p.KNorm.W.V})
			}
		}
	}
}

// oneLostDirection (Y1) is what an RMS normalization keeps of the error: its component along
// the token is (ε/σ²)(g ⊖ ā), and its features do not sum to zero.
func oneLostDirection(r *pass) (claims []Claim) {
	var along, sum worst
	r.rmsNorms(func(n rmsNorm) {
		g := n.up.Had(paper.Rows(n.gain, n.a.N))
		scale := max(largest(n.down.V)*largest(n.a.V)*float64(n.a.D), math.SmallestNonzeroFloat64)
		for t, x := range n.down.FeatureDot(n.a) {
			s := n.size.V[t]
			along.add(math.Abs(x-r.Config.Eps/(s*s)*dot(g.Row(t), n.normal.Row(t))) / scale)
		}
		sum.add(largest(n.down.SumFeatures()) / max(largest(n.down.V), math.SmallestNonzeroFloat64))
		claims = []Claim{
			atMost("Δ_{i-1} ⊖ a_{i-1} against (ε/σ²)(g ⊖ ā)", float64(along), rounding),
			atLeast("Σ_features Δ_{i-1}, which a layer norm makes 0", float64(sum), visible),
		}
	})
	return claims
}

// centred (Y2) takes the mean out in front of an RMS normalization.
func centred(r *pass) []Claim {
	t := newRandomLayers(r)
	a, e, w := t.mat(toyN, toyD), t.mat(toyN, toyD), t.vec(toyD)
	withoutMean := func(a paper.Mat) paper.Mat {
		mean := a.SumFeatures()
		for i := range mean {
			mean[i] /= toyD
		}
		return a.Sub(paper.Cols(mean, toyD))
	}
	one, back1 := paper.LayerNorm(nil, a, w, nil, 0.01)
	two, back2 := paper.RMSNorm(nil, withoutMean(a), w, 0.01)
	d1, dw1, _ := back1(e)
	d2, dw2 := back2(e)
	return []Claim{
		atMost("LN(a) against RMS(a - μ)", relativeDifference(one.V, two.V), rounding),
		atMost("its error against that of RMS without its mean", relativeDifference(d1.V, withoutMean(d2).V), rounding),
		atMost("∂w of both", relativeDifference(dw1, dw2), rounding),
	}
}

// gating (Y7) looks at both branches of every gated activation, and at SiLU.
func gating(r *pass) []Claim {
	if !r.Config.Gated {
		return nil
	}
	var rows, up, gate worst
	r.inBlocks(func(at string, _ int) {
		g := at + ".g"
		z, open, u, h, e := r.at(g, "z"), r.at(g, "g(z)"), r.at(g, "u"), r.at(g, "h"), r.at(at, "Δ_8")
		du, dz := r.at(g, "Δ_u"), r.at(g, "Δ_z")
		scale := max(largest(e.V)*largest(h.V)*float64(h.D), math.SmallestNonzeroFloat64)
		for t, x := range du.FeatureDot(u) {
			rows.add(math.Abs(x-dot(e.Row(t), h.Row(t))) / scale)
		}
		up.add(relativeDifference(du.V, e.Had(open).V))
		if r.Config.Activation == pedestrian.SiLU { // s = g/z, so that g′ = (g/z)(1 + z - g)
			want := clone(e)
			for i, x := range z.V {
				want.V[i] *= u.V[i] * open.V[i] / x * (1 + x - open.V[i])
			}
			gate.add(relativeDifference(dz.V, want.V))
		}
	})
	t := newRandomLayers(r)
	z := t.mat(toyN, toyD)
	ones := paper.Cols(slices.Repeat([]float64{1}, toyN), toyD)
	plus, backPlus := paper.Activate(nil, z, pedestrian.SiLU)
	minus, backMinus := paper.Activate(nil, z.Scale(-1), pedestrian.SiLU)
	return []Claim{
		atMost("Δ_u ⊖ u against Δ_h ⊖ h", float64(rows), rounding),
		atMost("Δ_u against Δ_h ∘ g(z)", float64(up), rounding),
		atMost("Δ_z against Δ_h ∘ u ∘ (g/z)(1 + z - g)", float64(gate), rounding),
		atMost("SiLU: g(z) - g(-z) against z", relativeDifference(plus.Sub(minus).V, z.V), rounding),
		atMost("and g′(z) + g′(-z) against 1", relativeDifference(backPlus(ones).Add(backMinus(ones)).V, ones.V), rounding),
	}
}

// groups (Y8) adds up the errors of the heads that share a head of keys and values, and
// repeats keys and values for a toy.
func groups(r *pass) []Claim {
	if paper.OwnHeads(r.Config) {
		return nil
	}
	heads, kv := r.Config.Heads, r.Config.KeyHeads()
	var read, sum worst
	r.inBlocks(func(at string, _ int) {
		for j := range kv {
			shared := fmt.Sprintf("%s.kv.%d", at, j)
			for _, n := range [][4]string{{"k'_h", "k'→h", "Δ_{k'_h}", "Δ_{k'→h}"}, {"v_h", "v→h", "Δ_{v_h}", "Δ_{v→h}"}} {
				a, total := r.at(shared, n[0]), r.at(shared, n[2]).Scale(0)
				for h := range heads {
					if h*kv/heads != j {
						continue
					}
					head := fmt.Sprintf("%s.head.%d", at, h)
					read.add(relativeDifference(r.at(head, n[1]).V, a.V))
					total = total.Add(r.at(head, n[3]))
				}
				sum.add(relativeDifference(total.V, r.at(shared, n[2]).V))
			}
		}
	})
	t := newRandomLayers(r)
	const d, group = 4, 3
	q, k, v, e := t.mat(toyN, 2*group*d), t.mat(toyN, 2*d), t.mat(toyN, 2*d), t.mat(toyN, 2*group*d)
	repeat := func(a paper.Mat) paper.Mat {
		return paper.Concat(a.Columns(0, d), a.Columns(0, d), a.Columns(0, d), a.Columns(d, d), a.Columns(d, d), a.Columns(d, d))
	}
	run := func(kv int, k, v paper.Mat) (a, dk, dv paper.Mat) {
		p := paper.Grouped{Heads: 2 * group, KVHeads: kv, Rotation: paper.Rotation{Freqs: paper.Frequencies(d, 100)}}
		a, back := paper.GroupedAttention(nil, q, k, v, p, []int{0, 1, 2, 3, 4, 5}, paper.Causal(toyN))
		_, dk, dv, _, _ = back(e)
		return a, dk, dv
	}
	one, dk, dv := run(2, k, v)
	many, dks, dvs := run(2*group, repeat(k), repeat(v))
	add := func(a paper.Mat) paper.Mat {
		sum := func(j int) paper.Mat {
			return a.Columns(j*group*d, d).Add(a.Columns((j*group+1)*d, d)).Add(a.Columns((j*group+2)*d, d))
		}
		return paper.Concat(sum(0), sum(1))
	}
	return []Claim{
		exactly("keys and values that a head reads against its group's", float64(read)),
		exactly("Δ of keys and values against the sum over the group", float64(sum)),
		exactly("a toy's output against repeated keys and values", relativeDifference(one.V, many.V)),
		atMost("its errors against the sums of theirs", max(relativeDifference(dk.V, add(dks).V), relativeDifference(dv.V, add(dvs).V)), rounding),
	}
}

// queryKeyNorms (Y9) adds up the gradients of the gains that heads share, and looks at what
// a norm forbids: a gradient of the size of a head's queries or keys, and large scores.
func queryKeyNorms(r *pass) []Claim {
	if !r.Config.QKNorm {
		return nil
	}
	c := r.Config
	var gains, size, scores worst
	for b, p := range r.Params.Blocks {
		g := r.params.Blocks[b]
		for _, n := range []struct {
			letter   string
			target   pedestrian.Target
			heads    int
			gradient []float64
		}{{"q", pedestrian.TargetQ, c.Heads, g.QNorm.W.V}, {"k", pedestrian.TargetK, c.KeyHeads(), g.KNorm.W.V}} {
			total, left := make([]float64, c.QueryDim()), make([]float64, n.heads)
			r.queriesAndKeys(func(h turnedHead) {
				if h.letter != n.letter || h.block != b {
					return
				}
				at := h.at + "." + n.letter + "Norm"
				normal, up, size := r.at(at, "ā_{i-1}"), r.at(h.at+"."+n.letter+"Turn", "Δ_{i-1}"), r.at(at, "σ")
				for j, x := range normal.Had(up).SumTokens() {
					total[j] += x
				}
				head := max(placeOf(h.at, "head"), placeOf(h.at, "kv"))
				for t, x := range up.Had(paper.Rows(h.gain, up.N)).FeatureDot(normal) { // (L5)
					left[head] += c.Eps / (size.V[t] * size.V[t]) * x
				}
			})
			gains.add(relativeDifference(total, n.gradient))
			w, dw := r.projection(b, n.target), r.projectionGradient(b, n.target)
			scale := largest(w.V) * largest(dw.V) * float64(w.N)
			for h := range n.heads {
				own := w.Columns(h*c.QueryDim(), c.QueryDim()).Dot(dw.Columns(h*c.QueryDim(), c.QueryDim()))
				size.add(math.Abs(own-left[h]) / scale)
			}
		}
		factor := r.rotation().Factor
		most := float64(c.QueryDim()) * largest(p.QNorm.W.V) * largest(p.KNorm.W.V) * max(1, factor*factor)
		r.inHeads(func(at string, block, _ int) {
			if block == b {
				scores.add(largest(r.at(at, "ρ^raw").V) / most)
			}
		})
	}
	return []Claim{
		atMost("∂ of a gain against Σ_heads Σ_tokens ā ∘ Δ", float64(gains), rounding),
		atMost("w · ∂w of a head of queries or keys, but for what ε leaves", float64(size), rounding),
		atMost("largest score over d_ρ max|w_q| max|w_k|", float64(scores), 1),
	}
}

// slidingWindow (Y10) looks for weights outside of the window, then changes the first token
// and looks at what is out of its reach.
func slidingWindow(r *pass) []Claim {
	w, n := r.Config.SlidingWindow, len(r.Batch[0].Tokens)
	if w == 0 {
		return nil
	}
	var outside, edge worst
	r.inHeads(func(at string, _, _ int) {
		weights := r.at(at, "ρ")
		for t := range weights.N {
			outside.add(largest(weights.Row(t)[:max(0, t-w+1)]))
			if t >= w-1 {
				edge.add(weights.At(t, t-w+1))
			}
		}
	})
	claims := []Claim{exactly("ρ of tokens before the window", float64(outside)), atLeast("ρ of the first token in it", float64(edge), visible)}
	reach := r.Config.Blocks * (w - 1) // the last token that hears from the first
	if reach+1 >= n || len(r.Batch[0].Starts) > 0 {
		return claims
	}
	q := r.Point
	q.Batch = slices.Clone(q.Batch)
	q.Batch[0].Tokens = slices.Clone(q.Batch[0].Tokens)
	q.Batch[0].Tokens[0] = (q.Batch[0].Tokens[0] + 1) % q.Config.Vocab
	a, b := r.at("seq.0", "a_12"), q.run(r.plant).at("seq.0", "a_12")
	var beyond worst
	for t := reach + 1; t < n; t++ {
		beyond.add(relativeDifference(a.Row(t), b.Row(t)))
	}
	return append(claims,
		exactly("logits out of reach of a changed first token", float64(beyond)),
		atLeast("logits of the last token in its reach", relativeDifference(a.Row(reach), b.Row(reach)), 1e-9))
}

// groupedCache (Y11) feeds the first sequence token by token to package paper's cache. A
// plant is at work in what only a cache computes.
func groupedCache(r *pass) []Claim {
	if paper.OwnHeads(r.Config) || len(r.Batch[0].Starts) > 0 {
		return nil
	}
	tr := &paper.Trace{}
	if r.plant != nil {
		tr.Rewrite = func(s paper.Step) paper.Mat {
			if s.Eq != "L21" {
				return s.V
			}
			return r.plant(tr, s)
		}
	}
	full, kept := r.at("seq.0", "a_12"), paper.NewCache(r.Params, r.LoRA)
	var w worst
	for t, id := range r.Batch[0].Tokens {
		w.add(relativeDifference(kept.Next(tr.In("seq.0"), id), full.Row(t)))
	}
	return []Claim{atMost("logits of a cache of turned keys against the full pass", float64(w), rounding)}
}

// branches (Y12) adds up the errors of layers that read one input.
func branches(r *pass) (claims []Claim) {
	var heads, gated worst
	r.inBlocks(func(at string, _ int) {
		sum := func(whole paper.Mat, layers ...string) float64 {
			total := whole.Scale(0)
			for _, l := range layers {
				total = total.Add(r.at(at+"."+l, "Δ_{i-1}"))
			}
			return relativeDifference(total.V, whole.V)
		}
		if !paper.OwnHeads(r.Config) {
			layers := []string{"qkv.q", "qkv.k", "qkv.v"}
			if adapters(r.LoRA, 0).QKV.Down.V != nil {
				layers = []string{"qkv.qkv"}
			}
			heads.add(sum(r.at(at, "Δ_2"), layers...))
		}
		if r.Config.Gated {
			gated.add(sum(r.at(at, "Δ_6"), "gate", "up"))
		}
	})
	if !paper.OwnHeads(r.Config) {
		claims = append(claims, atMost("Δ_2 against Δ_q w_qᵗ + Δ_k w_kᵗ + Δ_v w_vᵗ", float64(heads), rounding))
	}
	if r.Config.Gated {
		claims = append(claims, atMost("Δ_6 against Δ_z w_gateᵗ + Δ_u w_upᵗ", float64(gated), rounding))
	}
	return claims
}

// publishedCounts (Y18) holds the counts of published networks, and of LoRA with r = 16
// beside their seven layers, against the ledger and the list of parameters.
func publishedCounts(*pass) []Claim {
	network := func(vocab, d, f, blocks, heads, kv, dh int) pedestrian.Config {
		return pedestrian.Config{Vocab: vocab, Context: 1, Width: d, Hidden: f, Blocks: blocks, Heads: heads, KVHeads: kv, HeadDim: dh, Activation: pedestrian.SiLU,
			Norm: pedestrian.RMSNorm, Positions: pedestrian.Rotary, Gated: true, Tied: true}
	}
	smol, qwen2, qwen3 := network(49152, 576, 1536, 30, 9, 3, 64), network(151936, 896, 4864, 24, 14, 2, 64), network(151936, 1024, 3072, 28, 16, 8, 128)
	tiny, mistral := network(32000, 2048, 5632, 22, 32, 4, 64), network(32000, 4096, 14336, 32, 32, 8, 128)
	qwen2.QKVBias, qwen3.QKNorm, tiny.Tied, mistral.Tied = true, true, false, false
	wrong := 0
	for _, n := range []struct {
		c              pedestrian.Config
		count, adapter int
	}{
		{smol, 134515008, 4884480}, {qwen2, 494032768, 8798208}, {qwen3, 596049920, 10092544},
		{tiny, 1100048384, 12615680}, {mistral, 7241732096, 41943040},
	} {
		targets := n.c.Targets()
		seven := pedestrian.AdapterConfig{Rank: 16, Alpha: 16, Targets: targets[:len(targets)-1]}
		for _, f := range [][2]int{{n.c.Ledger().Total(), n.count}, {numbers(n.c.Slots()), n.count}, {seven.Ledger(n.c).Total(), n.adapter}, {numbers(seven.Slots(n.c)), n.adapter}} {
			if f[0] != f[1] {
				wrong++
			}
		}
	}
	return []Claim{exactly("counts of twenty that differ", float64(wrong))}
}

// numbers counts those of all parameters of a list.
func numbers(slots []pedestrian.Slot) (n int) {
	for _, s := range slots {
		n += s.Rows * s.Cols
	}
	return n
}
