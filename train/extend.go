package train

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
)

// AddTokens extends b by tokens of these texts: the tokenizer has them, and the network
// a row of the embedding for each, and where its logits have a matrix of their own, a
// column, as Extend makes them. A text that is a token already, or for which the network
// has a row without a token, keeps that row. ids are those of texts; b.Params is a copy
// where it grew, and b.Vocab then what it was.
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

// Extend is p with a vocabulary of that many tokens. The rows of the new ones, and of
// logits of their own the columns and biases, are the mean of those that there were, in
// the middle of what the network knows.
func Extend(p *pedestrian.Params[float32], vocab int) *pedestrian.Params[float32] {
	c := p.Config
	had := c.Vocab
	c.Vocab = vocab
	q := pedestrian.NewParams[float32](c)
	mean := func(v []float32, stride int) float32 { // of those that there were
		sum := 0.0
		for i := range had {
			sum += float64(v[i*stride])
		}
		return float32(sum / float64(had))
	}
	from := p.Tensors()
	for i, dst := range q.Tensors() {
		t := from[i]
		for row := range t.Rows {
			to := dst.V[row*dst.Cols:][:dst.Cols]
			for j := copy(to, t.V[row*t.Cols:][:t.Cols]); j < dst.Cols; j++ {
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

// digest is Digest of the base as it was before tokens were added to it.
func (b *Base) digest() string { return baseDigest(b.Params, b.Vocab) }

// tokensOf is the notation of new tokens: texts with commas between; what is set adds to
// what was.
func tokensOf(p *[]string) written {
	return written{func() string { return strings.Join(*p, ",") }, func(text string) error {
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" && !slices.Contains(*p, part) {
				*p = append(*p, part)
			}
		}
		return nil
	}}
}
