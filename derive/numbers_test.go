package derive

import (
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// numbersOf is a program that computes a formula.
func numbersOf(t *testing.T, x *Exercise, formula string) (compute func(in *Instance) paper.Mat, ok bool) {
	t.Helper()
	g := x.grader()
	e, err := x.parse(formula)
	if err != nil {
		return nil, false
	}
	for _, want := range []*Type{&g.want, nil} { // a wrong answer may have another shape
		if rs, err := g.scope.readings(g.scope.spelled(e), want); err == nil {
			return func(in *Instance) paper.Mat { return in.evaluate(rs[0].t, false).v }, true
		}
	}
	return nil, false
}

// TestGradeNumbers: the numbers of a formula get the verdict of the formula. Every right form
// of every exercise is right; every wrong one is wrong, and nearly all have the formula's
// diagnosis.
func TestGradeNumbers(t *testing.T) {
	same, all := 0, 0
	for _, x := range Exercises {
		for _, a := range x.Accepted {
			if compute, ok := numbersOf(t, x, a); !ok {
				t.Errorf("%s: %s has no numbers", x.ID, a)
			} else if v := x.GradeNumbers(compute); v.Status != Right {
				t.Errorf("%s: the numbers of %s are %s: %s", x.ID, a, v.Status, v.Message)
			}
		}
		for _, m := range x.Mistakes {
			compute, ok := numbersOf(t, x, m.Answer)
			if !ok {
				continue
			}
			v, of := x.GradeNumbers(compute), x.Grade(m.Answer)
			if v.Status == Right || v.Message == "" || v.ID == "panic" {
				t.Errorf("%s: the numbers of %s are %s: %s", x.ID, m.Answer, v.Status, v.Message)
			}
			all++
			if v.ID == of.ID {
				same++
				continue
			}
			t.Logf("%s: %s: %s: %s\n\tthe formula: %s: %s", x.ID, m.Answer, v.ID, v.Message, of.ID, of.Message)
		}
	}
	if all < 190 || 100*same < 95*all {
		t.Errorf("%d of %d wrong answers have the diagnosis of the formula", same, all)
	}
}

// TestNumbersInWords: what is said about numbers that programs are often wrong by.
func TestNumbersInWords(t *testing.T) {
	formula := func(id, f string) func(in *Instance) paper.Mat {
		compute, ok := numbersOf(t, FindExercise(id), f)
		if !ok {
			t.Fatalf("%s: %s has no numbers", id, f)
		}
		return compute
	}
	for _, c := range []struct {
		exercise string
		compute  func(in *Instance) paper.Mat
		id, says string
	}{
		{"fc", func(*Instance) paper.Mat { return paper.Mat{} }, "nothing", "Nothing came back."},
		{"fc", func(*Instance) paper.Mat { return paper.Mat{N: 4, D: 5} }, "nothing", "Nothing came back."},
		{"fc", func(*Instance) paper.Mat { return paper.Mat{N: 4, D: 5, V: make([]float64, 3)} }, "answer-shape", "and the gradient is"},
		{"fc", func(in *Instance) paper.Mat { return paper.Zeros(3, 2).Mul(paper.Zeros(3, 2)) }, "panic", "It panics at T = 6, f = 9, g = 8: paper.Mat.Mul: 3×2 times 3×2."},
		{"fc", formula("fc", "0 * a_prev"), "zero", "It is 0, and the gradient is not: "},
		{"fc", formula("fc", "0 / 0 * a_prev"), "rows", "not a number"},
		{"fc_w", formula("fc_w", "2 * a_prev' @ D"), "ratio", "it is 2 times the gradient."},
		{"fc_w", formula("fc_w", "-a_prev' @ D"), "ratio:sign", "Only the sign is wrong"},
		{"fc_w", formula("fc_w", "D' @ a_prev"), "answer-shape:transpose", "It is g×f (8×9), and the gradient is f×g (9×8): right once it is transposed."},
		{"fc_b", formula("fc_b", "D"), "answer-shape:function-missing", "the sum over the tokens is missing"},
		{"layernorm_w", formula("layernorm_w", "abar' @ D"), "answer-shape:function-missing", "its diagonal is asked for"},
		{"rho_v", formula("rho_v", "v @ D'"), "misconception:transposed", "transposed"},
		{"d_raw", formula("d_raw", "D_causal' / sqrt(d_rho)"), "edit:transpose", "Right once it is transposed."},
		{"w_q", formula("w_q", "a_prev' @ D_raw @ q"), "edit:name", "These are the numbers of a_prev' @ D_raw @ q. k belongs in the place of q."},
		{"w_q", formula("w_q", "a_prev' @ D_causal @ k"), "ratio", "it is sqrt(d_rho) times the gradient"},
		{"w_q", formula("w_q", "a_prev' @ ((D @ v' + ~rowdot(D @ v', rho)) * rho) @ k / sqrt(d_rho)"), "edit:sign", "The sign before ~rowdot(D @ v', rho) must be -."},
		{"head_input", formula("head_input", "rho' @ D @ w_v'"), "branch", "Terms are missing: what the queries hand down, and what the keys hand down."},
		{"layernorm", formula("layernorm", "(d * (D * ~w) + ~sum_features(D * ~w) - abar * ~sum_tokens(abar * D * ~w)) / (d * ~sigma)"), "edits", "which is not the gradient"},
		{"fc_w", func(in *Instance) paper.Mat { // right but at the first point
			m := formula("fc_w", "a_prev' @ D")(in)
			if in == FindExercise("fc_w").Instance(0) {
				m = m.Scale(2)
			}
			return m
		}, "ratio", "each time another one"},
		{"layernorm", func(in *Instance) paper.Mat { // the last token is forgotten
			m := formula("layernorm", FindExercise("layernorm").Accepted[0])(in)
			clear(m.Row(m.N - 1))
			return m
		}, "rows", "Wrong in row 6 of 6 alone"},
	} {
		v := FindExercise(c.exercise).GradeNumbers(c.compute)
		if v.ID != c.id || !strings.Contains(v.Message, c.says) {
			t.Errorf("%s: %s: %s; want %s: %s", c.exercise, v.ID, v.Message, c.id, c.says)
		}
	}
}
