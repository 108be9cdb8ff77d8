package paper

import (
	"math"
	"testing"
)

// kaiming draws a down factor as adapters start with it: uniform in ±1/√inputs.
func (s source) kaiming(in, r int) Mat {
	bound := 1 / math.Sqrt(float64(in))
	return each(in, r, func(_, _ int) float64 { return bound * (2*s.Float64() - 1) })
}

// TestRankStabilized prints the table of docs/06-lora.md: what the first step of
// gradient descent takes off the loss, to first order, as a share of what it would
// take with the whole weight. It is α² ‖dᵗ G‖²/‖G‖², for α = 8 by each convention.
func TestRankStabilized(t *testing.T) {
	const in, out, n, α = 64, 48, 32, 8.0
	share := map[string]map[int]float64{"α": {}, "α/r": {}, "α/√r": {}}
	ranks := []int{1, 4, 16, 64, 256}
	t.Log("| r | α | α/r | α/√r |")
	for _, r := range ranks {
		for name, m := range map[string]float64{"α": α, "α/r": α / float64(r), "α/√r": α / math.Sqrt(float64(r))} {
			for draws := range uint64(20) {
				s := draw(200 + draws)
				x, Δ, d := s.mat(n, in), s.mat(n, out), s.kaiming(in, r)
				_, back := LoRA(nil, x, d, Zeros(r, out), m)
				_, dd, du := back(Δ)
				g := x.T().Mul(Δ)
				share[name][r] += (dd.Dot(dd) + du.Dot(du)) / g.Dot(g) / 20
			}
		}
		t.Logf("| %d | %.3g | %.3g | %.3g |", r, share["α"][r], share["α/r"][r], share["α/√r"][r])
	}
	for name, power := range map[string]float64{"α": 1, "α/r": -1, "α/√r": 0} {
		if got := math.Log(share[name][256]/share[name][1]) / math.Log(256); math.Abs(got-power) > 0.05 {
			t.Errorf("%s: the share goes with r to the power of %.2f, not %g", name, got, power)
		}
	}
}

// TestLoRAPlus prints the table of docs/06-lora.md: three sign steps, what Adam's are
// at first, at a fixed error, in layers of growing width n. What the third step moves
// of the features x d, and of the output by way of d and by way of u.
func TestLoRAPlus(t *testing.T) {
	const r = 4
	rates := []struct {
		name  string
		d, u  func(n float64) float64
		power [3]float64 // of n, in the features and the two ways
	}{
		{"one rate, 1/n", func(n float64) float64 { return 1 / n }, func(n float64) float64 { return 1 / n }, [3]float64{0, -1, -1}},
		{"one rate, 1/√n", func(n float64) float64 { return 1 / math.Sqrt(n) }, func(n float64) float64 { return 1 / math.Sqrt(n) }, [3]float64{0.5, 0, 0}},
		{"two rates, 1/n and 1", func(n float64) float64 { return 1 / n }, func(float64) float64 { return 1 }, [3]float64{0, 0, 0}},
	}
	t.Log("| rates of d and u | n | features x d | output, by d | output, by u |")
	for _, rate := range rates {
		moved := map[int][3]float64{}
		for _, n := range []int{64, 256, 1024, 4096} {
			var m [3]float64
			const draws = 20
			for i := range uint64(draws) {
				s := draw(300 + i)
				x, d, u, Δ := s.mat(1, n), s.kaiming(n, r), Zeros(r, 1), Mat{1, 1, []float64{1}}
				var δd, δu Mat
				for step := range 3 {
					_, back := LoRA(nil, x, d, u, 1)
					_, dd, du := back(Δ)
					δd, δu = dd.mapped(sign).Scale(-rate.d(float64(n))), du.mapped(sign).Scale(-rate.u(float64(n)))
					if step < 2 {
						d, u = d.Add(δd), u.Add(δu)
					}
				}
				features, byD, byU := x.Mul(δd), x.Mul(δd).Mul(u), x.Mul(d).Mul(δu)
				m[0] += math.Sqrt(features.Dot(features)/r) / draws
				m[1], m[2] = m[1]+math.Abs(byD.V[0])/draws, m[2]+math.Abs(byU.V[0])/draws
			}
			moved[n] = m
			t.Logf("| %s | %d | %.3g | %.3g | %.3g |", rate.name, n, m[0], m[1], m[2])
		}
		for i, want := range rate.power {
			if got := math.Log(moved[4096][i]/moved[256][i]) / math.Log(16); math.Abs(got-want) > 0.15 {
				t.Errorf("%s: quantity %d goes with n to the power of %.2f, not %g", rate.name, i, got, want)
			}
		}
	}
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}
