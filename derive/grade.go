package derive

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// A Status is what became of an answer.
type Status string

const (
	Right   Status = "right"   // its value is the gradient
	Wrong   Status = "wrong"   // it has another value
	Refused Status = "refused" // it cannot be read, has no shape, or may mean two things
)

// A Verdict is what is said about an answer.
type Verdict struct {
	Status  Status  `json:"status"`
	ID      string  `json:"id"`                // of the diagnosis, such as "edit:name"; "right" or "right:because"
	Message string  `json:"message"`           // for the learner, one or two sentences
	Column  int     `json:"column,omitempty"`  // of the place, from 1; 0 when it is the whole answer
	End     int     `json:"end,omitempty"`     // one behind the place
	Echo    string  `json:"echo,omitempty"`    // the answer as it was read, in the paper's form
	Shape   string  `json:"shape,omitempty"`   // of the answer, in letters and numbers
	Rests   string  `json:"rests,omitempty"`   // number of the equation that a right answer needs, beside its own
	Repair  string  `json:"repair,omitempty"`  // a formula near the answer that is right; to be shown on request
	Residue float64 `json:"residue,omitempty"` // largest error of an entry, relative to the largest entry of the gradient
}

// exact is how near to the truth an answer must be, relative to the largest entry of the
// truth. Values have the rounding of float64, some 1e-15 of what was added up, and truth
// that of the differences, 1e-12: a thousand times that is the limit.
const exact = 1e-9

// rounding is what the value of an expression may be wrong by, relative to its scale.
const rounding = 1e-13

// Grade says whether a typed answer is right, and if not, where it went wrong.
func (x *Exercise) Grade(typed string) Verdict {
	if x.Level == Predict {
		return x.choose(typed)
	}
	e, err := x.parse(typed)
	if err != nil {
		return refusal(err)
	}
	return x.grader().grade(e)
}

// choose judges the number of a statement.
func (x *Exercise) choose(typed string) Verdict {
	n, err := strconv.Atoi(strings.TrimSpace(typed))
	if err != nil || n < 1 || n > len(x.Choices) {
		return Verdict{Status: Refused, ID: "choice", Message: fmt.Sprintf("Type the number of a statement, from 1 to %d.", len(x.Choices))}
	}
	c := x.Choices[n-1]
	v := Verdict{Status: Wrong, ID: "choice", Message: sentence(c.Reply), Echo: c.Text}
	if c.Right {
		v.Status, v.ID, v.Message = Right, "right", "Right. "+sentence(c.Reply)
	}
	return v
}

// Look is the shape of what is typed so far: "d×d_rho (7×3)", or the error.
func (x *Exercise) Look(typed string) (shape string, err error) {
	g := x.grader()
	e, err := x.parse(typed)
	if err != nil {
		return "", err
	}
	rs, err := g.scope.readings(e, &g.want)
	if err != nil {
		rs, err = g.scope.readings(e, nil)
	}
	if err != nil {
		return "", err
	}
	return g.scope.Sizes(rs[0].t.shape.typ()), nil
}

// answerOf reads an answer. One that begins with what is asked for, as in dL/dw = x, is
// what stands on the right.
func answerOf(src string) (*Expr, error) {
	l, err := ParseLine(src)
	if err != nil {
		return nil, err
	}
	switch {
	case len(l.Sides) == 1:
		return l.Sides[0], nil
	case len(l.Sides) == 2 && l.Sides[0].op == opName:
		return l.Sides[1], nil
	}
	return nil, &Error{Column: 1, End: 2, ID: "syntax", Message: "the answer is one formula, without =="}
}

func refusal(err error) Verdict {
	var e *Error
	if !errors.As(err, &e) {
		return Verdict{Status: Refused, ID: "syntax", Message: err.Error()}
	}
	return Verdict{Status: Refused, ID: e.ID, Message: sentence(e.Message), Column: e.Column, End: e.End}
}

