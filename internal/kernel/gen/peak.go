package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// The loops that measure what the processor can do: 48 fused multiplications and
// additions on registers, of which enough are independent.
func peak512() { peak(avx512(), 24) }
func peak256() { peak(avx2(), 12) }

func peak(x *isa, independent int) {
	TEXT("peak"+x.name, 4, "func(n int)")
	Doc("peak" + x.name + " runs n ≥ 1 times 48 fused multiplications and additions of vectors.")
	n := arg("n")
	sums := make([]vector, independent)
	for i := range sums {
		sums[i] = x.new()
		x.zero(sums[i])
	}
	a, b := x.new(), x.new()
	x.zero(a)
	x.zero(b)
	Label("again")
	for i := range 48 {
		VFMADD231PS(a, b, sums[i%independent])
	}
	DECQ(n)
	JNZ(LabelRef("again"))
	VZEROUPPER()
	RET()
}
