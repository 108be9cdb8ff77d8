package derive

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// An Example is an equation of the registry in numbers, at a small instance of a world: what
// it is computed from, each of its lines, and how that was checked.
type Example struct {
	World    string         `json:"world"`
	Sizes    map[string]int `json:"sizes"`    // of the letters
	Operands []Quantity     `json:"operands"` // that the lines use, and do not compute
	Lines    []ExampleLine  `json:"lines"`
}

// A Quantity is a name with its numbers. Those that are drawn have one digit behind the point.
type Quantity struct {
	Name   string    `json:"name"`
	Symbol string    `json:"symbol"`
	Shape  string    `json:"shape"` // in numbers, such as "3×2"
	Rows   [][]Entry `json:"rows"`
}

// An Entry is a number of a [Quantity]. JSON has no infinity: -∞ of a mask is a string there.
type Entry float64

// MarshalJSON writes a number, or the string "-Inf" or "+Inf".
func (e Entry) MarshalJSON() ([]byte, error) {
	if math.IsInf(float64(e), 0) {
		return json.Marshal(fmt.Sprintf("%+v", float64(e)))
	}
	return json.Marshal(float64(e))
}

// An ExampleLine is one line of the equation in numbers. A line that computes a name has
// Value; of one that says that two sides are equal, Value is the left and Right the right.
type ExampleLine struct {
	Line  string           `json:"line"`
	Value Quantity         `json:"value"`
	Right *Quantity        `json:"right,omitempty"`
	Apart float64          `json:"apart"` // largest difference of the sides
	Check *DifferenceCheck `json:"check,omitempty"`
}

// A DifferenceCheck compares a gradient or an error signal with differences of the loss.
type DifferenceCheck struct {
	Loss    string   `json:"loss"`           // as an expression
	Of      string   `json:"of"`             // the name that was nudged
	Held    []string `json:"held,omitempty"` // names that stayed what they were
	Row     int      `json:"row"`            // of the cell shown, from 1
	Column  int      `json:"column"`
	Nudge   float64  `json:"nudge"`   // of the two losses that follow
	Up      float64  `json:"up"`      // the loss with the cell larger by Nudge
	Down    float64  `json:"down"`    // and smaller
	Slope   float64  `json:"slope"`   // (Up - Down) / (2 Nudge)
	Formula float64  `json:"formula"` // the cell by the equation
	Cells   int      `json:"cells"`   // how many were compared, by differences in eight points
	Apart   float64  `json:"apart"`   // largest difference of them
}

// exampleOf says in which world an equation is shown.
var exampleOf = map[string]string{
	"recursion": "fc", "loss": "losses", "L": "losses", "delta12": "losses", "2": "table", "3": "table", "3.input": "embedding",
	"4": "head", "5.a": "head", "5.b": "head", "5.c": "head", "6": "head", "7": "head", "9.a": "head", "9.b": "head", "10": "head", "11": "head", "12": "head", "13": "head", "14": "head", "15": "head", "16": "head", "18": "head", "19": "head",
	"20": "layers", "21": "head", "22": "head", "23": "head", "24": "head", "25": "head", "26": "head", "27": "head", "28": "head", "29": "head", "30.a": "head", "30.b": "head", "31.a": "head", "31.b": "head", "32.a": "head", "32.b": "head", "33": "head",
	"permutation": "unmasked", "KV.a": "cache", "KV.b": "cache", "34": "twoheads", "35": "twoheads",
	"36": "layernorm", "37": "layernorm", "38": "layernorm", "39": "layernorm", "40": "layernorm", "41": "layernorm", "42": "layernorm", "BN": "batchnorm",
	"43": "lora", "44": "lora", "45": "lora", "46": "lora", "FC+LoRA": "adapted", "dropout": "dropout", "DoRA": "dora", "DoRA-N": "dora",
	"FC": "fc", "g": "activation", "skip": "network", "block": "network", "T3": "network", "tied": "tied",
	"47": "head", "48": "head", "cycle": "square", "49": "square", "50": "square", "51": "square", "52": "square", "53": "matrices", "54": "matrices", "55.a": "square", "55.b": "square",
	"L1": "rmsnorm", "L2": "rmsnorm", "L3": "rmsnorm", "L4": "rmsnorm", "L5": "rmsnorm", "L6": "rmsnorm", "L7.a": "frequencies", "L7.b": "frequencies", "L8": "rotary", "L9": "rotary", "L10": "pairings", "L11": "turns", "L12": "turnedkeys",
	"L13": "gated", "L14": "gated", "L15.a": "gated", "L15.b": "gated", "L16": "gated", "L17": "shared", "L18.a": "shared", "L18.b": "group", "L18.c": "group", "L19": "headnorms", "L21": "turnedcache", "L22": "llamaqkv", "L23": "ends", "L24.a": "gainlayers", "L24.b": "hidden", "L24.c": "valuegroup",
}

