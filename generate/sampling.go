package generate

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian/internal/random"
)

// Sampling says how tokens are chosen from a network's probabilities, and when a text
// ends. The zero value takes the likeliest token each time, as many of them as the
// network's context has.
type Sampling struct {
	Temperature float64  // logits are divided by it; 0 = the likeliest token always
	TopK        int      // only the k likeliest tokens; 0 = all
	TopP        float64  // only the likeliest tokens that together reach this probability; 0 = all
	Seed        uint64   // of the choices: the same seed, the same text
	MaxTokens   int      // at most this many new ones; 0 = as many as the network's context has
	Stop        []string // the text ends before the first of these strings that is complete in it; none = it does not
	NoCache     bool     // compute the whole window again for each token: slower, the same text
}

// Validate reports the first thing wrong with s.
func (s Sampling) Validate() error {
	switch {
	case !(s.Temperature >= 0 && s.Temperature <= 1e6):
		return fmt.Errorf("temperature is %g: it must be at least 0 and at most 1e6", s.Temperature)
	case s.TopK < 0:
		return fmt.Errorf("top-k is %d: it must be at least 1, or 0 for all tokens", s.TopK)
	case !(s.TopP >= 0 && s.TopP <= 1):
		return fmt.Errorf("top-p is %g: it must be a probability, or 0 for all tokens", s.TopP)
	case s.MaxTokens < 0:
		return fmt.Errorf("the number of tokens is %d: it must be at least 1, or 0 for as many as the context has", s.MaxTokens)
	case slices.Contains(s.Stop, ""):
		return errors.New("a stop string is empty: every text would end before it")
	}
	return nil
}

// A candidate is a token that may come next, with its unnormalized probability.
type candidate struct {
	id     int32
	weight float64
}

// A Choice is a token as it may come next.
type Choice struct {
	P float64 // its probability by the network
	Q float64 // with temperature, top-k and top-p; 0 = it does not come
}

// Choices returns what s makes of the logits of all tokens, and the token that a [Writer] takes
// as number n of a text, counted from 0. The error is of a logit that is not finite.
func (s Sampling) Choices(logits []float32, n int) (all []Choice, taken int32, err error) {
	space := make([]candidate, len(logits))
	taken, err = s.choose(logits, random.Uniform(s.Seed, random.Sampling, uint64(n), 0, 0), space)
	if err != nil {
		return nil, 0, err
	}
	all = make([]Choice, len(logits))
	own, sum := Sampling{Temperature: 1}.candidates(logits, space)
	for _, c := range own {
		all[c.id].P = c.weight / sum
	}
	if s.Temperature == 0 {
		all[taken].Q = 1
		return all, taken, nil
	}
	left, sum := s.candidates(logits, space)
	for _, c := range left {
		all[c.id].Q = c.weight / sum
	}
	return all, taken, nil
}

// choose takes a token by a number u in (0, 1): the one at which the running sum of
// probabilities passes u. space is scratch of at least len(logits).
func (s Sampling) choose(logits []float32, u float64, space []candidate) (int32, error) {
	best := 0
	for i, l := range logits {
		if l-l != 0 {
			return 0, fmt.Errorf("the network's logit of token %d is %g", i, l)
		}
		if l > logits[best] {
			best = i
		}
	}
	if s.Temperature == 0 {
		return int32(best), nil
	}
	cs, sum := s.candidates(logits, space)
	passed := 0.0
	for _, c := range cs {
		if passed += c.weight; passed > u*sum {
			return c.id, nil
		}
	}
	return cs[len(cs)-1].id, nil
}

// candidates are the tokens that may come next, in the order in which choose passes them, and
// the sum of their weights. The logits are finite, and the temperature is not 0.
func (s Sampling) candidates(logits []float32, space []candidate) (cs []candidate, sum float64) {
	best := slices.Max(logits)
	cs = space[:len(logits)]
	for i, l := range logits {
		cs[i] = candidate{int32(i), math.Exp(float64(l-best) / s.Temperature)}
	}
	limited := s.TopK > 0 && s.TopK < len(cs)
	if limited {
		cs = likeliest(cs, s.TopK, math.Inf(1))
	}
	for _, c := range cs {
		sum += c.weight
	}
	if s.TopP > 0 && s.TopP < 1 {
		if !limited {
			cs = likeliest(cs, len(cs), s.TopP*sum)
		}
		reached := 0.0
		for i, c := range cs {
			if reached += c.weight; reached >= s.TopP*sum {
				cs, sum = cs[:i+1], reached
				break
			}
		}
	}
	return cs, sum
}

// likeliest is the n likeliest of cs in order, of equals the one with the lower id
// first, or fewer: as many as together weigh so much. They are few as a rule, so cs
// becomes a heap and is not sorted; its order is lost.
func likeliest(cs []candidate, n int, weight float64) []candidate {
	for i := len(cs)/2 - 1; i >= 0; i-- {
		sink(cs, i)
	}
	left := cs
	for sum := 0.0; len(cs)-len(left) < n && sum < weight; {
		last := len(left) - 1
		left[0], left[last] = left[last], left[0]
		sum += left[last].weight
		left = left[:last]
		sink(left, 0)
	}
	cs = cs[len(left):]
	slices.Reverse(cs)
	return cs
}

// sink moves entry i of a heap down to where it belongs.
func sink(h []candidate, i int) {
	before := func(a, b candidate) bool { return a.weight > b.weight || a.weight == b.weight && a.id < b.id }
	for c := 2*i + 1; c < len(h); i, c = c, 2*c+1 {
		if c+1 < len(h) && before(h[c+1], h[c]) {
			c++
		}
		if !before(h[c], h[i]) {
			return
		}
		h[i], h[c] = h[c], h[i]
	}
}
