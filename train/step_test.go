package train

import (
	"math"
	"testing"
)

// Three steps of AdamW, each number as Kingma & Ba (algorithm 1) and Loshchilov &
// Hutter have it, with gradients as they come: the first update moves every number by
// the rate of step 1 and no other, since both corrections are those of one step.
func TestStepsAreAdamWs(t *testing.T) {
	o := mini()
	o.Clip, o.Warmup, o.Steps, o.LR, o.MinLR, o.Schedule = 0, 2, 4, 0.01, 0, ScheduleLinear
	o.Beta1, o.Beta2, o.AdamEps, o.Decay, o.Accumulate = 0.9, 0.99, 1e-8, 0, 2
	r := start(t, o, dataOf(t, sentences(t), o), "")
	n := len(r.State.Params.Slab)
	m, v, θ := make([]float64, n), make([]float64, n), make([]float64, n)
	for i, x := range r.State.Params.Slab {
		θ[i] = float64(x)
	}
	rates := []float64{0.005, 0.01, 0.01 * 2 / 3}
	for k, rate := range rates {
		u, err := r.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(u.Rate-rate) > 1e-15 {
			t.Fatalf("step %d has rate %g, want %g", k+1, u.Rate, rate)
		}
		counted, moved := float64(o.Batch*o.Accumulate*o.Context), 0
		p1, p2 := math.Pow(0.9, float64(k+1)), math.Pow(0.99, float64(k+1))
		for i, x := range r.grad.Slab() {
			g := float64(x) / counted
			m[i] = 0.9*m[i] + 0.1*g
			v[i] = 0.99*v[i] + 0.01*g*g
			θ[i] -= rate * (m[i] / (1 - p1)) / (math.Sqrt(v[i]/(1-p2)) + 1e-8)
			got := float64(r.State.Params.Slab[i])
			if math.Abs(g) < 1e-6 { // nothing but rounding
				θ[i], m[i], v[i] = got, float64(r.State.M.Slab()[i]), float64(r.State.V.Slab()[i])
				continue
			}
			moved++
			if math.Abs(got-θ[i]) > 1e-6 { // float32, beside updates of about 0.01
				t.Fatalf("step %d: number %d is %.9g, want %.9g", k+1, i, got, θ[i])
			}
		}
		if moved < n/2 {
			t.Fatalf("step %d: %d of %d numbers have a gradient", k+1, moved, n)
		}
	}
}
