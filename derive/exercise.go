package derive

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// A Level is how much of an answer the learner must find.
type Level string

const (
	Predict Level = "predict" // choose among statements
	Fill    Level = "fill"    // one blank in a formula
	TypeIt  Level = "type"    // the whole formula
)

// An Exercise asks for one gradient, or for a statement about one. In a formula the
// upstream error signal is D and the input a_prev; other names are those of the registry.
type Exercise struct {
	ID      string // what one would guess, such as "w_q"
	Title   string
	Section string // of the path, such as "attention"
	Level   Level
	Eq      string // number in the registry of the equation that answers it
	Ask     string // the question, one or two sentences

	World  string // id of the forward pass
	Target string // the name whose gradient is asked for; the loss is that of the world
	Hold   string // names that are held fixed meanwhile, with spaces between them: branches that do not count
	Given  string // the names that an answer may use, with spaces between them

	Template string   // of Fill: the formula with ____ for the blank
	Hints    []string // from vague to clear
	Accepted []string // right forms, which differ as trees; of Fill, what stands in the blank; the first is the reference
	Mistakes []Mistake
	Terms    []Term   // parts of the right answer that have a name
	Releases []string // ids of the world's constraints that a right answer may rest on
	Choices  []Choice // of Predict
	Shows    []string // of Predict: lines about the world that show why it is so

	once  sync.Once
	ready *grader
}

// A Mistake is a wrong answer that people give. Every answer of its value gets its
// message; where Says is "", it only shows what the diagnosis is.
type Mistake struct {
	Answer string
	ID     string // of the diagnosis: "misconception:sigmoid" where Says explains it; else what the grader finds
	Says   string
}

// A Term is a part of an answer: its name in words, and its value, which the answer adds.
type Term struct{ Name, Expr string }

// A Choice is one of the statements of a Predict exercise.
type Choice struct {
	Text  string // the statement
	Right bool   // whether it is the right one
	Reply string // what is said to who chooses it
}

// A Slip is a line that is false, False, in the place of one of a derivation: of Lines
// number Line, from 1.
type Slip struct {
	Line  int
	False string
}

// FindExercise returns the exercise of an id, or nil.
func FindExercise(id string) *Exercise {
	for _, x := range Exercises {
		if strings.EqualFold(x.ID, id) {
			return x
		}
	}
	return nil
}

// instances is how many random points an answer is tried at.
const instances = 5

// A grader is an exercise made ready: the points, the truth at each, and what known
// answers are worth there.
type grader struct {
	x         *Exercise
	scope     *Scope
	want      Type
	points    []point
	reference *Expr
	factors   []*Expr // of the reference, such as dgelu(a_1)
	mistakes  []knownValue
	terms     []knownValue
	releases  []released
	program   bool // numbers of a program are graded, and no formula
}

// A point is an instance with the truth there, by differences.
type point struct {
	in    *Instance
	truth paper.Mat
	noise float64 // of the truth
	large float64 // the largest entry of the truth
}

// A knownValue is a known answer or a term, with its values at all points.
type knownValue struct {
	at     int // in Mistakes or Terms
	e      *Expr
	values []paper.Mat
}

// released is a world without one constraint.
type released struct {
	release
	points []point
}

// grader makes the exercise ready, once.
func (x *Exercise) grader() *grader {
	x.once.Do(func() {
		g, err := x.prepare()
		if err != nil {
			panic(fmt.Sprintf("derive: exercise %s: %v", x.ID, err))
		}
		x.ready = g
	})
	return x.ready
}

