package derive

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// A Derivation is lines about the names of a world, with differentials. d(x) of a name that
// is drawn is a random tangent, the same in all lines; that of another name, or of an
// expression, follows by forward mode. Error signals D are given, and d of them is 0.
type Derivation struct {
	Title string
	Eq    string   // number in the registry of the equation that it ends in; may be ""
	Also  []string // numbers of equations that it derives on the way
	World string   // id
	Hold  []string // names that do not move: d of them is 0
	Lines []string // each an equation, a name := expression, or == and what equals the line above
	Why   []string // of each line the reason, one sentence; nil of a derivation that was typed
	Slips []Slip   // lines that are false
}

// A LineVerdict is what is said about one line.
type LineVerdict struct {
	Line    int     `json:"line"` // from 1
	Text    string  `json:"text"`
	Status  Status  `json:"status"`
	Message string  `json:"message,omitempty"` // "" for a line that is right
	Column  int     `json:"column,omitempty"`  // of the place, from 1
	End     int     `json:"end,omitempty"`     // one behind it
	Residue float64 `json:"residue,omitempty"` // largest difference of the sides, relative to the size of their terms
	Repair  string  `json:"repair,omitempty"`  // the side with the slip, mended
}

// maxLines is how many lines a derivation may have.
const maxLines = 200

// ParseDerivation reads a derivation from text. Empty lines and those that begin with # are
// left out. The lines
//
//	world head
//	hold a_prev w_k
//
// say what it is about; the world must come first.
func ParseDerivation(text string) (*Derivation, error) {
	d := &Derivation{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case word == "world" && d.World == "" && len(d.Lines) == 0:
			d.World = strings.TrimSpace(rest)
			continue
		case word == "hold" && rest != "" && !strings.Contains(rest, "="):
			d.Hold = append(d.Hold, strings.Fields(rest)...)
			continue
		}
		d.Lines = append(d.Lines, line)
	}
	switch {
	case d.World == "":
		return nil, fmt.Errorf("a derivation begins with its world, such as \"world head\": one of %s", strings.Join(worldIDs(), ", "))
	case FindWorld(d.World) == nil:
		return nil, fmt.Errorf("there is no world %q: one of %s", d.World, strings.Join(worldIDs(), ", "))
	case len(d.Lines) > maxLines:
		return nil, fmt.Errorf("a derivation has at most %d lines, not %d", maxLines, len(d.Lines))
	}
	scope := FindWorld(d.World).program().scope
	for _, n := range d.Hold {
		if _, ok := scope.types[n]; !ok {
			return nil, fmt.Errorf("hold %s: world %s has no such name%s", n, d.World, nearest(n, scope.order))
		}
	}
	if len(d.Lines) == 0 {
		return nil, fmt.Errorf("there is no line to check: write one below the world, such as \"sum_features(rho) == 1\"")
	}
	return d, nil
}

func worldIDs() (ids []string) {
	for _, w := range Worlds {
		ids = append(ids, w.ID)
	}
	return ids
}

// Check evaluates every line at random instances. A line whose sides differ is wrong; one
// that cannot be read or has no shapes is refused; the lines behind it are checked all the
// same.
func (d *Derivation) Check() []LineVerdict {
	c := newChecked(d)
	var all []LineVerdict
	for i, text := range d.Lines {
		v := c.line(text)
		v.Line, v.Text = i+1, text
		all = append(all, v)
	}
	return all
}

// checked is the state between two lines.
type checked struct {
	world *World
	scope *Scope
	at    []*Instance
	above *Expr // the last side of the last line that is an equation; nil where there is none, or it was refused
}

func newChecked(d *Derivation) *checked {
	w := FindWorld(d.World)
	p := w.program()
	s := *p.scope
	s.types, s.order = map[string]Type{}, slices.Clone(p.scope.order)
	for n, t := range p.scope.types {
		s.types[n] = t
	}
	c := &checked{world: w, scope: &s}
	for i := range instances {
		c.at = append(c.at, p.instance(i, d.Hold...))
	}
	return c
}

