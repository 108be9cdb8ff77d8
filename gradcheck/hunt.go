package gradcheck

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// A Hunt is a bug to be found: one of M1…M48 is planted in a pass. What can be seen of it are
// the rows of verify, identities, and single numbers ([Hunt.Cell]); what is asked for is the
// line that computes something else than its equation ([Hunt.Judge]).
type Hunt struct {
	Number     int      `json:"bug"`
	Case       Case     `json:"case"`
	Loss       Number   `json:"loss"`           // with the bug
	Equations  Number   `json:"loss_equations"` // of the equations
	Signals    []Row    `json:"signals"`        // in the order of the backward pass
	Parameters []Row    `json:"parameters"`     // from the bottom of table 3 up
	Laws       []string `json:"laws,omitempty"` // identities that do not hold
	Lines      []Line   `json:"lines"`          // what can be named, in the order of the pass
	Hints      []string `json:"-"`              // from vague to clear

	bug    bug
	mutant Mutant
	plant  plant
	pass   *pass
	clean  *pass
	truth  []Line   // that the bug rewrites
	others []string // further numbers of equations that name it
}

// A Line is a line of the pass: the equation that it is, and what it computes. The same line
// may stand in several heads, layers and blocks.
type Line struct {
	Eq       string `json:"eq"` // number; may be ""
	Name     string `json:"name"`
	Backward bool   `json:"backward"`
}

// String is the line for people: "(28) Δ^raw".
func (l Line) String() string {
	if l.Eq == "" {
		return l.Name
	}
	return "(" + l.Eq + ") " + l.Name
}

// Hunts is how many bugs there are to find.
func Hunts() int { return len(bugs) }

// NewHunt plants bug number n, from 1, at the point of seed 1 and takes the differences. The
// error is ctx's, or says that there is no such bug.
func NewHunt(ctx context.Context, n int) (*Hunt, error) { return new(Hunter).Hunt(ctx, n) }

// hunt is the hunt for bug number n, which belongs into the host.
func (host *host) hunt(ctx context.Context, n int) (*Hunt, error) {
	b := bugs[n-1]
	h := &Hunt{Number: n, Case: host.Case, bug: b, clean: host.clean}
	m, signals, parameters, err := host.examine(ctx, b)
	if err != nil {
		return nil, err
	}
	h.mutant = m
	h.Signals, h.Parameters, h.Laws = signals, parameters, m.Laws
	pl := b.make(host.Point)
	h.plant = pl
	h.pass = host.run(func(tr *paper.Trace, s paper.Step) paper.Mat {
		v := pl(tr, s)
		if l := (Line{s.Eq, s.Name, false}); !slices.Equal(v.V, s.V.V) && !slices.Contains(h.truth, l) {
			h.truth = append(h.truth, l)
		}
		return v
	})
	h.pass.plant = pl
	for i, s := range h.pass.tr.Steps {
		l := Line{s.Eq, s.Name, i >= h.pass.split}
		if !slices.ContainsFunc(h.Lines, func(k Line) bool { return k.Eq == l.Eq && k.Name == l.Name }) {
			h.Lines = append(h.Lines, l)
		}
		for k := range h.truth {
			if h.truth[k].Eq == l.Eq && h.truth[k].Name == l.Name {
				h.truth[k].Backward = l.Backward
			}
		}
	}
	h.Loss, h.Equations = Number(h.pass.loss), Number(h.clean.loss)
	said, _, _ := strings.Cut(b.where, ", with (")
	for _, found := range cited.FindAllStringSubmatch(said, -1) {
		if e, ok := paper.FindEquation(found[1]); ok && !slices.Contains(tables, e.Number) {
			h.others = append(h.others, found[1])
		}
	}
	if slices.Contains(h.truth, Line{"T2", "Δ_12", true}) {
		h.others = append(h.others, "delta12") // which says how a loss gives that error
	}
	h.Hints = h.hints(m)
	return h, nil
}

// cited finds the numbers of equations in prose.
var cited = regexp.MustCompile(`\(([^() ]+)\)`)

