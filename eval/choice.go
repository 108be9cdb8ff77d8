package eval

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

// Delimiter is put between the context of a question and each of its choices.
const Delimiter = " "

// A Choice is a question with one sequence for each choice: the tokens of the context, which
// are not scored, and then those of the choice.
type Choice struct {
	Question  corpus.Question
	Sequences []*Sequence // one for each choice
}

// NewChoice makes the sequences of q as EleutherAI's lm-evaluation-harness does. White space
// at the end of the context is moved to the continuation. Both are tokenized together, and
// the tokens after the first n are the continuation, where n is the number of tokens of the
// context alone. A sequence longer than the window loses its beginning. An empty context
// becomes the beginning-of-text token. The error says that the tokenizer has no such token,
// or that a choice adds no token.
func (s *Scorer) NewChoice(q corpus.Question, tok *token.Tokenizer, begin []int32) (*Choice, error) {
	c := &Choice{Question: q}
	context := strings.TrimRightFunc(q.Context, unicode.IsSpace)
	space := q.Context[len(context):] + Delimiter
	if q.Context == "" {
		space = Delimiter
	}
	before, err := tok.Encode(context)
	if err != nil {
		return nil, fmt.Errorf("the context: %w", err)
	}
	lead := before
	if len(before) == 0 {
		if lead = begin; len(begin) == 0 {
			return nil, fmt.Errorf("the context is empty, and the tokenizer has no token that texts begin with: nothing predicts the first token of a choice")
		}
	}
	for i, text := range q.Choices {
		whole, err := tok.Encode(context + space + text)
		if err != nil {
			return nil, fmt.Errorf("choice %d: %w", i, err)
		}
		if len(whole) <= len(before) {
			return nil, fmt.Errorf("choice %d, %.20q, adds no token to its context", i, text)
		}
		continuation := whole[len(before):]
		tokens := slices.Concat(lead, continuation)
		scored := len(continuation)
		if over := len(tokens) - (s.Window + 1); over > 0 {
			tokens = tokens[over:]
		}
		learn := make([]bool, len(tokens))
		for j := max(1, len(tokens)-scored); j < len(learn); j++ {
			learn[j] = true
		}
		if scored > len(tokens)-1 {
			return nil, fmt.Errorf("choice %d has %d tokens, and the window is %d: take a larger one", i, scored, s.Window)
		}
		c.Sequences = append(c.Sequences, &Sequence{Tokens: tokens, Learn: learn})
	}
	return c, nil
}

// An Answer is the choice of a network for a question, by three measures.
type Answer struct {
	LogLikelihood []float64 `json:"log_likelihood"` // of each choice, in nats
	Greedy        []bool    `json:"greedy"`         // whether greedy decoding gives this choice
	Likeliest     int       `json:"likeliest"`      // the choice of the largest log-likelihood
	PerChar       int       `json:"per_char"`       // of the largest log-likelihood per character
	PerByte       int       `json:"per_byte"`       // per byte
}

// Answer returns the answer to c, whose sequences must be scored. Of equally good choices it
// takes the first.
func (c *Choice) Answer() Answer {
	var a Answer
	best, bestChar, bestByte := math.Inf(-1), math.Inf(-1), math.Inf(-1)
	for i, q := range c.Sequences {
		nats, _ := q.Sums()
		greedy := true
		for j, v := range q.Scores {
			greedy = greedy && (!q.Scored(j) || v.Rank == 0)
		}
		a.LogLikelihood, a.Greedy = append(a.LogLikelihood, -nats), append(a.Greedy, greedy)
		text := c.Question.Choices[i]
		if -nats > best {
			best, a.Likeliest = -nats, i
		}
		if v := -nats / float64(utf8.RuneCountInString(text)); v > bestChar {
			bestChar, a.PerChar = v, i
		}
		if v := -nats / float64(len(text)); v > bestByte {
			bestByte, a.PerByte = v, i
		}
	}
	return a
}

// Accuracy counts right answers by the three measures.
type Accuracy struct {
	Questions int `json:"questions"` // number of questions; below, those answered rightly by each measure
	Choices   int `json:"choices"`   // number of all their choices
	Likeliest int `json:"likeliest"`
	PerChar   int `json:"per_char"`
	PerByte   int `json:"per_byte"`

	chance float64 // the sum of 1/choices
}

// Add counts the answer a to c.
func (s *Accuracy) Add(c *Choice, a Answer) {
	s.Questions++
	s.Choices += len(c.Sequences)
	s.chance += 1 / float64(len(c.Sequences))
	right := c.Question.Answer
	for _, m := range []struct {
		right *int
		got   int
	}{{&s.Likeliest, a.Likeliest}, {&s.PerChar, a.PerChar}, {&s.PerByte, a.PerByte}} {
		if m.got == right {
			*m.right++
		}
	}
}

// Chance returns the expected fraction of right answers by guessing.
func (s Accuracy) Chance() float64 { return s.chance / float64(s.Questions) }

// StdErr returns the standard error of the fraction of right answers in a sample of s.Questions
// answers.
func (s Accuracy) StdErr(right int) float64 {
	n := float64(s.Questions)
	p := float64(right) / n
	return math.Sqrt(p * (1 - p) / (n - 1))
}
