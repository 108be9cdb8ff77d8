package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// A storage is how the elements of b are stored. Kernels widen them to float32 in registers.
type storage string

const (
	f32n  storage = ""
	bf16n storage = "bf16"
	f16n  storage = "f16"
)

// bytes is the size of an element.
func (n storage) bytes() int {
	if n == f32n {
		return 4
	}
	return 2
}

// element is the Go type of an element.
func (n storage) element() string {
	if n == f32n {
		return "float32"
	}
	return "uint16"
}

// narrow512 and narrow256 write the kernels that read a b of 16 bits, and widening.
func narrow512() {
	for _, from := range []storage{bf16n, f16n} {
		for v := 1; v <= 8; v++ {
			for r := 1; r <= 8; r++ {
				if r <= 2 || r <= 4 && v <= 6 || v <= 3 {
					fewRows(avx512(), r, v, from)
				}
			}
		}
		for r := 1; r <= 4; r++ {
			turnNarrow512(r, from)
		}
		packRows(avx512(), 3, from)
		packColumns(avx512(), from)
	}
	widenF16(avx512())
}

func narrow256() {
	for _, from := range []storage{bf16n, f16n} {
		for v := 1; v <= 8; v++ {
			for r := 1; r <= 6; r++ {
				if r == 1 || r == 2 && v <= 6 || v <= 2 {
					fewRows(avx2(), r, v, from)
				}
			}
		}
		for r := 1; r <= 2; r++ {
			turnNarrow256(r, 1, from)
			turnNarrow256(r, 2, from)
		}
		packFourRows256(from)
		packColumns(avx2(), from)
	}
	widenF16(avx2())
}

// widen loads v from m, where numbers of 16 bits are.
func (x *isa) widen(from storage, m Mem, v vector, tail bool) {
	switch {
	case tail && x.bytes == 32:
		panic("AVX2 has no mask for 16 bits")
	case tail && from == bf16n:
		VPMOVZXWD_Z(m, K1, v)
	case tail:
		VCVTPH2PS_Z(m, K1, v)
	case from == bf16n:
		VPMOVZXWD(m, v)
	default:
		VCVTPH2PS(m, v)
	}
	if from == bf16n {
		VPSLLD(Imm(16), v, v)
	}
}

// loadOf is load of numbers that are stored in another way.
func (x *isa) loadOf(of storage, m Mem, v vector, tail bool) {
	if of == f32n {
		x.load(m, v, tail)
	} else {
		x.widen(of, m, v, tail)
	}
}

// fewRows writes a tile kernel for so few rows of a that reading b is the limit: it reads b
// where it is. Of 1 to 4 rows, tiles are wide, and b is prefetched 24 terms ahead.
func fewRows(x *isa, rows, vectors int, from storage) {
	name := fmt.Sprintf("mul%sx%dx%d%s", x.name, rows, vectors, from)
	TEXT(name, 4, fmt.Sprintf("func(k int, a *float32, down, right int, b *%s, next int, c *float32, stride int, bias *float32, mode, last int)", from.element()))
	doc := "%s sets c, %d×%d where last = %d, to products of k ≥ 1 terms; last ≥ 1 counts the"
	if from != f32n && x.bytes == 32 {
		doc = "%s sets c, %d×%d, to products of k ≥ 1 terms; last = %d is the number of"
		x.tails = false
	}
	Doc(fmt.Sprintf(doc, name, rows, vectors*x.lanes(), x.lanes()),
		"columns of the last vector. Strides are in bytes. mode: 1 adds the old c, 2 the bias.")
	Pragma("noescape")
	if x.tails {
		x.setMask(arg("last"))
	}
	k, right, b, next := arg("k"), arg("right"), arg("b"), arg("next")
	a := newRows(arg("a"), arg("down"), rows)
	c := newRows(arg("c"), arg("stride"), rows)
	sums := make([][]vector, rows)
	for i := range sums {
		sums[i] = x.zeros(vectors)
	}
	wide := rows*vectors+rows+2 <= x.registers()
	columns, values := make([]vector, vectors), make([]vector, rows)
	for v := range columns {
		if columns[v] = x.new(); wide && v > 0 {
			columns[v] = columns[0]
		}
	}
	for i := range values {
		if values[i] = x.new(); !wide && i > 0 {
			values[i] = values[0]
		}
	}
	ahead := next
	if rows <= 4 {
		ahead = GP64()
		LEAQ(Mem{Base: next, Index: next, Scale: 2}, ahead)
	}
	bytes := x.lanes() * from.bytes()
	column := func(v int) {
		if v*bytes%64 == 0 {
			PREFETCHT0(Mem{Base: b, Index: ahead, Scale: 8, Disp: v * bytes})
		}
		m, tail := Mem{Base: b, Disp: v * bytes}, x.tails && v == vectors-1
		x.loadOf(from, m, columns[v], tail)
	}

	Label("terms")
	if wide { // the values of a stay in registers, and each vector of b in turn
		for i, v := range values {
			VBROADCASTSS(a.at(i, 0), v)
		}
		for v := range vectors {
			column(v)
			for i := range sums {
				VFMADD231PS(columns[v], values[i], sums[i][v])
			}
		}
	} else {
		for v := range vectors {
			column(v)
		}
		for i := range sums {
			VBROADCASTSS(a.at(i, 0), values[i])
			for v := range vectors {
				VFMADD231PS(columns[v], values[i], sums[i][v])
			}
		}
	}
	a.move(right)
	ADDQ(next, b)
	DECQ(k)
	JNZ(LabelRef("terms"))

	x.storeTile(c, sums, columns[0])
}

