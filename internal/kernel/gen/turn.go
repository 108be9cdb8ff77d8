package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// turn writes the tile kernel for some rows of a and 16 rows of b, in AVX-512: it
// transposes b in registers, four terms at a time, so that a b that is read once, from
// memory, is not written anywhere.
func turn(rows int) {
	x := avx512()
	name := fmt.Sprintf("turn512x%d", rows)
	TEXT(name, 4, "func(k int, a *float32, down, right int, b *float32, next int, c *float32, stride int, bias *float32, mode, last int)")
	Doc(fmt.Sprintf("%s sets c, %d×last, to products of rows of a with 16 rows of b, next bytes apart; k is a", name, rows),
		"multiple of 4 and right is 4. Strides are in bytes, last ≤ 16. mode: 1 adds the old c, 2 the bias.")
	Pragma("noescape")
	last := arg("last")
	x.setMask(last)
	for i, k := range []Register{K2, K3, K4} { // the second to the fourth quarter of a vector
		quarter := GP64()
		MOVQ(U64(15<<(4*(i+1))), quarter)
		KMOVW(quarter.As32(), k)
	}
	k, next := arg("k"), arg("next")
	a := newRows(arg("a"), arg("down"), rows)
	next3 := GP64()
	LEAQ(Mem{Base: next, Index: next, Scale: 2}, next3)
	quarters := []rowsOf{{base: arg("b"), step: next, step3: next3}}
	for i := range 3 {
		q := rowsOf{base: GP64(), step: next, step3: next3}
		LEAQ(Mem{Base: quarters[i].base, Index: next, Scale: 4}, q.base)
		quarters = append(quarters, q)
	}
	sums := make([][]vector, rows)
	for i := range sums {
		sums[i] = x.zeros(1)
	}
	z, t := make([]vector, 4), make([]vector, 4)
	for i := range z {
		z[i], t[i] = x.new(), x.new()
	}
	four := func(at int) { // the terms from byte at on
		for i := range z { // rows i, 4+i, 8+i and 12+i
			VMOVUPS(quarters[0].at(i, at), z[i].AsX())
			for q, mask := range []Register{K2, K3, K4} {
				VBROADCASTF32X4(quarters[q+1].at(i, at), mask, z[i])
			}
		}
		transposeQuarters(z, t)
		for i := range z {
			for r := range rows {
				VFMADD231PS_BCST(a.at(r, at+4*i), z[i], sums[r][0])
			}
		}
	}
	advance := func(bytes int) {
		for _, q := range quarters {
			ADDQ(Imm(uint64(bytes)), q.base)
		}
		ADDQ(Imm(uint64(bytes)), a.base)
	}

	SUBQ(Imm(16), k)
	JL(LabelRef("rest"))
	Label("terms")
	for _, q := range quarters {
		for i := range z {
			PREFETCHT0(q.at(i, 512))
		}
	}
	for i := range 4 {
		four(16 * i)
	}
	advance(64)
	SUBQ(Imm(16), k)
	JGE(LabelRef("terms"))
	Label("rest")
	ADDQ(Imm(16), k)
	JZ(LabelRef("done"))
	Label("few")
	four(0)
	advance(16)
	SUBQ(Imm(4), k)
	JNZ(LabelRef("few"))
	Label("done")

	x.storeTile(newRows(arg("c"), arg("stride"), rows), sums, x.new())
}

// turn256 writes the same in AVX2, for 8 rows of b or twice 8: each row of a has one chain of
// sums for each 8 rows of b, and a single chain waits for the latency of its additions.
func turn256(rows, groups int) {
	x := avx2()
	name := fmt.Sprintf("turn256x%dx%d", rows, groups)
	TEXT(name, 4, "func(k int, a *float32, down, right int, b *float32, next int, c *float32, stride int, bias *float32, mode, last int)")
	Doc(fmt.Sprintf("%s sets c, %d×%d where last = 8, to products of rows of a with rows of b, next", name, rows, 8*groups),
		"bytes apart; k is a multiple of 4 and right is 4. Strides are in bytes. mode: 1 adds the old c, 2 the bias.")
	Pragma("noescape")
	k, next := arg("k"), arg("next")
	a := newRows(arg("a"), arg("down"), rows)
	next3 := GP64()
	LEAQ(Mem{Base: next, Index: next, Scale: 2}, next3)
	halves := []rowsOf{{base: arg("b"), step: next, step3: next3}}
	for i := 1; i < 2*groups; i++ {
		h := rowsOf{base: GP64(), step: next, step3: next3}
		LEAQ(Mem{Base: halves[i-1].base, Index: next, Scale: 4}, h.base)
		halves = append(halves, h)
	}
	sums := make([][]vector, rows)
	for i := range sums {
		sums[i] = x.zeros(groups)
	}
	z, t := make([]vector, 4), make([]vector, 4)
	for i := range z {
		z[i], t[i] = x.new(), x.new()
	}
	four := func(at int) { // the terms from byte at on
		for g := range groups {
			for i := range z { // rows i and 4+i
				VMOVUPS(halves[2*g].at(i, at), z[i].AsX())
				VINSERTF128(Imm(1), halves[2*g+1].at(i, at), z[i], z[i])
			}
			transposeQuarters(z, t)
			for i := range z {
				for r := range rows {
					VBROADCASTSS(a.at(r, at+4*i), t[r])
					VFMADD231PS(t[r], z[i], sums[r][g])
				}
			}
		}
	}
	advance := func(bytes int) {
		for _, h := range halves {
			ADDQ(Imm(uint64(bytes)), h.base)
		}
		ADDQ(Imm(uint64(bytes)), a.base)
	}

	SUBQ(Imm(16), k)
	JL(LabelRef("rest"))
	Label("terms")
	for _, h := range halves {
		for i := range z {
			PREFETCHT0(h.at(i, 512))
		}
	}
	for i := range 4 {
		four(16 * i)
	}
	advance(64)
	SUBQ(Imm(16), k)
	JGE(LabelRef("terms"))
	Label("rest")
	ADDQ(Imm(16), k)
	JZ(LabelRef("done"))
	Label("few")
	four(0)
	advance(16)
	SUBQ(Imm(4), k)
	JNZ(LabelRef("few"))
	Label("done")

	x.setMask(arg("last"))
	x.storeTile(newRows(arg("c"), arg("stride"), rows), sums, x.new())
}
