package studio

import (
	"math"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// Every gradient of table 3 is the sum of its layers, one for each token, and those of a matrix
// have rank one: all their minors are zero.
func TestLayers(t *testing.T) {
	for _, state := range []State{{Rank: 2, Seed: 3}, {Mean: true}, {Model: "paper", Seed: 2}} {
		s := open(t, state)
		rows := 0
		for _, r := range Tables[3].Rows {
			id := strings.NewReplacer("{b}", "0", "{h}", "1").Replace(r.Error)
			if s.node(id) == nil {
				continue
			}
			l, err := s.Layers(id)
			if err != nil {
				t.Errorf("%s: %v", id, err)
				continue
			}
			rows++
			g := s.value(id)
			if l.Rows != g.N || l.Cols != g.D || l.Tokens != len(s.seq.Tokens) || len(l.Numbers) != l.Tokens*len(g.V) || l.Right == "" || (l.Left == "") != strings.Contains(id, "db_") {
				t.Fatalf("%s: %+v", id, l)
			}
			for k, want := range g.V {
				sum, scale := 0.0, 1e-3
				for token := range l.Tokens {
					x := l.Numbers[token*len(g.V)+k]
					sum += x
					scale += math.Abs(x)
				}
				if math.Abs(sum-want) > 1e-14*scale {
					t.Fatalf("%s[%d]: the layers sum to %g, the gradient is %g", id, k, sum, want)
				}
			}
			for token := range l.Tokens {
				m := paper.Mat{N: l.Rows, D: l.Cols, V: l.Numbers[token*len(g.V):][:len(g.V)]}
				norm, _ := size(m)
				if *l.Norms[token] != norm {
					t.Errorf("%s: the norm of layer %d is %g, said to be %g", id, token, norm, *l.Norms[token])
				}
				for i := 1; i < m.N; i++ {
					for j := 1; j < m.D; j++ {
						if d := m.At(0, 0)*m.At(i, j) - m.At(0, j)*m.At(i, 0); math.Abs(d) > 1e-14 {
							t.Fatalf("%s: layer %d has a minor of %g", id, token, d)
						}
					}
				}
			}
		}
		if want := map[bool]int{true: 24, false: 22}[state.Rank > 0]; rows != want {
			t.Errorf("%d rows, want %d", rows, want)
		}
	}
	s := open(t, State{})
	for _, id := range []string{"nosuch", "a_12", "D_12", "lnFinal.dw"} {
		if l, err := s.Layers(id); err == nil {
			t.Errorf("%s has layers: %+v", id, l)
		}
	}
}

// A layer is what the loss answers when the weight changes for one token alone: the token's
// output moves by its input.
func TestLayersByDifferences(t *testing.T) {
	s := open(t, State{})
	for _, c := range []struct {
		gradient, in, out string
		i, j              int
	}{{"dw_11", "a_11", "a_12", 3, 4}, {"b0.dw_6", "b0.a_6", "b0.a_7", 2, 9}, {"b0.dw_3", "b0.a_3", "b0.a_4", 5, 1}, {"b0.h1.dw_q", "b0.h1.a_prev_to_q", "b0.h1.q", 1, 2}} {
		l, err := s.Layers(c.gradient)
		if err != nil {
			t.Fatal(err)
		}
		out := s.node(c.out)
		for token := range l.Tokens {
			x := s.value(c.in).At(token, c.i)
			slope, _ := gradcheck.Slope(gradcheck.DefaultStep, func(h float64) (float64, bool) {
				return s.lossOf(func(step int, v paper.Mat) {
					if step == out.step {
						v.V[token*out.Cols+c.j] += h * x
					}
				})
			})
			if got := l.Numbers[(token*l.Rows+c.i)*l.Cols+c.j]; math.Abs(got-slope) > 1e-9 {
				t.Errorf("%s, token %d: %g, by differences %g", c.gradient, token, got, slope)
			}
		}
	}
}
