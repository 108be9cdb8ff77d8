package paper

import "github.com/pedestrian-ml/pedestrian"

// BlockParams holds the parameters of one transformer block, or gradients with
// respect to them. Its heads are the paper's, or those of the Llama family.
type BlockParams struct {
	LN1 Norm // w_1, b_1

	Heads  []Head // the paper's, each with projections of its own; nil where the next two stand
	Masked bool   // Heads read [a_2 | a_2 under the mask of Dropout]: adapters are their lower rows

	QKV     []Layer // one, or three: their outputs side by side are the queries, keys and values of all heads
	Grouped Grouped // what the heads do with them; of a gradient it has the gains of its norms
	Window  int     // tokens that a token sees, itself among them; 0: all

	AttProj          Layer                 // w_3, b_3
	LN2              Norm                  // w_5, b_5
	Expand, Contract Layer                 // w_6, b_6 and w_8, b_8
	Gate, Up, Down   Layer                 // in the place of the two where the activation is gated
	Activation       pedestrian.Activation // g

	llama bool // it is recorded as table (L22), and not as table 2
}

// Block is the transformer block, the starred part of table 2 (§7) (T2) or, of the Llama
// family, (L22): down from its input a_1 to its output a_10, both n×d, and up again from
// Δ_10 to Δ_1. Blocks compose: a_10 of one is a_1 of the next, whose Δ_1 is Δ_10 of the
// one. starts are the beginnings of documents, see [Causal].
//
// Where a_1 and a_5 are handed to two readers, their two error signals add (skip). So they do
// where queries, keys and values, or gate and up, are layers that read one input:
//
//	Δ_2 = Δ_q w_qᵗ + Δ_k w_kᵗ + Δ_v w_vᵗ      (L22)
//	Δ_6 = Δ_z w_gateᵗ + Δ_u w_upᵗ             (L22)
//
// Derivation: docs/07-network.md, docs/09-llama.md.
func Block(tr *Trace, a1 Mat, p BlockParams, starts ...int) (a10 Mat, back func(Δ10 Mat) (Δ1 Mat, dp BlockParams)) {
	return way{layer: Adapted, starts: starts}.block(tr, a1, p)
}

// block is Block, computed that way.
func (w way) block(tr *Trace, a1 Mat, p BlockParams) (a10 Mat, back func(Δ10 Mat) (Δ1 Mat, dp BlockParams)) {
	table := p.table()
	a1 = tr.Eq(table, "a_1", a1)
	a2, back1 := p.LN1.normalize(tr.In("ln1"), a1)
	a2 = tr.Eq(table, "a_2", a2)
	a3, back2 := w.attention(tr, a2, p)
	a3 = tr.Eq(table, "a_3", a3)
	a4, back3 := w.layer(tr.In("attProj"), a3, p.AttProj)
	a4 = tr.Eq(table, "a_4", a4)
	a5 := tr.Eq(table, "a_5", a1.Add(a4)) // (skip)
	a6, back5 := p.LN2.normalize(tr.In("ln2"), a5)
	a6 = tr.Eq(table, "a_6", a6)
	a9, back6 := w.feedForward(tr, a6, p) // a_7, a_8
	a9 = tr.Eq(table, "a_9", a9)
	a10 = tr.Eq(table, "a_10", a5.Add(a9)) // (skip)

	back = func(Δ10 Mat) (Δ1 Mat, dp BlockParams) {
		Δ10 = tr.Eq(table, "Δ_10", Δ10)
		Δ9 := tr.Eq(table, "Δ_9", Δ10)
		Δ6 := tr.Eq(table, "Δ_6", back6(Δ9, &dp)) // Δ_8, Δ_7
		Δ5, d5 := back5(Δ6)
		Δ5 = tr.Eq(table, "Δ_5", Δ10.Add(Δ5)) // (skip)
		Δ4 := tr.Eq(table, "Δ_4", Δ5)
		Δ3, d3 := back3(Δ4)
		Δ3 = tr.Eq(table, "Δ_3", Δ3)
		Δ2 := tr.Eq(table, "Δ_2", back2(Δ3, &dp))
		Δ1, d1 := back1(Δ2)
		Δ1 = tr.Eq(table, "Δ_1", Δ5.Add(Δ1)) // (skip)

		dp.LN1, dp.AttProj, dp.LN2 = d1, d3, d5
		dp.record(tr, p)
		return Δ1, dp
	}
	return a10, back
}

