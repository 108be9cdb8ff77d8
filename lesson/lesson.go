package lesson

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/derive"
	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A Lesson is what is said of an [Entry].
type Lesson struct {
	Entry
	Formula []string  `json:"formula,omitempty"` // lines for a terminal
	Shape   string    `json:"shape,omitempty"`   // of the left-hand side
	Legend  []Meaning `json:"legend,omitempty"`
	Text    []Block   `json:"text,omitempty"` // what there is to say in words
	Place   *Place    `json:"place,omitempty"`
	Test    string    `json:"test,omitempty"` // that holds an equation against something else

	Derived string              `json:"derived,omitempty"` // title of the derivation that Moves are of
	Moves   []Move              `json:"moves,omitempty"`
	Numbers *derive.Example     `json:"numbers,omitempty"` // of an equation, at a small instance
	Claims  *gradcheck.Identity `json:"claims,omitempty"`  // of an identity, evaluated
	On      string              `json:"on,omitempty"`      // the case that Claims are of

	Related []Entry   `json:"related,omitempty"`
	Next    []Command `json:"next"` // what to do now

	Registry *paper.Equation `json:"registry,omitempty"` // the entry as the registry has it, with ASCII and TeX
}

// A Move is one step of a derivation: what is equal, and why.
type Move struct {
	Line   string   `json:"line,omitempty"` // in the language of derive; "" for a part of a chapter
	Shown  []string `json:"shown"`          // for a terminal
	Reason string   `json:"reason,omitempty"`
	Block  *Block   `json:"block,omitempty"` // a part of a chapter, where there is no derivation in lines
}

// A Command is something to do next, and what it shows.
type Command struct {
	Line string `json:"line"` // as it is typed into a shell
	What string `json:"what"` // what it is about
}

// Of makes the lesson of an entry.
func Of(e Entry) (*Lesson, error) {
	l := &Lesson{Entry: e}
	switch e.Kind {
	case Equation:
		return l, l.equation()
	case Identity:
		return l, l.identity()
	case Bug:
		l.bug()
	case Erratum:
		l.erratum()
	case Case:
		l.networkCase()
	case Exercise:
		l.exercise()
	}
	return l, nil
}

func (l *Lesson) equation() error {
	e, ok := paper.FindEquation(l.Code)
	if !ok {
		return fmt.Errorf("there is no equation %q", l.Code)
	}
	l.Registry, l.Shape, l.Test, l.Place = &e, strings.NewReplacer("d_rho", "d_ρ").Replace(e.Shapes), e.Check, placeOf(e)
	w := derive.WorldOf(e.Number)
	l.Formula = formulaOf(e, w)
	if e.Expr != nil {
		l.Legend = legend(e, w, l.Formula)
	}
	switch {
	case e.Why != "":
		l.Text = append(l.Text, Block{Prose, []string{sentence(e.Why)}})
	case e.Prose != "":
		l.Text = append(l.Text, Block{Prose, []string{"It is not a line of the language: " + e.Prose + "."}})
	}
	if err := l.derivation(e); err != nil {
		return err
	}
	var err error
	if l.Numbers, err = derive.ExampleOf(e.Number); err != nil {
		return err
	}
	l.Related = slices.Concat(l.coded(e.Identities...), l.coded(e.Errata...), l.bugsOf(e.Number), l.exercisesOf(e.Number))
	for _, r := range l.exercisesOf(e.Number)[:min(2, len(l.exercisesOf(e.Number)))] {
		l.Next = append(l.Next, Command{"pedestrian derive " + r.Code, "the exercise: " + r.Title})
	}
	if derive.FindDerivation(e.Number) != nil {
		l.Next = append(l.Next, Command{"pedestrian derive check " + shellWord(e.Number), "its derivation, each line evaluated"})
	}
	if v := verifyOf(e); v != "" {
		l.Next = append(l.Next, Command{v, "its rows against finite differences and a second implementation"})
	} else if len(e.Identities) > 0 {
		l.Next = append(l.Next, Command{"pedestrian verify --only " + e.Identities[0], "the identity that shows it, evaluated"})
	}
	if l.Derived != "" {
		l.Next = append(l.Next, Command{"pedestrian explain " + shellWord(e.Number) + " --full", "the section of its chapter, " + e.Derivation})
	}
	if n := l.following(); n != "" {
		l.Next = append(l.Next, Command{"pedestrian explain " + shellWord(n), "the next equation"})
	}
	return nil
}

