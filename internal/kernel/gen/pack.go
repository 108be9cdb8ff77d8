package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// pack512 and pack256 write the packing kernels.
func pack512() {
	packRows(avx512(), 3, f32n)
	packHeights512()
	packFourHeights512()
	packColumns(avx512(), f32n)
}

func pack256() {
	packRows(avx2(), 2, f32n)
	packFourRows256(f32n)
	packHeights256()
	packFourHeights256()
	packColumns(avx2(), f32n)
}

// packRows copies parts of rows to the rows of a strip.
func packRows(x *isa, vectors int, of storage) {
	name := "packRows" + x.name + string(of)
	TEXT(name, 4, fmt.Sprintf("func(k int, dst *float32, to int, src *%s, from, vectors, last int)", of.element()))
	Doc(fmt.Sprintf("%s copies k ≥ 1 rows of 1 to %d vectors, the last of which has last ≥ 1 numbers", name, vectors),
		"and is filled up with 0. Rows are to bytes apart in dst and from bytes in src.")
	Pragma("noescape")
	k, dst, to, src, from, n := arg("k"), arg("dst"), arg("to"), arg("src"), arg("from"), arg("vectors")
	last := arg("last")
	x.setMask(last)
	for v := 1; v <= vectors; v++ {
		if v < vectors {
			CMPQ(n, Imm(uint64(v)))
			JNE(LabelRef(fmt.Sprintf("not%d", v)))
		}
		Label(fmt.Sprintf("rows%d", v))
		for i := range v {
			z := x.new()
			x.loadOf(of, Mem{Base: src, Disp: x.lanes() * of.bytes() * i}, z, i == v-1)
			VMOVUPS(z, Mem{Base: dst, Disp: x.bytes * i})
		}
		for i := 0; i < v*x.lanes()*of.bytes(); i += 64 {
			PREFETCHT0(Mem{Base: src, Index: from, Scale: 8, Disp: i})
		}
		ADDQ(from, src)
		ADDQ(to, dst)
		DECQ(k)
		JNZ(LabelRef(fmt.Sprintf("rows%d", v)))
		VZEROUPPER()
		RET()
		if v < vectors {
			Label(fmt.Sprintf("not%d", v))
		}
	}
}

// packHeights512 copies up to 16 columns to two strips 8 high.
func packHeights512() {
	x := avx512()
	TEXT("packHeights512", 4, "func(k int, dst, src *float32, from, n int)")
	Doc("packHeights512 copies k ≥ 1 times n ≤ 16 numbers to strips of 8, the first 8 at dst and,",
		"where there are more, the others at dst + 8*k, the rest 0: src advances by from bytes.")
	Pragma("noescape")
	k, dst, src, from, n := arg("k"), arg("dst"), arg("src"), arg("from"), arg("n")
	x.setMask(n)
	second := GP64()
	MOVQ(k, second)
	SHLQ(Imm(5), second)
	ADDQ(dst, second)
	CMPQ(n, Imm(8))
	JLE(LabelRef("one"))
	for _, name := range []string{"two", "one"} {
		Label(name)
		z := ZMM()
		x.load(Mem{Base: src}, z, true)
		PREFETCHT0(Mem{Base: src, Index: from, Scale: 8})
		VMOVUPS(z.AsY(), Mem{Base: dst})
		if name == "two" {
			VEXTRACTF64X4(Imm(1), z, Mem{Base: second})
			ADDQ(Imm(32), second)
		}
		ADDQ(from, src)
		ADDQ(Imm(32), dst)
		DECQ(k)
		JNZ(LabelRef(name))
		VZEROUPPER()
		RET()
	}
}