// quartersOf addresses 4·n rows of b: four of them from each of n registers.
func quartersOf(b, next GPVirtual, n int) []rowsOf {
	next3 := GP64()
	LEAQ(Mem{Base: next, Index: next, Scale: 2}, next3)
	q := []rowsOf{{base: b, step: next, step3: next3}}
	for i := 1; i < n; i++ {
		r := rowsOf{base: GP64(), step: next, step3: next3}
		LEAQ(Mem{Base: q[i-1].base, Index: next, Scale: 4}, r.base)
		q = append(q, r)
	}
	return q
}

// inTerms emits the loop over k terms, a multiple of 4: once 16 terms, in steps, and what is
// left in steps of 4. Each step advances a by 4 bytes a term and b by 2.
func inTerms(k, a GPVirtual, b []rowsOf, step int, terms func(at, n int)) {
	advance := func(n int) {
		for _, q := range b {
			ADDQ(Imm(uint64(2*n)), q.base)
		}
		ADDQ(Imm(uint64(4*n)), a)
	}
	SUBQ(Imm(32), k)
	JL(LabelRef("rest"))
	Label("terms")
	for _, q := range b {
		for i := range 4 {
			PREFETCHT0(q.at(i, 512))
		}
	}
	for at := 0; at < 32; at += step {
		terms(at, step)
	}
	advance(32)
	SUBQ(Imm(32), k)
	JGE(LabelRef("terms"))
	Label("rest")
	ADDQ(Imm(32), k)
	JZ(LabelRef("done"))
	Label("few")
	terms(0, 4)
	advance(4)
	SUBQ(Imm(4), k)
	JNZ(LabelRef("few"))
	Label("done")
}

func turnText(name string, rows, columns int) {
	TEXT(name, 4, "func(k int, a *float32, down, right int, b *uint16, next int, c *float32, stride int, bias *float32, mode, last int)")
	Doc(fmt.Sprintf("%s sets c, %d×%d where last = lanes, to products of rows of a with rows of b, next", name, rows, columns),
		"bytes apart; k is a multiple of 4 and right is 4. Strides are in bytes. mode: 1 adds the old c, 2 the bias.")
	Pragma("noescape")
}

// turnNarrow512 is turn for a b of 16 bits. Eight terms of 16 rows are transposed as four
// pairs of terms; then each half of a pair is widened.
func turnNarrow512(rows int, from storage) {
	x := avx512()
	turnText(fmt.Sprintf("turn512x%d%s", rows, from), rows, 16)
	x.setMask(arg("last"))
	for i, k := range []Register{K2, K3, K4} { // the second to the fourth quarter of a vector
		quarter := GP64()
		MOVQ(U64(15<<(4*(i+1))), quarter)
		KMOVW(quarter.As32(), k)
	}
	k, next := arg("k"), arg("next")
	a := newRows(arg("a"), arg("down"), rows)
	quarters := quartersOf(arg("b"), next, 4)
	sums := make([][]vector, rows)
	for i := range sums {
		sums[i] = x.zeros(1)
	}
	z, t := make([]vector, 4), make([]vector, 4)
	for i := range z {
		z[i], t[i] = x.new(), x.new()
	}
	wide, upper := x.new(), x.new()
	if from == bf16n {
		ones := GP64()
		MOVQ(U64(0xffff0000), ones)
		VPBROADCASTD(ones.As32(), upper)
	}
	inTerms(k, a.base, quarters, 8, func(at, n int) {
		for i := range z { // rows i, 4+i, 8+i and 12+i
			if n == 8 {
				VMOVUPS(quarters[0].at(i, 2*at), z[i].AsX())
			} else {
				VMOVSD(quarters[0].at(i, 2*at), z[i].AsX())
			}
			for q, mask := range []Register{K2, K3, K4} {
				if n == 8 {
					VBROADCASTF32X4(quarters[q+1].at(i, 2*at), mask, z[i])
				} else {
					VBROADCASTF32X2(quarters[q+1].at(i, 2*at), mask, z[i])
				}
			}
		}
		transposeQuarters(z, t)
		for i := range n / 2 {
			for half := range 2 {
				switch {
				case from == bf16n && half == 0:
					VPSLLD(Imm(16), z[i], wide)
				case from == bf16n:
					VPANDD(upper, z[i], wide)
				default:
					if half == 1 {
						VPSRLD(Imm(16), z[i], z[i])
					}
					VPMOVDW(z[i], wide.AsY())
					VCVTPH2PS(wide.AsY(), wide)
				}
				for r := range rows {
					VFMADD231PS_BCST(a.at(r, 4*(at+2*i+half)), wide, sums[r][0])
				}
			}
		}
	})
	x.storeTile(newRows(arg("c"), arg("stride"), rows), sums, x.new())
}

