package studio

import (
	"fmt"
	"math"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
)

// A VCurve is what differences of one cell of an error or a gradient are at many steps h, and
// how far they are from the backward pass. Behind its header stand, for each step, h, the
// difference by two evaluations, its deviation, that by four, its deviation, and the largest
// deviation by four over some cells of the tensor; NaN where a kink of ReLU is crossed.
type VCurve struct {
	ID        string   `json:"id"`
	Row       int      `json:"i"`
	Col       int      `json:"j"`
	Value     *float64 `json:"value"` // by the backward pass
	Steps     int      `json:"steps"`
	Default   int      `json:"default"`   // the step of every check
	Best      int      `json:"best"`      // where four evaluations are nearest; -1: nowhere
	Cells     int      `json:"cells"`     // of the tensor whose deviations are compared
	Tolerance float64  `json:"tolerance"` // what a check allows
	OK        bool     `json:"ok"`        // at the step of every check
	Why       string   `json:"why,omitempty"`

	Numbers []float64 `json:"-"` // six for each step, largest step first
}

// curveCells is how many cells of a tensor a curve compares beside its own.
const curveCells = 12

// Curve takes the differences of one cell of an error or a gradient at many steps.
func (s *Session) Curve(id string, row, col int) (v VCurve, err error) {
	n := s.node(id)
	if n == nil {
		return v, fmt.Errorf("there is no tensor %q in this network", clip(id))
	}
	cells, loss := s.nudger(n)
	if cells == 0 {
		return v, fmt.Errorf("%s is not an error or a gradient: there is no difference to compare it with", id)
	}
	if row < 0 || row >= n.Rows || col < 0 || col >= n.Cols {
		return v, fmt.Errorf("%s is %d×%d: it has no cell %d,%d", id, n.Rows, n.Cols, row+1, col+1)
	}
	own, values := row*n.Cols+col, s.value(id).V
	v = VCurve{ID: id, Row: row, Col: col, Value: finite(values[own]), Default: gradcheck.CurveDefault, Best: -1, Tolerance: gradcheck.DifferenceTolerance}
	at := func(k int) gradcheck.Curve {
		return gradcheck.CurveOf(func(x float64) (float64, bool) { return loss(k, x) })
	}
	c := at(own)
	v.Steps = len(c.Steps)
	largest := make([]float64, v.Steps)
	also := func(k int, c gradcheck.Curve) {
		v.Cells++
		for h, d := range c.Four {
			if e := gradcheck.Deviation(values[k], d); e > largest[h] {
				largest[h] = e
			}
		}
	}
	also(own, c)
	for k := 0; k < cells; k += 1 + (cells-1)/curveCells {
		if k != own {
			also(k, at(k))
		}
	}
	best := math.Inf(1)
	for h := range c.Steps {
		two, four := gradcheck.Deviation(values[own], c.Two[h]), gradcheck.Deviation(values[own], c.Four[h])
		if four < best {
			best, v.Best = four, h
		}
		if h == v.Default {
			v.OK = four <= v.Tolerance
		}
		v.Numbers = append(v.Numbers, c.Steps[h], c.Two[h], two, c.Four[h], four, largest[h])
	}
	switch e := s.editedBackward(); {
	case e != "":
		v.Why = "the error " + e + " was put in by hand: what comes from it is not a gradient of the loss"
	case math.IsNaN(c.Four[v.Default]):
		v.Why = "a nudge by the step of every check crosses a kink of ReLU: the loss has no slope to compare there"
	case !v.OK && len(s.edits) > 0:
		v.Why = edited
	case !v.OK:
		v.Why = "it is not the gradient of this loss"
	}
	return v, nil
}

// edited is why a check fails where a value was put in by hand.
const edited = "an edited value is no longer what its equation makes of the values before it, and the backward pass does not know"
