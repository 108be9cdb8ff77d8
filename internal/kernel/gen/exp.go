package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The exponential: exp(v) = 2ⁿ exp(r), n = round(v/log 2), |r| ≤ (log 2)/2, and
// exp(r) = 1 + r + r² P(r), where P minimizes the largest relative error, 3.1e-9.
const (
	log2e  = 1.44269504089
	ln2Hi  = 0.6931471824645996 // log 2 in float32, and what is missing
	ln2Lo  = -1.9046543e-9
	lnTiny = -87.33654 // of the smallest normal number: below it, exp counts as 0
	lnHuge = 89        // exp of it is infinite
)

var expP = []float64{0.4999999343, 0.166665204, 0.04166839052, 0.008368744904, 0.001381455364}

func (x *isa) holdExp() {
	x.hold(log2e, ln2Hi, ln2Lo, lnTiny, lnHuge, 1)
	x.hold(expP...)
}

// exp returns exp(v + low), which overwrites v; low, the rounding error of v, may
// be nil.
func (x *isa) exp(v, low vector) vector {
	var normal vector
	if x.bytes == 64 {
		VCMPPS(Imm(5), x.c(lnTiny), v, K2) // not less than: true for NaN
	} else {
		normal = x.new()
		VCMPPS(Imm(5), x.c(lnTiny), v, normal)
	}
	// The second operand wins over NaN: v.
	huge := x.copyOf(x.c(lnHuge))
	VMINPS(v, huge, v)
	n := x.new()
	VMULPS(x.c(log2e), v, n)
	x.round(n)
	VFNMADD231PS(x.c(ln2Hi), n, v)
	VFNMADD231PS(x.c(ln2Lo), n, v)
	if low != nil {
		VADDPS(low, v, v)
	}
	p := x.copyOf(x.c(expP[4]))
	for i := 3; i >= 0; i-- {
		x.poly(expP[i], v, p)
	}
	x.poly(1, v, p)
	x.poly(1, v, p)
	if x.bytes == 64 {
		VSCALEFPS_Z(n, p, K2, p)
		return p
	}
	// 2ⁿ in two factors, since n goes from -126 to 128.
	i, half := x.new(), x.new()
	VCVTPS2DQ(n, i)
	VPSRAD(Imm(1), i, half)
	VPSUBD(half, i, i)
	for _, e := range []vector{i, half} {
		VPSLLD(Imm(23), e, e)
		VPADDD(x.c(1), e, e)
		VMULPS(e, p, p)
	}
	VANDPS(normal, p, p)
	return p
}

// round replaces v by the nearest integer.
func (x *isa) round(v vector) {
	if x.bytes == 64 {
		VRNDSCALEPS(Imm(8), v, v)
	} else {
		VROUNDPS(Imm(8), v, v)
	}
}

// reciprocal replaces v by 1/(v + low); low, the rounding error of v, may be nil.
func (x *isa) reciprocal(v, low vector) {
	r, e := x.new(), x.copyOf(x.c(1))
	if x.bytes == 32 {
		VDIVPS(v, e, r)
		if low == nil {
			VMOVAPS(r, v)
			return
		}
	} else {
		VRCP14PS(v, r) // fourteen bits, doubled by a step of Newton's
	}
	VFNMADD231PS(r, v, e)
	if low != nil {
		VFNMADD231PS(r, low, e)
	}
	VFMADD213PS(r, r, e)
	VMOVAPS(e, v)
}

func exponentials(x *isa) {
	x.text("exp", "x *float32, n int)", "replaces x by its exponential.")
	p, n := arg("x"), arg("n")
	x.holdExp()
	x.walk(n, []GPVirtual{p}, func(i int, tail bool) {
		x.write(x.exp(x.read(p, i, tail), nil), p, i, tail)
	})
	finish()

	for _, keep := range []bool{true, false} {
		if keep {
			x.text("expSum", "x *float32, n int, a, shift float32) float32", "replaces x by exp(a x - shift) and returns the sum.")
		} else {
			x.text("sumExp", "x *float32, n int, a, shift float32) float32", "returns the sum of exp(a x - shift).")
		}
		p, n := arg("x"), arg("n")
		a, shift := x.all("a"), x.all("shift")
		x.holdExp()
		sums := x.zeros(unroll)
		x.walk(n, []GPVirtual{p}, func(i int, tail bool) {
			v := x.read(p, i, tail)
			VFMSUB213PS(shift, a, v)
			e := x.exp(v, nil)
			if keep {
				x.write(e, p, i, tail)
			}
			x.addTail(e, sums[i], tail)
		})
		finish(x.fold(sums, add))
	}
}
