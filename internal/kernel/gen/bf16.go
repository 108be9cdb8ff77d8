package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// bf16 writes the conversions, and the packing of tiles in AVX-512. A tile of b
// is 16 pairs of terms high and 16 columns wide: the numbers of a pair lie side
// by side. A tile of a is 16 rows of 32 terms.
func bf16() {
	roundBF16()
	splitBF16()
	widenBF16()
	packTilePairs()
	packTileRows()
	roundBF16x256()
	widenBF16x256()
}

// roundBF16 rounds to nearest, ties to even, by integers: any AVX-512 has that,
// and subnormal numbers stay.
func roundBF16() {
	x := avx512()
	x.text("roundBF16x", "y *uint16, x *float32, n int)", "rounds x to bf16.")
	y, p, n := arg("y"), arg("x"), arg("n")
	one, bias, quiet := x.copyOf(x.bits(1)), x.copyOf(x.bits(0x7fff)), x.copyOf(x.bits(0x7fc00000))
	x.walkTo(n, p, y, func(i int, tail bool) {
		v := x.read(p, i, tail)
		odd := ZMM()
		VPSRLD(Imm(16), v, odd)
		VPANDD(one, odd, odd)
		VPADDD(bias, odd, odd)
		VCMPPS(Imm(3), v, v, K2) // NaN
		VPADDD(odd, v, v)
		VMOVDQA32(quiet, K2, v)
		writeHalves(v, y, i, tail)
	}, 64, 32)
	finish()
}

// writeHalves writes the upper halves of v to place i of y, of a tail those under the mask.
func writeHalves(v VecVirtual, y Register, i int, tail bool) {
	VPSRLD(Imm(16), v, v)
	if tail {
		VPMOVDW(v, K1, Mem{Base: y, Disp: 32 * i})
	} else {
		VPMOVDW(v, Mem{Base: y, Disp: 32 * i})
	}
}

// splitBF16 takes the upper halves twice away, where the masks let it, and writes the upper
// half of what is left.
func splitBF16() {
	x := avx512()
	x.text("splitBF16x", "y *uint16, x *float32, n int, first uint32, second uint32)", "writes the upper halves of x less its part under the mask first, less its part under second.")
	y, p, n := arg("y"), arg("x"), arg("n")
	masks := [2]VecVirtual{ZMM(), ZMM()}
	for i, name := range []string{"first", "second"} {
		VPBROADCASTD(Load(Param(name), GP32()), masks[i])
	}
	x.walkTo(n, p, y, func(i int, tail bool) {
		v, part := x.read(p, i, tail), ZMM()
		for _, mask := range masks {
			VPANDD(mask, v, part)
			VSUBPS(part, v, v)
		}
		writeHalves(v, y, i, tail)
	}, 64, 32)
	finish()
}

func widenBF16() {
	x := avx512()
	x.text("widenBF16x", "y *float32, x *uint16, n int)", "widens x to float32.")
	y, p, n := arg("y"), arg("x"), arg("n")
	x.walkTo(n, p, y, func(i int, tail bool) {
		v := ZMM()
		if tail {
			VPMOVZXWD_Z(Mem{Base: p, Disp: 32 * i}, K1, v)
		} else {
			VPMOVZXWD(Mem{Base: p, Disp: 32 * i}, v)
		}
		VPSLLD(Imm(16), v, v)
		x.write(v, y, i, tail)
	}, 32, 64)
	finish()
}

// roundBF16x256 is roundBF16 in AVX2, for whole rounds of 16 numbers.
func roundBF16x256() {
	x := avx2()
	x.text("roundBF16x", "y *uint16, x *float32, n int)", "rounds x to bf16; n is a multiple of 16.")
	y, p, n := arg("y"), arg("x"), arg("n")
	one, bias, quiet := x.copyOf(x.bits(1)), x.copyOf(x.bits(0x7fff)), x.copyOf(x.bits(0x7fc00000))
	Label("round")
	v := make([]vector, 2)
	for i := range v {
		v[i] = x.read(p, i, false)
		odd, nan := x.new(), x.new()
		VPSRLD(Imm(16), v[i], odd)
		VPAND(one, odd, odd)
		VPADDD(bias, odd, odd)
		VCMPPS(Imm(3), v[i], v[i], nan)
		VPADDD(odd, v[i], v[i])
		VPBLENDVB(nan, quiet, v[i], v[i])
		VPSRLD(Imm(16), v[i], v[i])
	}
	VPACKUSDW(v[1], v[0], v[0]) // in each half: four of the first, four of the second
	VPERMQ(Imm(0xd8), v[0], v[0])
	VMOVDQU(v[0], Mem{Base: y})
	ADDQ(Imm(64), p)
	ADDQ(Imm(32), y)
	SUBQ(Imm(16), n)
	JNZ(LabelRef("round"))
	finish()
}

