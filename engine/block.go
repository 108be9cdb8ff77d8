package engine

import "github.com/pedestrian-ml/pedestrian/internal/kernel"

// block is one transformer block, the starred part of table 2, or that of the Llama family
// (L22), where a_7 is two: up, which has the place of FC_expand here, and gate; FC_contract
// is called down there. Its gradient is another block, in which what is frozen is without V.
type block[T Float] struct {
	ln1      norm[T]
	qkv      adapted[T]
	qkNorm   headNorms[T] // does nothing without gains
	rotary   rotary[T]    // does nothing unless positions turn
	att      attention[T]
	attProj  adapted[T]
	ln2      norm[T]
	gated    bool
	gate     adapted[T] // where it is gated
	expand   adapted[T]
	act      activation[T]
	contract adapted[T]
}

// blockCache holds what the backward pass of a block needs: the two normalized
// inputs, queries, keys and values as they met, the heads, and the inputs of g.
type blockCache[T Float] struct {
	ln1, ln2                             normCache[T]
	qkNorm                               headNormsCache[T]
	att                                  attentionCache[T]
	act                                  activationCache[T]
	qkv, attProj, gate, expand, contract adaptedCache[T]
	a3qkv, a3, a7                        Mat[T]
	z                                    Mat[T] // with V where the block is gated
	input                                Mat[T] // a_1, with Options.Recompute alone
}

// keepInput keeps x, a_1 of the block, if it will be needed.
func (c *blockCache[T]) keepInput(p *kernel.Pool, task *copyRows[T], x Mat[T]) {
	if c.input.V != nil {
		task.run(p, first(c.input, x.Rows), x)
	}
}

// columns are where the keys and the values begin in the output of qkv.
func (b *block[T]) columns() (keys, values int) {
	keys = b.att.heads * b.att.keyDim
	return keys, keys + b.att.keyHeads()*b.att.keyDim
}

// split is the queries, keys and values in the output of qkv.
func (b *block[T]) split(m Mat[T]) (q, k, v Mat[T]) {
	keys, values := b.columns()
	return m.Sub(0, m.Rows, 0, keys), m.Sub(0, m.Rows, keys, values), m.Sub(0, m.Rows, values, m.Cols)
}

// linears are the fully connected layers.
func (b *block[T]) linears() []*adapted[T] {
	if b.gated {
		return []*adapted[T]{&b.qkv, &b.attProj, &b.gate, &b.expand, &b.contract}
	}
	return []*adapted[T]{&b.qkv, &b.attProj, &b.expand, &b.contract}
}

// linears are the caches of the fully connected layers.
func (c *blockCache[T]) linears() [5]*adaptedCache[T] {
	return [5]*adaptedCache[T]{&c.qkv, &c.attProj, &c.gate, &c.expand, &c.contract}
}

// names are those of the layers of the second half, as parameters have them.
func (b *block[T]) names() (expand, contract string) {
	if b.gated {
		return "up", "down"
	}
	return "expand", "contract"
}

// masks are the dropout masks of one block in one step.
type masks struct {
	att, attProj, contract kernel.Mask
	lora                   [stages]kernel.Mask // of the inputs of adapters, by stage
}

// setMasks puts the masks of the adapters' inputs into the cache.
func (c *blockCache[T]) setMasks(m masks) {
	c.qkv.mask, c.attProj.mask = m.lora[stageQKV], m.lora[stageAttProj]
	c.gate.mask, c.expand.mask, c.contract.mask = m.lora[stageExpand], m.lora[stageExpand], m.lora[stageContract]
}

// forward takes x, the residual stream, from a_1 to a_10.
func (b *block[T]) forward(p *kernel.Pool, x Mat[T], c *blockCache[T], w *workspace[T], i int, m masks) {
	h, a7, z := first(w.h, x.Rows), first(c.a7, x.Rows), some(c.z, x.Rows)
	c.setMasks(m)
	b.toExpand(p, x, c, w, i, m)       // a_2 … a_7
	b.act.forward(p, h, &c.act, a7, z) // a_8
	w.show(i, "a_8", "activation", h)
	w.addBranch(p, x, &b.contract, &c.contract, h, m.contract) // a_9, a_10 = a_5 + a_9
	_, contract := b.names()
	w.show(i, "a_10", contract, x)
}

