package studio

import (
	"math"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
)

// The loss as a function of one logit is known without a network: log Σ exp a - a_y. So are
// its differences, and its slope, p - y.
func TestCurveOfALogit(t *testing.T) {
	s := open(t, State{})
	a, targets := s.value("a_12"), s.seq.Targets
	const row, col = 2, 5
	f := func(x float64) float64 {
		sum := 0.0
		for j, v := range a.Row(row) {
			if j == col {
				v += x
			}
			sum += math.Exp(v)
		}
		l := math.Log(sum) - a.At(row, targets[row])
		if targets[row] == col {
			l -= x
		}
		return l
	}
	v, err := s.Curve("D_12", row, col)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, x := range a.Row(row) {
		sum += math.Exp(x)
	}
	slope := math.Exp(a.At(row, col)) / sum
	if targets[row] == col {
		slope--
	}
	if math.Abs(*v.Value-slope) > 1e-14 || !v.OK || v.Why != "" || v.Steps != 45 || len(v.Numbers) != 6*45 || v.Default != 10 || v.Tolerance != 1e-6 {
		t.Fatalf("%+v, slope %g", v, slope)
	}
	bestAt, best := -1, 1.0
	for k := range v.Steps {
		n := v.Numbers[6*k:]
		h := math.Pow(2, -float64(k))
		two := (f(h) - f(-h)) / (2 * h)
		four := (8*(f(h)-f(-h)) - (f(2*h) - f(-2*h))) / (12 * h)
		if n[0] != h || math.Abs(n[1]-two) > 1e-14/h || math.Abs(n[3]-four) > 2e-14/h {
			t.Errorf("h = %g: %g and %g, want %g and %g", h, n[1], n[3], two, four)
		}
		off := math.Abs(slope-n[3]) / math.Max(1e-4, math.Max(math.Abs(slope), math.Abs(n[3])))
		if math.Abs(n[4]-off) > 1e-12 || n[5] < n[4] || n[2] != gradcheck.Deviation(*v.Value, n[1]) {
			t.Errorf("h = %g is off by %g, said to be %g, largest %g", h, off, n[4], n[5])
		}
		if n[4] < best {
			best, bestAt = n[4], k
		}
	}
	if v.Best != bestAt || v.Best < 4 || v.Best > 20 {
		t.Errorf("the best step is %d, said to be %d", bestAt, v.Best)
	}
}

// A curve says where the backward pass is wrong, what is no gradient, and where ReLU has a kink.
func TestCurveFails(t *testing.T) {
	s := open(t, State{})
	s.value("b0.h1.D_causal").V[13] += 1e-4
	if v, err := s.Curve("b0.h1.D_causal", 2, 1); err != nil || v.OK || v.Why == "" {
		t.Errorf("a wrong error: %+v %v", v, err)
	}
	if v, err := s.Curve("b0.h1.D_causal", 1, 1); err != nil || !v.OK {
		t.Errorf("a right error beside it: %+v %v", v, err)
	}
	for _, c := range []struct {
		id   string
		i, j int
		want string
	}{{"b0.h1.rho", 0, 0, "not an error"}, {"nosuch", 0, 0, "no tensor"}, {"D_12", 6, 0, "no cell 7,1"}, {"D_12", 0, -1, "no cell"}} {
		if v, err := s.Curve(c.id, c.i, c.j); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v %v", c.id, v, err)
		}
	}
	s = open(t, State{Model: "paper"})
	v, err := s.Curve("b0.D_7", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	kink := math.Abs(s.value("b0.a_7").V[0])
	for k := range v.Steps {
		if h := v.Numbers[6*k]; math.IsNaN(v.Numbers[6*k+1]) != (h > kink) || math.IsNaN(v.Numbers[6*k+3]) != (2*h > kink) {
			t.Errorf("the kink is at %g; with h = %g: %v", kink, h, v.Numbers[6*k:6*k+6])
		}
	}
	s = open(t, State{Edits: []Edit{{ID: "D_12", Value: number(1)}}})
	if v, err := s.Curve("D_11", 0, 0); err != nil || !strings.Contains(v.Why, "by hand") {
		t.Errorf("an error that was put in: %+v %v", v, err)
	}
}
