package gradcheck

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A bug is a mistake that people make, ready to be planted: each replaces steps
// of a pass by what the wrong formula would have computed from the same steps and
// parameters. The wrong code lives here and nowhere else.
type bug struct {
	id, title string
	where     string // what is replaced
	host      string // the case it is planted in
	forward   bool   // it changes the forward pass
	make      func(p Point) plant
}

// at makes a plant that rewrites the steps of one name and equation.
func at(name, eq string, rewrite func(tr *paper.Trace, s paper.Step) paper.Mat) plant {
	return func(tr *paper.Trace, s paper.Step) paper.Mat {
		if s.Name == name && s.Eq == eq {
			return rewrite(tr, s)
		}
		return s.V
	}
}

// both makes one plant of two.
func both(a, b plant) plant {
	return func(tr *paper.Trace, s paper.Step) paper.Mat {
		s.V = a(tr, s)
		return b(tr, s)
	}
}

// fixed is the maker of a plant that needs nothing of the point.
func fixed(pl plant) func(p Point) plant { return func(Point) plant { return pl } }

// scaled makes a plant that multiplies steps by a number.
func scaled(name, eq string, by func(p Point) float64) func(p Point) plant {
	return func(p Point) plant {
		c := by(p)
		return at(name, eq, func(_ *paper.Trace, s paper.Step) paper.Mat { return s.V.Scale(c) })
	}
}

// get is a step that the pass has recorded.
func get(tr *paper.Trace, place, name string) paper.Mat {
	s, ok := tr.Find(place, name)
	if !ok {
		panic(fmt.Sprintf("gradcheck: a mutant looks for %s at %s, and it is not there yet", name, place))
	}
	return s.V
}

// above is the place around a place: "seq.0.block.0" of "seq.0.block.0.ln1".
func above(place string) string { return place[:strings.LastIndexByte(place, '.')] }

// headAbove is the place around a head's.
func headAbove(place string) string { return above(above(place)) }

// bugs are M1…M48.
var bugs = slices.Concat(networkBugs, adapterBugs, scaleBugs, llamaBugs)

