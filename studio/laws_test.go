package studio

import (
	"fmt"
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// Every law holds at every setting of its knob, in both models, and in every head; broken as
// its button breaks it, it does not.
func TestLaws(t *testing.T) {
	var c Core
	for _, l := range Laws {
		for _, state := range []string{`{}`, `{"model":"paper","seed":3}`, `{"tokens":[1,3,5,7],"mean":true}`} {
			start, _ := ask[shownLaw](t, &c, `{"op":"law","id":"`+l.ID+`","state":`+state+`}`)
			k := start.Knob
			for _, at := range []float64{k.Min, k.Start, k.Max} {
				for head := range map[bool]int{true: 2, false: 1}[l.Head] {
					h, numbers := ask[shownLaw](t, &c, fmt.Sprintf(`{"op":"law","id":"%s","state":%s,"knob":%g,"head":%d}`, l.ID, state, at, head))
					for _, claim := range h.Claims {
						if !claim.OK {
							t.Errorf("%s of %s at %g, head %d: %s: %g, limit %g", l.ID, state, at, head, claim.What, float64(claim.Value), float64(claim.Limit))
						}
					}
					if h.At != at || len(h.Claims) == 0 {
						t.Errorf("%s at %g stands at %g with %d claims", l.ID, at, h.At, len(h.Claims))
					}
					for _, p := range h.Panels {
						if p.At+p.Rows*p.Cols > len(numbers) || p.RowHeads != nil && len(p.RowHeads) != p.Rows || p.ColHeads != nil && len(p.ColHeads) != p.Cols {
							t.Errorf("%s: the panel %q has %d×%d numbers from %d of %d", l.ID, p.Title, p.Rows, p.Cols, p.At, len(numbers))
						}
					}
				}
			}
			broken, _ := ask[shownLaw](t, &c, `{"op":"law","id":"`+l.ID+`","state":`+state+`,"broken":true}`)
			if broken.Holds {
				t.Errorf("%s of %s holds when it is broken", l.ID, state)
			}
		}
		for _, eq := range l.Eqs {
			if _, ok := paper.FindEquation(eq); !ok {
				t.Errorf("%s names equation (%s), which the registry does not have", l.ID, eq)
			}
		}
		for _, id := range l.Identities {
			if !gradcheck.IsIdentity(id) {
				t.Errorf("%s names identity %s, which gradcheck does not have", l.ID, id)
			}
		}
	}
}

// Numbers of four demonstrations, written out.
func TestLawFigures(t *testing.T) {
	var c Core
	near := func(what string, got, want, limit float64) { t.Helper(); near(t, what, got, want, limit) }
	s := open(t, State{})
	h, numbers := ask[shownLaw](t, &c, `{"op":"law","id":"mask","broken":true,"head":1,"knob":8}`) // 8 is the last word as it was
	score := s.value("b0.h1.rho_scaled").At(0, 0)
	near("printed mask: weight that the first token gives to the last", numbers[5], 1/(math.Exp(score)+5), 1e-15)
	near("the same word moves the logits by", float64(h.Claims[1].Value), 0, 0)

	h, _ = ask[shownLaw](t, &c, `{"op":"law","id":"rows","broken":true,"head":1}`)
	sum := 0.0 // of a row of (Δ vᵗ) ∘ ρ
	for i := range 6 {
		row := 0.0
		for j := range 6 {
			row += s.value("b0.h1.D_rho").At(i, j) * s.value("b0.h1.rho").At(i, j)
		}
		sum = max(sum, math.Abs(row))
	}
	near("without the mean: largest sum of a row", float64(h.Claims[0].Value), sum, 1e-14)

	h, numbers = ask[shownLaw](t, &c, `{"op":"law","id":"keybias","head":1,"knob":1.5}`)
	for i := range 6 { // by c Σ q/√d_ρ, all of them
		for j := range i + 1 {
			shift := 0.0
			for _, q := range s.value("b0.h1.q").Row(i) {
				shift += 1.5 * q / 2
			}
			near("the key bias moves a score by", numbers[i*6+j], shift, 1e-13)
		}
	}

	h, _ = ask[shownLaw](t, &c, `{"op":"law","id":"adam","broken":true,"head":1,"knob":1}`)
	near("Adam without ε: the first step of the key bias, whose size is the rate", float64(h.Claims[1].Value), .01, 1e-9)

	h, numbers = ask[shownLaw](t, &c, `{"op":"law","id":"rank","knob":2}`)
	near("rank of two tokens", float64(h.Claims[0].Value), 2, 0)
	frobenius, of := 0.0, h.Panels[1]
	for _, x := range numbers[:8*32] {
		frobenius += x * x
	}
	for _, x := range numbers[of.At : of.At+of.Cols] {
		frobenius -= x * x
	}
	near("squares of singular values against squares of the entries", frobenius, 0, 1e-13)
}

// Singular values against NumPy: numpy.linalg.svd(a, compute_uv=False).
func TestSingular(t *testing.T) {
	a := paper.Zeros(5, 8)
	for i := range 5 {
		for j := range 8 {
			a.V[i*8+j] = math.Sin(float64(1 + 3*i + 5*j + i*j))
		}
	}
	narrow := paper.Zeros(3, 6)
	for i := range 3 {
		for j := range 6 {
			narrow.V[i*6+j] = math.Cos(float64(2*i + j*j))
		}
	}
	for _, x := range []struct {
		m    paper.Mat
		want []float64
		rank int
	}{
		{a, []float64{2.713446205791172, 2.499061655126873, 1.9431799441756994, 1.1851579359524302, 0.1818672890593398}, 5}, {a.T(), []float64{2.713446205791172, 2.499061655126873, 1.9431799441756994, 1.1851579359524302, 0.1818672890593398}, 5},
		{a.Columns(0, 3).Mul(narrow), []float64{3.9626360212012233, 1.2941882472005892, 0, 0, 0}, 2},
		{paper.Zeros(2, 3), []float64{0, 0}, 0},
	} {
		got := singular(x.m)
		if len(got) != len(x.want) || rankOf(got) != x.rank {
			t.Fatalf("%d singular values, rank %d; want %d and %d", len(got), rankOf(got), len(x.want), x.rank)
		}
		for i := range got {
			if math.Abs(got[i]-x.want[i]) > 1e-13 {
				t.Errorf("singular value %d is %.17g, by NumPy %.17g", i, got[i], x.want[i])
			}
		}
	}
}
