package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// The order in memory of a b in blocks, of pedestrian.Q8.
const (
	blockLen        = 32
	panelLines      = 16
	panelScales     = 2 * panelLines // bytes
	panelBlockBytes = panelScales + blockLen*panelLines
)

// blocks512 and blocks256 write the kernels that read a b in blocks.
func blocks512() {
	for r := 1; r <= 8; r++ {
		for v := 1; v <= 4; v++ {
			if r <= 4 || v <= 3 {
				blockRows(avx512(), r, v)
			}
		}
	}
	widenPanel(avx512())
}

func blocks256() {
	for r := 1; r <= 6; r++ {
		for v := 1; v <= 4; v++ {
			if r <= 2 || v <= 2 {
				blockRows(avx2(), r, v)
			}
		}
	}
	widenPanel(avx2())
}

// inBlocks emits the loop over k terms of panels, which begin at b: skip numbers of their
// first blocks are left out. each emits one round of terms, whose numbers are at q; load emits
// the reading of the scales of a block, at b. k and skip are multiples of a round.
func inBlocks(panels rowsOf, round int, load func(), each func(q rowsOf)) {
	k, skip := arg("k"), arg("skip")
	n, q := GP64(), panels
	q.base = GP64()
	Label("block")
	load()
	MOVQ(skip, q.base)
	SHLQ(Imm(4), q.base)
	LEAQ(Mem{Base: panels.base, Index: q.base, Scale: 1, Disp: panelScales}, q.base)
	MOVQ(U32(blockLen), n)
	SUBQ(skip, n)
	XORQ(skip, skip)
	CMPQ(n, k)
	CMOVQGT(k, n)
	SUBQ(n, k)
	Label("terms")
	each(q)
	ADDQ(Imm(uint64(panelLines*round)), q.base)
	SUBQ(Imm(uint64(round)), n)
	JNZ(LabelRef("terms"))
	ADDQ(U32(panelBlockBytes), panels.base)
	TESTQ(k, k)
	JNZ(LabelRef("block"))
}

// panelsFrom addresses n panels, a step apart from b on.
func panelsFrom(n int) rowsOf {
	p := rowsOf{base: arg("b")}
	if n > 1 {
		p.step = arg("next")
	}
	if n > 3 {
		p.step3 = GP64()
		LEAQ(Mem{Base: p.step, Index: p.step, Scale: 2}, p.step3)
	}
	return p
}

// blockTerms is the number of terms of a round of blockRows: a cache line of a panel.
const blockTerms = 4

// blockRows writes a tile kernel for a b in blocks, which is widened in registers.
func blockRows(x *isa, rows, vectors int) {
	name := fmt.Sprintf("blocks%sx%dx%d", x.name, rows, vectors)
	TEXT(name, 4, "func(k int, a *float32, down, right int, b *byte, next, skip int, c *float32, stride int, bias *float32, mode, last int)")
	Doc(fmt.Sprintf("%s sets c, %d×%d where last = %d, to products of k terms, a multiple of %d; last ≥ 1 counts", name, rows, vectors*x.lanes(), x.lanes(), blockTerms),
		"the columns of the last vector. b is the block of the first term, skip its number in it. Panels",
		"are next bytes apart, strides are in bytes. mode: 1 adds the old c, 2 the bias.")
	Pragma("noescape")
	perPanel := panelLines / x.lanes()
	right := arg("right")
	a := newRows(arg("a"), arg("down"), rows)
	panels := panelsFrom((vectors + perPanel - 1) / perPanel)
	sums := make([][]vector, rows)
	for i := range sums {
		sums[i] = x.zeros(vectors)
	}
	scales := make([]vector, vectors)
	for v := range scales {
		scales[v] = x.new()
	}
	number, value := x.new(), x.new()
	inBlocks(panels, blockTerms, func() {
		for v, s := range scales {
			VCVTPH2PS(panels.at(v/perPanel, 2*x.lanes()*(v%perPanel)), s)
		}
	}, func(q rowsOf) {
		for v := 0; v < vectors; v += perPanel {
			PREFETCHT0(q.at(v/perPanel, blockAhead))
		}
		for t := range blockTerms {
			if rows == 1 {
				VBROADCASTSS(a.at(0, 0), value)
			}
			for v, s := range scales {
				VPMOVSXBD(q.at(v/perPanel, panelLines*t+x.lanes()*(v%perPanel)), number)
				VCVTDQ2PS(number, number)
				VMULPS(s, number, number)
				for i := range sums {
					switch {
					case rows == 1:
						VFMADD231PS(number, value, sums[i][v])
					case x.bytes == 64:
						VFMADD231PS_BCST(a.at(i, 0), number, sums[i][v])
					default:
						VBROADCASTSS(a.at(i, 0), value)
						VFMADD231PS(number, value, sums[i][v])
					}
				}
			}
			a.move(right)
		}
	})
	x.setMask(arg("last"))
	x.storeTile(newRows(arg("c"), arg("stride"), rows), sums, value)
}

// blockAhead is how many bytes ahead a panel is prefetched.
const blockAhead = 1024

// widenPanel writes the kernel that widens numbers of a panel, a row of sixteen for each term.
func widenPanel(x *isa) {
	x.text("widenPanel", "k int, dst *float32, to int, b *byte, skip int)",
		"sets the sixteen numbers at dst + to i, in bytes, to those of term i of", "a panel, for k ≥ 1 terms. b is the block of the first term, skip its number in it.")
	dst, to, panel := arg("dst"), arg("to"), rowsOf{base: arg("b")}
	perPanel := panelLines / x.lanes()
	scales := make([]vector, perPanel)
	for v := range scales {
		scales[v] = x.new()
	}
	inBlocks(panel, 1, func() {
		for v, s := range scales {
			VCVTPH2PS(panel.at(0, 2*x.lanes()*v), s)
		}
	}, func(q rowsOf) {
		for v, s := range scales {
			number := x.new()
			VPMOVSXBD(q.at(0, x.lanes()*v), number)
			VCVTDQ2PS(number, number)
			VMULPS(s, number, number)
			x.write(number, dst, v, false)
		}
		ADDQ(to, dst)
	})
	finish()
}