// widenBF16x256 is widenBF16 in AVX2, for whole rounds of 16 numbers.
func widenBF16x256() {
	x := avx2()
	x.text("widenBF16x", "y *float32, x *uint16, n int)", "widens x to float32; n is a multiple of 16.")
	y, p, n := arg("y"), arg("x"), arg("n")
	Label("round")
	for i := range 2 {
		v := x.new()
		VPMOVZXWD(Mem{Base: p, Disp: 16 * i}, v)
		VPSLLD(Imm(16), v, v)
		x.write(v, y, i, false)
	}
	ADDQ(Imm(32), p)
	ADDQ(Imm(64), y)
	SUBQ(Imm(16), n)
	JNZ(LabelRef("round"))
	finish()
}

// walkTo is walk for a source and a destination whose vectors differ in bytes.
func (x *isa) walkTo(n, src, dst GPVirtual, body func(i int, tail bool), from, to int) {
	SUBQ(Imm(64), n)
	JL(LabelRef("rest"))
	Label("round")
	for i := range unroll {
		body(i, false)
	}
	ADDQ(U32(uint32(unroll*from)), src)
	ADDQ(U32(uint32(unroll*to)), dst)
	SUBQ(Imm(64), n)
	JGE(LabelRef("round"))
	Label("rest")
	ADDQ(Imm(64), n)
	JZ(LabelRef("done"))
	Label("tail")
	x.setMask(n)
	body(0, true)
	ADDQ(Imm(uint64(from)), src)
	ADDQ(Imm(uint64(to)), dst)
	SUBQ(Imm(16), n)
	JG(LabelRef("tail"))
	Label("done")
}

// words makes K1 the mask of the first min(n, 32) words; n stays.
func words(n GPVirtual) {
	bits, count := GP64(), GP64()
	MOVQ(U64(32), count)
	CMPQ(n, count)
	CMOVQLT(n, count)
	MOVQ(I64(-1), bits)
	BZHIQ(count, bits, bits)
	KMOVD(bits.As32(), K1)
}

var orders [2]*Mem

// interleave is the order of the words of two rows that puts pairs side by side:
// of the first or of the second sixteen columns.
func interleave(half int) vector {
	if orders[half] == nil {
		m := GLOBL(fmt.Sprintf("pairs%d", half), 8|16)
		for i := range 32 {
			DATA(2*i, U16(uint16(i%2*32+i/2+16*half)))
		}
		orders[half] = &m
	}
	v := ZMM()
	VMOVDQU16(*orders[half], v)
	return v
}

