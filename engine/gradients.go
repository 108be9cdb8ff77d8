package engine

import (
	"fmt"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
)

// Gradients returns Σℓ, the sum of the losses (in nats) of the tokens of b that have a
// target, and the number of these tokens. It adds scale times the gradient of the sum to
// dp, the gradient of the parameters, and to da, that of the adapter. If dp or da is nil,
// the parameters or the adapter are frozen, and their gradient is not computed. With
// scale = 1/counted the gradient is that of the mean.
//
// With dropout, step selects the masks. Two batches of one optimizer step have different
// masks only if they have different values of step.
//
// Gradients panics when b does not fit the network or has no targets, when dp or da
// belongs to another configuration, and when dp is not nil and the parameters are frozen.
func (n *Network[T]) Gradients(dp *pedestrian.Params[T], da *pedestrian.Adapter[T], b Batch, scale float64, step uint64) (sum float64, counted int) {
	return n.gradients(dp, da, b, scale, step, false)
}

// SetGradients is like Gradients, but it overwrites dp and da instead of adding to them.
// They need not be cleared before the call. Unless Options.Accumulate is set, it uses the
// memory of dp for activations until it returns.
func (n *Network[T]) SetGradients(dp *pedestrian.Params[T], da *pedestrian.Adapter[T], b Batch, scale float64, step uint64) (sum float64, counted int) {
	return n.gradients(dp, da, b, scale, step, true)
}

func (n *Network[T]) gradients(dp *pedestrian.Params[T], da *pedestrian.Adapter[T], b Batch, scale float64, step uint64, overwrite bool) (sum float64, counted int) {
	n.mustFit("Gradients", b, true)
	c := n.params.Config
	if dp != nil && n.params.IsFrozen() {
		panic("engine.Network.Gradients: gradients of the parameters, which are frozen")
	}
	if dp != nil && dp.Config != c {
		panic(fmt.Sprintf("engine.Network.Gradients: gradients of %+v, a network of %+v", dp.Config, c))
	}
	if da != nil && (n.adapter == nil || da.Base != c || len(da.Slab) != len(n.adapter.Slab)) {
		panic(fmt.Sprintf("engine.Network.Gradients: gradients of an adapter %+v, which is not the network's", da.Config))
	}
	grads := gradients[T]{dp, da, n.adapter, overwrite}
	t := n.trained(grads)
	n.reserve(&t, grads)
	n.prepare()
	w := &n.work
	if counted = w.logits.setTargets(b.Targets); counted == 0 {
		if overwrite {
			zero(dp, da)
		}
		return 0, 0
	}
	w.setSegments(b)
	drops := drops{p: n.o.Dropout, seed: n.o.Seed, step: step}
	if n.adapter != nil {
		drops.lora = n.adapter.Config.Dropout
	}
	w.logits.mask = drops.logits()
	a11 := n.forward(w, b.Tokens, &drops)

	grad := grads.logits()
	e, dx := over(w.e.V, a11.Rows, c.Width), first(w.dx, a11.Rows)
	if t.bottom > stages*c.Blocks { // nothing below FC_logits is trained
		return n.logits.lossAndGradients(n.pool, Mat[T]{}, &grad, scale, &w.logits, a11), counted
	}
	sum = n.logits.lossAndGradients(n.pool, e, &grad, scale, &w.logits, a11) // Δ_12, Δ_11, ∂w_11, ∂b_11

	w.show(-1, "Δ_11", "logits", e)
	clear(dx.V)
	n.final.backward(n.pool, dx, grads.final(), e, &w.final) // Δ_10, ∂w_10, ∂b_10
	for i := range slices.Backward(n.blocks) {
		if t.bottom >= stages*(i+1) {
			break
		}
		g := grads.block(c, i)
		if n.o.Recompute && i < len(n.blocks)-1 { // the last block's cache is still the one of forward
			n.blocks[i].recompute(n.pool, w.cache(i), w, i, dx.Rows, drops.block(i))
		}
		_, contract := n.blocks[i].names()
		w.show(i, "Δ_10", contract, dx)
		n.blocks[i].backward(n.pool, dx, &g, w.cache(i), w, i, drops.block(i), t.bottom-stages*i)
	}
	w.show(-1, "Δ_1", "embedding", dx)
	if g := grads.embedding(c); g.tok.V != nil || g.own.V != nil {
		if m := drops.embedding(); m.On() {
			w.drop.mask = m
			w.drop.apply(n.pool, dx, dx, false)
		}
		n.embedding.backward(n.pool, g, dx, &w.embedding, b.Tokens, w.positions[:dx.Rows]) // ∂w_tok, ∂w_pos
	}
	if w.reused != nil {
		for _, gap := range w.gaps {
			clear(w.reused[gap[0]:gap[1]])
		}
	}
	return sum, counted
}

// zero clears the gradients that are not nil.
func zero[T Float](dp *pedestrian.Params[T], da *pedestrian.Adapter[T]) {
	if dp != nil {
		dp.Zero()
	}
	if da != nil {
		clear(da.Slab)
	}
}
