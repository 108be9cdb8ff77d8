package live

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/train"
)

// A trainer answers what happens in a training up to a step. A training is a function of its
// seed and its learning rates, so that a page asks for steps, and nothing goes on when it does
// not ask. What was computed is kept for a few trainings.
type trainer struct {
	mu   sync.Mutex
	kept []*course // the one that was asked for last at the end
}

// A course is one training as far as it has come.
type course struct {
	seed    uint64
	rates   []studio.Rate
	run     *train.Run
	layers  []string // that have gradients, in the order of the network
	of      []int    // layer of each tensor
	updates []update
	evals   []evaluation         // one for each snapshot
	states  map[int]*train.State // snapshots: after so many updates
	ended   string               // why there is no next update; "" if there is
}

// An update is what an update was made with.
type update struct {
	loss, norm float64   // of the batch: mean loss, norm of the whole gradient
	layers     []float64 // norm of the gradient of each layer
}

// An evaluation is the loss on text that is not trained on.
type evaluation struct {
	Step int      `json:"step"`
	Loss *float64 `json:"loss"` // nil where it is not a number
}

// A trained is the header of the answer to "train". Behind it stand for each update its loss, the
// norm of its gradient, and that of each layer; NaN where they are not finite.
type trained struct {
	Revision    int           `json:"rev"`
	From        int           `json:"from"`   // the first update is from+1
	Count       int           `json:"count"`  // of updates
	Layers      []string      `json:"layers"` // in words
	Evaluations []evaluation  `json:"evaluations"`
	Snapshots   int           `json:"snapshots"` // updates between them; there is one before the first
	Most        int           `json:"most"`      // updates of a training
	Rates       []studio.Rate `json:"rates"`
	Ended       string        `json:"ended,omitempty"` // why there is no next update

	// Losses in nats per character of predictors without a network; that of the floor knows the grammar.
	Uniform float64 `json:"uniform"`
	Unigram float64 `json:"unigram"`
	Bigram  float64 `json:"bigram"`
	Floor   float64 `json:"floor"`
}

