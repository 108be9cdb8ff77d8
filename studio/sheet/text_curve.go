package sheet

import (
	"fmt"
	"math"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// hasCheck says whether there is a page of the checks: the bugs, or a tensor that is checked.
func hasCheck(s *Sheet, id string) error {
	if id == "" || id == "bugs" {
		return nil
	}
	n, err := s.find(id)
	if err != nil {
		return err
	}
	if s.compares(n) == nil {
		return fmt.Errorf("%s has neither an error nor a gradient: there is no difference to compare it with", id)
	}
	return nil
}

// compares is the error or the gradient that is compared where n is asked for, or nil.
func (s *Sheet) compares(n *studio.Node) *studio.Node {
	if backward(n.Kind) {
		return n
	}
	return s.Node(n.Partner)
}

// printCheck prints the checks of all, the planted bugs, or the differences of one cell.
func (s *Sheet) printCheck(p *printer, id string) error {
	switch id {
	case "":
		s.printChecks(p)
		return nil
	case "bugs":
		p.first = nil // each bug has a network of its own
		return s.printBugs(p)
	}
	return s.printCurve(p, s.compares(s.Node(id)))
}

// stepNumbers is how many numbers of a curve a step has: h, the difference by two runs, how far
// it is off, that by four, how far that is off, and the largest deviation by four of some cells.
const stepNumbers = 6

// printCurve prints one cell of an error or a gradient beside differences at many steps.
func (s *Sheet) printCurve(p *printer, n *studio.Node) error {
	i, j := largestCell(s.Values(n.ID))
	if s.Cell != nil {
		i, j = min(s.Cell[0], n.Rows-1), min(s.Cell[1], n.Cols-1)
	}
	var c studio.VCurve
	numbers, err := s.ask(studio.Request{Op: "curve", ID: n.ID, Row: i, Col: j}, &c)
	if err != nil {
		return err
	}
	p.line("%s and differences of the loss · %s", p.in(blue, p.in(bold, Plain(n.MathML))), n.At)
	p.prose(0, "Nudge one number by h and by −h, and divide what the loss does by 2h. With h too large, the curve of the loss shows; with h too small, the digits of the loss run out. In between lies the truth, and the backward pass must be there.")
	p.line("")
	p.fact("cell", s.place(n, i, j))
	if partner := s.Node(n.Partner); partner != nil {
		p.fact("nudged", p.in(orange, Plain(partner.MathML))+", "+partner.At)
	}
	p.fact("backward", orNone(c.Value, 9))
	if k, err := s.Check(n.ID); err == nil {
		for i, part := range broken(checkText(k), p.Width-14) {
			p.fact(map[bool]string{true: "tensor"}[i == 0], part)
		}
	}
	p.line("")
	p.prose(0, curveSays(c, numbers))
	p.line("")
	const plot = 34 // columns from 10⁻¹⁶ to 10
	at := func(x float64) int {
		return max(0, min(plot-1, int(math.Round((math.Log10(max(x, 1e-16))+16)/17*(plot-1)))))
	}
	off := func(x float64) string {
		if math.IsNaN(x) {
			return "kink"
		}
		return significant(x, 2)
	}
	p.line("%s", p.in(faint, right("h", 6)+right("two runs", 11)+right("four runs", 11)+right(fmt.Sprintf("all %d", c.Cells), 11)+"   10⁻¹⁶"+strings.Repeat(" ", plot-7)+"10"))
	for k := range c.Steps {
		v := numbers[stepNumbers*k : stepNumbers*(k+1)]
		line := []rune(strings.Repeat(" ", plot))
		line[at(c.Tolerance)] = '┊'
		for _, x := range []struct {
			off  float64
			mark rune
		}{{v[5], '·'}, {v[2], '2'}, {v[4], '4'}} {
			if !math.IsNaN(x.off) {
				line[at(x.off)] = x.mark
			}
		}
		note := ""
		if k == c.Default {
			note = " ◂"
		}
		p.line("%s%s%s%s   %s%s", right(power(k), 6), right(off(v[2]), 11), right(off(v[4]), 11), right(off(v[5]), 11), strings.TrimRight(string(line), " "), note)
	}
	p.line("")
	p.prose(0, fmt.Sprintf("The columns are relative deviations: of the cell by two runs (2) and by four (4), and the largest of %d cells by four (·). ◂ is the step of every check, ┊ what it allows.", c.Cells))
	return nil
}

// largestCell is where the largest entry of a matrix is, without its sign.
func largestCell(m paper.Mat) (i, j int) {
	at, most := 0, 0.0
	for k, x := range m.V {
		if a := math.Abs(x); a > most && !math.IsInf(x, 0) {
			at, most = k, a
		}
	}
	return at / m.D, at % m.D
}

// power is the step 2⁻ᵏ.
func power(k int) string {
	if k == 0 {
		return "1"
	}
	return "2" + raised(fmt.Sprint(-k))
}

// curveSays says in words what a curve shows.
func curveSays(c studio.VCurve, numbers []float64) string {
	if c.Why != "" {
		return "Not a check: " + c.Why + "."
	}
	d := numbers[stepNumbers*c.Default+4]
	text := fmt.Sprintf("Every check steps by h = %s: there this cell is off by %s, and a check allows %s. ", power(c.Default), significant(d, 2), significant(c.Tolerance, 1))
	if c.Best < 0 || c.Best == c.Default || numbers[stepNumbers*c.Best+4] == d {
		return text + "No step is better."
	}
	return text + fmt.Sprintf("The best step of this cell, %s, has %s.", power(c.Best), significant(numbers[stepNumbers*c.Best+4], 2))
}
