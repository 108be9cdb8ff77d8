package main

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/studio/sheet"
)

// loraRank is the rank of the adapter that is drawn and planned.
const loraRank = 4

// attention is the layer of queries, keys and values of GPT-2 small as one, with an adapter.
var attention = pedestrian.AdapterConfig{Rank: loraRank, Alpha: loraRank, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{pedestrian.TargetQKV}}

// lora is a frozen layer with an adapter beside it.
func lora() (string, error) {
	c := newCanvas("lora", 880, 430, "LoRA: a correction of low rank beside a frozen layer",
		"The input goes through the frozen matrix w and through d and u, which are small; both results are added. The error goes back through both, but only d and u get a gradient.")
	var down, up pedestrian.Tensor[float64]
	for _, t := range pedestrian.NewAdapter[float64](gpt2, attention).Tensors() {
		if t.Block == 0 && t.Role == pedestrian.Down {
			down = t
		} else if t.Block == 0 && t.Role == pedestrian.Up {
			up = t
		}
	}
	c.passes(440, 28)
	const wx, lx = 250.0, 592.0
	c.both(400, 86, wx+20, 174)
	c.both(480, 86, lx-20, 138)
	c.both(lx, 182, lx, 240)
	c.both(wx+20, 268, 404, 340)
	c.both(lx-20, 284, 476, 340)
	c.both(440, 362, 440, 424)
	c.box(440, 64, 200, 44, "input  a_{i-1}", lowered("n_T×f_{i-1}"))
	c.add(`<rect class="wash" x="%s" y="174" width="240" height="94" rx="3"/>`, sheet.Coordinate(wx-120))
	c.text("mid b", wx, 210, "w, frozen")
	c.text("mid small", wx, 230, fmt.Sprintf("%s×%s = %s numbers", commas(down.Rows), commas(up.Cols), commas(down.Rows*up.Cols)))
	c.text("mid small", wx, 248, "no gradient, no moments")
	c.box(lx, 160, 200, 44, "down  d", fmt.Sprintf("%s×%d = %s numbers", commas(down.Rows), down.Cols, commas(down.Rows*down.Cols)))
	c.box(lx, 262, 200, 44, "up  u", fmt.Sprintf("%d×%s = %s numbers", up.Rows, commas(up.Cols), commas(up.Rows*up.Cols)))
	c.plus("v", 440, 348)
	c.text("m e end", 312, 122, "Δ_{i} w^{t}  "+chip("FC"))
	c.text("m e", 566, 104, "α Δ_{i} u^{t} d^{t}  "+chip("44"))
	c.text("m e", lx+16, 215, "α Δ_{i} u^{t}")
	c.text("m v end", lx-16, 215, "a_{i-1} d")
	c.text("m v end", 306, 316, "a_{i-1} w + b")
	c.text("m v", 576, 330, "α a_{i-1} d u  "+chip("43"))
	c.text("m v end", 424, 402, "a_{i}")
	c.text("m e", 456, 402, "Δ_{i}")
	c.text("m e", lx+112, 156, "∂L/∂d = α a_{i-1}^{t} Δ_{i} u^{t}")
	c.text("small", lx+112, 174, chip("45"))
	c.text("m e", lx+112, 258, "∂L/∂u = α (a_{i-1} d)^{t} Δ_{i}")
	c.text("small", lx+112, 276, chip("46"))
	c.text("small", 520, 388, "At the start u = 0: the network is the old one,")
	c.text("small", 520, 406, "and only u has a gradient that is not zero.")
	return c.String(), nil
}