// toExpand takes x from a_1 to a_5 and fills all of the cache, a_7 last.
func (b *block[T]) toExpand(p *kernel.Pool, x Mat[T], c *blockCache[T], w *workspace[T], i int, m masks) {
	y, qkv, a3, a7 := first(w.y, x.Rows), first(c.a3qkv, x.Rows), first(c.a3, x.Rows), first(c.a7, x.Rows)
	expand, _ := b.names()

	b.ln1.forward(p, y, &c.ln1, x) // a_2
	w.show(i, "a_2", "ln1", y)
	b.qkv.forward(p, qkv, &c.qkv, y, false) // (9.a), (9.b), (4)
	q, k, v := b.split(qkv)
	b.qkNorm.forward(p, q, k, &c.qkNorm)                       // (L1), (L2) of every head
	b.rotary.forward(p, q, k, &w.rotate, w.turns, w.positions) // q', k' (L8)
	w.show(i, "q, k, v", "qkv", qkv)
	k, v = w.withPast(i, k, v)                        //
	b.att.drop = m.att                                //
	b.att.forward(p, a3, &c.att, q, k, v, w.segments) // a_3
	w.show(i, "a_3", "attention", a3)
	w.addBranch(p, x, &b.attProj, &c.attProj, a3, m.attProj) // a_4, a_5 = a_1 + a_4
	w.show(i, "a_5", "attProj", x)

	b.ln2.forward(p, y, &c.ln2, x) // a_6
	w.show(i, "a_6", "ln2", y)
	b.expand.forward(p, a7, &c.expand, y, false) // a_7, or u
	w.show(i, "a_7", expand, a7)
	if b.gated {
		z := first(c.z, x.Rows)
		b.gate.forward(p, z, &c.gate, y, false) // z
		w.show(i, "z", "gate", z)
	}
}

// recompute fills the cache of block i from the input that was kept. Adapters beside
// FC_contract need what the forward pass of that layer leaves.
func (b *block[T]) recompute(p *kernel.Pool, c *blockCache[T], w *workspace[T], i, rows int, m masks) {
	x := first(w.x, rows)
	w.copy.run(p, x, first(c.input, rows))
	c.setMasks(m)
	b.toExpand(p, x, c, w, i, m)
	if b.contract.hasAdapter() {
		h := first(w.h, rows)
		b.act.forward(p, h, &c.act, first(c.a7, rows), some(c.z, rows))
		b.contract.recompute(p, &c.contract, h)
	}
}

// addBranch adds the output of l for a, under mask, to the residual stream x.
func (w *workspace[T]) addBranch(p *kernel.Pool, x Mat[T], l *adapted[T], c *adaptedCache[T], a Mat[T], mask kernel.Mask) {
	if !mask.On() {
		l.forward(p, x, c, a, true)
		return
	}
	y := first(w.y, x.Rows)
	l.forward(p, y, c, a, false)
	w.drop.mask = mask
	w.drop.apply(p, x, y, true)
}

// branchError is the error on the output of a branch, before its mask.
func (w *workspace[T]) branchError(p *kernel.Pool, dx Mat[T], mask kernel.Mask) Mat[T] {
	if !mask.On() {
		return dx
	}
	dy := first(w.masked, dx.Rows)
	w.drop.mask = mask
	w.drop.apply(p, dy, dx, false)
	return dy
}

