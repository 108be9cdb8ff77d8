package paper

import (
	"fmt"
	"testing"
)

func ExampleTrace() {
	tr := &Trace{}
	x := Mat{1, 2, []float64{1, 2}}
	FC(tr.In("block.0").In("expand"), x, Mat{2, 1, []float64{3, 4}}, nil)
	for _, s := range tr.Steps {
		fmt.Printf("%-14s %-3s %-8s %v\n", s.At, s.Eq, s.Name, s.V.V)
	}
	// Output:
	// block.0.expand     a_{i-1}  [1 2]
	// block.0.expand FC  a_i      [11]
}

// TestRewrite: what a rewrite returns is recorded, and the pass goes on with it.
func TestRewrite(t *testing.T) {
	tr := &Trace{Rewrite: func(s Step) Mat {
		if s.At == "head.0" && s.Name == "v_h" {
			return Zeros(s.V.N, s.V.D)
		}
		return s.V
	}}
	s := draw(110)
	a, _ := MultiHead(tr, s.mat(3, 4), []Head{s.head(4, 2, 2), s.head(4, 2, 2)}, Causal(3))
	same(t, "head 0", a.Columns(0, 2).V, make(Vec, 6), 0)
	if h := a.Columns(2, 2); h.Dot(h) == 0 {
		t.Error("head 0 was rewritten too")
	}
	if v, _ := tr.Find("head.0", "v_h"); v.V.Dot(v.V) != 0 {
		t.Error("the step holds the old value")
	}
}

func TestNilTrace(t *testing.T) {
	var tr *Trace
	if v := tr.In("a").In("b").Vec("1", "x", Vec{1}); len(v) != 1 || v[0] != 1 {
		t.Errorf("a nil trace returned %v", v)
	}
}
