package main

import (
	"fmt"
	"math"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/paper"
	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/studio/live"
	"github.com/pedestrian-ml/pedestrian/studio/sheet"
	"github.com/pedestrian-ml/pedestrian/train"
)

// A look replays a trained network in the paper's equations, on a few tokens of the
// text that it was validated on.
type look struct {
	trained *pedestrian.Params[float32]
	params  *pedestrian.Params[float64]
	seq     paper.Sequence
	sheet   *sheet.Sheet
}

// lookTokens is how many tokens are looked at: as many as fit a line twice.
const lookTokens = studio.MaxTokens

func newLook(c *train.Checkpoint, d *train.Data) (*look, error) {
	l := &look{trained: c.State.Params, params: pedestrian.NewParams[float64](c.Network)}
	pedestrian.Convert(&l.params.Values, &l.trained.Values)
	n := min(lookTokens, c.Network.Context)
	from := 0
	for i, id := range d.Val { // behind the end of a line a story begins
		if c.Tokenizer.Token(id) == "\n" && i+1+n < len(d.Val) && c.Tokenizer.Token(d.Val[i+1]) != "\n" {
			from = i + 1
			break
		}
	}
	if from+n >= len(d.Val) {
		return nil, fmt.Errorf("looking inside: the validation text has %d tokens, %d are needed", len(d.Val), from+n+1)
	}
	for i := range n {
		l.seq.Tokens = append(l.seq.Tokens, int(d.Val[from+i]))
		l.seq.Targets = append(l.seq.Targets, int(d.Val[from+i+1]))
	}
	m := &studio.Model{Name: "tour", Title: "the network of the tour", Config: c.Network, Tokens: l.seq.Tokens, Targets: l.seq.Targets, Words: live.Words(c.Tokenizer, c.Network.Vocab),
		Params: func(studio.State) (*pedestrian.Params[float64], error) { return l.params, nil }}
	core := studio.Core{More: []*studio.Model{m}}
	s, err := core.Session(studio.State{Model: m.Name, Mean: true})
	if err != nil {
		return nil, fmt.Errorf("looking inside: %w", err)
	}
	l.sheet = sheet.New(s)
	return l, nil
}

// attention draws ρ of the head with most to see beside its error: a row for each token.
func (l *look) attention(t *tour) error {
	s := l.sheet
	t.say("On a story that it has not seen. %s\n", s.Counted())
	t.say("ρ (15) of block %d, head %d: each row is a token that looks back along the columns. Beside\nit the error Δ^causal (25): how L answers to the score of each pair. %s\n", s.Block, s.Head, s.WhyHead())
	if err := s.Attention(t.w, terminalOf(t.w)); err != nil {
		return err
	}
	t.say("")
	return nil
}

// gradient compares one entry of the head's ∂L/∂w_q: by the paper's equations, by
// the engine that trained, and by the change of the loss.
func (l *look) gradient(t *tour) {
	q := l.sheet.Model.Config.QueryDim()
	w, g := l.params.Blocks[l.sheet.Block].QKV.W, l.sheet.Values(fmt.Sprintf("b%d.h%d.dw_q", l.sheet.Block, l.sheet.Head))
	row, col := 0, 0
	for i := range g.N {
		for j := range g.D {
			if math.Abs(g.At(i, j)) > math.Abs(g.At(row, col)) {
				row, col = i, j
			}
		}
	}
	at := row*w.Cols + l.sheet.Head*q + col

	const h = 1e-5
	loss := func(nudge float64) float64 {
		was := w.V[at]
		defer func() { w.V[at] = was }()
		w.V[at] += nudge
		loss, _ := paper.Network(nil, l.params, nil, []paper.Sequence{l.seq}, paper.Mean)
		return loss
	}
	difference := (loss(h) - loss(-h)) / (2 * h)

	n := len(l.seq.Tokens)
	b := engine.Batch{B: 1, T: n}
	for i := range n {
		b.Tokens, b.Targets = append(b.Tokens, int32(l.seq.Tokens[i])), append(b.Targets, int32(l.seq.Targets[i]))
	}
	net := engine.New(l.trained, nil, engine.Options{Context: n, Threads: t.threads})
	defer net.Close()
	dp := pedestrian.NewParams[float32](l.trained.Config)
	net.Gradients(dp, nil, b, 1/float64(n), 0)

	t.say("∂L/∂w_q[%d,%d] of that head, L being the mean over the same %d tokens, by", row, col, n)
	t.say("    equation (31.a), in float64           %+.10f", g.At(row, col))
	t.say("    the engine that trained, in float32   %+.10f", dp.Blocks[l.sheet.Block].QKV.W.V[at])
	t.say("    (L(w+h) - L(w-h)) / 2h, h = %.0e     %+.10f\n", h, difference)
}
