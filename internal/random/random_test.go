package random

import (
	"math"
	"testing"
)

func TestLnEqualsLog(t *testing.T) {
	// Both are within 1 ulp of the truth, or of 1e-16 near 1.
	for i := range 100000 {
		x := Uniform(1, Weights, uint64(i), 0, 0)
		for _, x := range []float64{x, x * 1e-300, 1 / x, 1 + x*1e-9} {
			if a, b := ln(x), math.Log(x); math.Abs(a-b) > 4e-16*math.Max(1, math.Abs(b)) {
				t.Fatalf("ln %g = %g, math.Log %g", x, a, b)
			}
		}
	}
}

func TestUniform(t *testing.T) {
	const n = 200000
	sum, square := 0.0, 0.0
	for i := range n {
		u := Uniform(7, Sampling, uint64(i), 0, 0)
		if !(u > 0 && u < 1) {
			t.Fatalf("%g is not inside (0, 1)", u)
		}
		sum += u
		square += u * u
	}
	// Standard errors: √(1/12n) = 6.5e-4 and √(4/45n) = 6.7e-4; five of them.
	if math.Abs(sum/n-0.5) > 3.3e-3 || math.Abs(square/n-1.0/3) > 3.4e-3 {
		t.Errorf("mean %g, mean square %g", sum/n, square/n)
	}
	if Uniform(1, Sampling, 1, 2, 3) == Uniform(1, Weights, 1, 2, 3) || Uniform(1, Weights, 1, 2, 3) == Uniform(2, Weights, 1, 2, 3) {
		t.Error("streams or seeds share numbers")
	}
}

func TestNormals(t *testing.T) {
	const n = 200000
	var m1, m2, m4, cross float64
	for i := range n {
		x, y := Normals(3, Weights, 0, uint64(i))
		m1 += x + y
		m2 += x*x + y*y
		m4 += x*x*x*x + y*y*y*y
		cross += x * y
	}
	// Five standard errors of 2n draws: of the mean 1/√2n, of x² √2/√2n, of x⁴ √96/√2n.
	if e := 5 / math.Sqrt(2*n); math.Abs(m1/(2*n)) > e || math.Abs(m2/(2*n)-1) > e*math.Sqrt2 || math.Abs(m4/(2*n)-3) > e*math.Sqrt(96) || math.Abs(cross/n) > e*math.Sqrt2 {
		t.Errorf("mean %g, variance %g, fourth moment %g, product %g", m1/(2*n), m2/(2*n), m4/(2*n), cross/n)
	}
}
