package eval

import (
	"math"

	"github.com/pedestrian-ml/pedestrian/token"
)

// A Summary says how well texts were predicted.
type Summary struct {
	Documents int     `json:"documents"`
	Tokens    int     `json:"tokens"`
	Scored    int     `json:"scored"` // tokens that were predicted
	Nats      float64 `json:"nats"`   // the sum of their losses
	First     int     `json:"first"`  // of them, those that the network would have chosen

	// Bytes and ByteNats are of those that stand for bytes of the text: of a special token,
	// such as the one that ends a text, there are none.
	Bytes    int     `json:"bytes"`
	ByteNats float64 `json:"byte_nats"`
}

// Add adds a sequence that was scored; tok made its tokens.
func (s *Summary) Add(q *Sequence, tok *token.Tokenizer) {
	s.Documents++
	s.Tokens += len(q.Tokens)
	for i, v := range q.Scores {
		if !q.Scored(i) {
			continue
		}
		s.Scored++
		s.Nats += v.Loss
		if v.Rank == 0 {
			s.First++
		}
		if id := q.Tokens[i]; !tok.IsSpecial(id) {
			s.Bytes += len(tok.Token(id))
			s.ByteNats += v.Loss
		}
	}
}

// Loss is the mean of the losses, in nats per token; NaN if nothing was scored.
func (s Summary) Loss() float64 { return s.Nats / float64(s.Scored) }

// Perplexity is e to the loss.
func (s Summary) Perplexity() float64 { return math.Exp(s.Loss()) }

// BitsPerByte is how many bits the network needs for a byte of the text, which can be
// compared between networks whose tokenizers differ; NaN if no byte was scored.
func (s Summary) BitsPerByte() float64 { return s.ByteNats / math.Ln2 / float64(s.Bytes) }
