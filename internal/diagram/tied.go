package main

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian"
)

// gpt2 is GPT-2 small.
var gpt2 = pedestrian.Config{Vocab: 50257, Context: 1024, Width: 768, Heads: 12, Blocks: 12, Activation: pedestrian.GELU, Eps: 1e-5, Bias: true, Tied: true}

// tied is a matrix with two readers: words go in by its rows, and come out by them.
func tied() (string, error) {
	c := newCanvas("tied", 880, 350, "Tied weights: one matrix, two uses, two gradients that are added",
		"The token table is read by the embedding, a row for each word, and again, transposed, by the logits. Its gradient is the sum of both uses: the errors of the rows that were looked up, and for every word what was seen when it was expected or said.")
	c.passes(440, 28)
	g := gpt2
	equation("delta12") // what the loss hands back
	xs := []float64{90, 260, 440, 620, 790}
	for i, n := range [][2]string{{"ids a_{0}", "of words"}, {"embedding", "ohe(a_{0}) w_{tok}"}, {"blocks", fmt.Sprintf("%d in GPT-2 small", g.Blocks)}, {"logits", "a_{11} w_{tok}^{t}"}, {"softmax, loss", "y_{pred} − y_{gt}"}} {
		if i > 0 {
			y := 95.0
			c.line("v", xs[i-1]+60, y-6, xs[i]-64, y-6)
			if i > 1 {
				c.line("e", xs[i]-62, y+6, xs[i-1]+64, y+6)
			}
		}
		c.box(xs[i], 95, 124, 46, n[0], n[1])
	}
	c.text("m v mid", 350, 66, "a_{1}")
	c.text("m v mid", 530, 66, "a_{11}")
	c.text("m v mid", 706, 66, "a_{12}")
	c.text("m e mid", 350, 136, "Δ_{1}")
	c.text("m e mid", 530, 136, "Δ_{11}")
	c.text("m e mid", 706, 136, "Δ_{12}")
	c.line("i", 390, 212, 250, 120)
	c.line("i", 490, 212, 610, 120)
	c.line("e", 272, 120, 412, 212)
	c.line("e", 632, 120, 512, 212)
	c.text("m e end", 318, 178, "ohe(a_{0})^{t} Δ_{1}  "+chip("3"))
	c.text("m e", 580, 178, "Δ_{12}^{t} a_{11}")
	c.box(440, 238, 200, 48, "w_{tok}", lowered("n_vocab×d")+fmt.Sprintf(" = %s×%s", commas(g.Vocab), commas(g.Width)))
	c.text("m e mid", 440, 292, "∂L/∂w_{tok} = ohe(a_{0})^{t} Δ_{1} + Δ_{12}^{t} a_{11}")
	c.text("small mid", 440, 318, fmt.Sprintf("The first term has rows only for words that were read; the second for every word. Tied, GPT-2 small has %s parameters,", commas(g.Ledger().Total())))
	untied := g
	untied.Tied = false
	c.text("small mid", 440, 336, fmt.Sprintf("untied %s.", commas(untied.Ledger().Total())))
	return c.String(), nil
}

// commas writes n with a comma between thousands.
func commas(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
