package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func reductions(x *isa) {
	x.text("dot", "x, y *float32, n int) float32", "returns Σ x∘y.")
	p, q, n := arg("x"), arg("y"), arg("n")
	sums := x.zeros(unroll)
	x.walk(n, []GPVirtual{p, q}, func(i int, tail bool) {
		v, w := x.read(p, i, tail), x.read(q, i, tail)
		VFMADD231PS(v, w, sums[i])
	})
	finish(x.fold(sums, add))

	x.text("sum", "x *float32, n int) float32", "returns Σ x.")
	p, n = arg("x"), arg("n")
	sums = x.zeros(unroll)
	x.walk(n, []GPVirtual{p}, func(i int, tail bool) {
		VADDPS(x.read(p, i, tail), sums[i], sums[i])
	})
	finish(x.fold(sums, add))

	x.text("deviation", "x *float32, n int, mean float32) float32", "returns Σ (x-mean)².")
	p, n = arg("x"), arg("n")
	mean := x.all("mean")
	sums = x.zeros(unroll)
	x.walk(n, []GPVirtual{p}, func(i int, tail bool) {
		v := x.read(p, i, tail)
		VSUBPS(mean, v, v)
		if tail {
			x.clear(v)
		}
		VFMADD231PS(v, v, sums[i])
	})
	finish(x.fold(sums, add))

	x.text("max", "x *float32, n int) float32", "returns the largest of x; NaN do not count.")
	p, n = arg("x"), arg("n")
	lowest := x.copyOf(x.c(math.Inf(-1)))
	sums = make([]vector, unroll)
	for i := range sums {
		sums[i] = x.copyOf(lowest)
	}
	x.walk(n, []GPVirtual{p}, func(i int, tail bool) {
		v := x.read(p, i, tail)
		switch { // the second operand wins over NaN: the maximum so far
		case !tail:
			VMAXPS(sums[i], v, sums[i])
		case x.bytes == 64:
			VMAXPS(sums[i], v, K1, sums[i])
		default:
			VBLENDVPS(x.mask, v, lowest, v)
			VMAXPS(sums[i], v, sums[i])
		}
	})
	finish(x.fold(sums, maximum))

	sumSquares(x)
	extent(x)
}

// clear sets lanes outside the mask to 0.
func (x *isa) clear(v vector) {
	if x.bytes == 64 {
		VMOVAPS_Z(v, K1, v)
		return
	}
	VANDPS(v, x.mask, v)
}

// sumSquares adds in float64, in vectors with half as many lanes.
func sumSquares(x *isa) {
	x.text("sumSquares", "x *float32, n int) float64", "returns Σ x², squared and summed in float64.")
	p, n := arg("x"), arg("n")
	sums := x.zeros(unroll)
	square := func(half Op, sum vector) {
		d := x.new()
		VCVTPS2PD(half, d)
		VFMADD231PD(d, d, sum)
	}
	x.walk(n, []GPVirtual{p}, func(i int, tail bool) {
		a, b := sums[2*i%unroll], sums[(2*i+1)%unroll]
		if !tail {
			square(Mem{Base: p, Disp: i * x.bytes}, a)
			square(Mem{Base: p, Disp: i*x.bytes + x.bytes/2}, b)
			return
		}
		v := x.read(p, i, true)
		if x.bytes == 64 {
			square(v.AsY(), a)
			upper := YMM()
			VEXTRACTF64X4(Imm(1), v, upper)
			square(upper, b)
		} else {
			square(v.AsX(), a)
			upper := XMM()
			VEXTRACTF128(Imm(1), v, upper)
			square(upper, b)
		}
	})
	for n := len(sums) / 2; n > 0; n /= 2 {
		for i := range n {
			VADDPD(sums[i+n], sums[i], sums[i])
		}
	}
	all := sums[0]
	if x.bytes == 64 {
		half := YMM()
		VEXTRACTF64X4(Imm(1), all, half)
		VADDPD(half, all.AsY(), all.AsY())
	}
	t := XMM()
	VEXTRACTF128(Imm(1), all.AsY(), t)
	low := all.AsX()
	VADDPD(t, low, low)
	VPERMILPD(Imm(1), low, t)
	VADDPD(t, low, low)
	finish(low)
}

// extent compares numbers as their bits: without the sign these are in the order of the
// numbers, and those of NaN come last.
func extent(x *isa) {
	x.text("extent", "x *float32, n int) (most, bits float32)",
		"returns the largest |x|, where NaN are the largest, and all bits", "that are set in some x.")
	p, n := arg("x"), arg("n")
	or := func(a, b, dst Op) {
		if x.bytes == 64 {
			VPORD(a, b, dst)
			return
		}
		VPOR(a, b, dst)
	}
	abs := x.copyOf(x.bits(0x7fffffff))
	most, bits := x.zeros(unroll), x.zeros(unroll)
	x.walk(n, []GPVirtual{p}, func(i int, tail bool) {
		v, w := x.read(p, i, tail), x.new()
		or(v, bits[i], bits[i])
		if x.bytes == 64 {
			VPANDD(v, abs, w)
		} else {
			VPAND(v, abs, w)
		}
		VPMAXUD(w, most[i], most[i])
	})
	finish(x.fold(most, func(a, b, dst Op) { VPMAXUD(a, b, dst) }), x.fold(bits, or))
}
