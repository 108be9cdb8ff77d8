package live

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/token"
	"github.com/pedestrian-ml/pedestrian/train"
)

// Limits of the training that a page may ask for.
const (
	MaxSteps   = 600 // updates of a training
	MaxAtOnce  = 25  // updates that one request asks for
	maxRates   = 8   // learning rates of a training
	maxRate    = 1.0 // the largest of them
	everySteps = 20  // updates between snapshots
	maxCourses = 3   // trainings that are kept
	firstRate  = 3e-3
)

// Story is the name of the network that trains on the built-in stories, character by character.
const Story = "story"

// storyConfig is small enough to be read, and has all that the paper's tables have.
var storyConfig = pedestrian.Config{Context: 32, Width: 32, Heads: 2, Blocks: 1, Activation: pedestrian.GELU, Eps: 1e-5, Bias: true, LogitsBias: true}

// storyOptions are those of the preset "tiny", for the network above.
func storyOptions(seed uint64) train.Options {
	o, err := train.PresetOptions("tiny")
	if err != nil {
		panic(err) // the name is one of ours
	}
	o.Config, o.StoryChars = storyConfig, 100_000
	o.Steps, o.Schedule, o.LR, o.MinLR, o.Warmup = MaxSteps, train.ScheduleConstant, firstRate, 0, 20
	o.EvalBatches, o.Seed, o.Threads = 4, seed, 1
	return o
}

// storyData is the text of all trainings. It is made once.
var storyData = sync.OnceValues(func() (*train.Data, error) { return train.LoadData(storyOptions(1)) })

// storyModel is the network as the studio opens it. It reads the beginning of a story that
// training does not tell.
func storyModel(t *trainer) (*studio.Model, error) {
	told := corpus.Stories(corpus.AnyDialogue)
	tok, err := token.NewChars(told.Characters()) // the tokenizer of storyData
	if err != nil {
		return nil, fmt.Errorf("the characters of the stories: %w", err)
	}
	ids, err := tok.Encode(told.Story(0, 0))
	if err != nil {
		return nil, fmt.Errorf("a story: %w", err)
	}
	c := storyConfig
	c.Vocab = tok.Vocab()
	m := &studio.Model{Name: Story, Title: "story model, trained here", Config: c, Words: Words(tok, c.Vocab), Params: t.params}
	for i := range ownTokens {
		m.Tokens, m.Targets = append(m.Tokens, int(ids[i])), append(m.Targets, int(ids[i+1]))
	}
	return m, nil
}

// ratesOf are the learning rates of a state, or what is wrong with them.
func ratesOf(s studio.State) ([]studio.Rate, error) {
	if len(s.Rates) == 0 {
		return []studio.Rate{{From: 0, Rate: firstRate}}, nil
	}
	if len(s.Rates) > maxRates {
		return nil, fmt.Errorf("%d learning rates: at most %d in a training", len(s.Rates), maxRates)
	}
	for i, r := range s.Rates {
		switch {
		case i == 0 && r.From != 0, i > 0 && r.From <= s.Rates[i-1].From, r.From >= MaxSteps:
			return nil, fmt.Errorf("learning rate %d begins at step %d: the first begins at 0, each later one after the one before it, and none at %d or later", i+1, r.From, MaxSteps)
		case !(r.Rate > 0 && r.Rate <= maxRate):
			return nil, fmt.Errorf("the learning rate is %g: it is more than 0 and at most %g", r.Rate, maxRate)
		}
	}
	return s.Rates, nil
}

// rateAt is the learning rate of update step+1.
func rateAt(rates []studio.Rate, step int) float64 {
	at := rates[0].Rate
	for _, r := range rates {
		if r.From <= step {
			at = r.Rate
		}
	}
	return at
}

// common is how many updates two trainings of one seed have in common.
func common(a, b []studio.Rate) int {
	first := MaxSteps
	for _, r := range slices.Concat(a, b) {
		if rateAt(a, r.From) != rateAt(b, r.From) {
			first = min(first, r.From)
		}
	}
	return first
}

// clone is a copy of a state, from which a run can go on.
func clone(s *train.State) *train.State {
	copied := func(p *pedestrian.Params[float32]) *pedestrian.Params[float32] {
		q := pedestrian.NewParams[float32](p.Config)
		copy(q.Slab, p.Slab)
		return q
	}
	return &train.State{Progress: s.Progress, Params: copied(s.Params), M: train.Weights{Params: copied(s.M.Params)}, V: train.Weights{Params: copied(s.V.Params)}}
}

// finite is nil where x is not a number that JSON has.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}