// formulaOf is the equation for a terminal: the lines of the language typeset, or the TeX of
// what cannot be said in it.
func formulaOf(e paper.Equation, w *derive.World) (lines []string) {
	layer := ofLayer(e)
	for _, src := range e.Expr {
		s, err := derive.TypesetIn(src, w, layer)
		if err != nil {
			return unTeX(e.TeX)
		}
		lines = append(lines, s)
	}
	if lines == nil {
		return unTeX(e.TeX)
	}
	return lines
}

// ofLayer says whether a and D of an equation are those of layer i.
func ofLayer(e paper.Equation) bool { return strings.Contains(strings.Join(e.Expr, " "), "_prev") }

// derivation is the worked one with its reasons, or else the section of the chapter.
func (l *Lesson) derivation(e paper.Equation) error {
	if d := derive.DerivationOf(e.Number); d != nil {
		l.Derived = d.Title
		layer := strings.Contains(strings.Join(d.Lines, " "), "_prev")
		for i, line := range d.Lines {
			rest, goesOn := strings.CutPrefix(line, "==")
			s, err := derive.TypesetIn(rest, derive.FindWorld(d.World), layer)
			if err != nil {
				return fmt.Errorf("the derivation of (%s): %w", e.Number, err)
			}
			if goesOn {
				s = "= " + s
			}
			l.Moves = append(l.Moves, Move{Line: line, Shown: []string{s}, Reason: d.Why[i]})
		}
		return nil
	}
	blocks, err := Section(e.Derivation)
	if err != nil {
		return err
	}
	for _, b := range blocks {
		if b.Kind != Verbose {
			l.Moves = append(l.Moves, Move{Shown: b.Lines, Block: &b})
		}
	}
	return nil
}

// coded are the entries of codes.
func (l *Lesson) coded(codes ...string) (all []Entry) {
	for _, c := range codes {
		if e, ok := coded(c); ok {
			all = append(all, e)
		}
	}
	return all
}

// bugsOf are the planted bugs in an equation.
func (l *Lesson) bugsOf(number string) (all []Entry) {
	for _, m := range gradcheck.Bugs() {
		if slices.ContainsFunc(numbersIn(inParentheses(m.Where)), func(n string) bool { return strings.EqualFold(n, number) }) {
			all = append(all, l.coded(m.ID)...)
		}
	}
	return all
}

// exercisesOf are the exercises that an equation answers: those that ask for the formula first,
// and of these the one that asks for its left side.
func (l *Lesson) exercisesOf(number string) (all []Entry) {
	rank := func(e Entry) int {
		x := derive.FindExercise(e.Code)
		eq, _ := paper.FindEquation(number)
		switch {
		case x.Level != derive.TypeIt:
			return 2
		case len(eq.Expr) == 1 && derive.Answers(eq.Expr[0], x):
			return 0
		}
		return 1
	}
	for _, e := range entries() {
		if e.Kind == Exercise && derive.FindExercise(e.Code).Eq == number {
			all = append(all, e)
		}
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return rank(a) - rank(b) })
	return all
}

// following is the number of the next equation of the registry.
func (l *Lesson) following() string {
	for i, e := range paper.Equations[:len(paper.Equations)-1] {
		if e.Number == l.Code {
			return paper.Equations[i+1].Number
		}
	}
	return ""
}

