package paper

import (
	"fmt"
	"math"
	"strconv"
)

// A Grouped says how queries, keys and values are cut into heads, and what happens to
// a query or a key before they meet. Heads is a multiple of KVHeads: the first
// Heads/KVHeads query heads read the first head of keys and values, and so on.
type Grouped struct {
	Heads, KVHeads int
	QNorm, KNorm   Norm     // gains of d_ρ numbers that all heads share, without biases; none where W is nil
	Rotation       Rotation // of queries and keys, after their norms
	Scale          float64  // what multiplies the scores in (12); 0 is 1/√d_ρ
}

// SlidingWindow is [Causal] for tokens that see no more than w tokens, themselves
// among them: where t' ≤ t - w the mask is -∞ too (L20). With w = 0 there is no window.
func SlidingWindow(n, w int, starts ...int) Mat {
	m := Causal(n, starts...)
	return each(n, n, func(t, j int) float64 {
		if w > 0 && j <= t-w {
			return math.Inf(-1)
		}
		return m.At(t, j)
	})
}

// GroupedAttention is attention with fewer heads of keys and values than of queries.
// It is given the queries, n×(n_h d_ρ), keys, n×(n_kv d_ρ), and values, n×(n_kv d_h),
// of all heads side by side, made by layers of their own, and returns n×(n_h d_h). The
// mask m is n×n, and every token has a position. With g = n_h/n_kv, head h reads the
// keys and values number ⌊h/g⌋:
//
//	q'_h = rotate(norm(q_h)), k'_j = rotate(norm(k_j))
//	ρ^raw = q'_h k'_⌊h/g⌋ᵗ, and a_i^h = ρ v_⌊h/g⌋ by (12) to (16)     (L17)
//
// Backward, what several heads read gets the sum of their errors:
//
//	Δ_{q'_h} = Δ^raw k'_⌊h/g⌋                 (L18.a)
//	Δ_{k'_j} = Σ_{h in group} Δ^rawᵗ q'_h     (L18.b)
//	Δ_{v_j}  = Σ_{h in group} ρᵗ Δ^h          (L18.c)
//	∂L/∂w    = Σ_heads Σ_tokens ā ∘ Δ         (L19)
//
// (L19) is the gradient of the gain of a norm, of queries over the n_h heads, of keys
// over theirs; dqNorm and dkNorm are nil where there is no norm. Derivation:
// docs/09-llama.md.
func GroupedAttention(tr *Trace, q, k, v Mat, p Grouped, positions []int, m Mat) (
	a Mat, back func(Δ Mat) (Δq, Δk, Δv Mat, dqNorm, dkNorm Vec)) {

	dρ, dh := p.widths(q, k, v)
	group := p.Heads / p.KVHeads
	q, k, v = tr.Eq("", "q", q), tr.Eq("", "k", k), tr.Eq("", "v", v)

	keys, values, backKeys := make([]Mat, p.KVHeads), make([]Mat, p.KVHeads), make([]pullback, p.KVHeads)
	for j := range keys {
		tr := kvTrace(tr, j)
		keys[j], backKeys[j] = p.prepare(tr, "k", k.Columns(j*dρ, dρ), p.KNorm, positions)
		values[j] = tr.Eq("", "v_h", v.Columns(j*dh, dh))
	}
	outs, backs, backQueries := make([]Mat, p.Heads), make([]func(Δ Mat) (Δq, Δk, Δv Mat), p.Heads), make([]pullback, p.Heads)
	for h := range outs {
		tr := headTrace(tr, h)
		var query Mat
		query, backQueries[h] = p.prepare(tr, "q", q.Columns(h*dρ, dρ), p.QNorm, positions)
		outs[h], backs[h] = attend(tr, query, keys[h/group], values[h/group], p.scale(dρ), m)
	}
	a = tr.Eq("34", "a_i", Concat(outs...))

	back = func(Δ Mat) (Δq, Δk, Δv Mat, dqNorm, dkNorm Vec) {
		Δ.like(a, "GroupedAttention: error signal")
		Δqs, Δks, Δvs := make([]Mat, p.Heads), zeros(keys), zeros(values)
		for h := range outs {
			tr, j := headTrace(tr, h), h/group
			Δh := tr.Eq("35", "Δ_i^h", Δ.Columns(h*dh, dh))
			ΔQuery, ΔKey, ΔValue := backs[h](Δh)
			Δks[j], Δvs[j] = Δks[j].Add(ΔKey), Δvs[j].Add(ΔValue) // Σ over the group, in the order of heads
			Δqs[h], dqNorm = backQueries[h](ΔQuery, dqNorm)
		}
		for j := range keys {
			tr := kvTrace(tr, j)
			Δvs[j] = tr.Eq("L18.c", "Δ_{v_h}", Δvs[j])
			Δks[j], dkNorm = backKeys[j](tr.Eq("L18.b", "Δ_{k'_h}", Δks[j]), dkNorm)
		}
		if p.QNorm.W != nil {
			dqNorm = tr.Vec("L19", "∂L/∂w_{qNorm}", dqNorm)
		}
		if p.KNorm.W != nil {
			dkNorm = tr.Vec("L19", "∂L/∂w_{kNorm}", dkNorm)
		}
		Δq, Δk, Δv = Concat(Δqs...), Concat(Δks...), Concat(Δvs...)
		return tr.Eq("L18.a", "Δ_q", Δq), tr.Eq("L18.b", "Δ_k", Δk), tr.Eq("L18.c", "Δ_v", Δv), dqNorm, dkNorm
	}
	return a, back
}

