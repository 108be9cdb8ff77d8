package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/paper"
	"github.com/pedestrian-ml/pedestrian/token"
	"github.com/pedestrian-ml/pedestrian/train"
)

// A look replays a trained network in the paper's equations, on a few tokens of the
// text that it was validated on.
type look struct {
	network pedestrian.Config
	trained *pedestrian.Params[float32]
	params  *pedestrian.Params[float64]
	tok     *token.Tokenizer
	seq     paper.Sequence
	trace   paper.Trace
	grads   *pedestrian.Params[float64]
	head    paper.Step // ρ of the head worth showing
	block   int
	h       int
}

// lookTokens is how many tokens are looked at: as many as fit a line.
const lookTokens = 32

func newLook(c *train.Checkpoint, d *train.Data) (*look, error) {
	l := &look{network: c.Network, trained: c.State.Params, params: pedestrian.NewParams[float64](c.Network), tok: c.Tokenizer}
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
	_, back := paper.Network(&l.trace, l.params, nil, []paper.Sequence{l.seq}, paper.Mean)
	l.grads, _ = back()
	l.choose()
	return l, nil
}

// choose finds the head that looks back most decidedly: the one with the largest mean
// square of the weights on tokens two or more before.
func (l *look) choose() {
	most := math.Inf(-1)
	for b := range l.network.Blocks {
		for h := range l.network.Heads {
			s, ok := l.trace.Find(fmt.Sprintf("seq.0.block.%d.head.%d", b, h), "ρ")
			if !ok {
				continue
			}
			sum := 0.0
			for i := range s.V.N {
				for j := 0; j < i-1; j++ {
					sum += s.V.At(i, j) * s.V.At(i, j)
				}
			}
			if sum > most {
				most, l.head, l.block, l.h = sum, s, b, h
			}
		}
	}
}

// shades are the levels of attention, by the square root of the weight.
var shades = []rune(" ░▒▓█")

// visible is a token in one column.
func (l *look) visible(t int) string {
	switch s := l.tok.Token(int32(l.seq.Tokens[t])); {
	case s == "\n":
		return "¶"
	case s == " ":
		return "·"
	case len([]rune(s)) != 1 || s < " ":
		return "?"
	default:
		return s
	}
}

// attention draws ρ of the chosen head: a row for each token, darker where it looks.
func (l *look) attention(t *tour) {
	att, n := l.head.V, l.head.V.N
	t.say("ρ (15) of block %d, head %d, on a story that it has not seen. Each row is a token that\nlooks back along the columns; what it looks at most stands at the right.\n", l.block, l.h)
	var top strings.Builder
	for j := range n {
		top.WriteString(l.visible(j))
	}
	t.say("      %s", t.p.bold(top.String()))
	for i := range n {
		var row strings.Builder
		at := 0
		for j := range i + 1 {
			if att.At(i, j) > att.At(i, at) {
				at = j
			}
			level := int(math.Sqrt(att.At(i, j))*float64(len(shades)-1) + 0.5)
			row.WriteRune(shades[min(level, len(shades)-1)])
		}
		t.say("    %s %-*s  %3.0f %% on %s", t.p.bold(l.visible(i)), n, row.String(), 100*att.At(i, at), l.around(at))
	}
	t.say("")
}

// around is a token with its neighbours, so that a reader finds it.
func (l *look) around(at int) string {
	var b strings.Builder
	for j := max(0, at-4); j < min(len(l.seq.Tokens), at+5); j++ {
		if j == at {
			b.WriteString("[" + l.visible(j) + "]")
		} else {
			b.WriteString(l.visible(j))
		}
	}
	return b.String()
}

// gradient compares one entry of the head's ∂L/∂w_q: by the paper's equations, by
// the engine that trained, and by the change of the loss.
func (l *look) gradient(t *tour) {
	w, g := l.params.Blocks[l.block].QKV.W, l.grads.Blocks[l.block].QKV.W
	row, col := 0, l.h*l.network.QueryDim()
	for i := range g.Rows {
		for j := range l.network.QueryDim() {
			if c := l.h*l.network.QueryDim() + j; math.Abs(g.V[i*g.Cols+c]) > math.Abs(g.V[row*g.Cols+col]) {
				row, col = i, c
			}
		}
	}
	at := row*g.Cols + col

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
	dp := pedestrian.NewParams[float32](l.network)
	net.Gradients(dp, nil, b, 1/float64(n), 0)

	t.say("∂L/∂w_q[%d,%d] of that head, on the same story, by", row, col-l.h*l.network.QueryDim())
	t.say("    equation (31.a), in float64           %+.10f", g.V[at])
	t.say("    the engine that trained, in float32   %+.10f", dp.Blocks[l.block].QKV.W.V[at])
	t.say("    (L(w+h) - L(w-h)) / 2h, h = %.0e     %+.10f\n", h, difference)
}
