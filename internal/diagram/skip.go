package main

// skip is what a sum and what a copy do to errors.
func skip() (string, error) {
	c := newCanvas("skip", 880, 330, "Skip connections: a sum copies its error, a copy adds its errors",
		"Left: a_5 is the sum of a_1 and a_4, and both get the error of a_5 unchanged. Right: a_5 is read by the second layer norm and by the second skip, and its error is the sum of what both hand back.")
	c.passes(440, 28)
	c.text("b mid", 220, 66, "A sum: both terms get its error")
	c.text("b mid", 660, 66, "A copy: its error is the sum of its readers'")
	// the sum
	c.both(130, 132, 196, 196)
	c.both(310, 132, 244, 196)
	c.both(220, 232, 220, 282)
	c.box(110, 112, 120, 40, "a_{1}", "the skip")
	c.box(330, 112, 120, 40, "a_{4}", "FC attProj")
	c.plus("v", 220, 214)
	c.text("m v end", 186, 219, "a_{5} = a_{1} + a_{4}")
	c.text("m e end", 134, 172, "Δ_{5}")
	c.text("m e", 306, 172, "Δ_{4} = Δ_{5}  "+chip("skip"))
	c.text("m v end", 204, 270, "a_{5}")
	c.text("m e", 236, 270, "Δ_{5}")
	c.text("small mid", 220, 310, "The slope of a sum is 1: nothing is scaled, nothing is lost.")
	// the copy
	c.both(660, 92, 660, 140)
	c.both(642, 160, 570, 216)
	c.both(678, 160, 750, 216)
	c.dot("v", 654, 150)
	c.plus("e", 668, 150)
	c.text("m v end", 642, 118, "a_{5}")
	c.text("m e", 690, 130, "Δ_{5} = Δ_{10} + N_{5}(Δ_{6})  "+chip("T2"))
	c.box(560, 238, 150, 40, "LayerNorm", chip("38")+" "+chip("40"))
	c.box(760, 238, 150, 40, "the next sum", "a_{10} = a_{5} + a_{9}")
	c.text("m e end", 588, 186, "N_{5}(Δ_{6})")
	c.text("m e", 734, 186, "Δ_{10}")
	c.text("small mid", 660, 290, "The error reaches the first layer by the sums alone:")
	c.text("small mid", 660, 308, "that is why deep stacks of blocks learn.")
	c.add(`<path class="li" style="stroke:var(--rule)" d="M440 56V312"/>`)
	return c.String(), nil
}
