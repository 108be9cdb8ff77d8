package gradcheck

import (
	"math"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// adapterBugs are M26…M33: dropout and DoRA.
var adapterBugs = []bug{
	{"M26", "the mask of an adapter forgotten on the way back", "Δ_{i-1} of the adapter not multiplied by the mask (dropout)", "dropout", false,
		fixed(at("Δ_{i-1}∘mask", "dropout", func(tr *paper.Trace, s paper.Step) paper.Mat {
			if strings.HasSuffix(s.At, ".qkv") { // whose error before the mask has no name
				return s.V
			}
			return get(tr, s.At+".lora", "Δ_{i-1}")
		}))},
	{"M27", "dropout without 1/(1-p) forward", "ã := a ∘ mask of ones, with the gradients as they are (dropout)", "dropout", true,
		scaled("a_i∘mask", "dropout", func(p Point) float64 { return 1 - p.Case.Adapter.Dropout })},
	{"M28", "DoRA's norm over the wrong axis", "‖v‖ := lengths of the rows of v, where v is square (DoRA)", "dora", true,
		fixed(at(paper.ColumnNorm, "DoRA", func(tr *paper.Trace, s paper.Step) paper.Mat {
			v := get(tr, s.At, "v")
			if v.N != v.D {
				return s.V
			}
			rows := v.Had(v).SumFeatures()
			for j, x := range rows {
				rows[j] = math.Sqrt(x)
			}
			return paper.Mat{N: 1, D: v.D, V: rows}
		}))},
	{"M29", "the norm not held constant where it should be", "N of (DoRA-N) where PEFT detaches", "peft", false,
		func(p Point) plant {
			return at("N", "DoRA-N", func(tr *paper.Trace, s paper.Step) paper.Mat {
				v, n, dm := get(tr, s.At, "v"), get(tr, s.At, paper.ColumnNorm), get(tr, s.At, "∂L/∂m")
				c := p.magnitudes(s.At).Had(dm).Div(n.Had(n))
				return v.Had(paper.Rows(c.V, v.N)).Scale(-1)
			})
		}},
	{"M30", "what comes through the norm forgotten", "N := 0 in the exact form (DoRA-N)", "dora", false,
		scaled("N", "DoRA-N", func(Point) float64 { return 0 })},
	{"M31", "the gradient of the magnitudes not divided by the norm", "∂m := Σ_tokens Δ_i ∘ z (DoRA)", "peft", false,
		fixed(at("∂L/∂m", "DoRA", func(tr *paper.Trace, s paper.Step) paper.Mat { return s.V.Had(get(tr, s.At, paper.ColumnNorm)) }))},
	{"M32", "the adapter's share of the error forgotten", "Δ_{i-1} := Δ_i wᵗ (FC+LoRA)", "dropout", false,
		fixed(at("Δ_{i-1}", "FC+LoRA", func(tr *paper.Trace, s paper.Step) paper.Mat { return get(tr, s.At+".frozen", "Δ_{i-1}") }))},
	{"M33", "the magnitudes forgotten on the way back", "Δ_z := Δ_i (DoRA)", "dora", false,
		func(p Point) plant {
			return at("Δ_z", "DoRA", func(tr *paper.Trace, s paper.Step) paper.Mat {
				gain := p.magnitudes(s.At).Div(get(tr, s.At, paper.ColumnNorm))
				return s.V.Div(paper.Rows(gain.V, s.V.N))
			})
		}},
}

// magnitudes is m of the layer at a place, as one row.
func (p Point) magnitudes(place string) paper.Mat {
	target := pedestrian.Target(place[strings.LastIndexByte(place, '.')+1:])
	return tensorMat(p.LoRA.LoRA(max(blockOf(place), 0), target).Magnitude)
}