// turnNarrow256 is turn256 for a b of 16 bits. Of bf16, eight terms are transposed as four
// pairs, as in turnNarrow512; f16 is widened first, four terms at a time.
func turnNarrow256(rows, groups int, from storage) {
	x := avx2()
	turnText(fmt.Sprintf("turn256x%dx%d%s", rows, groups, from), rows, 8*groups)
	k, next := arg("k"), arg("next")
	a := newRows(arg("a"), arg("down"), rows)
	halves := quartersOf(arg("b"), next, 2*groups)
	sums := make([][]vector, rows)
	for i := range sums {
		sums[i] = x.zeros(groups)
	}
	z, t := make([]vector, 4), make([]vector, 4)
	for i := range z {
		z[i], t[i] = x.new(), x.new()
	}
	wide := x.new()
	step := 8
	if from == f16n {
		step = 4
	}
	inTerms(k, a.base, halves, step, func(at, n int) {
		for g := range groups {
			for i := range z { // rows i and 4+i
				first, second := halves[2*g].at(i, 2*at), halves[2*g+1].at(i, 2*at)
				switch {
				case from == f16n:
					VCVTPH2PS(first, z[i].AsX())
					VCVTPH2PS(second, wide.AsX())
					VINSERTF128(Imm(1), wide.AsX(), z[i], z[i])
				case n == 8:
					VMOVUPS(first, z[i].AsX())
					VINSERTF128(Imm(1), second, z[i], z[i])
				default:
					VMOVSD(first, z[i].AsX())
					VMOVSD(second, wide.AsX())
					VINSERTF128(Imm(1), wide.AsX(), z[i], z[i])
				}
			}
			transposeQuarters(z, t)
			use := func(v vector, term int) {
				for r := range rows {
					VBROADCASTSS(a.at(r, 4*term), t[r])
					VFMADD231PS(t[r], v, sums[r][g])
				}
			}
			for i := range z {
				switch {
				case from == f16n:
					use(z[i], at+i)
				case i < n/2:
					VPSLLD(Imm(16), z[i], wide)
					use(wide, at+2*i)
					VPSRLD(Imm(16), z[i], z[i])
					VPSLLD(Imm(16), z[i], z[i])
					use(z[i], at+2*i+1)
				}
			}
		}
	})
	x.setMask(arg("last"))
	x.storeTile(newRows(arg("c"), arg("stride"), rows), sums, x.new())
}

// widenF16 widens numbers of 16 bits; AVX2 takes whole rounds of 16.
func widenF16(x *isa) {
	if x.bytes == 64 {
		x.text("widenF16x", "y *float32, x *uint16, n int)", "widens x to float32.")
		y, p, n := arg("y"), arg("x"), arg("n")
		x.walkTo(n, p, y, func(i int, tail bool) {
			v := x.new()
			x.widen(f16n, Mem{Base: p, Disp: 32 * i}, v, tail)
			x.write(v, y, i, tail)
		}, 32, 64)
		finish()
		return
	}
	x.text("widenF16x", "y *float32, x *uint16, n int)", "widens x to float32; n is a multiple of 16.")
	y, p, n := arg("y"), arg("x"), arg("n")
	Label("round")
	for i := range 2 {
		v := x.new()
		x.widen(f16n, Mem{Base: p, Disp: 16 * i}, v, false)
		x.write(v, y, i, false)
	}
	ADDQ(Imm(32), p)
	ADDQ(Imm(64), y)
	SUBQ(Imm(16), n)
	JNZ(LabelRef("round"))
	finish()
}