// backward takes dx, the error on the residual stream, from Δ_10 to Δ_1, and
// adds to grad the gradients of what grad has. Nothing below stage bottom is
// computed; a negative bottom means everything.
func (b *block[T]) backward(p *kernel.Pool, dx Mat[T], grad *block[T], c *blockCache[T], w *workspace[T], i int, m masks, bottom int) {
	rows := dx.Rows
	expand, contract := b.names()
	y, h, qkv, a3, a7, z := first(w.y, rows), first(w.h, rows), first(c.a3qkv, rows), first(c.a3, rows), first(c.a7, rows), some(c.z, rows)
	e, e3, dh, dqkv := over(w.e.V, rows, dx.Cols), over(w.e.V, rows, a3.Cols), first(w.dh, rows), first(w.dqkv, rows)

	dy := w.branchError(p, dx, m.contract)
	if bottom == stageContract {
		b.contract.backwardInput(p, Mat[T]{}, dy, &c.contract, false)
		b.act.forward(p, h, &c.act, a7, z)
		b.contract.backwardWeights(p, &grad.contract, dy, h, &c.contract)
		return
	}
	b.contract.backwardInput(p, dh, dy, &c.contract, false) // Δ_8
	w.showZ(i, contract, &b.contract, &c.contract, rows)
	w.show(i, "Δ_8", contract, dh)
	b.act.backward(p, dh, h, dh, &c.act, a7, z) // Δ_7, or Δ_u and Δ_z, and a_8 again
	w.show(i, "Δ_7", "activation", dh)
	if b.gated {
		w.show(i, "Δ_z", "activation", z)
	}
	b.contract.backwardWeights(p, &grad.contract, dy, h, &c.contract) // ∂w_8, ∂b_8

	if grad.expand.trained() || grad.gate.trained() {
		b.ln2.affine(p, y, &c.ln2) // a_6 again
	}
	if bottom == stageExpand {
		e = Mat[T]{}
	}
	b.expand.backwardInput(p, e, dh, &c.expand, false) // Δ_6
	w.showZ(i, expand, &b.expand, &c.expand, rows)
	b.expand.backwardWeights(p, &grad.expand, dh, y, &c.expand) // ∂w_6, ∂b_6
	if b.gated {
		b.gate.backwardInput(p, e, z, &c.gate, true) // Δ_6 = Δ_u w_upᵗ + Δ_z w_gateᵗ
		w.showZ(i, "gate", &b.gate, &c.gate, rows)
		b.gate.backwardWeights(p, &grad.gate, z, y, &c.gate) // ∂w_gate, ∂b_gate
	}
	if bottom == stageExpand {
		return
	}
	w.show(i, "Δ_6", expand, e)
	b.ln2.backward(p, dx, grad.ln2, e, &c.ln2) // Δ_5 = Δ_10 + …, ∂w_5, ∂b_5
	w.show(i, "Δ_5", "ln2", dx)
	if bottom == stageLN2 {
		return
	}

	dy = w.branchError(p, dx, m.attProj)
	if bottom == stageAttProj {
		b.attProj.backwardInput(p, Mat[T]{}, dy, &c.attProj, false)
		b.attProj.backwardWeights(p, &grad.attProj, dy, a3, &c.attProj)
		return
	}
	b.attProj.backwardInput(p, e3, dy, &c.attProj, false) // Δ_3
	w.showZ(i, "attProj", &b.attProj, &c.attProj, rows)
	w.show(i, "Δ_3", "attProj", e3)
	b.attProj.backwardWeights(p, &grad.attProj, dy, a3, &c.attProj) // ∂w_3, ∂b_3
	q, k, v := b.split(qkv)
	dq, dk, dv := b.split(dqkv)
	b.att.drop = m.att
	b.att.backward(p, dq, dk, dv, e3, &c.att, q, k, v, a3, w.segments) // (25)…(28), (L18)
	b.rotary.backward(p, dq, dk, &w.rotate, w.turns, w.positions)      // (L9)
	b.qkNorm.backward(p, dq, dk, grad.qkNorm, &c.qkNorm)               // (L3), (L19)
	w.show(i, "Δ_q, Δ_k, Δ_v", "attention", dqkv)
	if bottom == stageQKNorm {
		return
	}
	if grad.qkv.trained() {
		b.ln1.affine(p, y, &c.ln1) // a_2 again
	}
	if bottom == stageQKV {
		b.qkv.backwardInput(p, Mat[T]{}, dqkv, &c.qkv, false)
		b.qkv.backwardWeights(p, &grad.qkv, dqkv, y, &c.qkv)
		return
	}
	b.qkv.backwardInput(p, e, dqkv, &c.qkv, false) // Δ_2: (22), (30.a), (30.b), (33), (35)
	w.showZ(i, "qkv", &b.qkv, &c.qkv, rows)
	w.show(i, "Δ_2", "qkv", e)
	b.qkv.backwardWeights(p, &grad.qkv, dqkv, y, &c.qkv) // (23), (24), (31.a), (31.b), (32.a)
	b.ln1.backward(p, dx, grad.ln1, e, &c.ln1)           // Δ_1 = Δ_5 + …, ∂w_1, ∂b_1
}