// packTilePairs packs rows of terms: to tiles of b as pairs, and to tiles of a as
// pairs that are then transposed.
func packTilePairs() {
	for _, transposed := range []bool{false, true} {
		if transposed {
			TEXT("packTilesTN", 4, "func(dst *uint16, to int, src *uint16, stride, k, columns int)")
			Doc("packTilesTN transposes 1 ≤ columns ≤ 32 columns of k ≥ 1 rows, stride bytes apart, to 32 rows,",
				"to bytes apart, of k terms, rounded up to 32. What is missing is 0.")
		} else {
			TEXT("packTilesNN", 4, "func(dst, src *uint16, stride, k, columns int)")
			Doc("packTilesNN packs 1 ≤ columns ≤ 32 columns of k ≥ 1 rows, stride bytes apart, to pairs of",
				"tiles of b. What is missing is 0.")
		}
		Pragma("noescape")
		dst, src, stride, k, columns := arg("dst"), arg("src"), arg("stride"), arg("k"), arg("columns")
		var to GPVirtual
		if transposed {
			to = arg("to")
		}
		words(columns)
		KXORD(K2, K2, K2)
		// Transposing takes all 32 registers: the orders are loaded when needed.
		z, t := make([]vector, 16), make([]vector, 16)
		for i := range z {
			z[i], t[i] = ZMM(), ZMM()
		}
		var out GPVirtual
		ahead := GP64() // rows are far apart: the 32 after these are asked for
		MOVQ(stride, ahead)
		SHLQ(Imm(5), ahead)
		tile := func(half int) {
			at, left := GP64(), GP64()
			MOVQ(src, at)
			MOVQ(k, left)
			order := interleave(half)
			for i := range z {
				VPXORD(z[i], z[i], z[i])
			}
			for i := range z {
				second := ZMM()
				CMPQ(left, Imm(2))
				JL(LabelRef(fmt.Sprintf("last%d_%d", half, i)))
				VMOVDQU16_Z(Mem{Base: at}, K1, z[i])
				VMOVDQU16_Z(Mem{Base: at, Index: stride, Scale: 1}, K1, second)
				if half == 0 {
					PREFETCHT0(Mem{Base: at, Index: ahead, Scale: 1})
				}
				VPERMT2W(second, order, z[i])
				if half == 0 {
					ADDQ(stride, at)
					PREFETCHT0(Mem{Base: at, Index: ahead, Scale: 1})
					ADDQ(stride, at)
				} else {
					LEAQ(Mem{Base: at, Index: stride, Scale: 2}, at)
				}
				SUBQ(Imm(2), left)
				JMP(LabelRef(fmt.Sprintf("next%d_%d", half, i)))
				Label(fmt.Sprintf("last%d_%d", half, i))
				CMPQ(left, Imm(1))
				JL(LabelRef(fmt.Sprintf("full%d", half)))
				VMOVDQU16_Z(Mem{Base: at}, K2, second) // nothing
				VMOVDQU16_Z(Mem{Base: at}, K1, z[i])
				VPERMT2W(second, order, z[i])
				XORQ(left, left)
				Label(fmt.Sprintf("next%d_%d", half, i))
			}
			Label(fmt.Sprintf("full%d", half))
			if transposed {
				transpose(z, t)
				if half == 0 {
					MOVQ(dst, out)
				}
				for i := range z {
					VMOVDQU16(z[i], Mem{Base: out})
					ADDQ(to, out)
				}
				return
			}
			for i := range z {
				VMOVDQU16(z[i], Mem{Base: dst, Disp: 1024*half + 64*i})
			}
		}
		if transposed {
			out = GP64()
		}
		Label("tiles")
		tile(0)
		tile(1)
		if transposed {
			ADDQ(Imm(64), dst)
		} else {
			ADDQ(U32(2048), dst)
		}
		LEAQ(Mem{Base: src, Index: stride, Scale: 8}, src)
		LEAQ(Mem{Base: src, Index: stride, Scale: 8}, src)
		LEAQ(Mem{Base: src, Index: stride, Scale: 8}, src)
		LEAQ(Mem{Base: src, Index: stride, Scale: 8}, src)
		SUBQ(Imm(32), k)
		JG(LabelRef("tiles"))
		VZEROUPPER()
		RET()
	}
}

// packTileRows transposes rows of b to tiles.
func packTileRows() {
	TEXT("packTilesNT", 4, "func(dst, src *uint16, stride, k, rows int)")
	Doc("packTilesNT packs 1 ≤ rows ≤ 32 rows of k ≥ 1 terms, stride bytes apart, to pairs of tiles of",
		"bᵗ. What is missing is 0.")
	Pragma("noescape")
	dst, src, stride, k, rows := arg("dst"), arg("src"), arg("stride"), arg("k"), arg("rows")
	z, t := make([]vector, 16), make([]vector, 16)
	for i := range z {
		z[i], t[i] = ZMM(), ZMM()
	}
	Label("tiles")
	words(k)
	at, left := GP64(), GP64()
	MOVQ(src, at)
	MOVQ(rows, left)
	for half := range 2 {
		for i := range z {
			VPXORD(z[i], z[i], z[i])
		}
		label := fmt.Sprintf("loaded%d", half)
		for i := range z {
			CMPQ(left, Imm(uint64(i)))
			JLE(LabelRef(label))
			VMOVDQU16_Z(Mem{Base: at}, K1, z[i])
			ADDQ(stride, at)
		}
		Label(label)
		SUBQ(Imm(16), left)
		transpose(z, t)
		for i := range z {
			VMOVDQU16(z[i], Mem{Base: dst, Disp: 1024*half + 64*i})
		}
	}
	ADDQ(U32(2048), dst)
	ADDQ(Imm(64), src)
	SUBQ(Imm(32), k)
	JG(LabelRef("tiles"))
	VZEROUPPER()
	RET()
}
