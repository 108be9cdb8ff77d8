package corpus

import (
	"fmt"
	"math"
)

// Baselines are losses that need no network, in nats per token. A training run is compared
// with them.
type Baselines struct {
	Uniform float64 // ln V: every token equally likely
	Unigram float64 // tokens as frequent as in the training split
	Bigram  float64 // tokens as frequent as after the same token in the training split
}

// Baseline counts the tokens of train and measures the cross-entropy on val[1:]; Unigram and
// Bigram have the same targets. Tokens that were never seen get a share by Dirichlet
// smoothing. With N tokens in train and the counts c(·):
//
//	p(b)   = (c(b) + 1/V) / (N + 1)
//	p(b|a) = (c(ab) + p(b)) / (Σ_b' c(ab') + 1)
//
// If val has fewer than two tokens, Unigram and Bigram are NaN. Baseline panics if a token
// is not below V.
func Baseline(train, val []int32, V int) Baselines {
	unigram, bigram := make([]float64, V), map[[2]int32]float64{}
	check := func(split string, tokens []int32) {
		for i, t := range tokens {
			if t < 0 || int(t) >= V {
				panic(fmt.Sprintf("corpus.Baseline: token %d at %d of %s is outside the vocabulary of %d", t, i, split, V))
			}
		}
	}
	check("train", train)
	check("val", val)
	followed := make([]float64, V) // Σ_b' c(ab'): the last token of train has no follower
	for i, b := range train {
		unigram[b]++
		if i > 0 {
			bigram[[2]int32{train[i-1], b}]++
			followed[train[i-1]]++
		}
	}
	var sum1, sum2 float64
	for i := 1; i < len(val); i++ {
		a, b := val[i-1], val[i]
		p := (unigram[b] + 1/float64(V)) / (float64(len(train)) + 1)
		sum1 -= math.Log(p)
		sum2 -= math.Log((bigram[[2]int32{a, b}] + p) / (followed[a] + 1))
	}
	n := float64(len(val) - 1)
	if len(val) < 2 {
		n = math.NaN()
	}
	return Baselines{Uniform: math.Log(float64(V)), Unigram: sum1 / n, Bigram: sum2 / n}
}
