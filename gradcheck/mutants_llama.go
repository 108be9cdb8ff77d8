package gradcheck

import (
	"fmt"
	"math"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// llamaBugs are M35…M48: the slips of the Llama family that no shape reveals.
var llamaBugs = []bug{
	{"M35", "the error turned as the token was", "Δ_{i-1} := Δ_i R_t, not R_tᵗ (L9)", "qwen3", false,
		func(p Point) plant {
			return at("Δ_{i-1}", "L9", func(tr *paper.Trace, s paper.Step) paper.Mat {
				return p.rotate(s, get(tr, above(s.At), turnedError(s.At)), p.rotation())
			})
		}},
	{"M36", "interleaved pairs turn where half-split ones are meant", "a_i turned in columns 2j and 2j+1, with (L9) as it is (L8)", "qwen3", true,
		func(p Point) plant {
			rotation := p.rotation()
			rotation.Interleaved = true
			return at("a_i", "L8", func(tr *paper.Trace, s paper.Step) paper.Mat {
				return p.rotate(s, get(tr, s.At, "a_{i-1}"), rotation)
			})
		}},
	{"M37", "keys repeated for every head, and their errors not added", "Δ_{k'_h} := that of the group's first head (L18.b)", "qwen3", false,
		func(p Point) plant {
			group := p.Config.Heads / p.Config.KeyHeads()
			return at("Δ_{k'_h}", "L18.b", func(tr *paper.Trace, s paper.Step) paper.Mat {
				return get(tr, fmt.Sprintf("%s.head.%d", headAbove(s.At), placeOf(s.At, "kv")*group), "Δ_{k'→h}")
			})
		}},
	{"M38", "gate and up exchanged", "h := g(u) ∘ z, with (L15) as it is (L14)", "qwen3", true,
		func(p Point) plant {
			return at("h", "L14", func(tr *paper.Trace, s paper.Step) paper.Mat {
				open, _ := paper.Activate(nil, get(tr, s.At, "u"), p.Config.Activation)
				return open.Had(get(tr, s.At, "z"))
			})
		}},
	{"M39", "g where g′ belongs", "Δ_z := Δ_h ∘ u ∘ g(z) (L15.b)", "qwen3", false,
		fixed(at("Δ_z", "L15.b", func(tr *paper.Trace, s paper.Step) paper.Mat {
			return get(tr, above(s.At), "Δ_8").Had(get(tr, s.At, "u")).Had(get(tr, s.At, "g(z)"))
		}))},
	{"M40", "the gain taken for one that is stored as w - 1", "a_i := ā diag(1 + w), with (L3) as it is (L2)", "qwen3", true,
		fixed(at("a_i", "L2", func(tr *paper.Trace, s paper.Step) paper.Mat { return s.V.Add(get(tr, s.At, "ā_{i-1}")) }))},
	{"M41", "head h reads keys and values h mod n_kv", "k' and v of another group, with (L18) as it is (L17)", "qwen3", true,
		func(p Point) plant {
			other := func(name string) func(tr *paper.Trace, s paper.Step) paper.Mat {
				return func(tr *paper.Trace, s paper.Step) paper.Mat {
					return get(tr, fmt.Sprintf("%s.kv.%d", headAbove(s.At), placeOf(s.At, "head")%p.Config.KeyHeads()), name)
				}
			}
			return both(at("k'→h", "", other("k'_h")), at("v→h", "", other("v_h")))
		}},
	{"M42", "the window one token too wide", "ρ^causal sees token t - W (L20)", "mistral", true,
		func(p Point) plant {
			w := p.Config.SlidingWindow
			return at("ρ^causal", "13", func(tr *paper.Trace, s paper.Step) paper.Mat {
				a, scaled := clone(s.V), get(tr, s.At, "ρ^scaled")
				for t := w; t < a.N; t++ {
					a.Row(t)[t-w] = scaled.At(t, t-w)
				}
				return a
			})
		}},
	{"M43", "cached keys are not turned", "k'_cache := the key before its rotation (L21)", "mistral", false,
		fixed(at("k'_{cache}", "L21", func(tr *paper.Trace, s paper.Step) paper.Mat { return get(tr, s.At+".kTurn", "a_{i-1}") }))},
	{"M44", "a gain that heads share gets the gradient of one", "∂w of the queries' norm := that of the last head (L19)", "qwen3", false,
		func(p Point) plant {
			return at("∂L/∂w_{qNorm}", "L19", func(tr *paper.Trace, s paper.Step) paper.Mat {
				v := get(tr, fmt.Sprintf("%s.head.%d.qNorm", s.At, p.Config.Heads-1), "∂L/∂w")
				return paper.Mat{N: 1, D: v.D, V: v.V}
			})
		}},
	{"M45", "ε outside of the root", "σ of (L1) := root mean square + ε, with (L3) as it is", "qwen3", true,
		func(p Point) plant {
			return at("σ", "L1", func(_ *paper.Trace, s paper.Step) paper.Mat {
				v := clone(s.V)
				for i, x := range v.V {
					v.V[i] = math.Sqrt(x*x-p.Config.Eps) + p.Config.Eps
				}
				return v
			})
		}},
	{"M46", "RMS normalization without the component along ā", "(L3) without ā ∘ (g ⊖ ā)/d", "qwen3", false,
		func(p Point) plant {
			return at("Δ_{i-1}", "L3", func(tr *paper.Trace, s paper.Step) paper.Mat {
				normal, g := get(tr, s.At, "ā_{i-1}"), p.errorOfNormal(tr, s)
				along := paper.Cols(g.FeatureDot(normal), s.V.D).Scale(1 / float64(s.V.D))
				return s.V.Add(normal.Had(along).Div(paper.Cols(get(tr, s.At, "σ").V, s.V.D)))
			})
		}},
	{"M47", "embeddings multiplied by √d, their errors not", "∂w_tok := ohe(a_0)ᵗ Δ_1 (L23)", "gemma", false,
		scaled("∂L/∂w_tok", "L23", func(p Point) float64 { return 1 / math.Sqrt(float64(p.Config.Width)) })},
	{"M48", "the key bias taken to have no gradient, though keys turn", "∂b_k := 0, as in (29) (L12)", "qwen2", false,
		scaled("∂L/∂b_k", "L22", func(Point) float64 { return 0 })},
}

// rotation is the rotation of the network's queries and keys.
func (p Point) rotation() paper.Rotation {
	return paper.RotationOf(p.Config.Rotation, p.Config.QueryDim())
}

// rotate turns a by the positions of the sequence in which s is.
func (p Point) rotate(s paper.Step, a paper.Mat, r paper.Rotation) paper.Mat {
	out, _ := paper.Rotate(nil, a, p.positions(placeOf(s.At, "seq")), r)
	return out
}

// turnedError is the name of the error on what leaves the rotation at a place.
func turnedError(place string) string {
	if strings.HasSuffix(place, "qTurn") {
		return "Δ_{q'_h}"
	}
	return "Δ_{k'_h}"
}

// errorOfNormal is the error on ā of the RMS normalization at the place of s.
func (p Point) errorOfNormal(tr *paper.Trace, s paper.Step) paper.Mat {
	place, layer := above(s.At), s.At[strings.LastIndexByte(s.At, '.')+1:]
	var up paper.Mat
	var gain pedestrian.Tensor[float64]
	switch layer {
	case "ln1":
		up, gain = get(tr, place, "Δ_2"), p.Params.Blocks[blockOf(s.At)].LN1.W
	case "ln2":
		up, gain = get(tr, place, "Δ_6"), p.Params.Blocks[blockOf(s.At)].LN2.W
	case "qNorm":
		up, gain = get(tr, place+".qTurn", "Δ_{i-1}"), p.Params.Blocks[blockOf(s.At)].QNorm.W
	case "kNorm":
		up, gain = get(tr, place+".kTurn", "Δ_{i-1}"), p.Params.Blocks[blockOf(s.At)].KNorm.W
	default:
		up, gain = get(tr, place, "Δ_11"), p.Params.LNFinal.W
	}
	return up.Had(paper.Rows(gain.V, up.N))
}