// rowsOf are the equations of the rows of verify: those with a row in the paper's own case, and
// those with one in a case of the Llama family.
var (
	rowsOfPaper = strings.Fields("T2 T3 3 22 23 24 25 27 28 30.a 30.b 31.a 31.b 32.a 32.b 33 35 40 41 42 FC g")
	rowsOfCase  = map[string]string{"45": "lora", "46": "lora", "44": "lora", "FC+LoRA": "lora", "DoRA": "dora", "dropout": "dropout",
		"L3": "llama", "L4": "llama", "L9": "llama", "L15.a": "llama", "L15.b": "llama", "L18.a": "llama", "L18.b": "llama", "L18.c": "llama", "L19": "qwen3", "L22": "llama", "L23": "gemma"}
)

// verifyOf is the command that checks the rows of an equation, "" where it has none.
func verifyOf(e paper.Equation) string {
	if slices.Contains(rowsOfPaper, e.Number) {
		return "pedestrian verify --only '(" + e.Number + ")'"
	}
	if c := rowsOfCase[e.Number]; c != "" {
		return "pedestrian verify --case " + c + " --only '(" + e.Number + ")'"
	}
	return ""
}

func (l *Lesson) identity() error {
	for _, i := range gradcheck.Identities() {
		if i.ID != l.Code {
			continue
		}
		for _, n := range numbersIn(i.Eqs) {
			l.cite(n)
		}
	}
	l.Text = mentions(l.Code)
	for _, c := range gradcheck.Cases() {
		r, err := gradcheck.Run(context.Background(), c, gradcheck.Options{Only: l.Code, Threads: 1})
		if err != nil {
			return fmt.Errorf("evaluating %s: %w", l.Code, err)
		}
		if i := r.Identities[0]; i.Numeric() {
			l.Claims, l.On = &i, c.Name
			break
		}
	}
	at := ""
	if l.On != "" && l.On != "paper" {
		at = " --case " + l.On
	}
	l.Next = append(l.Next, Command{"pedestrian verify" + at + " --only " + l.Code, "the same, evaluated at a generic point"})
	l.explainRelated()
	return nil
}

// cite adds the formula of an equation, and the entry.
func (l *Lesson) cite(number string) {
	e, ok := paper.FindEquation(number)
	if !ok || slices.ContainsFunc(l.Related, func(r Entry) bool { return r.Code == e.Number }) {
		return
	}
	for _, line := range formulaOf(e, derive.WorldOf(e.Number)) {
		l.Formula = append(l.Formula, "("+e.Number+")  "+line)
	}
	l.Related = append(l.Related, l.coded(e.Number)...)
}

// explainRelated leads to the equations.
func (l *Lesson) explainRelated() {
	for _, r := range l.Related {
		if r.Kind == Equation {
			l.Next = append(l.Next, Command{"pedestrian explain " + shellWord(r.Code), r.Title})
			if len(l.Next) > 3 {
				return
			}
		}
	}
}

func (l *Lesson) bug() {
	for _, b := range roundingBugs() {
		if b.code != l.Code {
			continue
		}
		for i, title := range b.of {
			if title != "" {
				network := []string{"a network of table 2", "a network of the Llama family"}[i]
				l.Text = append(l.Text, Block{Prose, []string{"In " + network + ": " + title + "."}})
			}
		}
		l.Text = append(l.Text, Block{Prose, []string{"It is planted in the equations with rounded operands, paper.Mixed; the engine at bf16 must then differ from them."}})
		l.Next = append(l.Next, Command{"pedestrian verify --bf16 --mutants", "each wrong rounding, and what caught it"})
		if len(b.of) > 1 {
			l.Next = append(l.Next, Command{"pedestrian verify --bf16 --case llama --mutants", "the same in a network of the Llama family"})
		}
		return
	}
	for _, m := range gradcheck.Bugs() {
		if m.ID != l.Code {
			continue
		}
		c, _ := gradcheck.Find(m.Case)
		l.Text = append(l.Text, Block{Prose, []string{"Planted is: " + m.Where + "."}}, Block{Prose, []string{"It is planted in the case " + m.Case + ": " + c.Title + ". Every check must then be green without it, and one must be red with it."}})
		for _, n := range numbersIn(inParentheses(m.Where)) {
			l.cite(n)
		}
	}
	l.Text = append(l.Text, mentions(l.Code)...)
	l.Next = append(l.Next, Command{"pedestrian verify --mutants", "each planted bug, and what caught it"})
	l.explainRelated()
}

