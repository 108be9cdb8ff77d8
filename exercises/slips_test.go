package exercises

import (
	"math"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// A slip is a layer whose back is wrong, and what the report must say of it, without its
// line breaks.
type slip struct {
	what  string
	check exercise
	says  string
}

// TestSlips: programs with the slips that people make get the diagnosis in words.
func TestSlips(t *testing.T) {
	for _, s := range slips() {
		text, right := s.check.report()
		if right || !strings.Contains(unwrapped(text), s.says) {
			t.Errorf("%s, %s: it must say\n%s\nand says\n%s", s.check.name, s.what, s.says, text)
		}
	}
}

func slips() (all []slip) {
	// each adds programs that differ in back alone.
	fc := func(what, says string, back func(aPrev, w, D paper.Mat) (DPrev, dw paper.Mat, db paper.Vec)) {
		all = append(all, slip{what, checkFullyConnected(func(aPrev, w paper.Mat, b paper.Vec) (paper.Mat, func(D paper.Mat) (paper.Mat, paper.Mat, paper.Vec)) {
			a, _ := FullyConnected(aPrev, w, b)
			return a, func(D paper.Mat) (paper.Mat, paper.Mat, paper.Vec) { return back(aPrev, w, D) }
		}), says})
	}
	fc("w is not transposed", "the error signal on aPrev: wrong It panics at T = 6, f = 9, g = 8: paper.Mat.Mul: 6×8 times 9×8.", func(aPrev, w, D paper.Mat) (DPrev, dw paper.Mat, db paper.Vec) {
		return D.Mul(w), aPrev.T().Mul(D), D.SumTokens()
	})
	fc("dw transposed", "the gradient of w: wrong It is g×f (8×9), and the gradient is f×g (9×8): right once it is transposed.", func(aPrev, w, D paper.Mat) (DPrev, dw paper.Mat, db paper.Vec) {
		return D.Mul(w.T()), D.T().Mul(aPrev), D.SumTokens()
	})
	fc("one token", "the gradient of b: wrong That is the error of the first token alone;", func(aPrev, w, D paper.Mat) (DPrev, dw paper.Mat, db paper.Vec) {
		return D.Mul(w.T()), aPrev.T().Mul(D), D.Row(0)
	})
	fc("the sum over features", "the gradient of b: wrong These are the numbers of sum_features(D). The answer is one number a token (T), 6 of them, but what is asked for is one number a feature (g), 8 of them; sum_tokens belongs in the place of sum_features.", func(aPrev, w, D paper.Mat) (DPrev, dw paper.Mat, db paper.Vec) {
		return D.Mul(w.T()), aPrev.T().Mul(D), D.SumFeatures()
	})
	fc("the rest is missing", "the gradient of b: right the gradient of w: not written yet It must be f×g (9×8).", func(aPrev, w, D paper.Mat) (DPrev, dw paper.Mat, db paper.Vec) {
		return DPrev, dw, D.SumTokens()
	})

	emb := func(what, says string, back func(ids []int, w, D paper.Mat) paper.Mat) {
		all = append(all, slip{what, checkEmbedding(func(ids []int, w paper.Mat) (paper.Mat, func(D paper.Mat) paper.Mat) {
			a, _ := Embedding(ids, w)
			return a, func(D paper.Mat) paper.Mat { return back(ids, w, D) }
		}), says})
	}
	emb("assigned instead of added", "the gradient of w: wrong Wrong in row", func(ids []int, w, D paper.Mat) paper.Mat {
		dw := paper.Zeros(w.N, w.D)
		for t, id := range ids {
			copy(dw.Row(id), D.Row(t))
		}
		return dw
	})
	emb("the mean", "it is 1/n_T times the gradient", func(ids []int, w, D paper.Mat) paper.Mat {
		return paper.OneHot(ids, w.N).T().Mul(D).Scale(1 / float64(len(ids)))
	})

	soft := func(what, says string, back func(rho, D paper.Mat) paper.Mat) {
		all = append(all, slip{what, checkSoftmax(func(G paper.Mat) (paper.Mat, func(D paper.Mat) paper.Mat) {
			rho, _ := Softmax(G)
			return rho, func(D paper.Mat) paper.Mat { return back(rho, D) }
		}), says})
	}
	soft("the sigmoid's rule", "That is the rule of the sigmoid", func(rho, D paper.Mat) paper.Mat { return D.Had(rho).Sub(D.Had(rho).Had(rho)) })
	soft("without the mean", "The mean of D under rho is not taken out", func(rho, D paper.Mat) paper.Mat { return D.Had(rho) })
	soft("the sign", "Only the sign is wrong: it is -1 times the gradient.", func(rho, D paper.Mat) paper.Mat {
		return paper.Cols(D.FeatureDot(rho), D.D).Sub(D).Had(rho)
	})
	soft("without the factor", "These are the numbers of D - ~rowdot(D, rho). A factor is missing", func(rho, D paper.Mat) paper.Mat { return D.Sub(paper.Cols(D.FeatureDot(rho), D.D)) })
	soft("the last token", "Wrong in row 5 of 5 alone: at T = 5, d = 6, number [5, 1] is", func(rho, D paper.Mat) paper.Mat {
		DG := D.Sub(paper.Cols(D.FeatureDot(rho), D.D)).Had(rho)
		clear(DG.Row(DG.N - 1))
		return DG
	})

	// attend is a head that makes D_raw by raw, of weights under a mask; keys multiplies
	// what the keys hand down.
	attend := func(what, says string, mask func(n int) paper.Mat, raw func(rho, v, D paper.Mat, scale float64) paper.Mat, keys float64) {
		all = append(all, slip{what, checkHead(func(aPrev paper.Mat, p paper.Head) (paper.Mat, func(D paper.Mat) (paper.Mat, paper.Head)) {
			a, right := paper.Attention(nil, aPrev, p, paper.Causal(aPrev.N))
			return a, func(D paper.Mat) (DPrev paper.Mat, dp paper.Head) {
				scale := 1 / math.Sqrt(float64(p.Wk.D))
				v, q, k := aPrev.Mul(p.Wv).Bias(p.Bv), aPrev.Mul(p.Wq).Bias(p.Bq), aPrev.Mul(p.Wk).Bias(p.Bk)
				rho := paper.Softmax(q.Mul(k.T()).Scale(scale).Add(mask(aPrev.N)))
				DRaw := raw(rho, v, D, scale)
				_, dp = right(D)
				dp.Wq, dp.Bq = aPrev.T().Mul(DRaw).Mul(k), DRaw.Mul(k).SumTokens()
				dp.Wk, dp.Bk = DRaw.Mul(aPrev).T().Mul(q), DRaw.T().Mul(q).SumTokens()
				Dv, Dq, Dk := rho.T().Mul(D).Mul(p.Wv.T()), DRaw.Mul(k).Mul(p.Wq.T()), DRaw.T().Mul(q).Mul(p.Wk.T()).Scale(keys)
				return Dv.Add(Dq).Add(Dk), dp
			}
		}), says})
	}
	causal := func(n int) paper.Mat { return paper.Causal(n) }
	through := func(rho, v, D paper.Mat) paper.Mat { // the softmax
		Drho := D.Mul(v.T())
		return Drho.Sub(paper.Cols(Drho.FeatureDot(rho), rho.N)).Had(rho)
	}
	attend("the scaling is missing", "the gradient of Wq: wrong Only a factor is wrong: it is sqrt(d_rho) times the gradient (1.414 at the first point).", causal, func(rho, v, D paper.Mat, _ float64) paper.Mat { return through(rho, v, D) }, 1)
	attend("the sign within the softmax", "The sign before ~rowdot(D @ v', rho) must be -.", causal, func(rho, v, D paper.Mat, scale float64) paper.Mat {
		Drho := D.Mul(v.T())
		return Drho.Add(paper.Cols(Drho.FeatureDot(rho), rho.N)).Had(rho).Scale(scale)
	}, 1)
	attend("without the mean under rho", "the gradient of Bk: wrong Wrong, at T = 5, d = 7, d_rho = 2, d_h = 8, number [1] is 0 by the loss and", causal, func(rho, v, D paper.Mat, scale float64) paper.Mat {
		return D.Mul(v.T()).Had(rho).Scale(scale)
	}, 1)
	attend("without the mask", "the gradient of Wq: wrong The mask is forgotten on the way down", paper.Unmasked, func(rho, v, D paper.Mat, scale float64) paper.Mat {
		return through(rho, v, D).Scale(scale)
	}, 1)
	attend("the keys are forgotten", "the error signal on aPrev: wrong These are the numbers of rho' @ D @ w_v' + D_raw @ k @ w_q'. A term is missing: what the keys hand down.", causal, func(rho, v, D paper.Mat, scale float64) paper.Mat { return through(rho, v, D).Scale(scale) }, 0)

	norm := func(what, says string, back func(abar, g paper.Mat, sigma paper.Vec, D paper.Mat) (paper.Mat, paper.Vec)) {
		all = append(all, slip{what, checkLayerNorm(func(aPrev paper.Mat, w, b paper.Vec, eps float64) (paper.Mat, func(D paper.Mat) (paper.Mat, paper.Vec, paper.Vec)) {
			a, _ := LayerNorm(aPrev, w, b, eps)
			mu, sigma := paper.Moments(aPrev, eps)
			abar := aPrev.Sub(paper.Cols(mu, aPrev.D)).Div(paper.Cols(sigma, aPrev.D))
			return a, func(D paper.Mat) (paper.Mat, paper.Vec, paper.Vec) {
				DPrev, dw := back(abar, D.Had(paper.Rows(w, D.N)), sigma, D)
				return DPrev, dw, D.SumTokens()
			}
		}), says})
	}
	norm("constant moments", "That holds mu and sigma constant; both depend on a_prev, and each takes a term away.", func(abar, g paper.Mat, sigma paper.Vec, D paper.Mat) (paper.Mat, paper.Vec) {
		return g.Div(paper.Cols(sigma, g.D)), abar.Had(D).SumTokens()
	})
	norm("without the mean of sigma", "the error signal on aPrev: wrong These are the numbers of (D * ~w - ~mu(D * ~w)) / ~sigma. A term is missing: what sigma takes away", func(abar, g paper.Mat, sigma paper.Vec, D paper.Mat) (paper.Mat, paper.Vec) {
		return g.Sub(paper.Cols(g.SumFeatures(), g.D).Scale(1 / float64(g.D))).Div(paper.Cols(sigma, g.D)), abar.Had(D).SumTokens()
	})
	norm("the sum over the features for the gain", "the gradient of w: wrong These are the numbers of sum_features(abar * D). The answer is one number a token (T), 5 of them", func(abar, g paper.Mat, sigma paper.Vec, D paper.Mat) (paper.Mat, paper.Vec) {
		return paper.Mat{}, abar.Had(D).SumFeatures()
	})

	adapter := func(what, says string, back func(aPrev, w, d, u, D paper.Mat, alpha float64) (DPrev, dd, du paper.Mat)) {
		all = append(all, slip{what, checkLoRA(func(aPrev, w paper.Mat, b paper.Vec, d, u paper.Mat, alpha float64) (paper.Mat, func(D paper.Mat) (paper.Mat, paper.Mat, paper.Mat)) {
			a, _ := LoRA(aPrev, w, b, d, u, alpha)
			return a, func(D paper.Mat) (DPrev, dd, du paper.Mat) { return back(aPrev, w, d, u, D, alpha) }
		}), says})
	}
	adapter("the frozen path", "the error signal on aPrev: wrong The frozen path is forgotten: w gets no update, but the error passes through it all the same", func(aPrev, w, d, u, D paper.Mat, alpha float64) (DPrev, dd, du paper.Mat) {
		return D.Mul(d.Mul(u).T()).Scale(alpha), aPrev.T().Mul(D).Mul(u.T()).Scale(alpha), aPrev.Mul(d).T().Mul(D).Scale(alpha)
	})
	adapter("alpha", "the gradient of u: wrong alpha is forgotten", func(aPrev, w, d, u, D paper.Mat, alpha float64) (DPrev, dd, du paper.Mat) {
		return DPrev, dd, aPrev.Mul(d).T().Mul(D)
	})

	add := func(what, says string, back func(D paper.Mat, branch func(paper.Mat) paper.Mat) paper.Mat) {
		all = append(all, slip{what, checkSkip(func(a1 paper.Mat, branch Branch) (paper.Mat, func(D paper.Mat) paper.Mat) {
			a, _ := Skip(a1, branch)
			_, below := branch(a1)
			return a, func(D paper.Mat) paper.Mat { return back(D, below) }
		}), says})
	}
	add("the skip is forgotten", "The skip is forgotten", func(D paper.Mat, branch func(paper.Mat) paper.Mat) paper.Mat { return branch(D) })
	add("the branch is forgotten", "The branch is forgotten", func(D paper.Mat, branch func(paper.Mat) paper.Mat) paper.Mat { return D })
	add("twice", "it is 2 times the gradient", func(D paper.Mat, branch func(paper.Mat) paper.Mat) paper.Mat { return D.Add(branch(D)).Scale(2) })

	table := func(what, says string, back func(ids []int, w, a11, D12 paper.Mat, between func(paper.Mat) paper.Mat) paper.Mat) {
		all = append(all, slip{what, checkTiedLogits(func(ids []int, w paper.Mat, between Branch) (paper.Mat, func(D12 paper.Mat) paper.Mat) {
			a, _ := TiedLogits(ids, w, between)
			a11, below := between(paper.OneHot(ids, w.N).Mul(w))
			return a, func(D12 paper.Mat) paper.Mat { return back(ids, w, a11, D12, below) }
		}), says})
	}
	table("the logits are forgotten", "The logits are forgotten", func(ids []int, w, a11, D12 paper.Mat, between func(paper.Mat) paper.Mat) paper.Mat {
		return paper.OneHot(ids, w.N).T().Mul(between(D12.Mul(w)))
	})
	table("the activation is forgotten", "These are the numbers of ohe(a_0)' @ (D_12 @ w_tok) + D_12' @ a_11.", func(ids []int, w, a11, D12 paper.Mat, between func(paper.Mat) paper.Mat) paper.Mat {
		return paper.OneHot(ids, w.N).T().Mul(D12.Mul(w)).Add(D12.T().Mul(a11))
	})

	all = append(all, slip{"that of layer normalization", checkRMSNorm(func(aPrev paper.Mat, w paper.Vec, eps float64) (paper.Mat, func(D paper.Mat) (paper.Mat, paper.Vec)) {
		a, right := paper.RMSNorm(nil, aPrev, w, eps)
		return a, func(D paper.Mat) (paper.Mat, paper.Vec) {
			d := aPrev.D
			sigma := aPrev.FeatureDot(aPrev)
			for t, s := range sigma {
				sigma[t] = math.Sqrt(s/float64(d) + eps)
			}
			abar, g := aPrev.Div(paper.Cols(sigma, d)), D.Had(paper.Rows(w, D.N))
			mean := func(m paper.Mat) paper.Mat { return paper.Cols(m.SumFeatures(), d).Scale(1 / float64(d)) }
			_, dw := right(D)
			return g.Sub(mean(g)).Sub(abar.Had(mean(g.Had(abar)))).Div(paper.Cols(sigma, d)), dw
		}
	}), "That is layer normalization: no mean is subtracted here"})

	all = append(all, slip{"turned on", checkRotary(func(aPrev, theta, Q paper.Mat) (paper.Mat, func(D paper.Mat) paper.Mat) {
		a, _ := Rotary(aPrev, theta, Q)
		return a, func(D paper.Mat) paper.Mat { on, _ := Rotary(D, theta, Q); return on }
	}), "That turns the error on, as the forward pass turned the query"})
	return all
}