// WorldOf is the world in which an equation of the registry is shown, nil where there is none.
func WorldOf(eq string) *World {
	id, ok := exampleOf[eq]
	if !ok {
		return nil
	}
	if w := FindWorld(id); w != nil {
		return w
	}
	for _, w := range exampleWorlds {
		if w.ID == id {
			return w
		}
	}
	return nil
}

// errorOn says of which name a name is the error signal, where its title does not, and what
// is held meanwhile: "a_prev: q k".
var errorOn = map[string]string{
	"head D_v": "a_prev: q k", "head D_q": "a_prev: v k", "head D_k": "a_prev: v q", "embedding D_ohe": "ohe:", "lora D_prev": "a_prev:", "adapted D_prev": "a_prev:",
	"dropout D_prev": "a_prev:", "dora D_prev": "a_prev:", "activation D_prev": "a_prev:", "rotary D_prev": "a_prev:", "gated D_u": "u:", "gated D_z": "z:", "group D_k_rot": "k_rot:", "group D_v": "v:",
	"twoheads D_prev_1": "a_prev: a_2", "network D_1_branch": "", "llamaqkv D_6": "",
}

// nudged is what a line's left side is the gradient of, and what is held; "" where it is none.
func (w *World) nudged(name string) (of string, hold []string) {
	if says, ok := errorOn[w.ID+" "+name]; ok {
		of, held, _ := strings.Cut(says, ":")
		return of, strings.Fields(held)
	}
	types := w.program().scope.types
	of, ok := strings.CutPrefix(name, "dL/d")
	if !ok {
		of, ok = strings.CutPrefix(w.Meaning(name), "error signal on ")
	}
	if _, known := types[of]; ok && known {
		return of, nil
	}
	return "", nil
}

// Answers says whether the left side of a line of the registry is what an exercise asks for.
func Answers(line string, x *Exercise) bool {
	name, _, _ := strings.Cut(line, " == ")
	of, hold := FindWorld(x.World).nudged(name)
	return of == x.Target && strings.Join(hold, " ") == x.Hold
}

