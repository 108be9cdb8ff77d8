package studio

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A Law is a property of both passes that a page demonstrates: with a number to turn, with
// which it does not change, and a way to break it.
type Law struct {
	ID         string   `json:"id"`
	Title      string   `json:"title"`
	Says       string   `json:"says"`       // why it holds
	Eqs        []string `json:"eqs"`        // of the registry
	Identities []string `json:"identities"` // of gradcheck, that say the same at its cases
	Erratum    string   `json:"erratum,omitempty"`
	Head       bool     `json:"head"` // it is about one head
	Knob       Knob     `json:"knob"`
	Break      string   `json:"break"`  // what the button does
	Broken     string   `json:"broken"` // what is seen then

	show  func(d *demonstration) error
	limit func(s *Session) float64 // of the knob, where it depends on the text; may be nil
}

// A Knob is a number that a demonstration lets turn.
type Knob struct {
	Label string  `json:"label"` // what is turned
	Min   float64 `json:"min"`   // where it ends on the left
	Max   float64 `json:"max"`   // and on the right; of a law with a limit, before that is known
	Step  float64 `json:"step"`  // from one setting to the next
	Start float64 `json:"start"` // where it stands at first
}

// Laws are the demonstrations, in the order of the forward pass.
var Laws = []Law{
	{ID: "mask", Title: "−∞ hides what comes later; 0 does not", Eqs: []string{"13", "15"}, Identities: []string{"R5"}, Erratum: "S1", Head: true,
		Says:  "The softmax makes e⁰ = 1 of a score of 0, and 0 of −∞. With −∞ no earlier token can tell which word is the last.",
		Knob:  Knob{"last word", 0, 11, 1, 9},
		Break: "Multiply by 0 and 1, as (13) is printed", Broken: "A score of 0 is one of many: the last word now reaches every token before it.",
		show: showMask, limit: func(s *Session) float64 { return float64(s.Model.Config.Vocab - 1) }},
	{ID: "causality", Title: "Causality, forward and backward", Eqs: []string{"14", "15", "22", "30.a", "30.b"}, Identities: []string{"R5", "X10"},
		Says:  "What a word changes lies at and after it. Errors go the other way: what a target changes lies at and before it.",
		Knob:  Knob{"token", 1, 6, 1, 3},
		Break: "Open the mask for all tokens", Broken: "Every token sees every other: both directions leak.",
		show: showCausality, limit: func(s *Session) float64 { return float64(len(s.seq.Tokens)) }},
	{ID: "keybias", Title: "The key bias does nothing", Eqs: []string{"19", "29", "32.b", "54"}, Identities: []string{"R8", "R18"}, Head: true,
		Says:  "It adds the same number to all scores of a row, and the softmax does not see a number that all of a row share. So its gradient is zero, and it can be left out.",
		Knob:  Knob{"added to every entry of the key bias", -5, 5, .5, 2},
		Break: "Give it to the first token's key alone", Broken: "One score of each row moves, and the others do not: the softmax sees it.",
		show: showKeyBias},
	{ID: "rows", Title: "Rows of an error sum to zero", Eqs: []string{"25", "26"}, Identities: []string{"R16", "R15"}, Head: true,
		Says:  "A row of ρ sums to one, whatever the scores are. What one token gains the others lose, so the errors of a row cancel.",
		Knob:  Knob{"scores multiplied by", 0, 4, .25, 1},
		Break: "Forget the mean in (25)", Broken: "Without the mean, the error says that all weights of a row could grow at once.",
		show: showRows},
	{ID: "values", Title: "The bias of the values does not see ρ", Eqs: []string{"21", "24"}, Identities: []string{"R13"}, Head: true,
		Says:  "Each row of ρ hands the bias on with weights that sum to one, so its gradient is the sum of the errors, whatever the weights. Here ρ is drawn at random, and the error on the head is held.",
		Knob:  Knob{"draw of ρ", 1, 20, 1, 1},
		Break: "Let rows of ρ not sum to one", Broken: "Now the bias arrives with other weights at each token, and (24) is no longer its gradient.",
		show: showValues},
	{ID: "norm", Title: "Layer normalization loses two directions", Eqs: []string{"36", "39", "40"}, Identities: []string{"X3", "R22"},
		Says:  "The output has mean 0 and length √d whatever the input is. So an error along 1 or along ā asks for what cannot be, and (40) takes both out. The same numbers come out of batch normalization of the transpose. Shown is the last norm, with ε = 0.",
		Knob:  Knob{"1 + ā added to the error, times", -3, 3, .25, 1},
		Break: "Hold μ and σ constant", Broken: "An error that treats mean and deviation as constants keeps both directions.",
		show: showNorm},
	{ID: "frozen", Title: "A frozen layer still hands its error down", Eqs: []string{"44", "FC+LoRA"}, Identities: []string{"R25"}, Erratum: "S2",
		Says:  "Frozen weights do not learn, but what lies below them answers to the loss through them: the error takes both paths, that of w and that of the adapter.",
		Knob:  Knob{"size of the adapter's u", .1, 2, .1, 1},
		Break: "Leave out the frozen path, as in the paper's box on fine-tuning", Broken: "Only the adapter's part is left, and every gradient below is wrong.",
		show: showFrozen},
	{ID: "rank", Title: "A weight gradient has at most rank n", Eqs: []string{"FC", "T3"}, Identities: []string{"X9"},
		Says:  "∂L/∂w = aᵗ Δ is a sum of one rank-one layer for each token: n tokens make at most n independent directions, however large w is.",
		Knob:  Knob{"tokens", 1, 6, 1, 3},
		Break: "Add the gradient of another text", Broken: "Twice as many tokens, up to twice the rank.",
		show: showRank, limit: func(s *Session) float64 { return float64(len(s.seq.Tokens)) }},
	{ID: "adam", Title: "A gradient of zero, under Adam", Eqs: []string{"29", "32.b"}, Identities: []string{"X11"}, Head: true,
		Says:  "Summed instead of known, the gradient of the key bias is what rounding leaves. Adam divides a gradient by its own size; ε is what keeps it from dividing rounding by rounding. All parameters train on this sentence.",
		Knob:  Knob{"steps", 1, 60, 1, 20},
		Break: "Let ε be 10⁻³⁰ instead of 10⁻⁸", Broken: "Rounding divided by rounding is one: the key bias walks at full speed, in no direction at all.",
		show: showAdam, limit: func(s *Session) float64 { return float64(s.mostSteps(60)) }},
}

