package paper

import (
	"fmt"
	"math"
	"testing"
)

// One pair that turns by a quarter a position: (1, 0) points along y at position 1
// and backwards at 2.
func ExampleRotate() {
	x := Mat{3, 2, []float64{1, 0, 1, 0, 1, 0}}
	a, _ := Rotate(nil, x, []int{0, 1, 2}, Rotation{Freqs: Vec{math.Pi / 2}})
	for t := range 3 {
		fmt.Printf("%+.0f\n", a.Row(t))
	}
	// Output:
	// [+1 +0]
	// [+0 +1]
	// [-1 +0]
}

// rotations are both pairings, all columns and a part of them, and a factor.
func rotations() map[string]Rotation {
	return map[string]Rotation{
		"half-split":          {Freqs: Frequencies(8, 100)},
		"interleaved":         {Freqs: Frequencies(8, 100), Interleaved: true},
		"partial":             {Freqs: Frequencies(4, 100)},
		"partial interleaved": {Freqs: Frequencies(4, 100), Interleaved: true},
		"factor":              {Freqs: Frequencies(6, 100), Factor: 1.4},
	}
}

// TestRotate differentiates L = Δ·a numerically, at positions that are no counting.
func TestRotate(t *testing.T) {
	for name, r := range rotations() {
		s := draw(65)
		x, Δ, positions := s.mat(4, 8), s.mat(4, 8), []int{0, 3, 1, 12}
		loss := func() float64 {
			a, _ := Rotate(nil, x, positions, r)
			return a.Dot(Δ)
		}
		_, back := Rotate(nil, x, positions, r)
		check(t, name+" (L9)", x.V, back(Δ).V, loss)
	}
	panics(t, "paper.Rotate: input 2×3, 2 positions, 2 pairs", func() { Rotate(nil, Zeros(2, 3), []int{0, 1}, Rotation{Freqs: Vec{1, 1}}) })
	panics(t, "paper.Rotate: input 2×4, 1 positions", func() { Rotate(nil, Zeros(2, 4), []int{0}, Rotation{Freqs: Vec{1, 1}}) })
}

// TestRotateEntries: entry by entry, pair j of position t turns by t ω_j (L8).
func TestRotateEntries(t *testing.T) {
	s := draw(66)
	x := s.mat(3, 7)
	freqs := Vec{1, 0.3, 0.01}
	for _, interleaved := range []bool{false, true} {
		a, _ := Rotate(nil, x, []int{0, 2, 9}, Rotation{Freqs: freqs, Interleaved: interleaved})
		for i, position := range []float64{0, 2, 9} {
			for j, f := range freqs {
				p, q := j, j+3
				if interleaved {
					p, q = 2*j, 2*j+1
				}
				sin, cos := math.Sincos(position * f)
				same(t, fmt.Sprint("(L8) ", interleaved), []float64{a.At(i, p), a.At(i, q)},
					[]float64{x.At(i, p)*cos - x.At(i, q)*sin, x.At(i, p)*sin + x.At(i, q)*cos}, rounding)
			}
			same(t, "the column behind the pairs", []float64{a.At(i, 6)}, []float64{x.At(i, 6)}, 0)
		}
	}
}

// TestRotationIsTransposed: the error is turned by the negative angle, which undoes
// the rotation (L9); lengths stay.
func TestRotationIsTransposed(t *testing.T) {
	s := draw(67)
	x, positions := s.mat(4, 8), []int{0, 3, 1, 12}
	for name, r := range rotations() {
		a, back := Rotate(nil, x, positions, r)
		if r.Factor != 0 { // it multiplies both ways
			continue
		}
		same(t, name+": R Rᵗ = 1", back(a).V, x.V, rounding)
		same(t, name+": lengths", a.FeatureDot(a), x.FeatureDot(x), rounding)
		negative, _ := Rotate(nil, a, []int{0, -3, -1, -12}, r)
		same(t, name+": the negative angle", negative.V, x.V, rounding)
	}
}

// TestRotationFactor: it multiplies what turns, both ways, and nothing else.
func TestRotationFactor(t *testing.T) {
	s := draw(59)
	x, Δ, positions := s.mat(4, 6), s.mat(4, 6), []int{0, 3, 1, 12}
	r := Rotation{Freqs: Frequencies(4, 100)}
	a, back := Rotate(nil, x, positions, r)
	r.Factor = 1.5
	by, backBy := Rotate(nil, x, positions, r)
	same(t, "a_i", by.Columns(0, 4).V, a.Columns(0, 4).Scale(1.5).V, rounding)
	same(t, "Δ_{i-1}", backBy(Δ).Columns(0, 4).V, back(Δ).Columns(0, 4).Scale(1.5).V, rounding)
	same(t, "columns that stay", by.Columns(4, 2).V, x.Columns(4, 2).V, 0)
	same(t, "their error", backBy(Δ).Columns(4, 2).V, Δ.Columns(4, 2).V, 0)
}