func (c *checked) line(text string) LineVerdict {
	src, shift := text, 0
	if rest, ok := strings.CutPrefix(text, "=="); ok {
		if c.above == nil {
			return LineVerdict{Status: Refused, Message: "== goes on from the line above, and there is none that can be read: write both sides.", Column: 1, End: 3}
		}
		src, shift = rest, 2
	}
	l, err := ParseLine(src)
	if err != nil {
		c.above = nil
		return refusedLine(err, shift)
	}
	if shift > 0 {
		l.Sides = append([]*Expr{c.above}, l.Sides...)
	}
	for i, e := range l.Sides {
		l.Sides[i] = c.scope.spelled(e)
	}
	if l.Name != "" {
		return c.define(l)
	}
	if len(l.Sides) < 2 {
		c.above = nil
		return LineVerdict{Status: Refused, Message: "A line says that two sides are equal, a == b, or gives a name, g := D * ~w."}
	}
	c.above = l.Sides[len(l.Sides)-1]
	v := LineVerdict{Status: Right}
	for i := range len(l.Sides) - 1 {
		if v = c.equal(l.Sides[i], l.Sides[i+1], shift); v.Status != Right {
			if v.Status == Refused {
				c.above = nil
			}
			return v
		}
	}
	return v
}

func refusedLine(err error, shift int) LineVerdict {
	r := refusal(err)
	return LineVerdict{Status: Refused, Message: r.Message, Column: r.Column + shift, End: r.End + shift}
}

// define gives a name to an expression, for the lines below.
func (c *checked) define(l Line) LineVerdict {
	if _, ok := c.scope.types[l.Name]; ok {
		return LineVerdict{Status: Refused, Message: fmt.Sprintf("%s has a meaning already: take another name.", l.Name), Column: 1, End: len(l.Name) + 1}
	}
	t, _, err := c.sides(l.Sides[0], nil)
	if err != nil {
		return refusedLine(err, 0)
	}
	typ := t.shape.typ()
	e := &Expr{op: opCall, name: "d", kids: []*Expr{t.e}}
	moving, err := c.scope.infer(e, &typ)
	for _, in := range c.at {
		in.values[l.Name] = in.evaluate(t, false).v
		in.tangents[l.Name] = paper.Zeros(in.values[l.Name].N, in.values[l.Name].D)
		if err == nil { // what has d(·) in it already does not move
			in.tangents[l.Name] = in.evaluate(moving, false).v
		}
	}
	c.scope.types[l.Name] = typ
	c.scope.order = append(c.scope.order, l.Name)
	return LineVerdict{Status: Right}
}

// sides types one side or two, which must have one shape; a number is as large as the other
// side, and what could have any width is n_T wide.
func (c *checked) sides(left, right *Expr) (l, r *typed, err error) {
	ch := &checker{scope: c.scope}
	first := func(e *Expr) (*typed, error) {
		var err error
		for _, r := range resolve(e) {
			t, e := ch.infer(r)
			if e == nil {
				return t, nil
			}
			if err == nil {
				err = e
			}
		}
		return nil, err
	}
	if l, err = first(left); err != nil {
		return nil, nil, err
	}
	if right == nil {
		return l, nil, ch.known(l)
	}
	if r, err = first(right); err != nil {
		return nil, nil, err
	}
	a, b := l.shape, r.shape
	if a.kind != Number && b.kind != Number && !(a.kind == b.kind && fits(a.rows, b.rows) && fits(a.cols, b.cols)) {
		return nil, nil, &Error{Column: max(right.pos, 1), End: max(right.end, 2), ID: "shape", Message: fmt.Sprintf("the left side is %s, the right side is %s", ch.say(a), ch.say(b))}
	}
	settle(l)
	settle(r)
	return l, r, nil
}