// networkBugs are M1…M25.
var networkBugs = []bug{
	{"M1", "forget 1/√d_ρ", "Δ^raw := Δ^scaled (28)", "relu", false,
		fixed(at("Δ^raw", "28", func(tr *paper.Trace, s paper.Step) paper.Mat { return get(tr, s.At, "Δ^scaled") }))},
	{"M2", "forget the row-wise dot product of softmax", "Δ^causal := Δ_ρ ∘ ρ (25)", "relu", false,
		fixed(at("Δ^causal", "25", func(tr *paper.Trace, s paper.Step) paper.Mat {
			return get(tr, s.At, "Δ_ρ").Had(get(tr, s.At, "ρ"))
		}))},
	{"M3", "Δ^raw not transposed on the way to the keys", "Δ_k := Δ^raw q w_kᵗ (30.b)", "relu", false,
		func(p Point) plant {
			heads := headsOf(p.Config, p.Params.Blocks, p.LoRA)
			return at("Δ_{k_h}", "30.b", func(tr *paper.Trace, s paper.Step) paper.Mat {
				w := heads[blockOf(s.At)][placeOf(s.At, "head")].Wk
				return get(tr, s.At, "Δ^raw").Mul(get(tr, s.At, "q_h")).Mul(w.T())
			})
		}},
	{"M4", "queries and keys exchanged", "∂w_q := aᵗ Δ^raw q, ∂w_k := (Δ^raw a)ᵗ k (31)", "relu", false,
		fixed(both(
			at("∂L/∂w_{q_h}", "31.a", func(tr *paper.Trace, s paper.Step) paper.Mat {
				return get(tr, s.At, "a_{i-1}→q_h").T().Mul(get(tr, s.At, "Δ^raw")).Mul(get(tr, s.At, "q_h"))
			}),
			at("∂L/∂w_{k_h}", "31.b", func(tr *paper.Trace, s paper.Step) paper.Mat {
				return get(tr, s.At, "Δ^raw").Mul(get(tr, s.At, "a_{i-1}→k_h")).T().Mul(get(tr, s.At, "k_h"))
			})))},
	{"M5", "forget the skip at Δ_5", "Δ_5 := LN(Δ_6) (T2)", "relu", false,
		fixed(at("Δ_5", "T2", func(tr *paper.Trace, s paper.Step) paper.Mat { return get(tr, s.At+".ln2", "Δ_{i-1}") }))},
	{"M6", "forget the skip at Δ_1", "Δ_1 := LN(Δ_2) (T2)", "relu", false,
		fixed(at("Δ_1", "T2", func(tr *paper.Trace, s paper.Step) paper.Mat { return get(tr, s.At+".ln1", "Δ_{i-1}") }))},
	{"M7", "layer norm without the mean of the error", "(40) without Σ g", "relu", false,
		func(p Point) plant { return p.wrongNorm(false, true) }},
	{"M8", "layer norm without the component along ā", "(40) without ā ∘ Σ ā∘g", "relu", false,
		func(p Point) plant { return p.wrongNorm(true, false) }},
	{"M9", "σ² instead of σ", "(40) divided by d σ²", "relu", false,
		fixed(at("Δ_{i-1}", "40", func(tr *paper.Trace, s paper.Step) paper.Mat {
			return s.V.Div(paper.Cols(get(tr, s.At, "σ").V, s.V.D))
		}))},
	{"M10", "the unbiased variance, over d - 1", "σ of (36), with (40) as it is", "relu", true,
		func(p Point) plant {
			d := float64(p.Config.Width)
			return onDeviation(func(s float64) float64 {
				return math.Sqrt((s*s-p.Config.Eps)*d/(d-1) + p.Config.Eps)
			})
		}},
	{"M11", "ε outside of the root", "σ of (36) := std + ε, with (40) as it is", "relu", true,
		func(p Point) plant {
			return onDeviation(func(s float64) float64 { return math.Sqrt(s*s-p.Config.Eps) + p.Config.Eps })
		}},
	{"M12", "a 0/1 mask before the softmax, as (13) is printed", "ρ^causal := m ∘ ρ^scaled, with (27)", "relu", true,
		fixed(literalMask)},
	{"M13", "the sum over targets where the mean is meant", "Δ_12 without 1/N", "relu", false,
		scaled("Δ_12", "T2", func(p Point) float64 { return float64(p.counted()) })},
	{"M14", "the embedding assigns instead of accumulating", "∂w_tok, rows of repeated tokens (3)", "relu", false,
		func(p Point) plant {
			return at("∂L/∂w_tok", "T3", func(tr *paper.Trace, s paper.Step) paper.Mat {
				e, g := get(tr, s.At+".block.0", "Δ_1"), paper.Zeros(s.V.N, s.V.D)
				for t, id := range p.Batch[placeOf(s.At, "seq")].Tokens {
					copy(g.Row(id), e.Row(t))
				}
				return g
			})
		}},
	{"M15", "positions beyond n_T are touched", "∂w_pos, the row after the last token's (3)", "relu", false,
		fixed(at("∂L/∂w_pos", "T3", func(tr *paper.Trace, s paper.Step) paper.Mat {
			e, g := get(tr, s.At+".block.0", "Δ_1"), clone(s.V)
			copy(g.Row(e.N), g.Row(e.N-1))
			return g
		}))},
	{"M16", "heads sliced by rows", "Δ_i^h: a run of numbers of Δ_3 instead of columns (35)", "relu", false,
		fixed(at("Δ_i^h", "35", func(tr *paper.Trace, s paper.Step) paper.Mat {
			from := placeOf(s.At, "head") * len(s.V.V)
			return paper.Mat{N: s.V.N, D: s.V.D, V: get(tr, headAbove(s.At), "Δ_3").V[from : from+len(s.V.V)]}
		}))},
	{"M17", "only two heads summed", "Δ_2 := Σ over heads 1 and 2 (35)", "relu", false,
		fixed(at("Δ_{i-1}", "35", func(tr *paper.Trace, s paper.Step) paper.Mat {
			return get(tr, s.At+".head.0", "Δ_{i-1}^h").Add(get(tr, s.At+".head.1", "Δ_{i-1}^h"))
		}))},
	{"M18", "LoRA without the frozen path", "Δ_{i-1} := α Δ_i (d u)ᵗ, the box of §7", "relu", false,
		fixed(missingFrozenPath)},
	{"M19", "α once too often", "∂d and ∂u multiplied by α again (45), (46)", "relu", false,
		func(p Point) plant {
			alpha := func(p Point) float64 { return p.Case.Adapter.MultiplierOf(pedestrian.TargetQ) }
			return both(scaled("∂L/∂d", "45", alpha)(p), scaled("∂L/∂u", "46", alpha)(p))
		}},
	{"M20", "α/r forward, α backward", "a_i of LoRA divided by r (43)", "relu", true,
		scaled("a_i", "43", func(p Point) float64 { return 1 / float64(p.Case.Adapter.Rank) })},
	{"M21", "gradients of d and u exchanged", "∂d_3 := (∂u_3)ᵗ, ∂u_3 := (∂d_3)ᵗ (45), (46)", "relu", false,
		fixed(both(
			at("∂L/∂d_3", "T3", func(tr *paper.Trace, s paper.Step) paper.Mat {
				return get(tr, s.At+".attProj.lora", "∂L/∂u").T()
			}),
			at("∂L/∂u_3", "T3", func(tr *paper.Trace, s paper.Step) paper.Mat {
				return get(tr, s.At+".attProj.lora", "∂L/∂d").T()
			})))},
	{"M22", "ReLU's mask from a_8 of another row", "Δ_7 := Δ_8 ∘ [a_8 of the next token > 0] (T2)", "relu", false,
		fixed(at("Δ_7", "T2", func(tr *paper.Trace, s paper.Step) paper.Mat {
			a, e := get(tr, s.At, "a_8"), clone(get(tr, s.At, "Δ_8"))
			for t := range e.N {
				for j, x := range a.Row((t + 1) % e.N) {
					if x <= 0 {
						e.Row(t)[j] = 0
					}
				}
			}
			return e
		}))},
	{"M23", "g′ of GELU's tanh form with the exact g", "Δ_7 := Δ_8 ∘ g′_tanh(a_7) (T2)", "gelu", false,
		fixed(at("Δ_7", "T2", func(tr *paper.Trace, s paper.Step) paper.Mat {
			_, back := paper.Activate(nil, get(tr, s.At, "a_7"), pedestrian.GELUTanh)
			return back(get(tr, s.At, "Δ_8"))
		}))},
	{"M24", "tied logits: only the embedding's gradient", "∂w_11 := 0", "gelu", false,
		scaled("∂L/∂w_11", "T3", func(Point) float64 { return 0 })},
	{"M25", "ignored targets counted in the mean", "Δ_12 over all tokens", "relu", false,
		scaled("Δ_12", "T2", func(p Point) float64 { return float64(p.counted()) / float64(p.tokens()) })},
}

