package paper

// A GroupedCache holds what [GroupedAttention] needs of the tokens seen so far: for
// each head of keys and values the keys, normed and turned, and the values. The zero
// GroupedCache has seen none and forgets none.
//
// A key is turned by its own position, once, when it enters. Nothing turns it again
// as the text grows, since a score depends on the difference of two positions (L11).
type GroupedCache struct {
	K, V   []Mat
	Window int // tokens that are kept, the new one among them; 0: all

	seen int
}

// Next is grouped attention for one new token, whose queries, keys and values are q,
// k and v, one row each; the result is 1×(n_h d_h). It equals the last row of
// GroupedAttention on all tokens so far with the mask [SlidingWindow]:
//
//	ρ(new)     = softmax(q'_h(new) [k'_cache ⊕ k'(new)]ᵗ s)     (L21)
//	a_i^h(new) = ρ(new) [v_cache ⊕ v(new)]                      (L21)
//
// A token that the window has passed is never seen again, so it is dropped. The order
// of what is kept does not matter: the places of W tokens may be used in turns.
func (c *GroupedCache) Next(tr *Trace, q, k, v Mat, p Grouped) Mat {
	dρ, dh := p.widths(q, k, v)
	if c.K == nil {
		c.K, c.V = make([]Mat, p.KVHeads), make([]Mat, p.KVHeads)
	}
	position := []int{c.seen}
	c.seen++
	for j := range c.K {
		tr := kvTrace(tr, j)
		key, _ := p.prepare(tr, "k", k.Columns(j*dρ, dρ), p.KNorm, position)
		key = tr.Eq("L21", "k'_{cache}", key)
		c.K[j], c.V[j] = c.keep(c.K[j].Append(key)), c.keep(c.V[j].Append(v.Columns(j*dh, dh)))
	}
	outs := make([]Mat, p.Heads)
	for h := range outs {
		tr, j := headTrace(tr, h), h/(p.Heads/p.KVHeads)
		query, _ := p.prepare(tr, "q", q.Columns(h*dρ, dρ), p.QNorm, position)
		ρ := tr.Eq("L21", "ρ", Softmax(query.Mul(c.K[j].T()).Scale(p.scale(dρ))))
		outs[h] = tr.Eq("L21", "a_i^h", ρ.Mul(c.V[j]))
	}
	return tr.Eq("34", "a_i", Concat(outs...))
}

// keep drops the rows that no token will see again.
func (c *GroupedCache) keep(a Mat) Mat {
	if c.Window == 0 || a.N <= c.Window {
		return a
	}
	return Mat{c.Window, a.D, a.V[(a.N-c.Window)*a.D:]}
}
