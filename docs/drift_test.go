package docs_test

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestDriftWithoutGradient checks the estimate of chapter 7: under Adam, K
// steps of independent noise of size s displace a parameter by η √K s/(s+ϵ), root
// mean square. The estimate replaces √v̂ by s, and leaves out that the first steps
// average few gradients; over 400 parameters the sample itself is off by 4 %.
func TestDriftWithoutGradient(t *testing.T) {
	const (
		rate, beta1, beta2, eps = 1e-3, 0.9, 0.999, 1e-8
		parameters, steps       = 400, 2000
		tolerance               = 0.12 // three times the 4 % of the sample
	)
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, s := range []float64{1e-10, 1e-8, 1e-6} {
		sum := 0.0
		for range parameters {
			θ, m, v, p1, p2 := 0.0, 0.0, 0.0, 1.0, 1.0
			for range steps {
				g := s * rnd.NormFloat64()
				m, v, p1, p2 = beta1*m+(1-beta1)*g, beta2*v+(1-beta2)*g*g, p1*beta1, p2*beta2
				θ -= rate * (m / (1 - p1)) / (math.Sqrt(v/(1-p2)) + eps)
			}
			sum += θ * θ
		}
		got, want := math.Sqrt(sum/parameters), rate*math.Sqrt(steps)*s/(s+eps)
		t.Logf("noise %.0e: displacement %.4f, estimate %.4f", s, got, want)
		if math.Abs(got/want-1) > tolerance {
			t.Errorf("noise %.0e: displacement %.4g, estimate %.4g", s, got, want)
		}
	}
}