// literalMask multiplies the scores by ones and zeros, as (13) is printed.
var literalMask = at("ρ^causal", "13", func(tr *paper.Trace, s paper.Step) paper.Mat {
	a := clone(get(tr, s.At, "ρ^scaled"))
	for t := range a.N {
		clear(a.Row(t)[t+1:])
	}
	return a
})

// missingFrozenPath hands down the adapter's share of the error alone.
var missingFrozenPath = at("Δ_{i-1}", "FC+LoRA", func(tr *paper.Trace, s paper.Step) paper.Mat {
	return get(tr, s.At+".lora", "Δ_{i-1}")
})

// plant is the wrong reading v, nil for none. The error says which case cannot
// show it.
func (v Variant) plant(c Case) (plant, error) {
	switch v {
	case "":
		return nil, nil
	case LiteralMask:
		return literalMask, nil
	case MissingFrozenPath:
		if c.Adapter == nil || !slices.Contains(c.Adapter.Targets, pedestrian.TargetLogits) {
			return nil, fmt.Errorf("case %s has no adapter beside the logits, so no frozen path to leave out: choose lora or relu", c.Name)
		}
		return missingFrozenPath, nil
	}
	return nil, fmt.Errorf("unknown variant %q: choose %q or %q", v, LiteralMask, MissingFrozenPath)
}

// wrongNorm is (40) with only some of its terms.
func (p Point) wrongNorm(mean, along bool) plant {
	return at("Δ_{i-1}", "40", func(tr *paper.Trace, s paper.Step) paper.Mat {
		place, layer := above(s.At), s.At[strings.LastIndexByte(s.At, '.')+1:]
		var up paper.Mat
		var gain []float64
		switch layer {
		case "ln1":
			up, gain = get(tr, place, "Δ_2"), p.Params.Blocks[blockOf(s.At)].LN1.W.V
		case "ln2":
			up, gain = get(tr, place, "Δ_6"), p.Params.Blocks[blockOf(s.At)].LN2.W.V
		default:
			up, gain = get(tr, place, "Δ_11"), p.Params.LNFinal.W.V
		}
		d, normal := s.V.D, get(tr, s.At, "ā_{i-1}")
		g := up.Had(paper.Rows(gain, up.N))
		out := g.Scale(float64(d))
		if mean {
			out = out.Sub(paper.Cols(g.SumFeatures(), d))
		}
		if along {
			out = out.Sub(normal.Had(paper.Cols(normal.FeatureDot(g), d)))
		}
		return out.Div(paper.Cols(get(tr, s.At, "σ").V, d).Scale(float64(d)))
	})
}

// onDeviation replaces every σ of (36).
func onDeviation(f func(s float64) float64) plant {
	return at("σ", "36", func(_ *paper.Trace, s paper.Step) paper.Mat {
		v := clone(s.V)
		for i, x := range v.V {
			v.V[i] = f(x)
		}
		return v
	})
}

func clone(a paper.Mat) paper.Mat { return paper.Mat{N: a.N, D: a.D, V: slices.Clone(a.V)} }