// packFourHeights512 copies 32 columns, two lines of a row at a time, to four strips 8 high.
func packFourHeights512() {
	x := avx512()
	TEXT("packFourHeights512", 4, "func(k int, dst, src *float32, from int)")
	Doc("packFourHeights512 copies k ≥ 1 times 32 numbers to four strips of 8, one every 8*k numbers:",
		"src advances by from bytes.")
	Pragma("noescape")
	k, dst, src, from := arg("k"), arg("dst"), arg("src"), arg("from")
	step, step3 := GP64(), GP64()
	MOVQ(k, step)
	SHLQ(Imm(5), step)
	LEAQ(Mem{Base: step, Index: step, Scale: 2}, step3)
	strips := rowsOf{base: dst, step: step, step3: step3}
	Label("row")
	for i := range 2 {
		z := x.read(src, i, false)
		PREFETCHT0(Mem{Base: src, Index: from, Scale: 8, Disp: 64 * i})
		VMOVUPS(z.AsY(), strips.at(2*i, 0))
		VEXTRACTF64X4(Imm(1), z, strips.at(2*i+1, 0))
	}
	ADDQ(from, src)
	ADDQ(Imm(32), dst)
	DECQ(k)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// packHeights256 copies 6 columns to a strip 6 high.
func packHeights256() {
	TEXT("packHeights256", 4, "func(k int, dst, src *float32, from int)")
	Doc("packHeights256 copies k ≥ 1 times 6 numbers to a strip of 6: src advances by from bytes.")
	Pragma("noescape")
	k, dst, src, from := arg("k"), arg("dst"), arg("src"), arg("from")
	Label("again")
	four, two := XMM(), XMM()
	VMOVUPS(Mem{Base: src}, four)
	VMOVSD(Mem{Base: src, Disp: 16}, two)
	VMOVUPS(four, Mem{Base: dst})
	VMOVSD(two, Mem{Base: dst, Disp: 16})
	ADDQ(from, src)
	ADDQ(Imm(24), dst)
	DECQ(k)
	JNZ(LabelRef("again"))
	RET()
}

// packFourRows256 copies four cache lines of a row at a time: memory delivers neighbouring
// lines faster than lines that are a row apart.
func packFourRows256(of storage) {
	x := avx2()
	name := "packFourRows256" + string(of)
	TEXT(name, 4, fmt.Sprintf("func(k int, dst *float32, src *%s, from int)", of.element()))
	Doc(name+" copies k ≥ 1 rows of 64 numbers to four strips of 16, one every 16*k numbers:",
		"src advances by from bytes.")
	Pragma("noescape")
	k, dst, src, from := arg("k"), arg("dst"), arg("src"), arg("from")
	to := strips(k, dst, 16)
	Label("row")
	for i := range 4 {
		for v := range 2 {
			z := x.new()
			x.loadOf(of, Mem{Base: src, Disp: (16*i + 8*v) * of.bytes()}, z, false)
			VMOVUPS(z, to.at(i, x.bytes*v))
		}
	}
	for at := 0; at < 64*of.bytes(); at += 64 {
		PREFETCHT0(Mem{Base: src, Index: from, Scale: 8, Disp: at})
	}
	ADDQ(from, src)
	ADDQ(Imm(64), dst)
	DECQ(k)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// packFourHeights256 copies 24 columns to four strips 6 high. It writes eight numbers where
// six belong; the next term overwrites the other two. The last strip is read exactly, because
// memory may end behind it, and so is the last term, because it ends next to another strip.
func packFourHeights256() {
	x := avx2()
	TEXT("packFourHeights256", 4, "func(k int, dst, src *float32, from int)")
	Doc("packFourHeights256 copies k ≥ 1 times 24 numbers to four strips of 6, one every 6*k numbers:",
		"src advances by from bytes.")
	Pragma("noescape")
	k, dst, src, from := arg("k"), arg("dst"), arg("src"), arg("from")
	to := strips(k, dst, 6)
	exact := func(i int) {
		four, two := XMM(), XMM()
		VMOVUPS(Mem{Base: src, Disp: 24 * i}, four)
		VMOVSD(Mem{Base: src, Disp: 24*i + 16}, two)
		VMOVUPS(four, to.at(i, 0))
		VMOVSD(two, to.at(i, 16))
	}
	DECQ(k)
	JZ(LabelRef("last"))
	Label("row")
	for i := range 3 {
		z := x.new()
		VMOVUPS(Mem{Base: src, Disp: 24 * i}, z)
		VMOVUPS(z, to.at(i, 0))
	}
	exact(3)
	PREFETCHT0(Mem{Base: src, Index: from, Scale: 8})
	PREFETCHT0(Mem{Base: src, Index: from, Scale: 8, Disp: 64})
	ADDQ(from, src)
	ADDQ(Imm(24), dst)
	DECQ(k)
	JNZ(LabelRef("row"))
	Label("last")
	for i := range 4 {
		exact(i)
	}
	VZEROUPPER()
	RET()
}

// packColumns transposes rows to the columns of a strip.
func packColumns(x *isa, of storage) {
	lanes, name := x.lanes(), "packColumns"+x.name+string(of)
	parts := of == f32n || x.bytes == 64 // blocks that are not whole; AVX2 has no mask for 16 bits
	TEXT(name, 4, fmt.Sprintf("func(k int, dst *float32, to int, src *%s, from, rows int)", of.element()))
	sizes := fmt.Sprintf("1 ≤ rows ≤ %d rows of k ≥ 1 numbers", lanes)
	if !parts {
		sizes = fmt.Sprintf("rows = %d rows of k numbers, k a multiple of %d,", lanes, lanes)
	}
	Doc(fmt.Sprintf("%s transposes %s to k rows of %d, the rest 0.", name, sizes, lanes),
		"Rows are to bytes apart in dst and from bytes in src.")
	Pragma("noescape")
	k, dst, to, src, from, rows := arg("k"), arg("dst"), arg("to"), arg("src"), arg("from"), arg("rows")
	z := make([]vector, lanes)
	t := make([]vector, lanes)
	for i := range z {
		z[i], t[i] = x.new(), x.new()
	}
	from3, to3 := GP64(), GP64()
	LEAQ(Mem{Base: from, Index: from, Scale: 2}, from3)
	LEAQ(Mem{Base: to, Index: to, Scale: 2}, to3)
	row, out := GP64(), GP64()

	Label("blocks")
	if parts {
		CMPQ(rows, Imm(uint64(lanes)))
		JL(LabelRef("few"))
		CMPQ(k, Imm(uint64(lanes)))
		JL(LabelRef("few"))
	}
	MOVQ(src, row)
	for i := range z {
		x.loadOf(of, rowsOf{base: row, step: from, step3: from3}.at(i%4, 0), z[i], false)
		PREFETCHT0(rowsOf{base: row, step: from, step3: from3}.at(i%4, 512))
		if i%4 == 3 && i < lanes-1 {
			LEAQ(Mem{Base: row, Index: from, Scale: 4}, row)
		}
	}
	transpose(z, t)
	for i := range z {
		VMOVUPS(z[i], rowsOf{base: dst, step: to, step3: to3}.at(i%4, 0))
		if i%4 == 3 {
			LEAQ(Mem{Base: dst, Index: to, Scale: 4}, dst)
		}
	}
	ADDQ(Imm(uint64(lanes*of.bytes())), src)
	SUBQ(Imm(uint64(lanes)), k)
	JNZ(LabelRef("blocks"))
	if !parts {
		VZEROUPPER()
		RET()
		return
	}
	JMP(LabelRef("done"))

	// A block with fewer rows or numbers in a row.
	Label("few")
	n := GP64()
	MOVQ(U64(lanes), n)
	CMPQ(k, n)
	CMOVQLT(k, n)
	x.setMask(n)
	for i := range z {
		x.zero(z[i])
	}
	MOVQ(src, row)
	for i := range z {
		if i > 0 {
			CMPQ(rows, Imm(uint64(i)))
			JLE(LabelRef("loaded"))
		}
		x.loadOf(of, Mem{Base: row}, z[i], true)
		ADDQ(from, row)
	}
	Label("loaded")
	transpose(z, t)
	MOVQ(dst, out)
	for i := range z {
		VMOVUPS(z[i], Mem{Base: out})
		ADDQ(to, out)
		CMPQ(k, Imm(uint64(i+1)))
		JLE(LabelRef("done"))
	}
	MOVQ(out, dst)
	ADDQ(Imm(uint64(lanes*of.bytes())), src)
	SUBQ(Imm(uint64(lanes)), k)
	JMP(LabelRef("few"))
	Label("done")
	VZEROUPPER()
	RET()
}

// transposeQuarters transposes in every 128 bits of each four of z their square of
// numbers; t is scratch.
func transposeQuarters(z, t []vector) {
	for i := 0; i < len(z); i += 2 {
		VUNPCKLPS(z[i+1], z[i], t[i])
		VUNPCKHPS(z[i+1], z[i], t[i+1])
	}
	for q := 0; q < len(z); q += 4 {
		VUNPCKLPD(t[q+2], t[q], z[q])
		VUNPCKHPD(t[q+2], t[q], z[q+1])
		VUNPCKLPD(t[q+3], t[q+1], z[q+2])
		VUNPCKHPD(t[q+3], t[q+1], z[q+3])
	}
}

// transpose transposes the square of numbers in z; t is scratch.
func transpose(z, t []vector) {
	transposeQuarters(z, t)
	n := len(z)
	if n == 8 {
		for i := range 4 {
			VPERM2F128(Imm(0x20), z[4+i], z[i], t[i])
			VPERM2F128(Imm(0x31), z[4+i], z[i], t[4+i])
		}
		for i := range z {
			VMOVAPS(t[i], z[i])
		}
		return
	}
	for h := 0; h < n; h += 8 {
		for i := range 4 {
			VSHUFF32X4(Imm(0x88), z[h+4+i], z[h+i], t[h+i])
			VSHUFF32X4(Imm(0xdd), z[h+4+i], z[h+i], t[h+4+i])
		}
	}
	for i := range 8 {
		VSHUFF32X4(Imm(0x88), t[8+i], t[i], z[i])
		VSHUFF32X4(Imm(0xdd), t[8+i], t[i], z[8+i])
	}
}
