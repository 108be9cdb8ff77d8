package paper

import "github.com/pedestrian-ml/pedestrian"

// A Norm holds the parameters of a layer normalization, or gradients with respect
// to them. A bias that is switched off is nil.
type Norm struct {
	W, B Vec
	Eps  float64 // in a gradient it is 0
}

// BlockParams holds the parameters of one transformer block, or gradients with
// respect to them.
type BlockParams struct {
	LN1              Norm // w_1, b_1
	Heads            []Head
	AttProj          Layer // w_3, b_3
	LN2              Norm  // w_5, b_5
	Expand, Contract Layer // w_6, b_6 and w_8, b_8
	Activation       pedestrian.Activation
	Masked           bool // heads read [a_2 | a_2 under the mask of Dropout]: adapters are their lower rows
}

// Block is the transformer block, the starred part of table 2 (§7): down from its
// input a_1 to its output a_10, both n×d, and up again from Δ_10 to Δ_1. Blocks
// compose: a_10 of one is a_1 of the next, whose Δ_1 is Δ_10 of the one.
//
// Where a_1 and a_5 are handed to two readers, their two error signals add.
// Derivation: docs/07-network.md.
func Block(tr *Trace, a1 Mat, p BlockParams, m Mat) (a10 Mat, back func(Δ10 Mat) (Δ1 Mat, dp BlockParams)) {
	a1 = tr.Eq("T2", "a_1", a1)
	a2, back1 := LayerNorm(tr.In("ln1"), a1, p.LN1.W, p.LN1.B, p.LN1.Eps)
	a2 = tr.Eq("T2", "a_2", a2)
	in, backIn := p.headInput(tr, a2)
	a3, back2 := MultiHead(tr, in, p.Heads, m)
	a3 = tr.Eq("T2", "a_3", a3)
	a4, back3 := Adapted(tr.In("attProj"), a3, p.AttProj)
	a4 = tr.Eq("T2", "a_4", a4)
	a5 := tr.Eq("T2", "a_5", a1.Add(a4)) // (skip)
	a6, back5 := LayerNorm(tr.In("ln2"), a5, p.LN2.W, p.LN2.B, p.LN2.Eps)
	a6 = tr.Eq("T2", "a_6", a6)
	a7, back6 := Adapted(tr.In("expand"), a6, p.Expand)
	a7 = tr.Eq("T2", "a_7", a7)
	a8, back7 := Activate(tr.In("g"), a7, p.Activation)
	a8 = tr.Eq("T2", "a_8", a8)
	a9, back8 := Adapted(tr.In("contract"), a8, p.Contract)
	a9 = tr.Eq("T2", "a_9", a9)
	a10 = tr.Eq("T2", "a_10", a5.Add(a9)) // (skip)

	back = func(Δ10 Mat) (Δ1 Mat, dp BlockParams) {
		Δ10 = tr.Eq("T2", "Δ_10", Δ10)
		Δ9 := tr.Eq("T2", "Δ_9", Δ10)
		Δ8, d8 := back8(Δ9)
		Δ8 = tr.Eq("T2", "Δ_8", Δ8)
		Δ7 := tr.Eq("T2", "Δ_7", back7(Δ8))
		Δ6, d6 := back6(Δ7)
		Δ6 = tr.Eq("T2", "Δ_6", Δ6)
		Δ5, dw5, db5 := back5(Δ6)
		Δ5 = tr.Eq("T2", "Δ_5", Δ10.Add(Δ5)) // (skip)
		Δ4 := tr.Eq("T2", "Δ_4", Δ5)
		Δ3, d3 := back3(Δ4)
		Δ3 = tr.Eq("T2", "Δ_3", Δ3)
		Δ2, dHeads := back2(Δ3)
		Δ2 = tr.Eq("T2", "Δ_2", backIn(Δ2))
		Δ1, dw1, db1 := back1(Δ2)
		Δ1 = tr.Eq("T2", "Δ_1", Δ5.Add(Δ1)) // (skip)

		dp.Contract = d8.record(tr, "8", p.Contract)
		dp.Expand = d6.record(tr, "6", p.Expand)
		dp.LN2 = Norm{W: dw5, B: db5}.record(tr, "5", p.LN2)
		dp.AttProj = d3.record(tr, "3", p.AttProj)
		dp.Heads = dHeads // recorded by Attention
		dp.LN1 = Norm{W: dw1, B: db1}.record(tr, "1", p.LN1)
		return Δ1, dp
	}
	return a10, back
}

// headInput is what the heads read. Adapters of theirs that have an input of their
// own, under a mask, are further rows of their weights:
//
//	a_2 w + ã_2 α d u = [a_2 | ã_2] (w above α d u)
func (p BlockParams) headInput(tr *Trace, a2 Mat) (a Mat, back func(Δ Mat) (Δ2 Mat)) {
	if !p.Masked {
		return a2, func(Δ Mat) Mat { return Δ }
	}
	masked, backMask := Dropout(tr.In("qkv"), a2)
	return Concat(a2, masked), func(Δ Mat) Mat {
		return Δ.Columns(0, a2.D).Add(backMask(Δ.Columns(a2.D, a2.D)))
	}
}

// record records the gradients of a layer with parameters p as rows of table 3.
func (d Layer) record(tr *Trace, i string, p Layer) Layer {
	d.W = tr.Eq("T3", "∂L/∂w_"+i, d.W)
	if p.B != nil {
		d.B = tr.Vec("T3", "∂L/∂b_"+i, d.B)
	}
	if p.D.V != nil {
		d.D = tr.Eq("T3", "∂L/∂d_"+i, d.D)
		d.U = tr.Eq("T3", "∂L/∂u_"+i, d.U)
	}
	if p.M != nil {
		d.M = tr.Vec("T3", "∂L/∂m_"+i, d.M)
	}
	return d
}

func (d Norm) record(tr *Trace, i string, p Norm) Norm {
	d.W = tr.Vec("T3", "∂L/∂w_"+i, d.W)
	if p.B != nil {
		d.B = tr.Vec("T3", "∂L/∂b_"+i, d.B)
	}
	return d
}