// train answers "train": the updates after that of the state.
func (t *trainer) train(r studio.Request) (trained, []float64, error) {
	from := r.State.Step
	if r.Next < 1 || r.Next > MaxAtOnce {
		return trained{}, nil, fmt.Errorf("%d steps: at least 1 and at most %d are asked for at a time", r.Next, MaxAtOnce)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c, err := t.course(r.State)
	if err != nil {
		return trained{}, nil, err
	}
	if err := c.advance(min(from+r.Next, MaxSteps)); err != nil {
		return trained{}, nil, err
	}
	d, err := storyData()
	if err != nil {
		return trained{}, nil, err
	}
	info := d.Info()
	h := trained{Revision: r.Revision, From: from, Layers: c.layers, Snapshots: everySteps, Most: MaxSteps, Rates: c.rates, Evaluations: []evaluation{},
		Uniform: info.Uniform, Unigram: info.Unigram, Bigram: info.Bigram, Floor: info.Floor}
	var numbers []float64
	for i := from; i < min(from+r.Next, len(c.updates)); i++ {
		u := c.updates[i]
		numbers = append(append(numbers, u.loss, u.norm), u.layers...)
		h.Count++
	}
	for _, e := range c.evals {
		if e.Step >= from && e.Step <= from+h.Count {
			h.Evaluations = append(h.Evaluations, e)
		}
	}
	if from+h.Count == len(c.updates) {
		h.Ended = c.ended
	}
	return h, numbers, nil
}

// params is the network after the updates of a state.
func (t *trainer) params(s studio.State) (*pedestrian.Params[float64], error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.Step == 0 {
		return untrained(s)
	}
	c, err := t.course(s)
	if err != nil {
		return nil, err
	}
	if err := c.advance(s.Step); err != nil {
		return nil, err
	}
	if len(c.updates) < s.Step {
		return nil, fmt.Errorf("there is no step %d: %s", s.Step, c.ended)
	}
	if c.run.State.Step == s.Step {
		return doubled(c.run.State.Params), nil
	}
	snapshot := s.Step / everySteps * everySteps
	if snapshot == s.Step {
		return doubled(c.states[snapshot].Params), nil
	}
	again, err := c.from(snapshot) // some steps are made a second time
	if err != nil {
		return nil, err
	}
	defer again.Close()
	for again.State.Step < s.Step {
		again.Options.LR = rateAt(c.rates, again.State.Step)
		if _, err := again.Step(context.Background()); err != nil {
			return nil, fmt.Errorf("training again from step %d: %w", snapshot, err)
		}
	}
	return doubled(again.State.Params), nil
}

// untrained is the network before the first update: it is drawn, and nothing is computed.
func untrained(s studio.State) (*pedestrian.Params[float64], error) {
	if _, err := ratesOf(s); err != nil {
		return nil, err
	}
	d, err := storyData()
	if err != nil {
		return nil, err
	}
	r, err := train.Start(storyOptions(s.Seed), d, "")
	if err != nil {
		return nil, fmt.Errorf("drawing the network: %w", err)
	}
	defer r.Close()
	return doubled(r.State.Params), nil
}

// course is the training of a state: one that is kept, or a new one, which begins with what it
// has in common with those.
func (t *trainer) course(s studio.State) (*course, error) {
	rates, err := ratesOf(s)
	if err != nil {
		return nil, err
	}
	if s.Step < 0 || s.Step > MaxSteps {
		return nil, fmt.Errorf("step %d: a training has 0 to %d here", s.Step, MaxSteps)
	}
	best, shared := (*course)(nil), 0
	for i, c := range t.kept {
		if c.seed != s.Seed {
			continue
		}
		n := common(c.rates, rates)
		if n == MaxSteps {
			t.kept = append(slices.Delete(t.kept, i, i+1), c)
			return c, nil
		}
		if n = min(n, len(c.updates)) / everySteps * everySteps; n > shared {
			best, shared = c, n
		}
	}
	d, err := storyData()
	if err != nil {
		return nil, err
	}
	c := &course{seed: s.Seed, rates: rates, states: map[int]*train.State{}}
	if best == nil {
		c.run, err = train.Start(storyOptions(s.Seed), d, "")
	} else {
		c.run, err = best.from(shared)
	}
	if err != nil {
		return nil, fmt.Errorf("beginning a training: %w", err)
	}
	c.name()
	if best != nil {
		c.updates, c.evals = slices.Clone(best.updates[:shared]), slices.Clone(best.evals[:shared/everySteps+1])
		for step, state := range best.states {
			if step <= shared {
				c.states[step] = state // which nobody changes
			}
		}
	} else if err := c.snapshot(); err != nil {
		return nil, err
	}
	if t.kept = append(t.kept, c); len(t.kept) > maxCourses {
		err = t.kept[0].run.Close()
		t.kept = slices.Delete(t.kept, 0, 1)
	}
	return c, err
}

// from is a run that goes on from a snapshot of c.
func (c *course) from(step int) (*train.Run, error) {
	r := c.run
	return train.Resume("", &train.Checkpoint{Network: r.Network, Options: r.Options, Data: r.Data.Info(), State: clone(c.states[step])}, r.Data)
}

// name lists the layers, and says which tensor is of which.
func (c *course) name() {
	for _, s := range c.run.Network.Slots() {
		name := studio.LayerName(s)
		i := slices.Index(c.layers, name)
		if i < 0 {
			i = len(c.layers)
			c.layers = append(c.layers, name)
		}
		c.of = append(c.of, i)
	}
}

// snapshot keeps the state and evaluates it.
func (c *course) snapshot() error {
	loss, err := c.run.Evaluate(context.Background())
	if err != nil {
		return fmt.Errorf("evaluating after step %d: %w", c.run.State.Step, err)
	}
	c.evals = append(c.evals, evaluation{c.run.State.Step, finite(loss)})
	c.states[c.run.State.Step] = clone(c.run.State)
	return nil
}

// advance trains up to a step, or as far as it goes.
func (c *course) advance(step int) error {
	r := c.run
	for len(c.updates) < step && c.ended == "" {
		r.Options.LR = rateAt(c.rates, r.State.Step)
		before := r.State.Tokens
		u, err := r.Step(context.Background())
		if diverged := (*train.Diverged)(nil); errors.As(err, &diverged) {
			c.ended = diverged.Error()
			return nil
		}
		if err != nil {
			return fmt.Errorf("training: %w", err)
		}
		c.updates = append(c.updates, update{u.Loss, u.Norm, c.norms(float64(u.Tokens - before))})
		if r.State.Step%everySteps == 0 {
			if err := c.snapshot(); err != nil {
				return err
			}
		}
	}
	return nil
}

// norms are those of the gradient of the last update, layer by layer, of the mean loss of its
// targets.
func (c *course) norms(targets float64) []float64 {
	squares := make([]float64, len(c.layers))
	for i, t := range c.run.Gradient().Params.Tensors() {
		for _, x := range t.V {
			squares[c.of[i]] += float64(x) * float64(x)
		}
	}
	for i, s := range squares {
		squares[i] = math.Sqrt(s) / targets
	}
	return squares
}
