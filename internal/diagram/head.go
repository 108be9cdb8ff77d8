package main

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// row is a row of table 1.
func row(key string) studio.Row {
	for _, r := range studio.Tables[0].Rows {
		if r.Key == key {
			return r
		}
	}
	panic("diagram: table 1 has no row " + key)
}

// head is one head of attention: three branches that meet twice.
func head() (string, error) {
	c := newCanvas("head", 880, 700, "One head of attention, both passes",
		"The input is read by values, queries and keys. Queries and keys meet in the raw weights, which are scaled, masked and made rows that sum to one; those mix the values into the output. Errors go the same ways back, and the input's is the sum of three.")
	const vx, qx, kx, sx, ox = 170.0, 440.0, 720.0, 580.0, 380.0
	const w, h = 190.0, 44.0
	c.passes(440, 28)
	box := func(key string, x, y float64) {
		r := row(key)
		c.box(x, y, w, h, r.Name, chip(r.EqF)+"  "+shape(r.EqF))
	}
	c.both(375, 92, vx+40, 190-h/2)
	c.both(440, 92, qx, 190-h/2)
	c.both(505, 92, kx-40, 190-h/2)
	c.both(qx+30, 190+h/2, sx-40, 300-h/2)
	c.both(kx-30, 190+h/2, sx+40, 300-h/2)
	for _, y := range []float64{300, 385, 470} {
		c.both(sx, y+h/2, sx, y+85-h/2)
	}
	c.both(sx-40, 555+h/2, ox+50, 640-h/2)
	c.both(vx, 190+h/2, ox-60, 640-h/2)
	c.both(ox, 640+h/2, ox, 698)
	c.box(440, 70, 280, 44, "input  a_{i-1}", lowered("n_T×d"))
	box("values", vx, 190)
	box("queries", qx, 190)
	box("keys", kx, 190)
	box("raw", sx, 300)
	box("scaling", sx, 385)
	box("mask", sx, 470)
	box("softmax", sx, 555)
	box("output", ox, 640)
	back := func(x, y float64, text, number string) {
		if number != "" {
			text += "  " + chip(number)
		}
		c.text("m e", x, y, text)
	}
	c.text("m e end", vx+76, 128, "Δ_{v}  "+chip(row("values").EqB))
	back(qx+16, 134, "Δ_{q}", row("queries").EqB)
	back(kx-76, 128, "Δ_{k}", row("keys").EqB)
	c.text("m e", 594, 75, "Δ_{i-1}^{h} = Δ_{v} + Δ_{q} + Δ_{k}  "+chip(row("input").EqB))
	c.text("m e", 534, 244, "Δ_{raw} k")
	back(676, 254, "Δ_{raw}^{t} q", "")
	back(sx+16, 347, "Δ_{raw}", row("scaling").EqB)
	back(sx+16, 432, "Δ_{scaled}", row("mask").EqB)
	back(sx+16, 517, "Δ_{causal}", row("softmax").EqB)
	back(530, 606, "Δ_{ρ} = Δ_{i}^{h} v^{t}", "")
	c.text("m e", 276, 420, "ρ^{t} Δ_{i}^{h}")
	back(ox+16, 686, "Δ_{i}^{h}", row("output").EqB)
	c.text("m v end", ox-16, 686, "a_{i}^{h} = ρ v")
	for i, line := range []string{"Every row of ρ sums to one,", fmt.Sprintf("so every row of Δ_{causal} sums to zero %s.", chip("26")), "What one token gains, the others lose."} {
		c.text("small", 20, 560+18*float64(i), line)
	}
	for i, line := range []string{"Zeros above the diagonal:", "no error reaches the future."} {
		c.text("small", 690, 466+18*float64(i), line)
	}
	return c.String(), nil
}
