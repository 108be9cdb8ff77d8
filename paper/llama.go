package paper

import (
	"strconv"

	"github.com/pedestrian-ml/pedestrian"
)

// LlamaBlockParams holds the parameters of one block of the Llama family, or
// gradients with respect to them. Q, K, V, O, Gate, Up and Down may have biases and
// adapters.
type LlamaBlockParams struct {
	Norm1, Norm2   Norm // without biases
	Q, K, V, O     Layer
	Heads          Grouped // of a gradient: the gains of its norms
	Window         int     // tokens that a token sees, itself among them; 0: all
	Gate, Up, Down Layer
	Activation     pedestrian.Activation // of the gate
}

// LlamaBlock is a block of the Llama family (L22): down from its input a_1 to its
// output a_10, both n×d, and up again from Δ_10 to Δ_1. Stations are those of table 2:
// the norms are [RMSNorm], positions enter in the heads, and a_7 is two, z and u.
// starts are the beginnings of documents, see [Causal].
//
// Where several layers read a_2 or a_6, their error signals add:
//
//	Δ_2 = Δ_q w_qᵗ + Δ_k w_kᵗ + Δ_v w_vᵗ      (L22)
//	Δ_6 = Δ_z w_gateᵗ + Δ_u w_upᵗ             (L22)
//
// Derivation: docs/09-llama.md.
func LlamaBlock(tr *Trace, a1 Mat, p LlamaBlockParams, starts ...int) (a10 Mat, back func(Δ10 Mat) (Δ1 Mat, dp LlamaBlockParams)) {
	n := a1.N
	a1 = tr.Eq("L22", "a_1", a1)
	a2, back1 := RMSNorm(tr.In("norm1"), a1, p.Norm1.W, p.Norm1.Eps)
	a2 = tr.Eq("L22", "a_2", a2)
	q, backQ := Adapted(tr.In("q"), a2, p.Q)
	k, backK := Adapted(tr.In("k"), a2, p.K)
	v, backV := Adapted(tr.In("v"), a2, p.V)
	a3, backHeads := GroupedAttention(tr.In("heads"), q, k, v, p.Heads, positions(n, starts), SlidingWindow(n, p.Window, starts...))
	a3 = tr.Eq("L22", "a_3", a3)
	a4, backO := Adapted(tr.In("o"), a3, p.O)
	a4 = tr.Eq("L22", "a_4", a4)
	a5 := tr.Eq("L22", "a_5", a1.Add(a4)) // (skip)
	a6, back5 := RMSNorm(tr.In("norm2"), a5, p.Norm2.W, p.Norm2.Eps)
	a6 = tr.Eq("L22", "a_6", a6)
	z, backGate := Adapted(tr.In("gate"), a6, p.Gate)
	u, backUp := Adapted(tr.In("up"), a6, p.Up)
	a8, backGated := Gated(tr.In("g"), z, u, p.Activation)
	a8 = tr.Eq("L22", "a_8", a8)
	a9, backDown := Adapted(tr.In("down"), a8, p.Down)
	a9 = tr.Eq("L22", "a_9", a9)
	a10 = tr.Eq("L22", "a_10", a5.Add(a9)) // (skip)

	back = func(Δ10 Mat) (Δ1 Mat, dp LlamaBlockParams) {
		Δ10 = tr.Eq("L22", "Δ_10", Δ10)
		Δ9 := tr.Eq("L22", "Δ_9", Δ10)
		Δ8, dDown := backDown(Δ9)
		Δ8 = tr.Eq("L22", "Δ_8", Δ8)
		Δz, Δu := backGated(Δ8)
		Δ6Gate, dGate := backGate(Δz)
		Δ6Up, dUp := backUp(Δu)
		Δ6 := tr.Eq("L22", "Δ_6", Δ6Gate.Add(Δ6Up))
		Δ5, dw5 := back5(Δ6)
		Δ5 = tr.Eq("L22", "Δ_5", Δ10.Add(Δ5)) // (skip)
		Δ4 := tr.Eq("L22", "Δ_4", Δ5)
		Δ3, dO := backO(Δ4)
		Δ3 = tr.Eq("L22", "Δ_3", Δ3)
		Δq, Δk, Δv, dqNorm, dkNorm := backHeads(Δ3)
		Δ2Q, dQ := backQ(Δq)
		Δ2K, dK := backK(Δk)
		Δ2V, dV := backV(Δv)
		Δ2 := tr.Eq("L22", "Δ_2", Δ2Q.Add(Δ2K).Add(Δ2V))
		Δ1, dw1 := back1(Δ2)
		Δ1 = tr.Eq("L22", "Δ_1", Δ5.Add(Δ1)) // (skip)

		return Δ1, LlamaBlockParams{
			Norm1: Norm{W: dw1}, Norm2: Norm{W: dw5}, Q: dQ, K: dK, V: dV, O: dO,
			Heads: Grouped{QNorm: Norm{W: dqNorm}, KNorm: Norm{W: dkNorm}}, Gate: dGate, Up: dUp, Down: dDown,
		}
	}
	return a10, back
}

