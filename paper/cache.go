package paper

import (
	"fmt"
	"strconv"

	"github.com/pedestrian-ml/pedestrian"
)

// A HeadCache holds the keys and values of the tokens that one head has seen,
// n×d_ρ and n×d_h. The zero HeadCache has seen none.
type HeadCache struct{ K, V Mat }

// Next is one head for one new token (the KV-cache box): a is its features, 1×d,
// the result 1×d_h. It equals the last row of Attention with a causal mask on all
// tokens so far, at the cost of one row. Nothing needs masking: the new token may
// see all there is.
//
//	ρ(new)     = softmax(q(new) [k_cache ⊕ k(new)]ᵗ / √d_ρ)     (KV.a)
//	a_i^h(new) = ρ(new) [v_cache ⊕ v(new)]                       (KV.b)
//
// The paper's box leaves out √d_ρ; the factor is [Head].Scale where that is set. Old queries are never used again. Were the
// roles of queries and keys swapped, one would keep queries and values.
func (c *HeadCache) Next(tr *Trace, a Mat, p Head) Mat {
	p.check(a)
	q := tr.Eq("9.a", "q_h", a.Mul(p.Wq).Bias(p.Bq))
	c.K = c.K.Append(tr.Eq("9.b", "k_h", a.Mul(p.Wk).Bias(p.Bk)))
	c.V = c.V.Append(tr.Eq("4", "v_h", a.Mul(p.Wv).Bias(p.Bv)))
	ρ := tr.Eq("KV.a", "ρ", Softmax(q.Mul(c.K.T()).Scale(p.scale())))
	return tr.Eq("KV.b", "a_i^h", ρ.Mul(c.V))
}

// A Cache runs a network one token at a time. That keys and values of old tokens
// can be kept is due to causality: at any depth they depend on the tokens before
// them, and on none after.
type Cache struct {
	w     weights
	heads [][]HeadCache // of every block
	n     int           // tokens seen
}

// NewCache returns an empty cache for a network and its adapter, which may be nil.
// It holds copies of the heads' weights: change the parameters, and make another.
func NewCache(p *pedestrian.Params[float64], lora *pedestrian.Adapter[float64]) *Cache {
	c := &Cache{w: read(nil, p, lora), heads: make([][]HeadCache, len(p.Blocks))}
	for i := range c.heads {
		c.heads[i] = make([]HeadCache, p.Config.Heads)
	}
	return c
}

// Next takes the next token and returns the logits for the one after it, n_vocab
// numbers: table 2 for one row. It panics when the context is full: a longer text
// would move every token to another position, and void the cache.
func (c *Cache) Next(tr *Trace, token int) Vec {
	if c.n == c.w.Pos.N {
		panic(fmt.Sprintf("paper.Cache.Next: the context of %d tokens is full", c.n))
	}
	tok, _, _ := Embedding(tr.In("tok"), []int{token}, c.w.Tok)
	pos, _, _ := Embedding(tr.In("pos"), []int{c.n}, c.w.Pos)
	c.n++
	a := tok.Add(pos)
	for i, p := range c.w.Blocks {
		tr := tr.In("block." + strconv.Itoa(i))
		a1 := tr.Eq("T2", "a_1", a)
		a2, _ := LayerNorm(tr.In("ln1"), a1, p.LN1.W, p.LN1.B, p.LN1.Eps)
		in, _ := p.headInput(tr, a2)
		outs := make([]Mat, len(p.Heads))
		for h, head := range p.Heads {
			outs[h] = c.heads[i][h].Next(headTrace(tr, h), in, head)
		}
		a3 := tr.Eq("34", "a_3", Concat(outs...))
		a4, _ := Adapted(tr.In("attProj"), a3, p.AttProj)
		a5 := tr.Eq("T2", "a_5", a1.Add(a4))
		a6, _ := LayerNorm(tr.In("ln2"), a5, p.LN2.W, p.LN2.B, p.LN2.Eps)
		a7, _ := Adapted(tr.In("expand"), a6, p.Expand)
		a8, _ := Activate(tr.In("g"), a7, p.Activation)
		a9, _ := Adapted(tr.In("contract"), a8, p.Contract)
		a = tr.Eq("T2", "a_10", a5.Add(a9))
	}
	a11, _ := LayerNorm(tr.In("lnFinal"), a, c.w.LNFinal.W, c.w.LNFinal.B, c.w.LNFinal.Eps)
	a12, _ := Adapted(tr.In("logits"), a11, c.w.Logits)
	return tr.Eq("T2", "a_12", a12).V
}