// ExampleOf computes the example of an equation of the registry. It is nil for an equation
// that is in no world.
func ExampleOf(number string) (*Example, error) {
	w := WorldOf(number)
	e, ok := paper.FindEquation(number)
	if w == nil || !ok {
		return nil, nil
	}
	p := w.program()
	in := p.small()
	scope := *p.scope
	scope.types, scope.order = maps.Clone(p.scope.types), slices.Clone(p.scope.order)
	c := &checked{world: w, scope: &scope, at: []*Instance{in}}
	x := &Example{World: w.ID, Sizes: map[string]int{}}
	layer := strings.Contains(strings.Join(e.Expr, " "), "_prev")
	quantity := func(name string) Quantity {
		m := in.values[name]
		q := Quantity{Name: name, Symbol: Symbol(name, layer), Shape: sizesOf(scope.types[name], m)}
		q.Rows = entriesOf(m)
		return q
	}
	for _, l := range w.letters {
		x.Sizes[l.name] = in.sizes[l.name]
	}
	add := func(q Quantity) { // once
		if !slices.ContainsFunc(x.Operands, func(have Quantity) bool { return have.Name == q.Name }) {
			x.Operands = append(x.Operands, q)
		}
	}
	computed := map[string]bool{}
	operands := func(src, but string) { // what a line uses
		names, _ := Names(src)
		for _, n := range names {
			if _, known := in.values[n]; known && n != but && !computed[n] {
				add(quantity(n))
			}
		}
	}
	for _, src := range e.Expr {
		l, err := ParseLine(src)
		if err != nil {
			return nil, fmt.Errorf("(%s) %s: %w", number, src, err)
		}
		line := ExampleLine{Line: src}
		left := l.Sides[0]
		if name := left.name; left.op == opName && len(l.Sides) == 2 {
			operands(src, name)
			of, hold := w.nudged(name)
			if _, ok := scope.types[name]; !ok {
				if v := c.defineAs(name, l.Sides[1], of); v.Status != Right {
					return nil, fmt.Errorf("(%s) %s: %s", number, src, v.Message)
				}
			}
			if line.Apart, err = c.apart(left, l.Sides[1]); err != nil {
				return nil, fmt.Errorf("(%s) %s: %w", number, src, err)
			}
			line.Value = quantity(name)
			computed[name] = true
			if of != "" {
				line.Check = p.checkByDifferences(in, name, of, hold)
			}
			x.Lines = append(x.Lines, line)
			continue
		}
		operands(src, "")
		for _, side := range l.Sides { // nudges, which are drawn too
			side.walk(func(e *Expr) {
				if e.op != opCall || e.name != "d" || e.kids[0].op != opName {
					return
				}
				nudge := quantity(e.kids[0].name)
				nudge.Name, nudge.Symbol = e.String(), typesetter{layer: layer, scope: &scope}.at(e, typesetSum)
				nudge.Rows = entriesOf(in.tangents[e.kids[0].name])
				add(nudge)
			})
		}
		for i := range len(l.Sides) - 1 {
			apart, err := c.apart(l.Sides[i], l.Sides[i+1])
			if err != nil {
				return nil, fmt.Errorf("(%s) %s: %w", number, src, err)
			}
			line.Apart = max(line.Apart, apart)
		}
		lt, rt, err := c.sides(l.Sides[0], l.Sides[len(l.Sides)-1])
		if err != nil {
			return nil, fmt.Errorf("(%s) %s: %w", number, src, err)
		}
		side := func(e *Expr, t *typed) Quantity {
			m := in.evaluate(t, false).v
			s := typesetter{layer: layer, scope: &scope}
			return Quantity{Symbol: s.at(e, typesetSum), Shape: sizesOf(t.shape.typ(), m), Rows: entriesOf(m)}
		}
		right := side(l.Sides[len(l.Sides)-1], rt)
		line.Value, line.Right = side(l.Sides[0], lt), &right
		x.Lines = append(x.Lines, line)
	}
	return x, nil
}

// sizesOf is a shape in numbers.
func sizesOf(t Type, m paper.Mat) string {
	switch t.Kind {
	case Number:
		return "number"
	case Tokens, Features:
		return fmt.Sprint(len(m.V))
	}
	return fmt.Sprintf("%d×%d", m.N, m.D)
}

func entriesOf(m paper.Mat) (rows [][]Entry) {
	for t := range m.N {
		row := make([]Entry, m.D)
		for j, x := range m.Row(t) {
			row[j] = Entry(x)
		}
		rows = append(rows, row)
	}
	return rows
}

// defineAs gives a name that the world does not have to an expression; a gradient has the
// shape of the name that it belongs to.
func (c *checked) defineAs(name string, e *Expr, of string) LineVerdict {
	if t, ok := c.scope.types[of]; ok && e.op == opNumber { // 0 is as large as what it is the gradient of
		in := c.at[0]
		in.values[name] = constant(in.values[of].N, in.values[of].D, e.num)
		in.tangents[name] = paper.Zeros(in.values[of].N, in.values[of].D)
		c.scope.types[name] = t
		return LineVerdict{Status: Right}
	}
	return c.define(Line{Name: name, Sides: []*Expr{e}})
}

