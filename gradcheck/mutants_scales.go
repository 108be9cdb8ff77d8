package gradcheck

import "github.com/pedestrian-ml/pedestrian/paper"

// scaleBugs is M34: scores that are not divided by √d_ρ alone.
var scaleBugs = []bug{
	{"M34", "forget 1/(i+1) of block i on the way back", "Δ^raw := Δ^scaled (28)", "scales", false,
		fixed(at("Δ^raw", "28", func(tr *paper.Trace, s paper.Step) paper.Mat { return get(tr, s.At, "Δ^scaled") }))},
}