// A Panel is a tensor of a demonstration.
type Panel struct {
	Key      string   `json:"key,omitempty"`
	Title    string   `json:"title"`
	MathML   string   `json:"math,omitempty"`
	Kind     Kind     `json:"kind"`
	Rows     int      `json:"rows"`
	Cols     int      `json:"cols"`
	RowHeads []string `json:"rowHeads,omitempty"` // words, where rows are tokens
	ColHeads []string `json:"colHeads,omitempty"`
	At       int      `json:"at"`   // where its numbers begin
	Norm     *float64 `json:"norm"` // of what is finite; nil where that is not a number
	Node     string   `json:"node,omitempty"`
}

// A demonstration is a law at a setting of its knob.
type demonstration struct {
	s      *Session
	at     string // prefix of ids of the head: "b0.h1."
	knob   float64
	broken bool

	reading string // what the knob stands at, in words
	claims  []gradcheck.Claim
	panels  []Panel
	numbers []float64
}

type shownLaw struct {
	Revision int `json:"rev"`
	Law
	At      float64           `json:"at"`
	Reading string            `json:"reading,omitempty"`
	Claims  []gradcheck.Claim `json:"claims"`
	Holds   bool              `json:"holds"`
	Panels  []Panel           `json:"panels"`
}

// demonstrate answers "law". A knob that is nil stands at its start.
func (c *Core) demonstrate(r Request, s *Session) (shownLaw, []float64, error) {
	k := slices.IndexFunc(Laws, func(l Law) bool { return l.ID == r.ID })
	if k < 0 {
		return shownLaw{}, nil, fmt.Errorf("there is no law %q", clip(r.ID))
	}
	l := Laws[k]
	if l.limit != nil {
		l.Knob.Max = l.limit(s)
		l.Knob.Start = min(l.Knob.Start, l.Knob.Max)
	}
	d := &demonstration{s: s, knob: l.Knob.Start, broken: r.Broken}
	if r.Knob != nil {
		if math.IsNaN(*r.Knob) || *r.Knob < l.Knob.Min || *r.Knob > l.Knob.Max {
			return shownLaw{}, nil, fmt.Errorf("%s: the knob goes from %g to %g", l.ID, l.Knob.Min, l.Knob.Max)
		}
		d.knob = l.Knob.Min + l.Knob.Step*math.Round((*r.Knob-l.Knob.Min)/l.Knob.Step)
	}
	if r.Block < 0 || r.Block >= s.Model.Config.Blocks || r.Head < 0 || r.Head >= s.Model.Config.Heads {
		return shownLaw{}, nil, fmt.Errorf("there is no head %d in block %d", r.Head, r.Block)
	}
	d.at = "b" + strconv.Itoa(r.Block) + ".h" + strconv.Itoa(r.Head) + "."
	if err := l.show(d); err != nil {
		return shownLaw{}, nil, err
	}
	out := shownLaw{r.Revision, l, d.knob, d.reading, d.claims, true, d.panels}
	for _, claim := range d.claims {
		out.Holds = out.Holds && claim.OK
	}
	return out, d.numbers, nil
}

