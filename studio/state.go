package studio

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// Limits of what a state may ask for. Both passes of the largest network take a third of a second.
const (
	MaxTokens     = 32        // that a network reads at a time
	maxParameters = 1_000_000 // of a network; Fits has the other limits of one
	maxEdits      = 200
	MaxRank       = 8
	maxHeads      = 64  // of all blocks together
	maxValue      = 1e6 // of an edited number, without its sign
)

// A State is everything that a screen is about: a network, what it reads, and what was changed
// in it. The zero State is the lesson as it was trained.
type State struct {
	Model   string `json:"model,omitempty"`   // of Models; "" is the first
	Seed    uint64 `json:"seed,omitempty"`    // of the parameters, where they are drawn
	Step    int    `json:"step,omitempty"`    // of a model that is trained here: after so many updates
	Rates   []Rate `json:"rates,omitempty"`   // of such a model: its learning rates; nil: the model's own
	Tokens  []int  `json:"tokens,omitempty"`  // ids; nil: the model's own
	Targets []int  `json:"targets,omitempty"` // ids, or -1 where nothing is to be predicted; nil: the next tokens
	Mean    bool   `json:"mean,omitempty"`    // the loss is the mean over the targets, and not their sum
	Rank    int    `json:"rank,omitempty"`    // of an adapter beside the logits, with u = 0; 0: none
	Edits   []Edit `json:"edits,omitempty"`   // in order; of one cell the last counts
	Held    []Hold `json:"held,omitempty"`    // values that are constants for the backward pass
}

// An Edit puts a number in the place of one cell: of a value or an error in the passage of the
// pass, of a parameter before it, or of a mask.
type Edit struct {
	ID    string   `json:"id"` // of a Node
	Row   int      `json:"i"`  // from 0
	Col   int      `json:"j"`
	Value *float64 `json:"v"` // nil is -∞, of a mask: the token is not seen
}

// A Rate is the learning rate after a number of updates, up to the next one.
type Rate struct {
	From int     `json:"from"` // updates
	Rate float64 `json:"rate"` // of AdamW
}

// A Model is a network that the studio opens.
type Model struct {
	Name    string            `json:"name"`
	Title   string            `json:"title"`
	Words   []string          `json:"words"` // its vocabulary
	Config  pedestrian.Config `json:"config"`
	Tokens  []int             `json:"tokens"`
	Targets []int             `json:"targets"`

	// Params returns the parameters in a state, which may be of Config alone: the caller
	// changes them.
	Params func(State) (*pedestrian.Params[float64], error) `json:"-"`
}

// Fits says why the studio does not open a network of configuration c: it is too large to be
// looked at number by number, or of another kind than the paper's tables. nil = it does.
func Fits(c pedestrian.Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if other := c.BeyondGPT2(); len(other) > 0 {
		return fmt.Errorf("the studio shows the tables of the paper, which are those of GPT-2: this network has %s", strings.Join(other, ", "))
	}
	if n := c.Ledger().Total(); n > maxParameters {
		return fmt.Errorf("%d parameters are too many to look at one by one: the studio opens networks of at most %d", n, maxParameters)
	}
	if n := c.Blocks * c.Heads; n > maxHeads {
		return fmt.Errorf("%d blocks of %d heads are too many to look at: the studio opens networks of at most %d heads in all", c.Blocks, c.Heads, maxHeads)
	}
	return nil
}

// Models are the networks that every core has.
var Models = []*Model{&lesson, &paperModel}

// paperModel has the sizes of the network that "pedestrian verify" checks first, and the
// paper's choices: ReLU, ε = 0. Its parameters are drawn.
var paperModel = Model{
	Name: "paper", Title: "the paper's choices, random weights",
	Words:  []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
	Config: pedestrian.Config{Vocab: 10, Context: 4, Width: 32, Heads: 2, Blocks: 1, Activation: pedestrian.ReLU, Bias: true, LogitsBias: true},
	Tokens: []int{3, 7, 3, 1}, Targets: []int{7, 3, 1, 9},
}

func init() {
	paperModel.Params = func(s State) (*pedestrian.Params[float64], error) { return drawn(paperModel.Config, s.Seed), nil }
}

// find returns the model of that name; that of no name is the first.
func find(name string, models []*Model) (*Model, error) {
	var names []string
	for _, m := range models {
		if name == "" || m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	last := len(names) - 1
	return nil, fmt.Errorf("there is no model %q: %s or %s", clip(name), strings.Join(names[:last], ", "), names[last])
}

// sequence is what the network reads and should say, or what is wrong with it.
func (s State) sequence(m *Model) (seq paper.Sequence, err error) {
	seq.Tokens, seq.Targets = s.Tokens, s.Targets
	if seq.Tokens == nil {
		seq.Tokens = m.Tokens
	}
	n := len(seq.Tokens)
	if n == 0 || n > m.Config.Context {
		return seq, fmt.Errorf("%d tokens: the context of %s holds 1 to %d", n, m.Name, m.Config.Context)
	}
	if n > MaxTokens {
		return seq, fmt.Errorf("%d tokens: the studio shows at most %d at a time", n, MaxTokens)
	}
	if seq.Targets == nil {
		seq.Targets = append(slices.Clone(seq.Tokens[1:]), m.Targets[len(m.Targets)-1])
	}
	if len(seq.Targets) != n {
		return seq, fmt.Errorf("%d tokens and %d targets: there is one for each", n, len(seq.Targets))
	}
	for t, id := range seq.Tokens {
		if id < 0 || id >= m.Config.Vocab {
			return seq, fmt.Errorf("token %d is %d: the ids are 0 to %d", t+1, id, m.Config.Vocab-1)
		}
		if y := seq.Targets[t]; y < paper.Ignored || y >= m.Config.Vocab {
			return seq, fmt.Errorf("target %d is %d: the ids are 0 to %d, and -1 is none", t+1, y, m.Config.Vocab-1)
		}
	}
	return seq, nil
}

// check says what is wrong with the numbers of an edit, whatever its node.
func (e Edit) check() error {
	if e.Value != nil && (math.IsNaN(*e.Value) || math.Abs(*e.Value) > maxValue) {
		return fmt.Errorf("%s: an edited number is at most %g in size", e.ID, float64(maxValue))
	}
	return nil
}