// A pullback is that of prepare: it adds the gradient of the gain to dw.
type pullback func(Δ Mat, dw Vec) (ΔPrev Mat, sum Vec)

// prepare makes of a head's query or key what meets the other: q' or k'.
func (p Grouped) prepare(tr *Trace, name string, a Mat, norm Norm, positions []int) (turned Mat, back pullback) {
	a = tr.Eq("", name+"_h", a)
	backNorm := func(Δ Mat) (Mat, Vec) { return Δ, nil }
	if norm.W != nil {
		a, backNorm = RMSNorm(tr.In(name+"Norm"), a, norm.W, norm.Eps)
	}
	a, backTurn := Rotate(tr.In(name+"Turn"), a, positions, p.Rotation)
	turned = tr.Eq("L17", name+"'_h", a)
	return turned, func(Δ Mat, dw Vec) (ΔPrev Mat, sum Vec) {
		Δ, d := backNorm(backTurn(Δ))
		if dw != nil {
			d = dw.row().Add(d.row()).V
		}
		return Δ, d
	}
}

// attend is the middle of [Attention], with its numbers: from q, k and v to a head's
// output and back again.
func attend(tr *Trace, q, k, v Mat, scale float64, m Mat) (a Mat, back func(Δ Mat) (Δq, Δk, Δv Mat)) {
	k, v = tr.Eq("", "k'→h", k), tr.Eq("", "v→h", v)
	ρRaw := tr.Eq("10", "ρ^raw", q.Mul(k.T()))
	ρScaled := tr.Eq("12", "ρ^scaled", ρRaw.Scale(scale))
	ρCausal := tr.Eq("13", "ρ^causal", ρScaled.Add(m))
	ρ := tr.Eq("15", "ρ", Softmax(ρCausal))
	a = tr.Eq("16", "a_i^h", ρ.Mul(v))

	back = func(Δ Mat) (Δq, Δk, Δv Mat) {
		Δv = tr.Eq("L18.c", "Δ_{v→h}", ρ.T().Mul(Δ))
		Δρ := tr.Eq("", "Δ_ρ", Δ.Mul(v.T()))
		ΔCausal := tr.Eq("25", "Δ^causal", Δρ.Sub(Cols(Δρ.FeatureDot(ρ), k.N)).Had(ρ))
		ΔScaled := tr.Eq("27", "Δ^scaled", ΔCausal)
		ΔRaw := tr.Eq("28", "Δ^raw", ΔScaled.Scale(scale))
		Δq = tr.Eq("L18.a", "Δ_{q'_h}", ΔRaw.Mul(k))
		Δk = tr.Eq("L18.b", "Δ_{k'→h}", ΔRaw.T().Mul(q))
		return Δq, Δk, Δv
	}
	return a, back
}

func (p Grouped) scale(dρ int) float64 {
	if p.Scale != 0 {
		return p.Scale
	}
	return 1 / math.Sqrt(float64(dρ))
}

// widths are d_ρ and d_h. It panics where q, k and v cannot be cut into heads.
func (p Grouped) widths(q, k, v Mat) (dρ, dh int) {
	if p.KVHeads < 1 || p.Heads < p.KVHeads || p.Heads%p.KVHeads != 0 {
		panic(fmt.Sprintf("paper.GroupedAttention: %d heads of queries, %d of keys and values: the first is a multiple of the second", p.Heads, p.KVHeads))
	}
	dρ, dh = k.D/p.KVHeads, v.D/p.KVHeads
	if dρ == 0 || q.D != p.Heads*dρ || k.D != p.KVHeads*dρ || v.D != p.KVHeads*dh || k.N != v.N {
		panic(fmt.Sprintf("paper.GroupedAttention: queries %d×%d of %d heads, keys %d×%d and values %d×%d of %d", q.N, q.D, p.Heads, k.N, k.D, v.N, v.D, p.KVHeads))
	}
	return dρ, dh
}

func kvTrace(tr *Trace, j int) *Trace { return tr.In("kv." + strconv.Itoa(j)) }

// zeros are matrices of zeros of these shapes.
func zeros(like []Mat) []Mat {
	all := make([]Mat, len(like))
	for i, m := range like {
		all[i] = Zeros(m.N, m.D)
	}
	return all
}
