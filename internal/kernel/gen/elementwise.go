package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func elementwise(x *isa) {
	x.text("axpy", "y *float32, a float32, x *float32, n int)", "adds a∘x to y.")
	y, a, p, n := arg("y"), x.all("a"), arg("x"), arg("n")
	x.walk(n, []GPVirtual{y, p}, func(i int, tail bool) {
		v := x.read(y, i, tail)
		VFMADD231PS(x.read(p, i, tail), a, v)
		x.write(v, y, i, tail)
	})
	finish()

	x.text("addTo", "z, x, y *float32, n int)", "sets z to x + y.")
	z, p, y, n := arg("z"), arg("x"), arg("y"), arg("n")
	x.walk(n, []GPVirtual{z, p, y}, func(i int, tail bool) {
		v := x.read(p, i, tail)
		VADDPS(x.read(y, i, tail), v, v)
		x.write(v, z, i, tail)
	})
	finish()

	x.text("mulAdd", "y, a, x *float32, n int)", "adds a∘x to y.")
	y, f, p, n := arg("y"), arg("a"), arg("x"), arg("n")
	x.walk(n, []GPVirtual{y, f, p}, func(i int, tail bool) {
		v := x.read(y, i, tail)
		VFMADD231PS(x.read(p, i, tail), x.read(f, i, tail), v)
		x.write(v, y, i, tail)
	})
	finish()

	x.text("scale", "x *float32, n int, a float32)", "multiplies x by a.")
	p, n, a = arg("x"), arg("n"), x.all("a")
	x.walk(n, []GPVirtual{p}, func(i int, tail bool) {
		v := x.read(p, i, tail)
		VMULPS(a, v, v)
		x.write(v, p, i, tail)
	})
	finish()

	addRows(x)

	x.text("softmaxBackward", "dy, y *float32, n int, rowDot, a float32)", "sets dy to (dy - rowDot)∘y a.")
	dy, y, n := arg("dy"), arg("y"), arg("n")
	rowDot, a := x.all("rowDot"), x.all("a")
	x.walk(n, []GPVirtual{dy, y}, func(i int, tail bool) {
		v := x.read(dy, i, tail)
		VSUBPS(rowDot, v, v)
		VMULPS(x.read(y, i, tail), v, v)
		VMULPS(a, v, v)
		x.write(v, dy, i, tail)
	})
	finish()
}

// addRows walks down the rows with four vectors of columns in registers.
func addRows(x *isa) {
	x.text("addRows", "y, x *float32, n, rows, stride int)", "adds rows ≥ 1 rows of x, stride bytes apart, to y.")
	y, p, n, rows, stride := arg("y"), arg("x"), arg("n"), arg("rows"), arg("stride")
	down := func(vectors int, tail bool) {
		label := "down4"
		if tail {
			label = "down1"
		}
		sums := make([]vector, vectors)
		for i := range sums {
			sums[i] = x.read(y, i, tail)
		}
		at, left := GP64(), GP64()
		MOVQ(p, at)
		MOVQ(rows, left)
		Label(label)
		for i := range sums {
			VADDPS(x.read(at, i, tail), sums[i], sums[i])
		}
		ADDQ(stride, at)
		DECQ(left)
		JNZ(LabelRef(label))
		for i := range sums {
			x.write(sums[i], y, i, tail)
		}
	}
	x.walk(n, []GPVirtual{y, p}, func(i int, tail bool) {
		switch {
		case tail:
			down(1, true)
		case i == 0:
			down(unroll, false)
		}
	})
	finish()
}