const (
	lawRounding = 1e-12 // what two orders of the same float64 sum may differ by, relative to their largest term
	lawVisible  = 1e-4  // the least that counts as a change, far above rounding
)

// mostSteps is how many steps of training are taken at a time, at most most: fewer where a pass
// takes long.
func (s *Session) mostSteps(most int) int {
	const work = 300_000_000 // parameters times tokens times steps
	return max(5, min(most, work/(len(s.params.Slab)*len(s.seq.Tokens))))
}

// small claims that a number is zero but for rounding; scale is the size of what it is made of.
func (d *demonstration) small(what string, x, scale float64) {
	limit := lawRounding * max(1, scale)
	d.claims = append(d.claims, gradcheck.Claim{What: what, Value: gradcheck.Number(x), Limit: gradcheck.Number(limit), OK: x <= limit})
}

// none claims that a number is exactly zero.
func (d *demonstration) none(what string, x float64) {
	d.claims = append(d.claims, gradcheck.Claim{What: what, Value: gradcheck.Number(x), OK: x == 0})
}

// visible claims that something does change: else the law would say nothing.
func (d *demonstration) visible(what string, x float64) {
	d.claims = append(d.claims, gradcheck.Claim{What: what, Value: gradcheck.Number(x), Limit: lawVisible, Above: true, OK: x >= lawVisible})
}

// panel shows a matrix; node, if not "", is the node that it is a form of.
func (d *demonstration) panel(title string, kind Kind, m paper.Mat, node string, rows, cols []string) {
	norm, _ := size(m)
	p := Panel{Title: title, Kind: kind, Rows: m.N, Cols: m.D, RowHeads: rows, ColHeads: cols, At: len(d.numbers), Norm: finite(norm), Node: node}
	if n := d.s.node(node); n != nil {
		p.MathML = n.MathML
	}
	d.panels, d.numbers = append(d.panels, p), append(d.numbers, m.V...)
}

// words are those of the text.
func (d *demonstration) words(s *Session) (all []string) {
	for _, id := range s.seq.Tokens {
		all = append(all, s.Model.Words[id])
	}
	return all
}

// state is the session's, with tokens and targets written out, and without those edits that a
// change of the text makes meaningless: parameters stay edited.
func (s *Session) state() State {
	st := s.State
	st.Tokens, st.Targets = slices.Clone(s.seq.Tokens), slices.Clone(s.seq.Targets)
	return st
}

// parameterEdits are the edits of parameters alone.
func (s *Session) parameterEdits() (all []Edit) {
	for _, e := range s.State.Edits {
		if s.node(e.ID).Kind == Parameter {
			all = append(all, e)
		}
	}
	return all
}

// rewritten is both passes of s once more. change is given each step in the order of the pass
// and may change its numbers; now holds what was recorded before it.
func (s *Session) rewritten(change func(id string, now *Session, v paper.Mat)) *Session {
	own := *s
	own.Trace = &paper.Trace{}
	loss, back := s.forward(own.Trace, false, func(step int, v paper.Mat) { change(s.nodes[step].ID, &own, v) })
	back()
	own.Loss = loss
	return &own
}

// moved is the largest change of a node between two sessions, in rows from to to-1.
func moved(id string, a, b *Session, from, to int) float64 {
	x, y := a.value(id), b.value(id)
	most := 0.0
	for k := from * x.D; k < to*x.D; k++ {
		if x.V[k] != y.V[k] {
			most = max(most, math.Abs(x.V[k]-y.V[k]))
		}
	}
	return most
}

func largestOf(v []float64) (most float64) {
	for _, x := range v {
		most = max(most, math.Abs(x))
	}
	return most
}

// hidden is m with −∞ where the head does not see a token, to be hatched.
func (s *Session) hidden(at string, m paper.Mat) paper.Mat {
	seen := s.value(at + "m")
	out := paper.Zeros(m.N, m.D)
	for k, x := range m.V {
		if out.V[k] = x; math.IsInf(seen.V[k], -1) {
			out.V[k] = seen.V[k]
		}
	}
	return out
}