// hints are from vague to clear.
func (h *Hunt) hints(m Mutant) (all []string) {
	switch {
	case len(h.truth) == 0:
		all = append(all, "Every number of both passes is right. Look at the identity that fails: what does it compute that a pass does not?")
	case h.bug.forward:
		all = append(all, "The bug is in the forward pass: its loss is another than that of the equations.")
	default:
		all = append(all, "The forward pass is right. What is wrong first on the way back?")
	}
	for _, r := range h.Signals {
		if !r.OK {
			all = append(all, "The first error signal that is wrong on the way back is "+r.Name+".")
			break
		}
	}
	if m.Diagnosis != "" {
		all = append(all, "The numbers say: "+m.Diagnosis+".")
	}
	return append(all, "The bug: "+h.bug.title+".")
}

// Solution is the line with the bug, and what it computes there.
func (h *Hunt) Solution() string {
	var names []string
	for _, l := range h.truth {
		names = append(names, l.String())
	}
	if len(names) == 0 {
		for _, eq := range h.others {
			names = append(names, "("+eq+")")
		}
	}
	return fmt.Sprintf("%s. It is %s, %s: %s", strings.Join(names, " and "), h.bug.id, h.bug.title, h.bug.where)
}

// answers are the shortest names of the line with the bug, each of which is right.
func (h *Hunt) answers() (all []string) {
	for _, l := range h.truth {
		all = append(all, strings.TrimSpace(l.Eq+" "+l.Name))
	}
	return append(all, h.others...)
}

// A Judgement is what is said about an answer to a hunt.
type Judgement struct {
	Status  string `json:"status"` // "right", "wrong", or "refused" where it names no line
	Message string `json:"message"`
	Line    string `json:"line,omitempty"` // that was named
}

// tables are numbers under which many lines stand: a name must say which.
var tables = []string{"", "T2", "T3", "L22", "L23"}

// Judge says whether the line that answer names has the bug, and why not. A line is named by
// the number of its equation, such as 28, by what it computes, such as Δ^raw or D_raw, or by
// both.
func (h *Hunt) Judge(answer string) Judgement {
	lines, refused := h.named(answer)
	if refused != "" {
		return Judgement{Status: "refused", Message: refused}
	}
	var text []string
	for _, l := range lines {
		text = append(text, l.String())
	}
	j := Judgement{Status: "wrong", Line: strings.Join(text, ", ")}
	for _, l := range lines {
		is := func(t Line) bool { return t.Eq == l.Eq && (l.Name == "" || t.Name == l.Name) }
		if slices.ContainsFunc(h.truth, is) || l.Name == "" && slices.Contains(h.others, l.Eq) {
			j.Status = "right"
			j.Message = "It is " + h.bug.id + ", " + h.bug.title + ": " + h.bug.where + "."
			if e, ok := paper.FindEquation(l.Eq); ok && !slices.Contains(tables, l.Eq) {
				j.Message += " (" + e.Number + ") says " + e.ASCII + "."
			}
			return j
		}
	}
	j.Message = h.reason(lines)
	return j
}

// reason says why lines that were named do not have the bug.
func (h *Hunt) reason(lines []Line) string {
	var found []Line
	for _, l := range lines {
		for _, k := range h.Lines {
			if k.Eq == l.Eq && (l.Name == "" || k.Name == l.Name) {
				found = append(found, k)
			}
		}
	}
	name := lines[0].String()
	if lines[0].Name == "" {
		name = "(" + lines[0].Eq + ")"
	}
	backward := slices.ContainsFunc(found, func(l Line) bool { return l.Backward })
	changed := slices.ContainsFunc(found, h.changed)
	switch {
	case len(found) == 0:
		return name + " is no line of this pass."
	case len(h.truth) == 0:
		return "Every number of both passes is right, those of " + name + " too. What fails is " + strings.Join(h.Laws, ", ") + ", which is about more than a pass."
	case h.bug.forward && backward:
		return fmt.Sprintf("%s does what it says. The forward pass is what differs: its loss is %.9g, and the equations give %.9g. Some step of it is not what the way back takes it for.", name, float64(h.Loss), float64(h.Equations))
	case !h.bug.forward && !backward:
		return "The forward pass is right in every number, and its loss is that of the equations. The bug is on the way back."
	case !changed:
		return "The numbers of " + name + " are right: " + h.agreement(found) + "."
	case h.bug.forward:
		return name + " does what it says, with numbers that are wrong already: look at what it reads, further down in the network."
	}
	return name + " does what it says, with an error signal that is wrong already: look at what it is handed, earlier on the way back."
}

