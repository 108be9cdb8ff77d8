package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// mul512 writes the tile kernels of AVX-512: 24 sums, 3 vectors of b and values
// of a fill the registers. With few rows, memory is the limit, and wide tiles
// read more of it in one go.
func mul512() {
	tiles(avx512, 8, 3)
	for v := 4; v <= 8; v++ {
		for r := 1; r <= 4; r++ {
			if r <= 2 || v <= 6 {
				tile(avx512(), r, v)
			}
		}
	}
	for r := 1; r <= 4; r++ {
		turn(r)
	}
}

// mul256 writes the tile kernels of AVX2: 12 sums, 2 vectors of b, a value of a and the mask.
func mul256() {
	tiles(avx2, 6, 2)
	for r := 4; r <= 6; r++ {
		wholeTile256(r)
	}
	for v := 3; v <= 8; v++ {
		fewRows(avx2(), 1, v, f32n)
		if v <= 6 {
			fewRows(avx2(), 2, v, f32n)
		}
	}
	for r := 1; r <= 2; r++ {
		turn256(r, 1)
		turn256(r, 2)
	}
}

func tiles(of func() *isa, rows, vectors int) {
	for v := 1; v <= vectors; v++ {
		for r := 1; r <= rows; r++ {
			tile(of(), r, v)
		}
	}
}

// tile writes the kernel for some rows and vectors of columns. Operands are read
// where they are: any strides do, so that packing is a matter of caches alone.
func tile(x *isa, rows, vectors int) {
	name := fmt.Sprintf("mul%sx%dx%d", x.name, rows, vectors)
	TEXT(name, 4, "func(k int, a *float32, down, right int, b *float32, next int, c *float32, stride int, bias *float32, mode, last int)")
	Doc(fmt.Sprintf("%s sets c, %d×%d where last = %d, to products of k ≥ 1 terms; last ≥ 1 counts the", name, rows, vectors*x.lanes(), x.lanes()),
		"columns of the last vector. Strides are in bytes. mode: 1 adds the old c, 2 the bias.")
	Pragma("noescape")
	last := arg("last")
	x.setMask(last)
	k, right, b, next := arg("k"), arg("right"), arg("b"), arg("next")
	a := newRows(arg("a"), arg("down"), rows)
	c := newRows(arg("c"), arg("stride"), rows)
	for i := range rows {
		for v := 0; v < vectors*x.bytes; v += 64 {
			PREFETCHT0(c.at(i, v))
		}
	}
	sums := make([][]vector, rows)
	for i := range sums {
		sums[i] = x.zeros(vectors)
	}
	columns := make([]vector, vectors)
	for v := range columns {
		columns[v] = x.new()
	}
	value := x.new()
	tail := func(v int) bool { return v == vectors-1 }
	ahead := next // eight rows of b
	if rows <= 2 && vectors > 3 {
		ahead = GP64() // with so little to compute, memory is the limit: 24 rows
		LEAQ(Mem{Base: next, Index: next, Scale: 2}, ahead)
	}

	Label("terms")
	for v := range vectors {
		x.load(Mem{Base: b, Disp: v * x.bytes}, columns[v], tail(v))
	}
	for v := 0; v < vectors*x.bytes; v += 64 {
		PREFETCHT0(Mem{Base: b, Index: ahead, Scale: 8, Disp: v})
	}
	for i := range rows {
		VBROADCASTSS(a.at(i, 0), value)
		for v := range vectors {
			VFMADD231PS(columns[v], value, sums[i][v])
		}
	}
	a.move(right)
	ADDQ(next, b)
	DECQ(k)
	JNZ(LabelRef("terms"))

	x.storeTile(c, sums, value)
}

// storeTile ends a tile kernel: the sums of its rows, plus what mode says, become c. Of
// the vectors of a row the last is masked; value is scratch.
func (x *isa) storeTile(c rowsOf, sums [][]vector, value vector) {
	tail := func(v int) bool { return x.tails && v == len(sums[0])-1 }
	mode := arg("mode")
	TESTQ(U32(2), mode)
	JZ(LabelRef("biased"))
	bias := arg("bias")
	for v := range sums[0] {
		x.load(Mem{Base: bias, Disp: v * x.bytes}, value, tail(v))
		for i := range sums {
			VADDPS(value, sums[i][v], sums[i][v])
		}
	}
	Label("biased")
	TESTQ(U32(1), mode)
	JZ(LabelRef("store"))
	for i := range sums {
		for v := range sums[i] {
			x.load(c.at(i, v*x.bytes), value, tail(v))
			VADDPS(value, sums[i][v], sums[i][v])
		}
	}
	Label("store")
	for i := range sums {
		for v := range sums[i] {
			x.store(sums[i][v], c.at(i, v*x.bytes), tail(v))
		}
	}
	VZEROUPPER()
	RET()
}

// wholeTile256 writes the AVX2 kernel for a tile of some rows by 16 whose b is packed, or has
// rows that are near. It has no masks: masked stores take a twentieth of the time of a tile.
// Four terms are written out and there is no prefetch of b, because such a b is in a cache, and
// because each instruction beside the arithmetic costs time when another thread shares the core.
func wholeTile256(rows int) {
	x := avx2()
	x.tails = false
	name := fmt.Sprintf("mul256x%dx2", rows)
	TEXT(name+"whole", 4, "func(k int, a *float32, down, right int, b *float32, next int, c *float32, stride int, bias *float32, mode, last int)")
	Doc(fmt.Sprintf("%swhole is %s for last = 8.", name, name))
	Pragma("noescape")
	k, right, b, next := arg("k"), arg("right"), arg("b"), arg("next")
	a := newRows(arg("a"), arg("down"), rows)
	c := newRows(arg("c"), arg("stride"), rows)
	sums := make([][]vector, rows)
	for i := range sums {
		PREFETCHT0(c.at(i, 0))
		sums[i] = x.zeros(2)
	}
	columns, value := x.zeros(2), x.new()
	term := func() {
		for v := range columns {
			x.load(Mem{Base: b, Disp: v * x.bytes}, columns[v], false)
		}
		for i := range sums {
			VBROADCASTSS(a.at(i, 0), value)
			for v := range columns {
				VFMADD231PS(columns[v], value, sums[i][v])
			}
		}
		a.move(right)
		ADDQ(next, b)
	}
	SUBQ(Imm(4), k)
	JL(LabelRef("rest"))
	Label("four")
	for range 4 {
		term()
	}
	SUBQ(Imm(4), k)
	JGE(LabelRef("four"))
	Label("rest")
	ADDQ(Imm(4), k)
	JZ(LabelRef("done"))
	Label("one")
	term()
	DECQ(k)
	JNZ(LabelRef("one"))
	Label("done")
	x.storeTile(c, sums, value)
}