// settle makes what may have any size as large as there are tokens.
func settle(t *typed) {
	for _, d := range []*dim{t.shape.rows.root(), t.shape.cols.root()} {
		if d.letter == "" {
			d.is = &dim{letter: tokensLetter}
		}
	}
	for _, k := range t.kids {
		settle(k)
	}
}

// lineRounding is what two sides may differ by, relative to the size of their terms.
const lineRounding = 1e-11

// equal compares two sides at all instances.
func (c *checked) equal(left, right *Expr, shift int) LineVerdict {
	l, r, err := c.sides(left, right)
	if err != nil {
		return refusedLine(err, shift)
	}
	v := LineVerdict{Status: Right}
	worstAt, entry, least := -1, 0, 0
	var have [2]float64
	for i, in := range c.at {
		a, b := in.evaluate(l, true), in.evaluate(r, true)
		ev := &evaluator{in: in, scales: true}
		rows, cols := max(a.v.N, b.v.N), max(a.v.D, b.v.D)
		a, b = ev.filled(a, rows, cols), ev.filled(b, rows, cols)
		scale := max(largest(a.scale), largest(b.scale), 1e-300)
		for j, x := range a.v.V {
			y := b.v.V[j]
			if x == y { // also where both are -∞, under the mask
				continue
			}
			d := math.Abs(x-y) / scale
			if math.IsNaN(d) || math.IsInf(d, 0) {
				d = math.MaxFloat64
			}
			v.Residue = max(v.Residue, d)
			if d > lineRounding && (worstAt < 0 || len(a.v.V) < least) {
				worstAt, entry, least, have = i, j, len(a.v.V), [2]float64{x, y}
			}
		}
	}
	if v.Residue <= lineRounding {
		v.Residue = 0
		return v
	}
	v.Status, v.Column, v.End = Wrong, max(right.pos, 1)+shift, max(right.end, 2)+shift
	at := c.at[worstAt]
	place := ""
	if l.shape.kind != Number || r.shape.kind != Number {
		big := l
		if l.shape.kind == Number {
			big = r
		}
		cols := (&evaluator{in: at}).size(big.shape.cols)
		place = fmt.Sprintf(", number [%d, %d]", entry/cols+1, entry%cols+1)
	}
	g := &grader{x: &Exercise{World: c.world.ID}, scope: c.scope}
	v.Message = fmt.Sprintf("False: at %s%s the left is %.4g and the right %.4g.", g.sizes(at), place, have[0], have[1])
	if cand, of, ok := c.mend(left, right, l, r, shift > 0); ok {
		v.Message += " " + sentence(fmt.Sprintf("On the %s, %s", of, cand.what))
		v.Repair = cand.e.String()
		if cand.pos > 0 && (of == "right" || shift == 0) {
			v.Column, v.End = cand.pos+shift, cand.end+shift
		}
	}
	return v
}

// mend looks for one edit of one side that makes it the other; a left side that was accepted
// with the line above is left alone.
func (c *checked) mend(left, right *Expr, l, r *typed, accepted bool) (cand candidate, of string, ok bool) {
	try := func(truth *typed, e *Expr) (candidate, bool) {
		g := &grader{x: &Exercise{World: c.world.ID}, scope: c.scope, want: truth.shape.typ()}
		for _, in := range c.at {
			a := in.evaluate(truth, true)
			g.points = append(g.points, point{in: in, truth: a.v, noise: lineRounding * largest(a.scale), large: largest(a.v)})
			if largest(a.v) <= lineRounding*largest(a.scale) {
				return candidate{}, false // many things are zero: to be one of them means nothing
			}
		}
		return g.search(resolve(e)[0]).single()
	}
	if cand, ok = try(l, right); ok {
		return cand, "right", true
	}
	if accepted {
		return cand, "", false
	}
	cand, ok = try(r, left)
	return cand, "left", ok
}
