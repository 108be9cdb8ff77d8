package studio

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// showMask changes the last word, and looks at the tokens before it.
func showMask(d *demonstration) error {
	st := d.s.state()
	last := len(st.Tokens) - 1
	old := st.Tokens[last]
	st.Tokens[last] = int(d.knob)
	other, err := d.s.again(st)
	if err != nil {
		return err
	}
	one := d.s
	if d.broken {
		one, other = one.rewritten(printedMask), other.rewritten(printedMask)
	}
	d.reading = fmt.Sprintf("“%s”, which was “%s”", d.s.Model.Words[int(d.knob)], d.s.Model.Words[old])
	later := 0.0
	rho := other.value(d.at + "rho")
	for i := range rho.N {
		later = max(later, largestOf(rho.Row(i)[i+1:]))
	}
	d.none("largest weight that a token gives to a later one", later)
	d.none("largest change of the logits before the last word", moved("a_12", one, other, 0, last))
	words := d.words(other)
	shown := rho
	if !d.broken {
		shown = other.hidden(d.at, rho)
	}
	d.panel("weights: rows look, columns are looked at", Value, shown, d.at+"rho", words, words)
	d.panel("logits, new − old", Value, other.value("a_12").Sub(one.value("a_12")), "a_12", words, d.s.Model.Words)
	return nil
}

// printedMask is (13) as the paper prints it: scores times 0 and 1.
func printedMask(id string, now *Session, v paper.Mat) {
	at, ok := strings.CutSuffix(id, "rho_causal")
	if !ok {
		return
	}
	scaled := now.value(at + "rho_scaled")
	for i := range v.N {
		for j := range v.D {
			if v.Row(i)[j] = 0; j <= i {
				v.Row(i)[j] = scaled.At(i, j)
			}
		}
	}
}

// showCausality changes the word at a token, then its target.
func showCausality(d *demonstration) error {
	t := int(d.knob) - 1
	base := d.s.state()
	word, target := base, base
	word.Tokens, target.Targets = slices.Clone(base.Tokens), slices.Clone(base.Targets)
	words := d.s.Model.Words
	word.Tokens[t] = (base.Tokens[t] + 1) % len(words)
	target.Targets[t] = (base.Targets[t] + 1) % len(words)
	var all [3]*Session
	for i, st := range []State{base, word, target} {
		var err error
		if all[i], err = d.s.again(st); err != nil {
			return err
		}
		if d.broken {
			all[i] = all[i].rewritten(unmasked)
		}
	}
	one, forward, backward := all[0], all[1], all[2]
	n := len(base.Tokens)
	d.reading = fmt.Sprintf("word %d: “%s” becomes “%s”; its target becomes “%s”", t+1, words[base.Tokens[t]], words[word.Tokens[t]], words[target.Targets[t]])
	first := "b0.D_1"
	d.none("another word: largest change of the logits before it", moved("a_12", one, forward, 0, t))
	d.visible("another word: largest change of the logits at and after it", moved("a_12", one, forward, t, n))
	d.none("another target: largest change of the first errors after it", moved(first, one, backward, t+1, n))
	d.visible("another target: largest change of the first errors at and before it", moved(first, one, backward, 0, t+1))
	d.panel("another word: logits, new − old", Value, forward.value("a_12").Sub(one.value("a_12")), "a_12", d.words(forward), words)
	d.panel("another target: errors, new − old", Error, backward.value(first).Sub(one.value(first)), first, d.words(one), nil)
	return nil
}

// unmasked lets every token see every other.
func unmasked(id string, now *Session, v paper.Mat) {
	if at, ok := strings.CutSuffix(id, "rho_causal"); ok {
		copy(v.V, now.value(at+"rho_scaled").V)
	}
}

// showKeyBias adds a number to the key bias, or to the key of one token.
func showKeyBias(d *demonstration) error {
	var s *Session
	if d.broken {
		s = d.s.rewritten(func(id string, _ *Session, v paper.Mat) {
			if id == d.at+"k" {
				for j := range v.Row(0) {
					v.Row(0)[j] += d.knob
				}
			}
		})
	} else {
		own := d.s.apart()
		bias := own.node(d.at + "b_k")
		if bias == nil {
			return fmt.Errorf("the keys of this network have no bias")
		}
		t := own.tensor(bias)
		for _, c := range bias.cols {
			t.V[c] += d.knob
		}
		s = own.rewritten(func(string, *Session, paper.Mat) {})
	}
	change := s.value(d.at + "rho_scaled").Sub(d.s.value(d.at + "rho_scaled"))
	spread := 0.0
	for i := range change.N {
		spread = max(spread, slices.Max(change.Row(i)[:i+1])-slices.Min(change.Row(i)[:i+1]))
	}
	size := largestOf(change.V)
	d.small("within a row, the change of its scores differs by", spread, size)
	d.small("largest change of a weight ρ", largestOf(s.value(d.at+"rho").Sub(d.s.value(d.at+"rho")).V), size)
	d.small("change of the loss", math.Abs(s.Loss-d.s.Loss), d.s.Loss*max(1, size))
	d.small("Σ Δ_rawᵗ q, the gradient of the key bias before (29) is used", largestOf(keyGradient(d.s, d.at)), 1)
	words := d.words(d.s)
	d.panel("scores, new − old", Value, d.s.hidden(d.at, change), d.at+"rho_scaled", words, words)
	d.panel("weights, new − old", Value, d.s.hidden(d.at, s.value(d.at+"rho").Sub(d.s.value(d.at+"rho"))), d.at+"rho", words, words)
	return nil
}

