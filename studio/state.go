package studio

import (
	"fmt"
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// Limits of what a state may ask for. A pass of the largest network takes some milliseconds.
const (
	MaxEdits = 200
	MaxRank  = 8
	maxValue = 1e6 // of an edited number, without its sign
)

// A State is everything that a screen is about: a network, what it reads, and what was changed
// in it. The zero State is the lesson as it was trained.
type State struct {
	Model   string `json:"model,omitempty"`   // of Models; "" is the first
	Seed    uint64 `json:"seed,omitempty"`    // of the parameters, where they are drawn
	Tokens  []int  `json:"tokens,omitempty"`  // ids; nil: the model's own
	Targets []int  `json:"targets,omitempty"` // ids, or -1 where nothing is to be predicted; nil: the next tokens
	Mean    bool   `json:"mean,omitempty"`    // the loss is the mean over the targets, and not their sum
	Rank    int    `json:"rank,omitempty"`    // of an adapter beside the logits, with u = 0; 0: none
	Edits   []Edit `json:"edits,omitempty"`   // in order; of one cell the last counts
}

// An Edit puts a number in the place of one cell: of a value or an error in the passage of the
// pass, of a parameter before it, or of a mask.
type Edit struct {
	ID    string   `json:"id"` // of a Node
	Row   int      `json:"i"`  // from 0
	Col   int      `json:"j"`
	Value *float64 `json:"v"` // nil is -∞, of a mask: the token is not seen
}

// A Model is a network that the studio opens.
type Model struct {
	Name    string            `json:"name"`
	Title   string            `json:"title"`
	Words   []string          `json:"words"` // its vocabulary
	Config  pedestrian.Config `json:"config"`
	Tokens  []int             `json:"tokens"`
	Targets []int             `json:"targets"`

	params func(seed uint64) *pedestrian.Params[float64]
}

// Models are the networks that there are.
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
	paperModel.params = func(seed uint64) *pedestrian.Params[float64] { return drawn(paperModel.Config, seed) }
}

// model is the model of that name, or nil.
func model(name string) *Model {
	if name == "" {
		return Models[0]
	}
	for _, m := range Models {
		if m.Name == name {
			return m
		}
	}
	return nil
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
