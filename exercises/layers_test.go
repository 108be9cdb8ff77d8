package exercises

import (
	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/derive"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// The types of the layers: of the stubs, of the solutions, and of programs with slips.
type (
	fullyConnected = func(aPrev, w paper.Mat, b paper.Vec) (a paper.Mat, back func(D paper.Mat) (DPrev, dw paper.Mat, db paper.Vec))
	embedding      = func(ids []int, w paper.Mat) (a paper.Mat, back func(D paper.Mat) (dw paper.Mat))
	softmax        = func(G paper.Mat) (rho paper.Mat, back func(D paper.Mat) (DG paper.Mat))
	head           = func(aPrev paper.Mat, p paper.Head) (a paper.Mat, back func(D paper.Mat) (DPrev paper.Mat, dp paper.Head))
	layerNorm      = func(aPrev paper.Mat, w, b paper.Vec, eps float64) (a paper.Mat, back func(D paper.Mat) (DPrev paper.Mat, dw, db paper.Vec))
	lora           = func(aPrev, w paper.Mat, b paper.Vec, d, u paper.Mat, alpha float64) (a paper.Mat, back func(D paper.Mat) (DPrev, dd, du paper.Mat))
	skip           = func(a1 paper.Mat, branch Branch) (a5 paper.Mat, back func(D paper.Mat) (D1 paper.Mat))
	tiedLogits     = func(ids []int, w paper.Mat, between Branch) (a12 paper.Mat, back func(D12 paper.Mat) (dw paper.Mat))
	rmsNorm        = func(aPrev paper.Mat, w paper.Vec, eps float64) (a paper.Mat, back func(D paper.Mat) (DPrev paper.Mat, dw paper.Vec))
	rotary         = func(aPrev, theta, Q paper.Mat) (a paper.Mat, back func(D paper.Mat) (DPrev paper.Mat))
)

const errorOnInput = "the error signal on aPrev"

func checkFullyConnected(f fullyConnected) exercise {
	up := func(in *derive.Instance) (paper.Mat, func(D paper.Mat) (paper.Mat, paper.Mat, paper.Vec)) {
		return f(at(in, "a_prev"), at(in, "w"), vec(in, "b"))
	}
	down := func(of func(DPrev, dw paper.Mat, db paper.Vec) paper.Mat) compute {
		return func(in *derive.Instance) paper.Mat {
			_, back := up(in)
			return of(back(at(in, "D")))
		}
	}
	return exercise{
		name: "FullyConnected", file: "fullyconnected.go", output: "a",
		forward: func(in *derive.Instance) paper.Mat { a, _ := up(in); return a },
		back: []result{
			{"the gradient of b", graded("fc_b"), down(func(_, _ paper.Mat, db paper.Vec) paper.Mat { return row(db) })},
			{"the gradient of w", graded("fc_w"), down(func(_, dw paper.Mat, _ paper.Vec) paper.Mat { return dw })},
			{errorOnInput, graded("fc"), down(func(DPrev, _ paper.Mat, _ paper.Vec) paper.Mat { return DPrev })},
		},
	}
}

func checkEmbedding(f embedding) exercise {
	up := func(in *derive.Instance) (paper.Mat, func(D paper.Mat) paper.Mat) {
		return f(ids(in, "ids"), at(in, "w_emb"))
	}
	return exercise{
		name: "Embedding", file: "embedding.go", output: "a",
		forward: func(in *derive.Instance) paper.Mat { a, _ := up(in); return a },
		back: []result{
			{"the gradient of w", graded("w_tok"), func(in *derive.Instance) paper.Mat { _, back := up(in); return back(at(in, "D")) }},
		},
	}
}

func checkSoftmax(f softmax) exercise {
	return exercise{
		name: "Softmax", file: "softmax.go", output: "rho",
		forward: func(in *derive.Instance) paper.Mat { rho, _ := f(at(in, "G")); return rho },
		back: []result{
			{"the error signal on G", graded("softmax"), func(in *derive.Instance) paper.Mat { _, back := f(at(in, "G")); return back(at(in, "D")) }},
		},
	}
}

// keyBias is the gradient that is zero whatever the numbers, (29). It is no exercise of the
// path, where any formula that vanishes would be right.
var keyBias = &derive.Exercise{
	ID: "w_k", Title: "the bias of the keys", Level: derive.TypeIt, Eq: "32.b",
	World: "head", Target: "b_k", Given: graded("w_k").Given,
	Hints:    []string{"A key bias adds one number to all scores of a row. What does softmax make of that?"},
	Accepted: []string{"sum_tokens(D_raw' @ q)"},
}

func checkHead(f head) exercise {
	up := func(in *derive.Instance) (paper.Mat, func(D paper.Mat) (paper.Mat, paper.Head)) {
		return f(at(in, "a_prev"), paper.Head{
			Wq: at(in, "w_q"), Wk: at(in, "w_k"), Wv: at(in, "w_v"),
			Bq: vec(in, "b_q"), Bk: vec(in, "b_k"), Bv: vec(in, "b_v"),
		})
	}
	down := func(of func(DPrev paper.Mat, dp paper.Head) paper.Mat) compute {
		return func(in *derive.Instance) paper.Mat {
			_, back := up(in)
			return of(back(at(in, "D")))
		}
	}
	return exercise{
		name: "Head", file: "head.go", output: "a",
		forward: func(in *derive.Instance) paper.Mat { a, _ := up(in); return a },
		back: []result{
			{"the gradient of Bv", graded("b_v"), down(func(_ paper.Mat, dp paper.Head) paper.Mat { return row(dp.Bv) })},
			{"the gradient of Wv", graded("w_v"), down(func(_ paper.Mat, dp paper.Head) paper.Mat { return dp.Wv })},
			{"the gradient of Bq", graded("b_q"), down(func(_ paper.Mat, dp paper.Head) paper.Mat { return row(dp.Bq) })},
			{"the gradient of Wq", graded("w_q"), down(func(_ paper.Mat, dp paper.Head) paper.Mat { return dp.Wq })},
			{"the gradient of Wk", graded("w_k"), down(func(_ paper.Mat, dp paper.Head) paper.Mat { return dp.Wk })},
			{"the gradient of Bk", keyBias, down(func(_ paper.Mat, dp paper.Head) paper.Mat { return row(dp.Bk) })},
			{errorOnInput, graded("head_input"), down(func(DPrev paper.Mat, _ paper.Head) paper.Mat { return DPrev })},
		},
	}
}

func checkLayerNorm(f layerNorm) exercise {
	up := func(in *derive.Instance) (paper.Mat, func(D paper.Mat) (paper.Mat, paper.Vec, paper.Vec)) {
		return f(at(in, "a_prev"), vec(in, "w"), vec(in, "b"), num(in, "eps"))
	}
	down := func(of func(DPrev paper.Mat, dw, db paper.Vec) paper.Mat) compute {
		return func(in *derive.Instance) paper.Mat {
			_, back := up(in)
			return of(back(at(in, "D")))
		}
	}
	return exercise{
		name: "LayerNorm", file: "layernorm.go", output: "a",
		forward: func(in *derive.Instance) paper.Mat { a, _ := up(in); return a },
		back: []result{
			{"the gradient of b", graded("layernorm_b"), down(func(_ paper.Mat, _, db paper.Vec) paper.Mat { return row(db) })},
			{"the gradient of w", graded("layernorm_w"), down(func(_ paper.Mat, dw, _ paper.Vec) paper.Mat { return row(dw) })},
			{errorOnInput, graded("layernorm"), down(func(DPrev paper.Mat, _, _ paper.Vec) paper.Mat { return DPrev })},
		},
	}
}

// checkLoRA runs the gradients of down and up in a world that has no frozen layer: there it
// is a layer of zeros.
func checkLoRA(f lora) exercise {
	beside := func(of func(DPrev, dd, du paper.Mat) paper.Mat) compute {
		return func(in *derive.Instance) paper.Mat {
			_, back := f(at(in, "a_prev"), at(in, "w"), vec(in, "b"), at(in, "d"), at(in, "u"), num(in, "alpha"))
			return of(back(at(in, "D")))
		}
	}
	alone := func(of func(DPrev, dd, du paper.Mat) paper.Mat) compute {
		return func(in *derive.Instance) paper.Mat {
			g := in.Size("g")
			_, back := f(at(in, "a_prev"), paper.Zeros(in.Size("f"), g), make(paper.Vec, g), at(in, "d"), at(in, "u"), num(in, "alpha"))
			return of(back(at(in, "D")))
		}
	}
	return exercise{
		name: "LoRA", file: "lora.go", output: "a",
		forward: func(in *derive.Instance) paper.Mat {
			a, _ := f(at(in, "a_prev"), at(in, "w"), vec(in, "b"), at(in, "d"), at(in, "u"), num(in, "alpha"))
			return a
		},
		back: []result{
			{errorOnInput, graded("lora_input"), beside(func(DPrev, _, _ paper.Mat) paper.Mat { return DPrev })},
			{"the gradient of d", graded("lora_d"), alone(func(_, dd, _ paper.Mat) paper.Mat { return dd })},
			{"the gradient of u", graded("lora_u"), alone(func(_, _, du paper.Mat) paper.Mat { return du })},
		},
	}
}

// gelu is an activation as a branch.
func gelu(in paper.Mat) (out paper.Mat, back func(D paper.Mat) (DIn paper.Mat)) {
	return paper.Activate(nil, in, pedestrian.GELU)
}

func checkSkip(f skip) exercise {
	up := func(in *derive.Instance) (paper.Mat, func(D paper.Mat) paper.Mat) {
		w := at(in, "w")
		return f(at(in, "a_1"), func(a1 paper.Mat) (a4 paper.Mat, back func(D4 paper.Mat) paper.Mat) {
			z, slope := gelu(a1)
			a4, layer := paper.FC(nil, z, w, nil)
			return a4, func(D4 paper.Mat) paper.Mat { Dz, _, _ := layer(D4); return slope(Dz) }
		})
	}
	return exercise{
		name: "Skip", file: "skip.go", output: "a_5",
		forward: func(in *derive.Instance) paper.Mat { a, _ := up(in); return a },
		back: []result{
			{"the error signal on a1", graded("skip"), func(in *derive.Instance) paper.Mat { _, back := up(in); return back(at(in, "D")) }},
		},
	}
}

func checkTiedLogits(f tiedLogits) exercise {
	up := func(in *derive.Instance) (paper.Mat, func(D12 paper.Mat) paper.Mat) {
		return f(ids(in, "a_0"), at(in, "w_tok"), gelu)
	}
	return exercise{
		name: "TiedLogits", file: "tied.go", output: "a_12",
		forward: func(in *derive.Instance) paper.Mat { a, _ := up(in); return a },
		back: []result{
			{"the gradient of w", graded("tied"), func(in *derive.Instance) paper.Mat { _, back := up(in); return back(at(in, "D_12")) }},
		},
	}
}

func checkRMSNorm(f rmsNorm) exercise {
	up := func(in *derive.Instance) (paper.Mat, func(D paper.Mat) (paper.Mat, paper.Vec)) {
		return f(at(in, "a_prev"), vec(in, "w"), num(in, "eps"))
	}
	return exercise{
		name: "RMSNorm", file: "rmsnorm.go", output: "a",
		forward: func(in *derive.Instance) paper.Mat { a, _ := up(in); return a },
		back: []result{
			{"the gradient of w", graded("rmsnorm_w"), func(in *derive.Instance) paper.Mat {
				_, back := up(in)
				_, dw := back(at(in, "D"))
				return row(dw)
			}},
			{errorOnInput, graded("rmsnorm"), func(in *derive.Instance) paper.Mat {
				_, back := up(in)
				DPrev, _ := back(at(in, "D"))
				return DPrev
			}},
		},
	}
}

func checkRotary(f rotary) exercise {
	up := func(in *derive.Instance) (paper.Mat, func(D paper.Mat) paper.Mat) {
		return f(at(in, "a_prev"), at(in, "theta"), at(in, "Q"))
	}
	return exercise{
		name: "Rotary", file: "rotary.go", output: "a",
		forward: func(in *derive.Instance) paper.Mat { a, _ := up(in); return a },
		back: []result{
			{errorOnInput, graded("rotary"), func(in *derive.Instance) paper.Mat { _, back := up(in); return back(at(in, "D")) }},
		},
	}
}