// feedForward is what stands between a_6 and a_9: two layers with g between them, or
// three around a gated g.
func (w way) feedForward(tr *Trace, a6 Mat, p BlockParams) (a9 Mat, back func(Δ9 Mat, dp *BlockParams) (Δ6 Mat)) {
	if p.Gate.W.V != nil {
		return w.gated(tr, a6, p)
	}
	table := p.table()
	a7, back6 := w.layer(tr.In("expand"), a6, p.Expand)
	a7 = tr.Eq(table, "a_7", a7)
	a8, back7 := Activate(tr.In("g"), a7, p.Activation)
	a8 = tr.Eq(table, "a_8", a8)
	a9, back8 := w.layer(tr.In("contract"), a8, p.Contract)

	back = func(Δ9 Mat, dp *BlockParams) (Δ6 Mat) {
		Δ8, d8 := back8(Δ9)
		Δ8 = tr.Eq(table, "Δ_8", Δ8)
		Δ7 := tr.Eq(table, "Δ_7", back7(Δ8))
		Δ6, dp.Expand = back6(Δ7)
		dp.Contract = d8
		return Δ6
	}
	return a9, back
}

// gated is feedForward with a gated activation: a_7 is two, z and u.
func (w way) gated(tr *Trace, a6 Mat, p BlockParams) (a9 Mat, back func(Δ9 Mat, dp *BlockParams) (Δ6 Mat)) {
	z, backGate := w.layer(tr.In("gate"), a6, p.Gate)
	u, backUp := w.layer(tr.In("up"), a6, p.Up)
	a8, backG := Gated(tr.In("g"), z, u, p.Activation)
	a8 = tr.Eq("L22", "a_8", a8)
	a9, backDown := w.layer(tr.In("down"), a8, p.Down)

	back = func(Δ9 Mat, dp *BlockParams) (Δ6 Mat) {
		var Δ6Gate, Δ6Up Mat
		Δ8, dDown := backDown(Δ9)
		Δ8 = tr.Eq("L22", "Δ_8", Δ8)
		Δz, Δu := backG(Δ8)
		Δ6Gate, dp.Gate = backGate(Δz)
		Δ6Up, dp.Up = backUp(Δu)
		dp.Down = dDown
		return Δ6Gate.Add(Δ6Up)
	}
	return a9, back
}

// table is the number of the table that the block is recorded as, its own or (T2).
func (p BlockParams) table() string {
	if p.llama {
		return "L22"
	}
	return "T2"
}

// record records the gradients d of a block with parameters p, from its output to its
// input: the rows of table 3 (T3), or what (L22) has instead. Those of heads are recorded
// by [Attention].
func (d *BlockParams) record(tr *Trace, p BlockParams) {
	table := "T3"
	if p.llama {
		table = "L22"
	}
	d.Down = d.Down.record(tr, table, "down", p.Down)
	d.Up = d.Up.record(tr, table, "up", p.Up)
	d.Gate = d.Gate.record(tr, table, "gate", p.Gate)
	d.Contract = d.Contract.record(tr, table, "8", p.Contract)
	d.Expand = d.Expand.record(tr, table, "6", p.Expand)
	d.LN2 = d.LN2.record(tr, table, "5", p.LN2)
	d.AttProj = d.AttProj.record(tr, table, "3", p.AttProj)
	for i, name := range p.projections() {
		d.QKV[i] = d.QKV[i].record(tr, table, name, p.QKV[i])
	}
	d.LN1 = d.LN1.record(tr, table, "1", p.LN1)
}

// record records the gradients of a layer with parameters p, where there is one.
func (d Layer) record(tr *Trace, table, i string, p Layer) Layer {
	if p.W.V == nil {
		return d
	}
	d.W = tr.Eq(table, "∂L/∂w_"+i, d.W)
	if p.B != nil {
		d.B = tr.Vec(table, "∂L/∂b_"+i, d.B)
	}
	if p.D.V != nil {
		d.D = tr.Eq(table, "∂L/∂d_"+i, d.D)
		d.U = tr.Eq(table, "∂L/∂u_"+i, d.U)
	}
	if p.M != nil {
		d.M = tr.Vec(table, "∂L/∂m_"+i, d.M)
	}
	return d
}

func (d Norm) record(tr *Trace, table, i string, p Norm) Norm {
	d.W = tr.Vec(table, "∂L/∂w_"+i, d.W)
	if p.B != nil {
		d.B = tr.Vec(table, "∂L/∂b_"+i, d.B)
	}
	return d
}