func (x *Exercise) prepare() (*grader, error) {
	w := FindWorld(x.World)
	if w == nil {
		return nil, fmt.Errorf("there is no world %q", x.World)
	}
	p := w.program()
	g := &grader{x: x}
	var err error
	if g.scope, err = p.given(strings.Fields(x.Given), x.Target); err != nil {
		return nil, err
	}
	g.want = p.scope.types[x.Target]
	g.points = p.points(x.Target, strings.Fields(x.Hold))
	for i, m := range x.Mistakes {
		if m.Says != "" {
			if k, err := g.known(m.Answer); err == nil { // what has no shape is known by its tree
				k.at = i
				g.mistakes = append(g.mistakes, k)
			}
		}
	}
	for i, t := range x.Terms {
		k, err := g.value(Parse(t.Expr))
		if err != nil {
			return nil, fmt.Errorf("term %s: %w", t.Expr, err)
		}
		k.at = i
		g.terms = append(g.terms, k)
	}
	if len(x.Accepted) > 0 {
		k, err := g.known(x.Accepted[0])
		if err != nil {
			return nil, fmt.Errorf("answer %s: %w", x.Accepted[0], err)
		}
		g.reference, g.factors = k.e, factorsOf(k.e)
	}
	for _, id := range x.Releases {
		for _, r := range w.release {
			if r.id != id {
				continue
			}
			loss := r.loss
			if loss == "" {
				loss = w.lossText()
			}
			free, err := w.compile(r.names, loss)
			if err != nil {
				return nil, fmt.Errorf("release %s: %w", id, err)
			}
			g.releases = append(g.releases, released{r, free.points(x.Target, append(strings.Fields(x.Hold), slices.Sorted(maps.Keys(r.names))...))})
		}
	}
	return g, nil
}

// parse reads what was typed as an answer; of Fill it stands in the blank of the template,
// whose own parts have no columns.
func (x *Exercise) parse(typed string) (*Expr, error) {
	e, err := answerOf(typed)
	if err != nil || x.Template == "" {
		return e, err
	}
	const hole = "blank"
	t, err := Parse(strings.Replace(x.Template, blank, hole, 1))
	if err != nil {
		return nil, err
	}
	var fill func(t *Expr) *Expr
	fill = func(t *Expr) *Expr { // not by replaced, which gives a name's columns to what stands for it
		if t.op == opName && t.name == hole {
			return e
		}
		for i, k := range t.kids {
			t = t.at(i, fill(k))
		}
		return t
	}
	return fill(t.unplaced()), nil
}

const blank = "____"

// given is the scope of some of the names. The others are known, and refused with a reason.
func (p *program) given(names []string, target string) (*Scope, error) {
	s := &Scope{types: map[string]Type{}, parts: p.scope.parts, sizes: p.scope.sizes, least: p.scope.least, elsewhere: map[string]string{}}
	for _, n := range names {
		t, ok := p.scope.types[n]
		if !ok {
			return nil, fmt.Errorf("%s is not a name of world %s", n, p.world.ID)
		}
		s.types[n] = t
		s.order = append(s.order, n)
	}
	for _, step := range p.steps {
		if _, ok := s.types[step.name]; !ok && step.name != "D" {
			s.elsewhere[step.name] = fmt.Sprintf("say it by other names (%s)", step.title)
		}
	}
	if _, ok := s.types[target]; !ok {
		s.elsewhere["dL/d"+target] = "it is what is asked for"
	}
	return s, nil
}

// points draws the instances of a program, with the gradient at each.
func (p *program) points(target string, hold []string) []point {
	all := make([]point, instances)
	for i := range all {
		in := p.instance(i)
		truth, noise := p.gradient(in, target, hold)
		all[i] = point{in: in, truth: truth, noise: noise}
		for _, x := range truth.V {
			all[i].large = max(all[i].large, x, -x)
		}
	}
	return all
}

// known evaluates an answer at all points, and value an expression.
func (g *grader) known(answer string) (knownValue, error) { return g.value(g.x.parse(answer)) }

func (g *grader) value(e *Expr, err error) (knownValue, error) {
	if err != nil {
		return knownValue{}, err
	}
	rs, err := g.scope.readings(e, &g.want)
	if err != nil {
		return knownValue{}, err
	}
	k := knownValue{e: rs[0].e}
	for _, p := range g.points {
		k.values = append(k.values, p.in.evaluate(rs[0].t, false).v)
	}
	return k, nil
}

// Instance is point number i of those, from 0 to 4, at which answers are tried.
func (x *Exercise) Instance(i int) *Instance { return x.grader().points[i].in }

// Scope is the names that an answer may use, with their types.
func (x *Exercise) Scope() *Scope { return x.grader().scope }

// Meaning is what a name of the exercise is, in words.
func (x *Exercise) Meaning(name string) string { return FindWorld(x.World).Meaning(name) }

// Solution is a right form, as the learner would type it; of Predict, the right statement.
func (x *Exercise) Solution() string {
	for i, c := range x.Choices {
		if c.Right {
			return fmt.Sprintf("%d, %s", i+1, c.Text)
		}
	}
	return x.Accepted[0]
}

// Wanted is the type that an answer must have.
func (x *Exercise) Wanted() Type { return x.grader().want }