// keyGradient is the gradient of a head's key bias as a sum, of which (29) says that it is zero.
func keyGradient(s *Session, at string) []float64 {
	return s.value(at + "D_raw").T().Mul(s.value(at + "q")).SumTokens()
}

// showRows makes attention sharper, and adds up rows of the error on the scores.
func showRows(d *demonstration) error {
	s := d.s.rewritten(func(id string, now *Session, v paper.Mat) {
		switch {
		case id == d.at+"rho_scaled":
			for k := range v.V {
				v.V[k] *= d.knob
			}
		case id == d.at+"D_causal" && d.broken:
			copy(v.V, now.value(d.at+"D_rho").Had(now.value(d.at+"rho")).V)
		}
	})
	e := s.value(d.at + "D_causal")
	sums := e.SumFeatures()
	d.small("largest sum of a row of the error", largestOf(sums), largestOf(e.V))
	d.small("largest sum of a row of ρ, less one", largestOf(minusOne(s.value(d.at+"rho").SumFeatures())), 1)
	d.small("Σ Δ_rawᵗ q, the gradient of the key bias", largestOf(keyGradient(s, d.at)), largestOf(e.V))
	words := d.words(s)
	d.panel("weights", Value, s.hidden(d.at, s.value(d.at+"rho")), d.at+"rho", words, words)
	d.panel("error on the scores", Error, s.hidden(d.at, e), d.at+"D_causal", words, words)
	d.panel("its rows, added up", Error, paper.Mat{N: len(sums), D: 1, V: sums}, "", words, []string{"Σ"})
	return nil
}

func minusOne(v paper.Vec) paper.Vec {
	w := slices.Clone(v)
	for i := range w {
		w[i]--
	}
	return w
}

// showValues draws other weights, and holds the error on the head.
func showValues(d *demonstration) error {
	r := rand.New(rand.NewPCG(uint64(d.knob), 0x10))
	up := d.s.value(d.at + "D_i_h")
	s := d.s.rewritten(func(id string, now *Session, v paper.Mat) {
		switch id {
		case d.at + "rho":
			scores := now.value(d.at + "rho_causal")
			draw := paper.Zeros(v.N, v.D)
			for k := range draw.V {
				draw.V[k] = 2 * r.NormFloat64()
				if math.IsInf(scores.V[k], -1) {
					draw.V[k] = scores.V[k]
				}
			}
			copy(v.V, paper.Softmax(draw).V)
			for i := range v.N {
				for j := range v.Row(i) {
					if d.broken {
						v.Row(i)[j] *= .5 + r.Float64()
					}
				}
			}
		case d.at + "D_i_h":
			copy(v.V, up.V)
		}
	})
	rho := s.value(d.at + "rho")
	chain, sum := rho.T().Mul(up).SumTokens(), up.SumTokens()
	difference := paper.Mat{N: 1, D: len(sum), V: chain}.Sub(paper.Mat{N: 1, D: len(sum), V: sum})
	d.small("Σ ρᵗ Δ, by the chain rule, against Σ Δ of (24)", largestOf(difference.V), largestOf(sum)*float64(rho.N))
	d.small("largest sum of a row of ρ, less one", largestOf(minusOne(rho.SumFeatures())), 1)
	d.visible("the gradient of the weights does see ρ: it changed by", moved(d.at+"dw_v", s, d.s, 0, s.node(d.at+"dw_v").Rows))
	words := d.words(s)
	d.panel("weights, drawn", Value, s.hidden(d.at, rho), d.at+"rho", words, words)
	d.panel("gradient of the bias, by the chain rule", Gradient, paper.Mat{N: 1, D: len(chain), V: chain}, "", nil, nil)
	d.panel("the sum of the errors", Gradient, paper.Mat{N: 1, D: len(sum), V: sum}, d.at+"db_v", nil, nil)
	return nil
}
