package eval

import (
	"math"

	"github.com/pedestrian-ml/pedestrian/token"
)

// A Summary is the result for one or several texts.
type Summary struct {
	Documents int     `json:"documents"`
	Tokens    int     `json:"tokens"`
	Scored    int     `json:"scored"` // number of scored tokens
	Nats      float64 `json:"nats"`   // the sum of their losses
	First     int     `json:"first"`  // how many of them had the largest probability

	// Bytes and ByteNats are of those that stand for bytes of the text: of a special token,
	// such as the one that ends a text, there are none.
	Bytes    int     `json:"bytes"`
	ByteNats float64 `json:"byte_nats"`
}

// Add adds a scored sequence, whose tokens are of tok.
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

// Loss returns the mean loss in nats per token; NaN if nothing was scored.
func (s Summary) Loss() float64 { return s.Nats / float64(s.Scored) }

// Perplexity returns e to the power of the loss.
func (s Summary) Perplexity() float64 { return math.Exp(s.Loss()) }

// BitsPerByte returns how many bits the network needs for a byte of the text. It can be compared
// between networks with different tokenizers. It is NaN if no byte was scored.
func (s Summary) BitsPerByte() float64 { return s.ByteNats / math.Ln2 / float64(s.Bytes) }