func (l *Lesson) erratum() {
	for _, e := range errata() {
		if e.code == l.Code {
			l.Text = blocks(e.text)
		}
	}
	for _, e := range paper.Equations {
		if slices.Contains(e.Errata, l.Code) {
			l.Related = append(l.Related, l.coded(e.Number)...)
		}
	}
	switch {
	case l.Code == "S1":
		l.Next = append(l.Next, Command{"pedestrian verify --paper-literal-mask", "the mask as it is printed, checked: it fails"})
	case l.Code == "S2":
		l.Next = append(l.Next, Command{"pedestrian verify --missing-frozen-path", "the error as it is printed, checked: it fails"})
	}
	if strings.HasPrefix(l.Code, "S") {
		l.Next = append(l.Next, Command{"go test ./gradcheck -run 'Erratum" + l.Code + "$' -v", "the counter-example, in the source tree"})
	}
	l.explainRelated()
	if l.Next == nil {
		l.Next = append(l.Next, Command{"pedestrian explain errata", "all of them"})
	}
}

func (l *Lesson) networkCase() {
	c, _ := gradcheck.Find(l.Code)
	n := c.Config
	adapter := "no adapter"
	if a := c.Adapter; a != nil {
		adapter = fmt.Sprintf("an adapter of rank %d", a.Rank)
		if a.DoRA {
			adapter += " (DoRA)"
		}
	}
	l.Text = append(l.Text,
		Block{Prose, []string{sentence(c.Title)}},
		Block{Table, []string{"setting\tvalue",
			fmt.Sprintf("blocks, heads, heads of keys\t%d, %d, %d", n.Blocks, n.Heads, n.KeyHeads()),
			fmt.Sprintf("d, d_h, d_ρ, hidden\t%d, %d, %d, %d", n.Width, n.ValueDim(), n.QueryDim(), n.HiddenDim()),
			fmt.Sprintf("vocabulary, context, ε\t%d, %d, %g", n.Vocab, n.Context, n.Eps),
			fmt.Sprintf("sequences, tokens of each\t%d, %d", len(c.Batch), len(c.Batch[0].Tokens)),
			"beside it\t" + adapter,
			fmt.Sprintf("parameters\t%d", n.Ledger().Total())}},
		Block{Prose, []string{"The point is generic: no gain is one, no bias zero, tokens repeat and are missing, so that no formula passes by accident."}})
	for _, m := range gradcheck.Bugs() {
		if m.Case == c.Name {
			l.Related = append(l.Related, l.coded(m.ID)...)
		}
	}
	at := ""
	if c.Name != "paper" {
		at = " --case " + c.Name
	}
	l.Next = append(l.Next, Command{"pedestrian verify" + at, "every gradient of it, three ways"}, Command{"pedestrian verify --bf16" + at, "the same at bf16"})
}

func (l *Lesson) exercise() {
	x := derive.FindExercise(l.Code)
	l.Text = append(l.Text, Block{Prose, []string{x.Ask}})
	for i, c := range x.Choices {
		l.Text = append(l.Text, Block{Prose, []string{fmt.Sprintf("%d. %s", i+1, c.Text)}})
	}
	if x.Template != "" {
		l.Text = append(l.Text, Block{Formula, []string{x.Template}})
	}
	l.Next = append(l.Next, Command{"pedestrian derive " + x.ID, "answer it"})
	if e, ok := coded(x.Eq); ok {
		l.Related = append(l.Related, e)
		l.Next = append(l.Next, Command{"pedestrian explain " + shellWord(e.Code), e.Title + " (that is the answer)"})
	}
}

// sentence begins with a capital letter and ends with a point.
func sentence(s string) string {
	return strings.TrimRight(strings.ToUpper(s[:1])+s[1:], ".") + "."
}

// shellWord is a code as a shell reads it.
func shellWord(code string) string {
	if strings.ContainsAny(code, "()' ") {
		return "'" + code + "'"
	}
	return code
}
