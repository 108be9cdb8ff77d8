package sheet

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// A Sheet is both passes of one text, and the block and the head that are shown of them.
type Sheet struct {
	*studio.Session
	Block int // from 0
	Head  int // from 0
	Heads []Attention

	// Checks says whether errors and gradients are compared with differences of the loss wherever
	// they are shown. The screen "check" always does; a large network takes long.
	Checks bool

	// Core answers what is about more than both passes of the text: laws, an adapter, planted
	// bugs, training. nil is one that does not train.
	Core *studio.Core

	Settings                 // of the place that is shown
	Before   *studio.Session // what [Settings.Diff] compares with

	record  bool // the answers of the core are kept
	answers []Answer
}

// An Attention says how much there is to see in one head, see [New].
type Attention struct {
	Block  int     `json:"block"`
	Head   int     `json:"head"`
	Weight float64 `json:"weight"` // mean over tokens of the largest weight that a token at least two later puts on them
}

// Open is the sheet of a place. The core has its network. An error says what is wrong with the
// place: no such network, text, edit, block or head. Whether there is such a screen, [Sheet.Has]
// says.
func Open(core *studio.Core, at Link) (*Sheet, error) {
	name, _, _ := strings.Cut(at.Screen, "/")
	if name == "train" && at.State.Model != story {
		at.State = studio.State{Model: story, Step: at.State.Step, Rates: at.State.Rates, Seed: at.State.Seed}
	}
	session, err := core.Session(at.State)
	if err != nil {
		return nil, err
	}
	if name == "generate" && at.Write == "" {
		if session, err = core.Session(prompt(session)); err != nil {
			return nil, err
		}
	}
	s := New(session)
	s.Core, s.Settings = core, at.Settings
	if at.Diff {
		if s.Before, err = core.Session(before(session)); err != nil {
			return nil, err
		}
		if len(s.Before.Nodes()) != len(s.Nodes()) {
			return nil, fmt.Errorf("the two states of the difference are of different networks")
		}
	}
	block, head := s.Block, s.Head
	for _, e := range session.State.Edits { // a head that was changed is the one to see
		if m := headOf.FindStringSubmatch(e.ID); m != nil {
			block, _ = strconv.Atoi(m[1])
			head, _ = strconv.Atoi(m[2])
		}
	}
	if at.Block >= 0 {
		block = at.Block
	}
	if at.Head >= 0 {
		head = at.Head
	}
	return s, s.Show(block, head)
}

var headOf = regexp.MustCompile(`^b(\d+)\.h(\d+)\.`)

// story is the name of the network that trains, in package live.
const story = "story"

// before is what the difference of a session compares with: its network before every change, on its
// own text, if that has as many tokens.
func before(s *studio.Session) studio.State {
	st := s.State
	if st.Edits, st.Held = nil, nil; len(st.Tokens) == len(s.Model.Tokens) {
		st.Tokens = nil
	}
	return st
}

// prompt is the first half of a text, so that there is room to write. Edits of what is no
// parameter were about the whole.
func prompt(s *studio.Session) studio.State {
	st := s.State
	st.Tokens, st.Targets = s.Tokens()[:max(1, len(s.Tokens())/2)], nil
	st.Edits = slices.DeleteFunc(slices.Clone(st.Edits), func(e studio.Edit) bool { return s.Node(e.ID).Kind != studio.Parameter })
	return st
}

// New is the sheet of a session. It shows the head in which most tokens are looked back at: of
// each token but the first, which many heads rest on, the largest weight is taken that a token at
// least two later puts on it, since the token before and a token itself are seen by nearly every
// head; the head with the largest mean of these is shown. Of a text of less than four tokens it is
// the last head.
func New(s *studio.Session) *Sheet {
	c := s.Model.Config
	x := &Sheet{Session: s, Block: c.Blocks - 1, Head: c.Heads - 1}
	most := 0.0
	for b := range c.Blocks {
		for h := range c.Heads {
			a := Attention{b, h, lookedBack(s.Values(fmt.Sprintf("b%d.h%d.rho", b, h)))}
			if x.Heads = append(x.Heads, a); a.Weight > most {
				most, x.Block, x.Head = a.Weight, b, h
			}
		}
	}
	return x
}