// agreement says with what right numbers agree.
func (h *Hunt) agreement(lines []Line) string {
	for _, rows := range [][]Row{h.Signals, h.Parameters} {
		for _, r := range rows {
			for _, l := range lines {
				if r.Eq == l.Eq && (r.symbol == l.Name || r.symbol == "") && r.OK && r.Directions.Entries > 0 {
					return fmt.Sprintf("%s agrees with differences to %.0e", r.Name, float64(max(r.Differences.Error, r.Directions.Error)))
				}
			}
		}
	}
	return "they are those of the equations"
}

// changed says whether a line has other numbers than the equations give.
func (h *Hunt) changed(l Line) bool {
	for i, s := range h.pass.tr.Steps {
		if s.Eq == l.Eq && s.Name == l.Name && relativeDifference(s.V.V, h.clean.tr.Steps[i].V.V) > 1e-9 {
			return true
		}
	}
	return false
}

// named reads an answer: the lines that it may mean, all of one number or of one name. A
// line without a name is the whole equation.
func (h *Hunt) named(answer string) (lines []Line, refused string) {
	answer = strings.TrimSpace(answer)
	if answer == "" {
		return nil, "Name a line: the number of its equation, what it computes, or both, such as 28, D_raw, or 28 D_raw."
	}
	number, name, both := strings.Cut(answer, " ")
	number = strings.Trim(number, "(),")
	e, isNumber := paper.FindEquation(number)
	switch {
	case isNumber && !both && slices.Contains(tables, e.Number):
		return nil, fmt.Sprintf("%s is a table of many lines: say what the line computes, such as %s Δ_5.", e.Number, e.Number)
	case isNumber && !both:
		return []Line{{Eq: e.Number}}, ""
	case isNumber:
		answer = name
	}
	for _, l := range h.Lines {
		if (!isNumber || l.Eq == e.Number) && names(answer, l.Name) {
			lines = append(lines, l)
		}
	}
	if exact := slices.DeleteFunc(slices.Clone(lines), func(l Line) bool { return plain(l.Name) != plain(answer) }); len(exact) > 0 {
		lines = exact
	}
	for _, r := range slices.Concat(h.Signals, h.Parameters) { // the name of a row
		if len(lines) > 0 || plain(r.Name) != plain(answer) || isNumber && r.Eq != e.Number {
			continue
		}
		if r.symbol != "" {
			return []Line{{Eq: eqOf(r), Name: r.symbol}}, ""
		}
		first, _, _ := strings.Cut(r.Name, " (")
		if lines, refused = h.named("∂L/∂" + first); refused != "" && !slices.Contains(tables, r.Eq) {
			return []Line{{Eq: r.Eq}}, ""
		}
	}
	if len(lines) == 0 && isNumber {
		return nil, fmt.Sprintf("(%s) computes no %s in this pass: \"lines\" lists what there is.", e.Number, answer)
	}
	if len(lines) == 0 {
		return nil, fmt.Sprintf("%s is no equation and no line of this pass: \"lines\" lists them.", answer)
	}
	for _, l := range lines[1:] {
		if l.Eq != lines[0].Eq {
			var all []string
			for _, l := range lines {
				all = append(all, l.String())
			}
			return nil, fmt.Sprintf("%s is computed by several lines, %s: which?", answer, strings.Join(all, ", "))
		}
	}
	return lines, ""
}

// eqOf is the number of a row's line, which a row writes as – where there is none.
func eqOf(r Row) string {
	if r.Eq == "–" {
		return ""
	}
	return r.Eq
}

// names says whether typed names a line that computes name: a gradient may be called by its
// parameter, and what every head has by its letter.
func names(typed, name string) bool {
	t, n := plain(typed), strings.TrimSuffix(plain(name), "h")
	t = strings.TrimSuffix(t, "h")
	return n == t || n == "dld"+t || strings.HasPrefix(t, "d") && n == "dl"+t
}

// plain is a name as it may be typed: Δ^raw, Δ_raw, D_raw and Draw are one.
func plain(name string) string {
	return strings.ToLower(spellings.Replace(name))
}

// spellings has what may be typed for what the lines are called.
var spellings = strings.NewReplacer("Δ", "D", "δ", "D", "∂", "d", "ρ", "rho", "σ", "sigma", "μ", "mu", "ā", "abar", "θ", "theta",
	"_", "", "^", "", "{", "", "}", "", " ", "", "/", "", "→", ">", "->", ">")
