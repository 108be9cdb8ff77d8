package train

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian"
)

// A State is everything, besides Options and data, that the rest of a run depends on. Two runs
// with equal states end with equal bits.
type State struct {
	Progress
	Params  *pedestrian.Params[float32]  // the parameters of the network; frozen if there is an adapter
	Adapter *pedestrian.Adapter[float32] // the adapter that is trained; nil if Params are trained
	M, V    Weights                      // first and second moments of AdamW; zero values if only the weights were loaded, or if processes share the run

	part *momentsPart // of this process, in a run that several share; nil in a run of one
}

// A momentsPart is the part of the moments that one of several processes has: of the numbers
// at ≤ i < at + len(m) of the slab of what is trained.
type momentsPart struct {
	at   int
	m, v []float32
}

// of returns the numbers of a whole slab that are in p.
func (p *momentsPart) of(slab []float32) []float32 { return slab[p.at : p.at+len(p.m)] }

func (p *momentsPart) zerosLike() *momentsPart {
	if p == nil {
		return nil
	}
	return &momentsPart{p.at, make([]float32, len(p.m)), make([]float32, len(p.v))}
}

func (p *momentsPart) copyFrom(from *momentsPart) {
	if p != nil {
		copy(p.m, from.m)
		copy(p.v, from.v)
	}
}

// Moments returns how many numbers of both moments s has: all, none, or the part of a process.
func (s *State) Moments() int {
	if s.part != nil {
		return len(s.part.m) + len(s.part.v)
	}
	return s.M.Count() + s.V.Count()
}

// Trained returns the weights that the run trains: the adapter, or all parameters without one.
func (s *State) Trained() Weights {
	if s.Adapter != nil {
		return Weights{Adapter: s.Adapter}
	}
	return Weights{Params: s.Params}
}

// Progress is the part of a State without tensors. The data order, dropout and sampling are
// functions of the seed and a position, which is a whole number.
type Progress struct {
	Seed        uint64 `json:"seed"`        // of weights, data order and dropout
	Step        int    `json:"step"`        // updates made
	Position    uint64 `json:"position"`    // batches drawn; decides the next batch and its dropout masks
	Tokens      int64  `json:"tokens"`      // counted targets so far
	Evaluations int    `json:"evaluations"` // evaluations made
	Stale       int    `json:"stale"`       // evaluations since the best one
	First       Score  `json:"first"`       // evaluation before the first step; undefined if there was none
	Last        Score  `json:"last"`        // latest evaluation; undefined if there was none
	Best        Score  `json:"best"`        // evaluation with the lowest loss; undefined if there was none

	Window   Window `json:"window"`   // the latest updates, for the detection of spikes
	Skipped  int    `json:"skipped"`  // batches skipped so far
	Passed   int    `json:"passed"`   // batches skipped since the latest update
	Snapshot int    `json:"snapshot"` // with OnSpike rewind, the step of the checkpoint to go back to
	Rewound  int    `json:"rewound"`  // how often the run went back to it

	Seconds float64 `json:"seconds"` // time spent so far; no result depends on it
}

// validate returns an error if p is impossible for a run, although its digest fits.
func (p *Progress) validate() error {
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"step", int64(p.Step)}, {"tokens", p.Tokens}, {"evaluations", int64(p.Evaluations)}, {"stale", int64(p.Stale)},
		{"window.count", int64(p.Window.Count)}, {"skipped", int64(p.Skipped)}, {"passed", int64(p.Passed)},
		{"snapshot", int64(p.Snapshot)}, {"rewound", int64(p.Rewound)},
	} {
		if f.value < 0 {
			return fmt.Errorf("%s is %d: it must not be negative", f.name, f.value)
		}
	}
	if p.Snapshot > p.Step {
		return fmt.Errorf("snapshot is %d, after step %d", p.Snapshot, p.Step)
	}
	return nil
}

// A Score is the loss on the validation split after a step, in nats per token.
type Score struct {
	Step int     `json:"step"` // the step after which it was measured, and the mean loss in nats
	Loss float64 `json:"loss"`
}

// frozen returns the weights that are not trained: the network of an adapter.
func (s *State) frozen() Weights {
	if s.Adapter != nil {
		return Weights{Params: s.Params}
	}
	return Weights{}
}

// NewState returns the state of a new run that trains a network of c from random weights.
func NewState(c pedestrian.Config, seed uint64) *State {
	s := &State{Progress: Progress{Seed: seed}, Params: pedestrian.NewParams[float32](c)}
	Init(s.Params, seed)
	s.M, s.V = s.Trained().zerosLike(), s.Trained().zerosLike()
	return s
}

// zerosLike returns a state of zeros with the shapes of s and its frozen weights.
func (s *State) zerosLike() *State {
	trained := s.Trained().zerosLike()
	c := &State{Params: trained.Params, Adapter: trained.Adapter, M: s.M.zerosLike(), V: s.V.zerosLike(), part: s.part.zerosLike()}
	if s.Adapter != nil {
		c.Params = s.Params
	}
	return c
}

// copyFrom copies the numbers of from to s, except frozen weights.
func (s *State) copyFrom(from *State) {
	s.Progress = from.Progress
	copy(s.Trained().Slab(), from.Trained().Slab())
	copy(s.M.Slab(), from.M.Slab())
	copy(s.V.Slab(), from.V.Slab())
	s.part.copyFrom(from.part)
}

// addEvaluation records an evaluation. It says whether it is the best so far.
func (p *Progress) addEvaluation(loss float64) (best bool) {
	p.Last = Score{p.Step, loss}
	if p.Evaluations == 0 && p.Step == 0 {
		p.First = p.Last
	}
	p.Evaluations++
	p.Stale++
	if p.Evaluations == 1 || loss < p.Best.Loss {
		p.Best, p.Stale, best = p.Last, 0, true
	}
	return best
}

// evaluated says whether the weights of the present step were evaluated.
func (p *Progress) evaluated() bool { return p.Evaluations > 0 && p.Last.Step == p.Step }
