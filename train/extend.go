package train

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
)

// AddTokens adds tokens with the given texts to b: to the tokenizer, and to the network a row of
// the embedding for each, and a column of the logits if these have a matrix of their own (see
// Extend). A text that is a token already keeps its row, and a row of the network without a
// token is used before a new one is made. ids are the ids of texts. If the network grew,
// b.Params is a copy and b.Vocab is its former vocabulary.
func (b *Base) AddTokens(texts []string) (ids []int32, err error) {
	if b.Tokenizer == nil {
		return nil, fmt.Errorf("%s comes without a tokenizer, which new tokens would be added to: name one with tokenizer", b.Path)
	}
	long, ids, err := b.Tokenizer.Extend(texts...)
	if err != nil {
		return nil, fmt.Errorf("adding tokens: %w", err)
	}
	b.Tokenizer = long
	if had := b.Params.Config.Vocab; long.Vocab() > had {
		if b.SHA256 == "" {
			b.SHA256 = Digest(b.Params)
		}
		b.Params, b.Vocab = Extend(b.Params, long.Vocab()), had
	}
	return ids, nil
}

// Extend returns a copy of p with a vocabulary of vocab tokens. Each new row of the embedding is
// the mean of the old rows; so is each new column and bias of separate logits. What is frozen
// stays in its type but for what grows, because a mean needs all bits.
func Extend(p *pedestrian.Params[float32], vocab int) *pedestrian.Params[float32] {
	c := p.Config
	had := c.Vocab
	c.Vocab = vocab
	q := pedestrian.NewFrozen[float32](c, func(s pedestrian.Slot) pedestrian.Storage {
		if t := p.Tensor(s.Name); t.Rows == s.Rows && t.Cols == s.Cols {
			return t.Narrow.Storage
		}
		return pedestrian.Wide
	})
	mean := func(v []float32, stride int) float32 { // over the old tokens
		sum := 0.0
		for i := range had {
			sum += float64(v[i*stride])
		}
		return float32(sum / float64(had))
	}
	from := p.Tensors()
	for i, dst := range q.Tensors() {
		t := from[i]
		if t.Rows == dst.Rows && t.Cols == dst.Cols {
			copy(dst.V, t.V)
			copy(dst.Narrow.V, t.Narrow.V)
			copy(dst.Narrow.Blocks, t.Narrow.Blocks)
			continue
		}
		for row := range t.Rows {
			to := dst.V[row*dst.Cols:][:dst.Cols]
			t.Read(to[:t.Cols], row*t.Cols)
			for j := t.Cols; j < dst.Cols; j++ {
				to[j] = mean(to, 1)
			}
		}
		for j := range dst.Cols {
			for row := t.Rows; row < dst.Rows; row++ {
				dst.V[row*dst.Cols+j] = mean(dst.V[j:], dst.Cols)
			}
		}
	}
	return q
}

// digest returns the Digest of the base without the tokens that were added.
func (b *Base) digest() string { return baseDigest(b.Params, b.Vocab) }

// tokensOf reads and writes new tokens as texts with commas between. Setting it adds to the
// tokens that are there.
func tokensOf(p *[]string) notation {
	return notation{func() string { return strings.Join(*p, ",") }, func(text string) error {
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" && !slices.Contains(*p, part) {
				*p = append(*p, part)
			}
		}
		return nil
	}}
}