// apart is the largest difference between the values of two sides.
func (c *checked) apart(left, right *Expr) (float64, error) {
	l, r, err := c.sides(left, right)
	if err != nil {
		return 0, err
	}
	in, worst := c.at[0], 0.0
	a, b := in.evaluate(l, false), in.evaluate(r, false)
	ev := &evaluator{in: in}
	rows, cols := max(a.v.N, b.v.N), max(a.v.D, b.v.D)
	a, b = ev.filled(a, rows, cols), ev.filled(b, rows, cols)
	for i, x := range a.v.V {
		if y := b.v.V[i]; x != y {
			worst = max(worst, math.Abs(x-y))
		}
	}
	return worst, nil
}

// checkByDifferences compares a gradient with differences of the loss; the cell that is shown
// is the largest of the last row, which the mask leaves whole, unless that row is zero.
func (p *program) checkByDifferences(in *Instance, name, of string, hold []string) *DifferenceCheck {
	have := in.values[name]
	truth, _ := p.gradient(in, of, hold)
	d := &DifferenceCheck{Loss: p.world.lossText(), Of: of, Held: hold, Nudge: 0.01, Cells: len(truth.V)}
	cell := (have.N - 1) * have.D
	if largest(paper.Mat{N: 1, D: have.D, V: have.Row(have.N - 1)}) == 0 { // a token without a target, say
		cell = 0
	}
	for i, x := range have.V {
		d.Apart = max(d.Apart, math.Abs(x-truth.V[i]))
		if i >= cell && math.Abs(x) > math.Abs(have.V[cell]) {
			cell = i
		}
	}
	d.Row, d.Column, d.Formula = cell/have.D+1, cell%have.D+1, have.V[cell]
	loss := p.lossAlong(in, of, hold)
	at := in.values[of].V[cell]
	d.Up, d.Down = loss(cell, at+d.Nudge), loss(cell, at-d.Nudge)
	d.Slope = (d.Up - d.Down) / (2 * d.Nudge)
	return d
}

// smallSizes are the letters' sizes in examples: 3 tokens, and widths that a screen has room for.
var smallSizes = map[string]int{"T": 3, "V": 4, "C": 4, "d": 4, "f": 3, "g": 2, "r": 1, "d_rho": 2, "d_h": 2, "d_1": 2, "d_2": 1, "p": 1, "e": 2, "pairs": 2}

// small is an instance of small sizes, whose drawn numbers have one digit behind the point.
func (p *program) small() *Instance {
	for attempt := 0; ; attempt++ {
		in := &Instance{sizes: map[string]int{"1": 1}, parts: p.scope.parts, values: map[string]paper.Mat{}, tangents: map[string]paper.Mat{}}
		for _, l := range p.world.letters {
			in.sizes[l.name] = smallSizes[l.name]
			if l.parts != nil {
				in.sizes[l.name] = 0
			}
			for _, part := range l.parts {
				in.sizes[l.name] += in.sizes[part]
			}
		}
		r := p.world.random(1, attempt)
		for _, s := range p.steps {
			in.define(p, s, r)
			if s.t == nil && !strings.HasPrefix(s.how, "~counted") && !strings.HasPrefix(s.how, "~dropped") {
				for i, x := range in.values[s.name].V {
					if in.values[s.name].V[i] = math.Round(x*10) / 10; s.how == "~eps" || math.IsInf(x, 0) {
						in.values[s.name].V[i] = x
					}
				}
			}
			if s.t == nil {
				for i, x := range in.tangents[s.name].V {
					in.tangents[s.name].V[i] = math.Round(x*10) / 10
				}
			}
		}
		if p.apartIn(in) && p.idsDiffer(in) || attempt > 5000 {
			return in
		}
	}
}

// idsDiffer says whether drawn tokens are not all the same.
func (p *program) idsDiffer(in *Instance) bool {
	for _, s := range p.steps {
		if ids := in.values[s.name].V; s.how == "~ids" && slices.Max(ids) == slices.Min(ids) {
			return false
		}
	}
	return true
}
