package eval

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/token"
)

// small is a network with weights that are all different.
func small() *pedestrian.Params[float32] {
	p := pedestrian.NewParams[float32](pedestrian.Config{Vocab: 256, Context: 12, Width: 16, Heads: 2, Blocks: 2, Activation: pedestrian.GELU, Eps: 1e-5, Bias: true})
	for _, t := range p.Tensors() {
		for i := range t.V {
			t.V[i] = float32(math.Sin(float64(7*i*i+len(t.Name)))) * 0.4
		}
	}
	return p
}

func sequence(n int) *Sequence {
	q := &Sequence{}
	for i := range n {
		q.Tokens = append(q.Tokens, int32((i*i*31+5*n)%256))
	}
	return q
}

func score(t *testing.T, p *pedestrian.Params[float32], o Options, qs ...*Sequence) {
	t.Helper()
	s, err := NewScorer(p, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Score(context.Background(), qs); err != nil {
		t.Fatal(err)
	}
}

// The windows are what the documentation says, token by token: a target that is the
// k-th behind the end of the window before it is predicted from what lies between the
// beginning of its own and itself.
func TestWindows(t *testing.T) {
	p := small()
	net := engine.New(p, nil, engine.Options{})
	defer net.Close()
	for _, c := range []struct{ window, stride, n int }{{8, 8, 30}, {8, 3, 30}, {12, 1, 20}, {12, 12, 13}, {12, 12, 14}, {5, 4, 2}, {7, 7, 1}, {1, 1, 6}} {
		q := sequence(c.n)
		score(t, p, Options{Window: c.window, Stride: c.stride, Rows: 2}, q)
		end := c.window // targets up to here have been scored
		for i := 1; i < c.n; i++ {
			for i > end {
				end += c.stride
			}
			from := max(0, min(end, c.n-1)-c.window)
			out := engine.NewMat[float32](i-from, 256)
			net.Logits(out, engine.Batch{B: 1, T: i - from, Tokens: q.Tokens[from:i]})
			row, z := out.Row(i-from-1), 0.0
			for _, v := range row {
				z += math.Exp(float64(v))
			}
			if want := math.Log(z) - float64(row[q.Tokens[i]]); math.Abs(q.Scores[i].Loss-want) > 1e-5*want {
				t.Errorf("%+v: token %d has the loss %v, not %v", c, i, q.Scores[i].Loss, want)
			}
		}
	}
}

// What a sequence is scored beside, in how many rows and on how many threads, changes no
// bit; what is not to be scored has no score.
func TestScoresAlone(t *testing.T) {
	p := small()
	var qs []*Sequence
	for _, n := range []int{3, 1, 30, 7, 12, 13, 2, 25} {
		q := sequence(n)
		q.Learn = make([]bool, n)
		for i := range q.Learn {
			q.Learn[i] = i%3 != 1
		}
		qs = append(qs, q)
	}
	score(t, p, Options{Rows: 3, Threads: 2}, qs...)
	for _, q := range qs {
		alone := &Sequence{Tokens: q.Tokens, Learn: q.Learn}
		score(t, p, Options{Rows: 1, Threads: 1}, alone)
		for i := range q.Scores {
			if q.Scores[i] != alone.Scores[i] {
				t.Errorf("a sequence of %d: token %d has %v beside others, %v alone", len(q.Tokens), i, q.Scores[i], alone.Scores[i])
			}
			if (i == 0 || i%3 == 1) != (q.Scores[i] == engine.Score{}) {
				t.Errorf("a sequence of %d: token %d has the score %v", len(q.Tokens), i, q.Scores[i])
			}
		}
	}
}

func TestScorerRefuses(t *testing.T) {
	p := small()
	for _, c := range []struct {
		o    Options
		want string
	}{{Options{Window: 13}, "at most the network's context of 12"}, {Options{Window: -1}, "at least 1"}, {Options{Window: 6, Stride: 7}, "at most the window of 6"}, {Options{Stride: -2}, "at least 1"}} {
		if _, err := NewScorer(p, nil, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: the error is %v", c.o, err)
		}
	}
	p.Tok.V[5] = float32(math.NaN())
	s, err := NewScorer(p, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Score(context.Background(), []*Sequence{{Tokens: []int32{0, 1, 2}}}); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a network that is not finite: the error is %v", err)
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Score(done, []*Sequence{{Tokens: []int32{1, 2}}}); err != context.Canceled {
		t.Errorf("a context that has ended: the error is %v", err)
	}
}

// The three measures differ where they should: é is one character and two bytes.
func TestMeasures(t *testing.T) {
	choice := func(texts []string, nats ...float64) *Choice {
		c := &Choice{Question: corpus.Question{Choices: texts}}
		for _, v := range nats {
			c.Sequences = append(c.Sequences, &Sequence{Tokens: make([]int32, 2), Scores: []engine.Score{{}, {Loss: v}}})
		}
		return c
	}
	a := choice([]string{"ab", "éééé", "abcdefg"}, 3, 4.4, 7.1).Answer()
	if a.Likeliest != 0 || a.PerChar != 1+1 || a.PerByte != 1 { // 1.5, 1.1, 1.014 a character; 1.5, 0.55, 1.014 a byte
		t.Errorf("the choices are %+v", a)
	}
	a = choice([]string{"x", "y"}, 2, 2).Answer()
	if a.Likeliest != 0 || a.PerChar != 0 || a.PerByte != 0 {
		t.Errorf("of equal choices the first counts: %+v", a)
	}
	var s Accuracy
	for _, right := range []int{0, 1, 0} {
		c := choice([]string{"x", "y"}, 1, 2)
		c.Question.Answer = right
		s.Add(c, c.Answer())
	}
	if s.Questions != 3 || s.Likeliest != 2 || s.Chance() != 0.5 || math.Abs(s.StdErr(2)-1.0/3) > 1e-15 { // √(2/3 · 1/3 / 2)
		t.Errorf("%+v, chance %v, standard error %v", s, s.Chance(), s.StdErr(2))
	}
}

func TestChoiceRefused(t *testing.T) {
	s, err := NewScorer(small(), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, c := range []struct{ context, choice, want string }{
		{"", "x", "the context is empty"},
		{"a", "a choice of more than twelve bytes", "the window is 12"},
	} {
		q := corpus.Question{Context: c.context, Choices: []string{"b", c.choice}}
		if _, err := s.NewChoice(q, token.NewBytes(), nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: the error is %v", c, err)
		}
	}
}