// LlamaParams holds the parameters of a network of the Llama family, or gradients
// with respect to them.
type LlamaParams struct {
	Tok      Mat     // V×d
	TokScale float64 // what multiplies its rows on their way in, √d in Gemma; 0 is 1
	Blocks   []LlamaBlockParams
	Final    Norm
	Logits   Layer // d×V; tied to Tok when its W is the zero Mat
}

// Llama is a network of the Llama family on one sequence (L23); the loss of a counted
// token is multiplied by weight, see [Reduction.Weight]. There is no table of
// positions. A tied matrix E is read twice, and so has two gradients that add; s is
// TokScale:
//
//	a_1   = s ohe(a_0) E, a_12 = a_11 Eᵗ          (L23)
//	∂L/∂E = s ohe(a_0)ᵗ Δ_1 + (a_11ᵗ Δ_12)ᵗ       (L23)
//
// It panics as [Network] does for tokens and targets outside of the vocabulary.
// Derivation: docs/09-llama.md.
func Llama(tr *Trace, p LlamaParams, seq Sequence, weight float64) (loss float64, back func() (dp LlamaParams)) {
	scale, tied := p.TokScale, p.Logits.W.V == nil
	if scale == 0 {
		scale = 1
	}
	if tied {
		p.Logits.W = p.Tok.T()
	}
	rows, backTok, _ := Embedding(tr.In("tok"), seq.Tokens, p.Tok)
	a := rows.Scale(scale) // a_1
	backs := make([]func(Δ Mat) (Mat, LlamaBlockParams), len(p.Blocks))
	for i, b := range p.Blocks {
		a, backs[i] = LlamaBlock(tr.In("block."+strconv.Itoa(i)), a, b, seq.Starts...) // a_2, …, a_10
	}
	a11, back10 := RMSNorm(tr.In("final"), a, p.Final.W, p.Final.Eps)
	a11 = tr.Eq("L23", "a_11", a11)
	a12, back11 := Adapted(tr.In("logits"), a11, p.Logits)
	a12 = tr.Eq("L23", "a_12", a12)
	loss, backLoss := Loss(tr, a12, seq.Targets, weight)

	back = func() (dp LlamaParams) {
		Δ12 := tr.Eq("L23", "Δ_12", backLoss())
		Δ11, d11 := back11(Δ12)
		Δ11 = tr.Eq("L23", "Δ_11", Δ11)
		Δ, dw10 := back10(Δ11) // Δ_10
		dp.Logits, dp.Final = d11, Norm{W: dw10}
		dp.Blocks = make([]LlamaBlockParams, len(backs))
		for i := len(backs) - 1; i >= 0; i-- {
			Δ, dp.Blocks[i] = backs[i](Δ) // Δ_9, …, Δ_1
		}
		dp.Tok = backTok(Δ.Scale(scale))
		if tied {
			dp.Tok = dp.Tok.Add(d11.W.T())
			dp.Logits.W = Mat{}
		}
		dp.Tok = tr.Eq("L23", "∂L/∂w_tok", dp.Tok)
		return dp
	}
	return loss, back
}
