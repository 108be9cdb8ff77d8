package engine

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian"
)

// Ignored is the target of a token that is left out of the loss.
const Ignored int32 = -1

// A Batch is B sequences of T tokens, row-major: token t of sequence b is number
// b·T+t. Targets say which token should come next at each place; they may be nil
// where no loss is wanted.
//
// A sequence may hold several documents. Starts lists the tokens that begin one, by
// their number in the batch, ascending; the beginning of a sequence begins a document
// whether it is listed or not. From a start on positions count from 0 again, and no
// token sees what comes before it: every document is computed as if it were alone,
// and what it costs grows with its own length.
type Batch struct {
	B, T            int
	Tokens, Targets []int32 // ids, sequence after sequence
	Starts          []int32
}

// Check reports the first thing wrong with b for a network of configuration c:
// lengths that do not fit, a sequence longer than the context, an id outside the
// vocabulary, starts that do not ascend.
func (b Batch) Check(c pedestrian.Config) error {
	switch {
	case b.B < 1 || b.T < 1:
		return fmt.Errorf("a batch of %d sequences of %d tokens: both must be at least 1", b.B, b.T)
	case b.T > c.Context:
		return fmt.Errorf("sequences of %d tokens are longer than the context of %d: shorten them", b.T, c.Context)
	case len(b.Tokens)/b.T != b.B || len(b.Tokens)%b.T != 0:
		return fmt.Errorf("%d tokens are not %d sequences of %d", len(b.Tokens), b.B, b.T)
	case b.Targets != nil && len(b.Targets) != len(b.Tokens):
		return fmt.Errorf("%d targets for %d tokens: there must be one for each", len(b.Targets), len(b.Tokens))
	}
	for i, id := range b.Tokens {
		if id < 0 || int(id) >= c.Vocab {
			return fmt.Errorf("token %d of sequence %d is %d: outside the vocabulary of %d", i%b.T, i/b.T, id, c.Vocab)
		}
	}
	for i, id := range b.Targets {
		if id != Ignored && (id < 0 || int(id) >= c.Vocab) {
			return fmt.Errorf("target %d of sequence %d is %d: neither in the vocabulary of %d nor Ignored (%d)", i%b.T, i/b.T, id, c.Vocab, Ignored)
		}
	}
	for i, at := range b.Starts {
		if at < 0 || int(at) >= len(b.Tokens) || i > 0 && at <= b.Starts[i-1] {
			return fmt.Errorf("start %d is %d: starts ascend within the %d tokens", i, at, len(b.Tokens))
		}
	}
	return nil
}