// lookedBack is the mean over columns, but the first and the last two, of the largest weight at
// least two rows below the diagonal.
func lookedBack(rho paper.Mat) float64 {
	sum := 0.0
	for j := 1; j+2 < rho.N; j++ {
		most := 0.0
		for i := j + 2; i < rho.N; i++ {
			most = max(most, rho.At(i, j))
		}
		sum += most
	}
	return sum / float64(max(rho.N-3, 1))
}

// Show chooses another block and head, from 0; an error says which there are.
func (s *Sheet) Show(block, head int) error {
	c := s.Model.Config
	if block < 0 || block >= c.Blocks {
		return fmt.Errorf("block %d: there are 0 to %d", block, c.Blocks-1)
	}
	if head < 0 || head >= c.Heads {
		return fmt.Errorf("head %d: there are 0 to %d", head, c.Heads-1)
	}
	s.Block, s.Head = block, head
	return nil
}

// word is token t as text.
func (s *Sheet) word(t int) string { return s.Model.Words[s.Sequence().Tokens[t]] }

// target is what should follow token t, or "" where nothing is to be predicted.
func (s *Sheet) target(t int) string {
	if y := s.Sequence().Targets[t]; y != paper.Ignored {
		return s.Model.Words[y]
	}
	return ""
}

// Counted says what is differentiated: of what loss every error on the sheet is the gradient.
func (s *Sheet) Counted() string {
	n := 0
	for _, y := range s.Sequence().Targets {
		if y != paper.Ignored {
			n++
		}
	}
	of := "the loss of one token"
	if n != 1 {
		of = fmt.Sprintf("%s of the losses of %d tokens", map[bool]string{false: "the sum", true: "the mean"}[s.State.Mean], n)
	}
	return "L is " + of + ", in nats. Every Δ is ∂L/∂ of the value beside it."
}

// about is the network on one line.
func (s *Sheet) about() string {
	c := s.Model.Config
	return fmt.Sprintf("%s: %s, %s, d = %d, %s", s.Model.Title, count(c.Blocks, "block"), count(c.Heads, "head"), c.Width, count(c.Vocab, "word"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// A station is one of a_0 … a_12 with its error, and the layer that makes it.
type station struct {
	number       int
	value, error string // ids; "" where there is none
	layer        string // between the station before and this one
	equations    string // of the layer, forward and backward
}

// stations are those of a block, in the order of the forward pass; the last one is the loss,
// which has a layer only.
func (s *Sheet) stations() (all []station) {
	g := map[string]string{"relu": "ReLU", "gelu": "GELU"}[string(s.Model.Config.Activation)]
	if g == "" {
		g = string(s.Model.Config.Activation)
	}
	layers := [][2]string{{}, {"token + position", "(2) (3)"}, {"LayerNorm", "(38) (40)"}, {count(s.Model.Config.Heads, "head"), "(34) (35)"}, {"FC attProj", "(FC)"}, {"skip", "a5 = a1 + a4"},
		{"LayerNorm", "(38) (40)"}, {"FC expand", "(FC)"}, {g, "(g)"}, {"FC contract", "(FC)"}, {"skip", "a10 = a5 + a9"}, {"final LayerNorm", "(38) (40)"}, {"FC logits", "(FC)"}, {"softmax, loss", "(T2)"}}
	for i := range 14 {
		x := station{number: i, layer: layers[i][0], equations: layers[i][1]}
		if i == 1 && s.Block > 0 {
			x.layer, x.equations = "block "+strconv.Itoa(s.Block-1), ""
		}
		if i == 11 && s.Block < s.Model.Config.Blocks-1 {
			x.layer = "blocks above, last norm"
		}
		at := ""
		if i > 0 && i < 11 {
			at = fmt.Sprintf("b%d.", s.Block)
		}
		n := strconv.Itoa(i)
		if id := at + "a_" + n; s.Node(id) != nil {
			x.value = id
		}
		if id := at + "D_" + n; s.Node(id) != nil {
			x.error = id
		}
		all = append(all, x)
	}
	return all
}

// here is an id of a row of a table in the block and the head that are shown.
func (s *Sheet) here(id string) string {
	return strings.NewReplacer("{b}", strconv.Itoa(s.Block), "{h}", strconv.Itoa(s.Head)).Replace(id)
}

// rowNorms are the norms of the rows of a matrix.
func rowNorms(m paper.Mat) (all []float64) {
	for i := range m.N {
		sum := 0.0
		for _, x := range m.Row(i) {
			sum += x * x
		}
		all = append(all, math.Sqrt(sum))
	}
	return all
}