// TestPairings: interleaved rotation is half-split rotation of permuted columns, bit
// for bit (L10). A permutation of both queries and keys changes no score, so the two
// are one network whose columns are stored in another order.
func TestPairings(t *testing.T) {
	s := draw(68)
	x, positions := s.mat(4, 8), []int{0, 3, 1, 12}
	P := OneHot([]int{0, 2, 4, 6, 1, 3, 5, 7}, 8).T() // column 2j comes to j, 2j+1 to j+4
	r := Rotation{Freqs: Frequencies(8, 100)}
	halves, _ := Rotate(nil, x.Mul(P), positions, r)
	r.Interleaved = true
	pairs, _ := Rotate(nil, x, positions, r)
	same(t, "(L10)", pairs.Mul(P).V, halves.V, 0)
}

// TestRelativePositions: scores depend on the difference of positions only (L11):
// R_t R_sᵗ = R_{t-s}, and a thousand more for every position changes nothing.
func TestRelativePositions(t *testing.T) {
	s := draw(69)
	q, k := s.mat(5, 8), s.mat(5, 8)
	for name, r := range rotations() {
		scores := func(by int) Mat {
			positions := []int{by, 1 + by, 2 + by, 3 + by, 4 + by}
			Q, _ := Rotate(nil, q, positions, r)
			K, _ := Rotate(nil, k, positions, r)
			return Q.Mul(K.T())
		}
		const moved = 1e-12 // cosines of angles near 1000 are good to 1e-13
		same(t, name+" (L11)", scores(1000).V, scores(0).V, moved)
		if r.Factor != 0 {
			continue
		}
		// One key at position 3 and one query at 7 score as at 0 and 4.
		one := func(position int, a Mat) Mat {
			turned, _ := Rotate(nil, Vec(a.Row(0)).row(), []int{position}, r)
			return turned
		}
		same(t, name+": R_7 R_3ᵗ = R_4", one(7, q).Mul(one(3, k).T()).V, one(4, q).Mul(one(0, k).T()).V, rounding)
	}
}

// TestFrequencies: the definition (L7.a), and what the scalings do at their ends:
// (L7.b) divides all, (L7.c) and (L7.d) keep the fast pairs, divide the slow ones and
// pass in between.
func TestFrequencies(t *testing.T) {
	same(t, "(L7.a)", Frequencies(6, 1000), Vec{1, 0.1, 0.01}, rounding)
	same(t, "(L7.b)", LinearScaling(Vec{1, 0.1, 0.01}, 4), Vec{0.25, 0.025, 0.0025}, rounding)
	panics(t, "paper.Frequencies: 5 columns", func() { Frequencies(5, 10) })

	freqs := Frequencies(64, 5e5)
	scaled := Llama3Scaling(freqs, 32, 1, 4, 8192)
	yarn, by := YarnScaling(64, 5e5, 32, 8192, 32, 1)
	for _, c := range []struct {
		name                   string
		scaled                 Vec
		kept, divided, between int
	}{{"(L7.c)", scaled, 15, 14, 3}, {"(L7.d)", yarn, 10, 14, 8}} {
		kept, divided, between := 0, 0, 0
		for j, f := range freqs {
			switch turns := 8192 * f / (2 * math.Pi); {
			case c.scaled[j] == f:
				kept++
				if turns < 4 {
					t.Errorf("%s: pair %d turns %g times and is kept", c.name, j, turns)
				}
			case math.Abs(c.scaled[j]*32/f-1) < rounding:
				divided++
				if turns > 1 {
					t.Errorf("%s: pair %d turns %g times and is divided", c.name, j, turns)
				}
			case c.scaled[j] < f && c.scaled[j] > f/32:
				between++
			default:
				t.Errorf("%s: pair %d turns by %g, unscaled by %g", c.name, j, c.scaled[j], f)
			}
		}
		if kept != c.kept || divided != c.divided || between != c.between {
			t.Errorf("%s: %d kept, %d divided, %d between", c.name, kept, divided, between)
		}
	}
	same(t, "the factor of (L7.d)", Vec{by}, Vec{0.1*math.Log(32) + 1}, 0)
	step, by := YarnScaling(4, 10, 2, 6, 32, 1) // the fastest pair turns less than once: lo = hi = 0
	same(t, "a ramp without length", step, Vec{1, math.Pow(10, -0.5) / 2}, rounding)
	same(t, "its factor", Vec{by}, Vec{0.1*math.Log(2) + 1}, 0)
}
