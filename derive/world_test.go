package derive

import (
	"math"
	"testing"
)

// signals are the names of worlds that must be the gradient of the loss with respect to
// another name.
var signals = map[string]map[string]string{
	"head":      {"D": "a", "D_rho": "rho", "D_causal": "rho_causal", "D_scaled": "rho_scaled", "D_raw": "rho_raw", "D_prev": "a_prev"},
	"layernorm": {"D": "a", "g": "abar", "D_prev": "a_prev"},
	"rmsnorm":   {"D": "a", "g": "abar", "D_prev": "a_prev"},
	"fc":        {"D": "a", "D_prev": "a_prev", "dL/dw": "w", "dL/db": "b"},
	"skip":      {"D": "a_5", "D_5": "a_5"},
	"tied":      {"D_12": "a_12", "D_1": "a_1"},
	"dora":      {"D": "a", "D_z": "z", "dL/dm": "m"},
	"gated":     {"D": "h", "D_u": "u", "D_z": "z"},
	"group":     {"D_1": "a_1", "D_2": "a_2", "D_raw_1": "rho_raw_1", "D_raw_2": "rho_raw_2"},
}

func TestWorlds(t *testing.T) {
	for _, w := range Worlds {
		p := w.program()
		for i := range 2 {
			in := p.instance(i)
			for _, s := range p.steps {
				for _, x := range in.values[s.name].V {
					if math.IsNaN(x) {
						t.Fatalf("%s: %s has a NaN", w.ID, s.name)
					}
				}
			}
			for signal, of := range signals[w.ID] {
				g, noise := p.gradient(in, of, nil)
				have := in.values[signal]
				worst := 0.0
				for j, x := range g.V {
					worst = max(worst, math.Abs(x-have.V[j]))
				}
				if worst > 1e-9 {
					t.Errorf("%s: %s is not the gradient with respect to %s: %.2g apart, noise %.2g", w.ID, signal, of, worst, noise)
				}
			}
		}
	}
}
