package paper

import (
	"fmt"

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

// A blockCache holds the keys and values of one block: of the paper's heads, or of the
// Llama family's.
type blockCache struct {
	own     []HeadCache
	grouped GroupedCache
}

// heads is [MultiHead] for a new token.
func (c *blockCache) heads(tr *Trace, a Mat, heads []Head) Mat {
	outs := make([]Mat, len(heads))
	for h, p := range heads {
		outs[h] = c.own[h].Next(headTrace(tr, h), a, p)
	}
	return tr.Eq("34", "a_i", Concat(outs...))
}

// A Cache runs a network one token at a time. That keys and values of old tokens
// can be kept is due to causality: at any depth they depend on the tokens before
// them, and on none after. In the Llama family keys are kept normed and turned, and a
// window's are dropped when no token will see them again: [GroupedCache].
type Cache struct {
	w      weights
	blocks []blockCache
	n      int // tokens seen
}

// NewCache returns an empty cache for a network and its adapter, which may be nil.
// It holds copies of the heads' weights: change the parameters, and make another.
func NewCache(p *pedestrian.Params[float64], lora *pedestrian.Adapter[float64]) *Cache {
	c := &Cache{w: read(nil, p, lora, !OwnHeads(p.Config)), blocks: make([]blockCache, len(p.Blocks))}
	for i := range c.blocks {
		c.blocks[i] = blockCache{own: make([]HeadCache, p.Config.Heads), grouped: GroupedCache{Window: p.Config.SlidingWindow}}
	}
	return c
}

// Next takes the next token and returns the logits for the one after it, n_vocab
// numbers: table 2 for one row. It panics when the context is full: with a table of
// positions a longer text would move every token to another position, and void the cache.
func (c *Cache) Next(tr *Trace, token int) Vec {
	if c.n == c.w.context {
		panic(fmt.Sprintf("paper.Cache.Next: the context of %d tokens is full", c.n))
	}
	position := c.n
	c.n++
	a12, _ := c.w.logits(tr, []int{token}, []int{position}, way{layer: Adapted}, c.blocks)
	return a12.V
}
