package gradcheck

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestComparison(t *testing.T) {
	exact := ToLargest(2)
	for _, c := range []struct {
		name string
		a, n []float64
		ok   bool
		row  int
	}{
		{"equal", []float64{1, 2}, []float64{1, 2}, true, 0},
		{"one off", []float64{1, 2, 3, 4}, []float64{1, 2, 3.1, 4}, false, 1},
		{"NaN here", []float64{1, 2, math.NaN(), 4}, []float64{1, 2, 3, 4}, false, 1},
		{"NaN there", []float64{1, 2, 3, 4}, []float64{1, 2, math.NaN(), 4}, false, 1},
		{"infinite", []float64{1, 2, math.Inf(1), 4}, []float64{1, 2, 3, 4}, false, 1},
	} {
		got := Compare(c.a, c.n, 2, 1e-9, exact)
		if got.OK != c.ok || got.Worst.Row != c.row || got.Entries != len(c.a) {
			t.Errorf("%s: %+v", c.name, got)
		}
		if _, err := json.Marshal(got); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if e := Relative(1+1e-5, 1, DifferenceFloor); !(e > 4*DifferenceTolerance) {
		t.Errorf("1e-5 is measured as %g", e)
	}
	if e := Relative(1e-12, 0, DifferenceFloor); !(e < DifferenceTolerance) {
		t.Errorf("the rounding of a difference at a zero gradient is measured as %g", e)
	}
}

func TestNumber(t *testing.T) {
	for _, x := range []float64{0, 1.5, -1e-300, math.Inf(1), math.Inf(-1), math.NaN()} {
		b, err := json.Marshal(Number(x))
		if err != nil {
			t.Fatal(err)
		}
		var y Number
		if err := json.Unmarshal(b, &y); err != nil || float64(y) != x && !math.IsNaN(x) {
			t.Errorf("%g became %s and then %g (%v)", x, b, y, err)
		}
	}
	var y Number
	if err := json.Unmarshal([]byte(`"many"`), &y); err == nil {
		t.Error(`"many" is read as a number`)
	}
}

// TestSlope differentiates a polynomial of degree four, for which the formula is
// exact but for rounding.
func TestSlope(t *testing.T) {
	d, crossed := Slope(DefaultStep, func(x float64) (float64, bool) {
		y := 2 + x
		return y * y * y * y, x > DefaultStep
	})
	if math.Abs(d-32) > 1e-10 || !crossed {
		t.Errorf("the slope of y⁴ at 2 is %.15g, want 32; crossed %v", d, crossed)
	}
}

func TestDiagnose(t *testing.T) {
	c, _ := Find("relu")
	p := c.At(1, 0)
	n := []float64{1, 2, 3, 4, -5, 6, 7, 8, 9}
	scale := func(by float64) []float64 {
		v := make([]float64, len(n))
		for i := range v {
			v[i] = by * n[i]
		}
		return v
	}
	other := append([]float64(nil), n...)
	other[4] = 1
	lower := []float64{1, 0, 0, 4, -5, 0, 7, 8, 9}
	extra := []float64{.1, .2, -.3, .4, .5, .6, -.7, .8, .9}
	terms := []term{{"T", extra}}
	for want, c := range map[string]struct{ a, n []float64 }{
		"a sign":              {scale(-1), n},
		"√d_ρ":                {scale(math.Sqrt(7)), n},
		"a constant factor":   {scale(1.2345), n},
		"when transposed":     {transpose(n, 3), n},
		"T is missing":        {minus(n, extra), n},
		"T is too many":       {minus(n, minus(scale(0), extra)), n},
		"the mask is missing": {n, lower},
		"row 2 of 3":          {other, n},
		"is not connected":    {scale(0), n},
		"not a number":        {scale(math.NaN()), n},
	} {
		if d := p.diagnose(c.a, c.n, 3, terms); !strings.Contains(d.text, want) {
			t.Errorf("%q, want %q in it", d.text, want)
		}
	}
	if d := p.diagnose(scale(1+1e-6), n, 3, terms); d.rank != unknown {
		t.Errorf("a millionth more is diagnosed as %q", d.text)
	}
	if d := p.diagnose([]float64{3, 1, 4, 1, 5, 9, 2, 6, 5}, n, 3, terms); d.rank != unknown {
		t.Errorf("noise is diagnosed as %q", d.text)
	}
}
