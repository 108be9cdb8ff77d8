package eval

import (
	"context"
	"fmt"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// Options say how sequences are cut into windows. With the zero value, windows have the
// length of the network's context and do not overlap, as in lm-evaluation-harness for
// perplexities.
type Options struct {
	// Window is the largest number of input tokens; 0 means the network's context.
	Window int

	// Stride is the distance in tokens between the ends of two windows; 0 means Window. With
	// a smaller one every token but the first ones is predicted from at least
	// Window-Stride+1 tokens, for Window/Stride times the work.
	Stride int

	Rows    int // windows in a batch; 0 means about 2,048 tokens
	Threads int // 0 means one for each processor

	Precision engine.Precision // of the matrix products; the zero value is float32
}

// Check returns o with defaults in the place of zero values, for a network of configuration c.
// It returns an error for an invalid value.
func (o Options) Check(c pedestrian.Config) (Options, error) {
	if o.Window == 0 {
		o.Window = c.Context
	}
	if o.Window < 1 || o.Window > c.Context {
		return o, fmt.Errorf("the window is %d: it must be at least 1 and at most the network's context of %d", o.Window, c.Context)
	}
	if o.Stride == 0 {
		o.Stride = o.Window
	}
	if o.Stride < 1 || o.Stride > o.Window {
		return o, fmt.Errorf("the stride is %d: it must be at least 1 and at most the window of %d", o.Stride, o.Window)
	}
	if o.Rows == 0 {
		o.Rows = max(1, 2048/o.Window)
	}
	return o, nil
}

// A Scorer scores sequences. One goroutine at a time may use it.
type Scorer struct {
	Options
	Progress func(done, total int) // if not nil, called after each batch of windows

	net    *engine.Network[float32]
	batch  engine.Batch
	scores []engine.Score
	places []place // for each target of batch
}

// A place says to which sequence and token the score of a target belongs.
type place struct{ row, sequence, token int }

// NewScorer makes a scorer for the network p and, if a is not nil, its adapter. Call Close
// to stop its threads. The error is that of o.Check.
func NewScorer(p *pedestrian.Params[float32], a *pedestrian.Adapter[float32], o Options) (*Scorer, error) {
	o, err := o.Check(p.Config)
	if err != nil {
		return nil, err
	}
	n := o.Rows * o.Window
	s := &Scorer{Options: o, scores: make([]engine.Score, n)}
	s.net = engine.New(p, a, engine.Options{Batch: o.Rows, Context: o.Window, Threads: o.Threads, Precision: o.Precision})
	s.batch = engine.Batch{T: o.Window, Tokens: make([]int32, n), Targets: make([]int32, n)}
	return s, nil
}

// Close stops the scorer's threads.
func (s *Scorer) Close() { s.net.Close() }

// A Sequence is a list of tokens, of which some or all are scored.
type Sequence struct {
	Tokens []int32
	Learn  []bool // which tokens are scored; nil means all. The first is never scored, because nothing predicts it

	// Scores has the score of each scored token, and zero values elsewhere. Scorer.Score
	// sets it.
	Scores []engine.Score
}

// Scored reports whether token i of q is scored.
func (q *Sequence) Scored(i int) bool { return i > 0 && (q.Learn == nil || q.Learn[i]) }

// Sums adds the losses of the scored tokens of q, in nats, and counts them.
func (q *Sequence) Sums() (nats float64, scored int) {
	for i, v := range q.Scores {
		if q.Scored(i) {
			nats, scored = nats+v.Loss, scored+1
		}
	}
	return nats, scored
}

// A window has the inputs from … to-1 of a sequence. Its targets first+1 … to are scored.
type window struct{ sequence, from, first, to int }

// windows cuts q, which has the index n, into windows, without those in which nothing is scored.
// The first window scores all of its tokens, every other one its last Stride tokens, and the
// last one the rest. Each has as many tokens before the scored ones as it holds.
func (o Options) windows(ws []window, q *Sequence, n int) []window {
	last := len(q.Tokens) - 1 // number of inputs
	for first, to := 0, min(o.Window, last); first < last; first, to = to, min(to+o.Stride, last) {
		for i := first + 1; i <= to; i++ {
			if q.Scored(i) {
				ws = append(ws, window{n, max(0, to-o.Window), first, to})
				break
			}
		}
	}
	return ws
}

// Score scores all of qs. Windows of several sequences share a row if they fit; none sees
// another. If ctx ends, Score returns its error. It also returns an error for a token outside
// of the network's vocabulary, and for a score that is NaN.
func (s *Scorer) Score(ctx context.Context, qs []*Sequence) error {
	var ws []window
	for n, q := range qs {
		if q.Learn != nil && len(q.Learn) != len(q.Tokens) {
			panic(fmt.Sprintf("eval.Scorer.Score: sequence %d has %d tokens and %d marks", n, len(q.Tokens), len(q.Learn)))
		}
		q.Scores = make([]engine.Score, len(q.Tokens))
		ws = s.windows(ws, q, n)
	}
	total := len(ws)
	for len(ws) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := s.fill(ws, qs)
		if err := s.compute(qs); err != nil {
			return err
		}
		if ws = ws[n:]; s.Progress != nil {
			s.Progress(total-len(ws), total)
		}
	}
	return nil
}

// fill puts as many of ws as fit into the batch, in order, and returns their number.
func (s *Scorer) fill(ws []window, qs []*Sequence) (n int) {
	b := &s.batch
	b.Tokens, b.Targets, b.Starts = b.Tokens[:cap(b.Tokens)], b.Targets[:cap(b.Targets)], b.Starts[:0]
	clear(b.Tokens)
	for i := range b.Targets {
		b.Targets[i] = engine.Ignored
	}
	s.places = s.places[:0]
	row, at := 0, 0
	for ; n < len(ws); n++ {
		w := ws[n]
		if at+w.to-w.from > s.Window {
			row, at = row+1, 0
		}
		if row == s.Rows {
			break
		}
		q, base := qs[w.sequence], row*s.Window+at
		if at > 0 {
			b.Starts = append(b.Starts, int32(base))
		}
		copy(b.Tokens[base:], q.Tokens[w.from:w.to])
		for i := w.first + 1; i <= w.to; i++ {
			if q.Scored(i) {
				input := base + i - 1 - w.from
				b.Targets[input] = q.Tokens[i]
				s.places = append(s.places, place{input, w.sequence, i})
			}
		}
		at += w.to - w.from
	}
	b.B = min(row+1, s.Rows)
	b.Tokens, b.Targets = b.Tokens[:b.B*b.T], b.Targets[:b.B*b.T]
	return n
}

// compute scores the batch.
func (s *Scorer) compute(qs []*Sequence) error {
	scores := s.scores[:len(s.batch.Tokens)]
	s.net.Scores(scores, s.batch)
	for _, p := range s.places {
		v := scores[p.row]
		if v.Loss-v.Loss != 0 {
			return fmt.Errorf("the network gives token %d of sequence %d a loss of %g: its weights are damaged, or too large for %s", p.token, p.sequence, v.Loss, precisionName(s.Precision))
		}
		qs[p.sequence].Scores[p.token] = v
	}
	return nil
}

func precisionName(p engine.Precision) string {
	if p == "" {
		return string(engine.Float32)
	}
	return string(p)
}
