package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func activations(x *isa) {
	relu(x)
	for _, back := range []bool{false, true} {
		activation(x, "gelu", back, x.normal, x.holdNormal)
		activation(x, "geluTanh", back, x.logistic, x.holdLogistic)
		activation(x, "silu", back, x.silu, x.holdSiLU)
	}
}

// activation writes y = f(v) and, when back, dx = dy f′(v), given f and f′.
func activation(x *isa, name string, back bool, f func(v vector, back bool) (y, d vector), hold func()) {
	var dx, dy GPVirtual
	if back {
		x.text(name+"Backward", "dx, y, dy, x *float32, n int)", "sets y to the activation of x and dx to dy times its derivative.")
		dx, dy = arg("dx"), arg("dy")
	} else {
		x.text(name, "y, x *float32, n int)", "sets y to the activation of x.")
	}
	y, p, n := arg("y"), arg("x"), arg("n")
	hold()
	x.hold(expP...)
	pointers := []GPVirtual{y, p}
	if back {
		pointers = append(pointers, dx, dy)
	}
	x.walk(n, pointers, func(i int, tail bool) {
		v, d := f(x.read(p, i, tail), back)
		if back {
			VMULPS(x.read(dy, i, tail), d, d)
		}
		x.write(v, y, i, tail)
		if back {
			x.write(d, dx, i, tail)
		}
	})
	finish()
}

// magnitude is all bits but the sign.
const magnitude = 0x7fffffff

// abs sets t to the magnitude of v.
func (x *isa) abs(v, t vector) {
	if x.bytes == 64 {
		VPANDD_BCST(x.data(magnitude), v, t)
	} else {
		VANDPS(x.bits(magnitude), v, t)
	}
}

// The logistic function of 2u, u = √(2/π)(v + 0.044715 v³), which is
// (1 + tanh u)/2. From |v| = 9.98 on it is 0 or 1 to float32.
const (
	twice    = 1.5957691216057308 // 2√(2/π)
	cubed    = twice * 0.044715   // of v³
	saturate = 9.98
)

// What float32 cannot hold of them.
var (
	twiceLow = twice - float64(float32(twice))
	cubedLow = cubed - float64(float32(cubed))
)

func (x *isa) holdLogistic() {
	x.holdExp()
	x.hold(saturate, -saturate, twice, twiceLow, cubed, cubedLow, 3*cubed, 1)
}

// sum returns a + b and its rounding error.
func (x *isa) sum(a Op, b vector) (s, low vector) {
	s, low = x.new(), x.new()
	VADDPS(a, b, s)
	back, rest := x.copyOf(a), x.new()
	VSUBPS(back, s, low) // b, as it went in
	VSUBPS(low, s, rest) // a, as it went in
	VSUBPS(rest, back, rest)
	VSUBPS(low, b, low)
	VADDPS(rest, low, low)
	return s, low
}

// product returns a b and its rounding error.
func (x *isa) product(a Op, b vector) (p, low vector) {
	p, low = x.new(), x.new()
	VMULPS(a, b, p)
	VMOVAPS(p, low)
	VFMSUB231PS(a, b, low)
	return p, low
}

// logistic returns v (1 + tanh u)/2 and, when asked, the derivative.
func (x *isa) logistic(v vector, back bool) (y, d vector) {
	var inside, slope vector
	if x.bytes == 64 {
		VCMPPS(Imm(5), x.c(-saturate), v, K3) // not less than: true for NaN
	} else {
		inside = x.new()
		VCMPPS(Imm(5), x.c(-saturate), v, inside)
	}
	w, low := x.copyOf(x.c(saturate)), x.copyOf(x.c(-saturate))
	VMINPS(v, w, w)
	VMAXPS(w, low, w)
	// -2u in two parts: the error of exp is that of its argument.
	square, squareLow := x.product(w, w)
	z, zLow := x.product(x.c(cubed), square)
	VFMADD231PS(x.c(cubed), squareLow, zLow)
	VFMADD231PS(x.c(cubedLow), square, zLow)
	z, low = x.sum(x.c(twice), z)
	VADDPS(low, zLow, zLow)
	VADDPS(x.c(twiceLow), zLow, zLow)
	minus := x.new()
	x.zero(minus)
	VSUBPS(w, minus, minus)
	z, low = x.product(minus, z)
	VFMADD231PS(zLow, minus, low)
	e := x.exp(z, low) // exp(-2u), between 1e-38 and 1e38
	one, oneLow := x.sum(x.c(1), e)
	up := x.new()
	VMOVAPS(one, up)
	x.reciprocal(up, oneLow)
	if back {
		// v 2u′ up (1 - up), with 1 - up = e up.
		slope = x.copyOf(x.c(3 * cubed))
		VFMADD213PS(x.c(twice), square, slope)
		VMULPS(w, slope, slope)
		VMULPS(up, e, e)
		VMULPS(up, e, e)
		VMULPS(e, slope, slope)
	}
	if x.bytes == 64 {
		VMOVAPS_Z(up, K3, up)
		if back {
			VMOVAPS_Z(slope, K3, slope)
		}
	} else {
		VANDPS(inside, up, up)
		if back {
			VANDPS(inside, slope, slope)
		}
	}
	// v/(1 + exp(-2u)), and what is missing of v: of infinity nothing can be.
	y, rest := x.new(), x.new()
	VMULPS(up, v, y)
	VMOVAPS(v, rest)
	VFNMADD231PS(y, one, rest)
	VFNMADD231PS(y, oneLow, rest)
	if x.bytes == 64 {
		VCMPPS(Imm(1), x.c(saturate), v, K4) // less
		VFMADD231PS(rest, up, K4, y)
	} else {
		finite := x.new()
		VCMPPS(Imm(1), x.c(saturate), v, finite)
		VANDPS(finite, rest, rest)
		VFMADD231PS(rest, up, y)
	}
	if back {
		VADDPS(slope, up, up)
	}
	return y, up
}

