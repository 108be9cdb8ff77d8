package paper

import "testing"

// TestScoresAreScaledByKeys: with keys of 4 features and values of 9, a raw score of 6 is
// scaled to 3.
func TestScoresAreScaledByKeys(t *testing.T) {
	ones := func(n, d int, v float64) Mat { return each(n, d, func(_, _ int) float64 { return v }) }
	var tr Trace
	Attention(&tr, ones(1, 1, 1), Head{Wq: ones(1, 4, 1), Wk: ones(1, 4, 1.5), Wv: ones(1, 9, 1)}, Causal(1))
	for name, want := range map[string]float64{"ρ^raw": 6, "ρ^scaled": 3} {
		s, ok := tr.Find("", name)
		if !ok {
			t.Fatalf("no step %s", name)
		}
		same(t, name, s.V.V, []float64{want}, rounding)
	}
}
