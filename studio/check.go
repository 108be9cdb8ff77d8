package studio

import (
	"fmt"
	"math"
	"strings"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A Check compares an error signal or a gradient, cell by cell, with differences of the loss.
type Check struct {
	ID      string    `json:"id"`
	Cells   int       `json:"cells"`             // compared
	Refused int       `json:"refused,omitempty"` // not compared: the difference crosses a kink of ReLU
	Worst   *float64  `json:"worst"`             // largest deviation, relative; nil where it is not a number
	Row     int       `json:"i"`                 // where it is
	Col     int       `json:"j"`
	OK      bool      `json:"ok"`
	Why     string    `json:"why,omitempty"` // it cannot be, or is not, a gradient of the loss
	Slopes  []float64 `json:"-"`             // the differences, in the order of the cells; NaN where refused
}

// maxCells is how many cells one check compares; of a larger tensor every second, third …
const maxCells = 512

// cells is maxCells, or fewer where a pass takes long: four passes are run for each.
func (s *Session) cells() int {
	const work = 10_000_000 // parameters times tokens
	return max(4, min(maxCells, work/(len(s.params.Slab)*len(s.seq.Tokens))))
}

// Check compares a node with differences. The error of a node that is not an error or a
// gradient says so.
func (s *Session) Check(id string) (c Check, err error) { return s.check(id, maxCells) }

// check is Check with at most so many cells.
func (s *Session) check(id string, most int) (c Check, err error) {
	n := s.node(id)
	if n == nil {
		return c, fmt.Errorf("there is no tensor %q in this network", clip(id))
	}
	c = Check{ID: id, OK: true}
	at, loss := s.nudger(n)
	if at == 0 && n.Kind == Gradient && strings.HasPrefix(n.Symbol, "∂L/∂w") {
		return c, fmt.Errorf("%s is one of two parts: the words and the logits share a matrix, whose gradient is their sum, dw_tok", id)
	}
	if at == 0 && n.Kind == Gradient {
		return c, fmt.Errorf("%s is the gradient of a bias that this network does not have", id)
	}
	if at == 0 {
		return c, fmt.Errorf("%s is not an error or a gradient: there is no difference to compare it with", id)
	}
	if e := s.editedBackward(); e != "" {
		c.OK, c.Why = false, "the error "+e+" was put in by hand: what comes from it is not a gradient of the loss"
		return c, nil
	}
	v, worst := s.value(id), 0.0
	stride := 1 + (at-1)/min(most, s.cells())
	for k := 0; k < at; k += stride {
		slope, crossed := gradcheck.Slope(gradcheck.DefaultStep, func(x float64) (float64, bool) { return loss(k, x) })
		if crossed {
			c.Refused++
			c.Slopes = append(c.Slopes, math.NaN())
			continue
		}
		c.Slopes = append(c.Slopes, slope)
		c.Cells++
		if e := gradcheck.Deviation(v.V[k], slope); !(e <= worst) {
			worst, c.Row, c.Col = e, k/n.Cols, k%n.Cols
		}
	}
	c.Worst = finite(worst)
	if c.OK = worst <= gradcheck.DifferenceTolerance; !c.OK {
		c.Why = "it is not the gradient of this loss"
		if len(s.edits) > 0 {
			c.Why = edited
		}
	}
	return c, nil
}

// nudger returns how many cells there are to nudge for an error or a gradient, 0 if there are
// none, and the loss when cell k of what it is the gradient of is larger by x; crossed says
// that an input of ReLU changed its sign.
func (s *Session) nudger(n *Node) (cells int, loss func(k int, x float64) (l float64, crossed bool)) {
	if n.Kind == Gradient {
		p := s.node(n.Partner)
		if p == nil {
			return 0, nil
		}
		own := s.apart()
		w := own.tensor(p)
		return p.Rows * p.Cols, func(k int, x float64) (float64, bool) {
			at := k/p.Cols*w.Cols + p.cols[k%p.Cols]
			old := w.V[at]
			w.V[at] += x
			l, crossed := own.lossOf(nil)
			w.V[at] = old
			return l, crossed
		}
	}
	of, ok := s.of[n.step]
	if n.Kind != Error || !ok {
		return 0, nil
	}
	return n.Rows * n.Cols, func(k int, x float64) (float64, bool) {
		return s.lossOf(func(step int, v paper.Mat) {
			if step == of {
				v.V[k] += x
			}
		})
	}
}

// lossOf is the loss of the forward pass with a nudge, and whether a kink was crossed.
func (s *Session) lossOf(nudge func(step int, v paper.Mat)) (l float64, crossed bool) {
	tr := &paper.Trace{Steps: make([]paper.Step, 0, s.split)}
	l, _ = s.forward(tr, false, nudge)
	if s.Model.Config.Activation == "relu" {
		for i, n := range s.nodes[:s.split] {
			if n.Symbol != "a_7" {
				continue
			}
			for k, x := range tr.Steps[i].V.V {
				crossed = crossed || x > 0 != (s.Trace.Steps[i].V.V[k] > 0)
			}
		}
	}
	return l, crossed
}

// editedBackward is the id of a step of the backward pass that was edited, or "".
func (s *Session) editedBackward() string {
	for i := s.split; i < len(s.Trace.Steps); i++ {
		if s.edits[i] != nil {
			return s.nodes[i].ID
		}
	}
	return ""
}

// A Nudge is what the loss does when one cell grows by epsilon: what its error predicts to
// first order, and what happens.
type Nudge struct {
	Epsilon   float64  `json:"epsilon"`
	Predicted *float64 `json:"predicted"` // nil where it is not a number
	Actual    *float64 `json:"actual"`
}

// Nudge moves one cell of a value, or of a parameter, by epsilon.
func (s *Session) Nudge(id string, row, col int, epsilon float64) (n Nudge, err error) {
	v := s.node(id)
	if v == nil || row < 0 || row >= v.Rows || col < 0 || col >= v.Cols {
		return n, fmt.Errorf("%q has no cell %d,%d", clip(id), row+1, col+1)
	}
	if math.IsNaN(epsilon) || math.Abs(epsilon) > maxValue {
		return n, fmt.Errorf("an epsilon is at most %g in size", float64(maxValue))
	}
	e := s.node(v.Partner)
	if e == nil || v.Kind != Value && v.Kind != Parameter {
		return n, fmt.Errorf("%s has no error of its own", id)
	}
	_, loss := s.nudger(e)
	if loss == nil {
		return n, fmt.Errorf("%s has no error of its own", id)
	}
	k := row*v.Cols + col
	l, _ := loss(k, epsilon)
	base, _ := s.lossOf(nil)
	return Nudge{epsilon, finite(s.value(e.ID).V[k] * epsilon), finite(l - base)}, nil
}