// Below -siluEnd SiLU counts as 0, above siluEnd it is v to float32.
const siluEnd = 87

func (x *isa) holdSiLU() {
	x.holdExp()
	x.hold(siluEnd, -siluEnd, 1)
}

// silu returns v/(1 + exp(-v)) and, when asked, the derivative.
func (x *isa) silu(v vector, back bool) (y, d vector) {
	var inside, slope vector
	if x.bytes == 64 {
		VCMPPS(Imm(5), x.c(-siluEnd), v, K3) // not less than: true for NaN
	} else {
		inside = x.new()
		VCMPPS(Imm(5), x.c(-siluEnd), v, inside)
	}
	w, low := x.copyOf(x.c(siluEnd)), x.copyOf(x.c(-siluEnd))
	VMINPS(v, w, w)
	VMAXPS(w, low, w)
	minus := x.new()
	x.zero(minus)
	VSUBPS(w, minus, minus)
	e := x.exp(minus, nil) // exp(-v), between 1e-38 and 1e38
	one, oneLow := x.sum(x.c(1), e)
	up := x.new()
	VMOVAPS(one, up)
	x.reciprocal(up, oneLow) // s = 1/(1 + exp(-v))
	if back {
		// v s (1 - s), with 1 - s = e s.
		slope = x.new()
		VMULPS(up, e, slope)
		VMULPS(w, slope, slope)
		VMULPS(up, slope, slope)
	}
	if x.bytes == 64 {
		VMOVAPS_Z(up, K3, up)
		if back {
			VMOVAPS_Z(slope, K3, slope)
		}
	} else {
		VANDPS(inside, up, up)
		if back {
			VANDPS(inside, slope, slope)
		}
	}
	y = x.new()
	VMULPS(up, v, y)
	if back {
		VADDPS(slope, up, up)
	}
	return y, up
}

func relu(x *isa) {
	x.text("relu", "y, x *float32, n int)", "sets y to the positive part of x.")
	y, p, n := arg("y"), arg("x"), arg("n")
	zero := x.zeros(1)[0]
	x.walk(n, []GPVirtual{y, p}, func(i int, tail bool) {
		v := x.read(p, i, tail)
		VMAXPS(v, zero, v) // the second operand wins over NaN
		x.write(v, y, i, tail)
	})
	finish()

	x.text("reluBackward", "dx, y, dy, x *float32, n int)", "sets y to the positive part of x, and dx to dy where x is positive and 0 elsewhere.")
	dx, y, dy, p, n := arg("dx"), arg("y"), arg("dy"), arg("x"), arg("n")
	zero = x.zeros(1)[0]
	x.walk(n, []GPVirtual{dx, y, dy, p}, func(i int, tail bool) {
		v, d := x.read(p, i, tail), x.read(dy, i, tail)
		if x.bytes == 64 {
			VCMPPS(Imm(0x1e), zero, v, K2) // greater
			VMOVAPS_Z(d, K2, d)
		} else {
			positive := x.new()
			VCMPPS(Imm(0x1e), zero, v, positive)
			VANDPS(positive, d, d)
		}
		VMAXPS(v, zero, v)
		x.write(v, y, i, tail)
		x.write(d, dx, i, tail)
	})
	finish()
}
