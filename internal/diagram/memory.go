package main

import (
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/studio/sheet"
)

// A part is a piece of a training step's memory.
type part struct {
	name  string
	class string
	bytes int64
}

const mega = 1 << 20

// step is the memory of a training step of GPT-2 small, as the engine plans it.
func step(a *pedestrian.AdapterConfig, o engine.Options) ([]part, error) {
	budget, err := engine.Memory[float32](gpt2, a, o)
	if err != nil {
		return nil, err
	}
	slab := 4 * int64(gpt2.Ledger().Total())
	trained := slab
	if a != nil {
		trained = 4 * int64(pedestrian.NewAdapter[float32](gpt2, *a).Count())
	}
	parts := []part{{"parameters", "p1", slab}, {"gradient", "p2", trained}, {"AdamW's two moments", "p3", 2 * trained}}
	var activations, other int64
	for _, p := range budget {
		if p.Name == "activations" {
			activations += p.Bytes
		} else {
			other += p.Bytes
		}
	}
	return append(parts, part{"activations", "p4", activations}, part{"logits of a chunk, errors, attention", "p5", other}), nil
}

// memory is what a training step takes, part by part.
func memory() (string, error) {
	o := engine.Options{Batch: 4, Context: 256}
	apart, remade := o, o
	apart.Accumulate, remade.Recompute = true, true
	type bar struct {
		title, below string
		parts        []part
	}
	var bars []bar
	for _, b := range []struct {
		title, below string
		a            *pedestrian.AdapterConfig
		o            engine.Options
	}{
		{"All parameters, activations apart", "as several micro-batches a step need it: the gradient is in use", nil, apart},
		{"All parameters", "most activations lie in the gradient until its numbers are due", nil, o},
		{"All parameters, recomputed", "activations of a block are computed again in the backward pass", nil, remade},
		{fmt.Sprintf("LoRA of rank %d beside frozen weights", loraRank), "a gradient and moments for the adapter alone", &attention, o},
	} {
		parts, err := step(b.a, b.o)
		if err != nil {
			return "", err
		}
		bars = append(bars, bar{b.title, b.below, parts})
	}
	total := func(parts []part) (n int64) {
		for _, p := range parts {
			n += p.bytes
		}
		return n
	}
	var said strings.Builder
	most := int64(0)
	for _, b := range bars {
		most = max(most, total(b.parts))
		fmt.Fprintf(&said, "%s: %s. ", b.title, megabytes(total(b.parts)))
	}
	c := newCanvas("memory", 880, 470, fmt.Sprintf("Memory of a training step: GPT-2 small, %d×%d tokens, float32", o.Batch, o.Context), strings.TrimSpace(said.String()))
	c.add(`<style>.p1{fill:#8d8779}.p2{fill:#3f82d0}.p3{fill:#9db9de}.p4{fill:#d4701f}.p5{fill:#ecb88a}@media(prefers-color-scheme:dark){.p1{fill:#8d8779}.p2{fill:#5b95dc}.p3{fill:#33537c}.p4{fill:#d97f36}.p5{fill:#7a4a22}}</style>`)
	c.text("b", 24, 34, fmt.Sprintf("Memory of a training step, as planned: GPT-2 small (%s parameters), %d×%d tokens, float32", commas(gpt2.Ledger().Total()), o.Batch, o.Context))
	const x0, wide, w0 = 24.0, 740.0, 76.0
	for i, b := range bars {
		y := 66 + 88*float64(i)
		c.text("b", x0, y, b.title)
		c.text("small", x0+290, y, b.below)
		x := x0
		for _, p := range b.parts {
			w := wide * float64(p.bytes) / float64(most)
			c.add(`<rect class="%s" x="%s" y="%s" width="%s" height="30"><title>%s: %s</title></rect>`, p.class, sheet.Coordinate(x), sheet.Coordinate(y+10), sheet.Coordinate(max(.5, w)), p.name, megabytes(p.bytes))
			if text := megabytes(p.bytes); w > 46 {
				c.text("small mid", x+w/2, y+56, text)
			}
			x += w
		}
		c.text("b", x+8, y+30, megabytes(total(b.parts)))
		if act, slim := b.parts[3], b.parts[1]; act.bytes < 100*mega {
			c.text("small end", x+w0, y+56, "activations "+megabytes(act.bytes))
		} else if slim.bytes < 100*mega {
			c.text("small", x+8, y+56, "gradient and moments "+megabytes(slim.bytes+b.parts[2].bytes))
		}
	}
	x := x0
	for _, p := range bars[0].parts {
		c.add(`<rect class="%s" x="%s" y="430" width="13" height="13"/>`, p.class, sheet.Coordinate(x))
		c.text("small", x+19, 441, p.name)
		x += 38 + 6.6*float64(len(p.name))
	}
	return c.String(), nil
}

func megabytes(n int64) string {
	if n < mega {
		return fmt.Sprintf("%.1f MB", float64(n)/mega)
	}
	return fmt.Sprintf("%s MB", commas(int((n+mega/2)/mega)))
}