// sentence begins a message with a capital and ends it with a full stop.
func sentence(s string) string {
	s = capital(s)
	if s == "" || strings.HasSuffix(s, ".") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

func (g *grader) grade(e *Expr) Verdict {
	e = g.scope.spelled(e)
	rs, err := g.scope.readings(e, &g.want)
	if err != nil {
		return g.refuse(e, err)
	}
	r := rs[0]
	for _, other := range rs[1:] {
		if !g.agree(r.t, other.t) {
			return Verdict{Status: Refused, ID: "ambiguous", Echo: e.String(), Column: e.pos, End: e.end,
				Message: fmt.Sprintf("This can be read in two ways that differ: write %s or %s.", r.e, other.e)}
		}
	}
	v := Verdict{Echo: r.e.String(), Shape: g.scope.Sizes(r.t.shape.typ())}
	values, residue, undecided := g.judge(r.t)
	v.Residue = min(residue, math.MaxFloat64) // which JSON can write
	switch {
	case undecided:
		v.Status, v.ID = Refused, "cancels"
		v.Message = "Its terms cancel by so many digits that nothing can be said about the rest: leave out what cancels."
		return v
	case residue <= exact:
		v.Residue = 0
		g.praise(r, &v)
		return v
	}
	v.Status = Wrong
	g.diagnose(r, values, &v)
	v.Message = sentence(v.Message)
	return v
}

// refuse is what is said about an answer that has no shape: a known mistake, or the error
// and the first edit that mends it.
func (g *grader) refuse(e *Expr, err error) Verdict {
	v := refusal(err)
	v.Echo = e.String()
	for _, m := range g.x.Mistakes {
		if known, err := g.x.parse(m.Answer); m.Says != "" && err == nil && known.same(e) {
			v.ID, v.Message = m.ID, sentence(m.Says)
			return v
		}
	}
	c, ok := g.search(resolve(e)[0]).fitting()
	switch {
	case !ok:
		return v
	case c.right:
		v.Message, v.Repair = strings.TrimSuffix(v.Message, ".")+"; "+c.what+".", c.e.String()
	default:
		v.Message += " " + sentence(fmt.Sprintf("The shapes would fit %s; it would not be right yet", c.with))
	}
	v.ID += ":" + c.kind
	return v
}

// agree says whether two readings have one value.
func (g *grader) agree(a, b *typed) bool {
	for _, p := range g.points[:2] {
		x, y := p.in.evaluate(a, true), p.in.evaluate(b, false)
		scale := largest(x.scale)
		for i := range x.v.V {
			if !(math.Abs(x.v.V[i]-y.v.V[i]) <= 1e-10*scale) {
				return false
			}
		}
	}
	return true
}

func largest(m paper.Mat) (top float64) {
	for _, x := range m.V {
		if x = math.Abs(x); x > top && !math.IsInf(x, 0) {
			top = x
		}
	}
	return top
}

// judge evaluates an answer at all points. residue is its largest error relative to the
// largest entry of the truth; undecided says that rounding could hide a larger one.
func (g *grader) judge(t *typed) (values []paper.Mat, residue float64, undecided bool) {
	for _, p := range g.points {
		a := p.in.evaluate(t, true)
		values = append(values, a.v)
		r, lost := p.residue(a.v, largest(a.scale))
		residue = max(residue, r)
		undecided = undecided || lost
	}
	return values, residue, undecided && residue < 1e-3
}

// residue is the largest error of a value at a point, relative to the largest entry of
// the truth; what rounding explains does not count. It is +Inf for what is not a number.
// lost says that rounding could hide an error that must be seen.
func (p point) residue(v paper.Mat, scale float64) (r float64, lost bool) {
	allowed := p.noise + rounding*scale
	for i, x := range v.V {
		d := math.Abs(x - p.truth.V[i])
		if math.IsNaN(d) {
			return math.Inf(1), false
		}
		if d > allowed {
			r = max(r, d/max(p.large, 1e-6))
		}
	}
	return r, allowed > 1e-8*max(p.large, 1e-2)
}

// rightAt says whether a candidate is right, and stops at the first point where it is not.
func (g *grader) rightAt(points []point, t *typed) bool {
	for _, p := range points {
		a := p.in.evaluate(t, false)
		for i, x := range a.v.V {
			if d := math.Abs(x - p.truth.V[i]); !(d <= 1e-7*max(p.large, 1e-2)) {
				return false
			}
		}
		a = p.in.evaluate(t, true)
		if r, lost := p.residue(a.v, largest(a.scale)); r > exact || lost {
			return false
		}
	}
	return true
}

// praise says why an answer is right: which constraint it rests on, and what could go.
func (g *grader) praise(r reading, v *Verdict) {
	v.Status, v.ID, v.Message = Right, "right", "Right."
	for _, free := range g.releases {
		if !g.rightAt(free.points, r.t) {
			v.ID, v.Rests = "right:because", free.eq
			v.Message = fmt.Sprintf("Right, because %s (%s).", free.because, free.eq)
			break
		}
	}
	if short, gone, ok := g.shorter(r.e); ok {
		if v.ID == "right" {
			v.ID = "right:longer"
		}
		v.Message += fmt.Sprintf(" %s can go: the value is the same without it.", capital(gone))
		v.Repair = short.String()
	} else if g.reference != nil && r.e.size() >= g.reference.size()+6 && !g.x.plain() {
		if v.ID == "right" {
			v.ID = "right:longer"
		}
		v.Message += " There is a shorter form: " + g.reference.String() + "."
		v.Repair = g.reference.String()
	}
}

// plain says whether the forms of the exercise are all about as long.
func (x *Exercise) plain() bool { return x.Template != "" }

// capital begins a sentence with a capital where it begins with a word; formulas keep
// their case.
func capital(s string) string {
	word, _, _ := strings.Cut(s, " ")
	switch word {
	case "the", "there", "nothing", "write", "sum", "what", "more", "after", "one", "it", "its", "terms", "right":
		return strings.ToUpper(s[:1]) + s[1:]
	case "a", "an":
		if _, rest, ok := strings.Cut(s, " "); ok {
			for _, noun := range []string{"index", "term", "factor", "matrix", "line", "parenthesis", "bracket", "value", "name", "comma"} {
				if strings.HasPrefix(rest, noun) {
					return strings.ToUpper(s[:1]) + s[1:]
				}
			}
		}
	}
	return s
}
