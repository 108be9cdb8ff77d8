package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func norms(x *isa) {
	x.text("normalize", "xhat, x *float32, n int, mean, rstd float32)", "sets xhat to (x - mean) rstd.")
	h, p, n := arg("xhat"), arg("x"), arg("n")
	mean, rstd := x.all("mean"), x.all("rstd")
	x.walk(n, []GPVirtual{h, p}, func(i int, tail bool) {
		v := x.read(p, i, tail)
		VSUBPS(mean, v, v)
		VMULPS(rstd, v, v)
		x.write(v, h, i, tail)
	})
	finish()

	x.text("affine", "y, xhat, w, b *float32, n int)", "sets y to xhat∘w + b; b may be nil.")
	y, h, w, b, n := arg("y"), arg("xhat"), arg("w"), arg("b"), arg("n")
	TESTQ(b, b)
	JZ(LabelRef("plain"))
	for _, biased := range []bool{true, false} {
		pointers := []GPVirtual{y, h, w}
		if biased {
			pointers = append(pointers, b)
		} else {
			Label("plain")
		}
		x.walk(n, pointers, func(i int, tail bool) {
			v := x.read(h, i, tail)
			if biased {
				VFMADD213PS(x.read(b, i, tail), x.read(w, i, tail), v)
			} else {
				VMULPS(x.read(w, i, tail), v, v)
			}
			x.write(v, y, i, tail)
		})
		finish()
	}

	x.text("layerNorm", "y, xhat, x, w, b *float32, n int, mean, rstd float32)", "is normalize and affine in one; b is not nil.")
	y, h, p, w, b, n = arg("y"), arg("xhat"), arg("x"), arg("w"), arg("b"), arg("n")
	mean, rstd = x.all("mean"), x.all("rstd")
	x.walk(n, []GPVirtual{y, h, p, w, b}, func(i int, tail bool) {
		v := x.read(p, i, tail)
		VSUBPS(mean, v, v)
		VMULPS(rstd, v, v)
		x.write(v, h, i, tail)
		VFMADD213PS(x.read(b, i, tail), x.read(w, i, tail), v)
		x.write(v, y, i, tail)
	})
	finish()

	for _, grads := range []bool{false, true} {
		normSums(x, grads)
	}

	x.text("normalizeBackward", "dx, dy, w, xhat *float32, n int, rstd, s, t float32)", "adds (w∘dy - s - xhat t) rstd to dx.")
	dx, dy, w, h, n := arg("dx"), arg("dy"), arg("w"), arg("xhat"), arg("n")
	rstd, s, t := x.all("rstd"), x.all("s"), x.all("t")
	x.walk(n, []GPVirtual{dx, dy, w, h}, func(i int, tail bool) {
		v := x.read(dy, i, tail)
		VFMSUB132PS(x.read(w, i, tail), s, v)
		VFNMADD231PS(x.read(h, i, tail), t, v)
		VFMADD213PS(x.read(dx, i, tail), rstd, v)
		x.write(v, dx, i, tail)
	})
	finish()
}

// normSums writes the two sums of the backward pass, with and without the
// gradients of gain and bias.
func normSums(x *isa, grads bool) {
	var dw, db GPVirtual
	if grads {
		x.text("layerNormSums", "dw, db, dy, w, xhat *float32, n int) (s, t float32)",
			"adds xhat∘dy to dw and dy to db, and returns Σ w∘dy and Σ xhat∘w∘dy.")
		dw, db = arg("dw"), arg("db")
	} else {
		x.text("normalizeSums", "dy, w, xhat *float32, n int) (s, t float32)", "returns Σ w∘dy and Σ xhat∘w∘dy.")
	}
	dy, w, h, n := arg("dy"), arg("w"), arg("xhat"), arg("n")
	pointers := []GPVirtual{dy, w, h}
	if grads {
		pointers = append(pointers, dw, db)
	}
	s, t := x.zeros(2), x.zeros(2)
	x.walk(n, pointers, func(i int, tail bool) {
		d, hv := x.read(dy, i, tail), x.read(h, i, tail)
		if grads {
			v := x.read(dw, i, tail)
			VFMADD231PS(hv, d, v)
			x.write(v, dw, i, tail)
			u := x.read(db, i, tail)
			VADDPS(d, u, u)
			x.write(u, db, i, tail)
		}
		VMULPS(x.read(w, i, tail), d, d)
		VADDPS(d, s[i%2], s[i%2])
		VFMADD231PS(hv, d, t[i%2])
	})
	finish(x.fold(s, add), x.fold(t, add))
}

// rotations write the turn of pairs and the turn back.
func rotations(x *isa) {
	for _, back := range []bool{false, true} {
		if back {
			x.text("rotateBack", "a, b, cos, sin *float32, n int)", "turns the pairs (a, b) by the negative angles.")
		} else {
			x.text("rotate", "a, b, cos, sin *float32, n int)", "turns the pairs (a, b).")
		}
		a, b, cos, sin, n := arg("a"), arg("b"), arg("cos"), arg("sin"), arg("n")
		x.walk(n, []GPVirtual{a, b, cos, sin}, func(i int, tail bool) {
			u, v, c, s := x.read(a, i, tail), x.read(b, i, tail), x.read(cos, i, tail), x.read(sin, i, tail)
			us := x.new()
			VMULPS(s, u, us)
			VMULPS(v, s, s)
			if back {
				VFMADD213PS(s, c, u)  // u c + v s
				VFMSUB213PS(us, c, v) // v c - u s
			} else {
				VFMSUB213PS(s, c, u)
				VFMADD213PS(us, c, v)
			}
			x.write(u, a, i, tail)
			x.write(v, b, i, tail)
		})
		finish()
	}
}

// adamW writes the step of the optimizer: one pass over four streams.
func adamW(x *isa) {
	x.text("adamW", "w, grad, m, v *float32, n int, h *float32)", "takes one step; h points to an AdamWStep.")
	w, g, m, v, n, h := arg("w"), arg("grad"), arg("m"), arg("v"), arg("n"), arg("h")
	numbers := make([]vector, 9)
	for i := range numbers {
		numbers[i] = x.new()
		VBROADCASTSS(Mem{Base: h, Disp: 4 * i}, numbers[i])
	}
	scale, beta1, rest1, beta2, rest2 := numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
	rate, unbias, eps, keep := numbers[5], numbers[6], numbers[7], numbers[8]
	x.walk(n, []GPVirtual{w, g, m, v}, func(i int, tail bool) {
		d := x.read(g, i, tail)
		VMULPS(scale, d, d)
		a := x.read(m, i, tail)
		VMULPS(beta1, a, a)
		VFMADD231PS(d, rest1, a)
		x.write(a, m, i, tail)
		VMULPS(d, d, d)
		b := x.read(v, i, tail)
		VMULPS(beta2, b, b)
		VFMADD231PS(d, rest2, b)
		x.write(b, v, i, tail)
		VSQRTPS(b, b)
		VFMADD213PS(eps, unbias, b)
		VMULPS(rate, a, a)
		VDIVPS(b, a, a)
		p := x.read(w, i, tail)
		VFMSUB213PS(a, keep, p)
		x.write(p, w, i, tail)
	})
	finish()
}
