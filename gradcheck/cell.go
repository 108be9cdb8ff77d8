package gradcheck

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// A Cell is one number of a pass with a bug in it.
type Cell struct {
	Name      string `json:"name"`
	Eq        string `json:"eq"`
	At        string `json:"at"`  // place of the step, or name of the parameter
	Row       int    `json:"row"` // from 1
	Col       int    `json:"col"`
	Value     Number `json:"value"`               // in the pass
	Slope     Number `json:"slope"`               // of the loss along Of, by finite differences: what an error signal or a gradient should be
	Of        string `json:"of"`                  // what was nudged
	Kink      bool   `json:"kink,omitempty"`      // a nudge crosses a kink of ReLU, and Slope means nothing
	Nudged    bool   `json:"nudged"`              // differences were taken: Slope means something
	Elsewhere int    `json:"elsewhere,omitempty"` // further places that have a number of that name
}

// Is says whether the value is meant to be the slope: of an error signal or a gradient.
func (c Cell) Is() bool { return c.Of != c.Name }

// Cell is number [row, col], from 1, of a step or of a row of verify. at is the place, such as
// "block.0.head.1", or a part of it; "" takes the first.
func (h *Hunt) Cell(name, at string, row, col int) (Cell, error) {
	if i := slices.IndexFunc(h.Parameters, func(r Row) bool {
		first, _, _ := strings.Cut(r.Name, " (")
		return plain(r.Name) == plain(name) || plain(first) == plain(name) || plain("∂L/∂"+first) == plain(name)
	}); i >= 0 {
		r := h.Parameters[i]
		if row < 1 || col < 1 || row > r.Total/r.Cols || col > r.Cols {
			return Cell{}, fmt.Errorf("%s is %s: it has no number [%d, %d], counted from 1", r.Name, r.Shape, row, col)
		}
		k := (row-1)*r.Cols + col - 1
		e := newEvaluator(h.clean.Point, h.plant, nil)
		v := e.tensors()[r.Tensor].V
		j := r.piece.index(k)
		was := v[j]
		d, kink := Slope(DefaultStep, func(x float64) (float64, bool) {
			v[j] = was + x
			return e.loss(nil)
		})
		return Cell{Name: "∂L/∂ " + r.Name, Eq: eqOf(r), At: r.Param, Row: row, Col: col, Value: Number(r.analytic[k]), Slope: Number(d), Of: r.Name, Kink: kink, Nudged: true}, nil
	}
	var found []signal
	for _, s := range h.pass.signals() {
		if (plain(s.name) == plain(name) || plain(s.step.Name) == plain(name)) && strings.Contains(s.step.At+".", at) {
			found = append(found, s)
		}
	}
	if len(found) == 0 {
		for _, s := range h.pass.tr.Steps {
			if p := plain(s.Name); (p == plain(name) || p == plain(name+"_h")) && strings.Contains(s.At+".", at) {
				found = append(found, signal{name: s.Name, step: s, of: s.Name})
			}
		}
	}
	if len(found) == 0 {
		where := ""
		if at != "" {
			where = " at " + at
		}
		return Cell{}, fmt.Errorf("there is no %s%s in this pass: \"lines\" lists what there is", name, where)
	}
	s := found[0]
	if row < 1 || col < 1 || row > s.step.V.N || col > s.step.V.D {
		return Cell{}, fmt.Errorf("%s is %dx%d: it has no number [%d, %d], counted from 1", s.name, s.step.V.N, s.step.V.D, row, col)
	}
	k := (row-1)*s.step.V.D + col - 1
	c := Cell{Name: s.name, Eq: s.step.Eq, At: s.step.At, Row: row, Col: col, Value: Number(s.step.V.V[k]), Of: s.of, Elsewhere: len(found) - 1}
	e := newEvaluator(h.clean.Point, h.plant, nil)
	seen := false
	d, kink := Slope(DefaultStep, func(x float64) (float64, bool) {
		return e.loss(func(f paper.Step) paper.Mat {
			if f.Name != s.of || f.At != s.step.At {
				return f.V
			}
			seen = true
			v := clone(f.V)
			v.V[k] += x
			return v
		})
	})
	c.Slope, c.Kink = Number(d), kink
	c.Nudged = seen // not a step of the way back that is no error signal
	return c, nil
}
