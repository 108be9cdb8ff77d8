package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// vec512 and vec256 write the kernels on slices.
func vec512() { slices(avx512()) }
func vec256() { slices(avx2()) }

func slices(x *isa) {
	reductions(x)
	elementwise(x)
	exponentials(x)
	activations(x)
	norms(x)
	rotations(x)
	adamW(x)
}

// text begins a function; args are its Go parameters and results.
func (x *isa) text(name, args string, doc ...string) {
	x.mask, x.held = nil, nil
	TEXT(name+x.name, 4, "func("+args)
	Doc(append([]string{name + x.name + " " + doc[0]}, doc[1:]...)...)
	Pragma("noescape")
}

// all is a vector of copies of a float argument.
func (x *isa) all(name string) vector {
	c, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	v := x.new()
	VBROADCASTSS(c.Addr, v)
	return v
}

// hold loads constants into registers for the rest of the function, if there are
// enough of them: AVX2 reads all constants from memory.
func (x *isa) hold(constants ...float64) {
	if x.bytes == 32 {
		return
	}
	if x.held == nil {
		x.held = map[uint32]Op{}
	}
	for _, c := range constants {
		if _, ok := x.held[bitsOf(c)]; !ok {
			v := x.new()
			VBROADCASTSS(x.data(bitsOf(c)), v)
			x.held[bitsOf(c)] = v
		}
	}
}

func bitsOf(c float64) uint32 { return math.Float32bits(float32(c)) }

// c is a vector of copies of a constant, in a register if it is held.
func (x *isa) c(v float64) Op { return x.bits(bitsOf(v)) }

// bits is a vector of copies of the number with some bits.
func (x *isa) bits(bits uint32) Op {
	if op, ok := x.held[bits]; ok {
		return op
	}
	return x.data(bits)
}

// poly is Horner's step: p = p v + c.
func (x *isa) poly(c float64, v, p vector) {
	if _, held := x.held[bitsOf(c)]; x.bytes == 32 || held {
		VFMADD213PS(x.c(c), v, p)
		return
	}
	VFMADD213PS_BCST(x.data(bitsOf(c)), v, p)
}

var dataOf = map[uint32]Mem{}

// data is a constant in memory, once for each lane.
func (x *isa) data(bits uint32) Mem {
	m, ok := dataOf[bits]
	if !ok {
		m = GLOBL(fmt.Sprintf("c%s_%08x", x.name, bits), 8|16)
		for i := range x.lanes() {
			DATA(4*i, U32(bits))
		}
		dataOf[bits] = m
	}
	return m
}

// unroll is the number of vectors a round, each with a sum of its own.
const unroll = 4

// walk emits body for the vectors of n numbers: rounds of unroll vectors, then
// one vector at a time under mask. The pointers advance.
func (x *isa) walk(n GPVirtual, pointers []GPVirtual, body func(i int, tail bool)) {
	x.walks++
	label := func(s string) string { return fmt.Sprintf("%s%d", s, x.walks) }
	step := unroll * x.lanes()
	SUBQ(Imm(uint64(step)), n)
	JL(LabelRef(label("rest")))
	Label(label("round"))
	for i := range unroll {
		body(i, false)
	}
	for _, p := range pointers {
		ADDQ(U32(uint32(unroll*x.bytes)), p)
	}
	SUBQ(Imm(uint64(step)), n)
	JGE(LabelRef(label("round")))
	Label(label("rest"))
	ADDQ(Imm(uint64(step)), n)
	JZ(LabelRef(label("done")))
	Label(label("tail"))
	count := GP64()
	MOVQ(n, count)
	if x.bytes == 32 { // BZHI of AVX-512 leaves more than a vector as it is
		lanes := GP64()
		MOVQ(U64(x.lanes()), lanes)
		CMPQ(count, lanes)
		CMOVQGT(lanes, count)
	}
	x.setMask(count)
	body(0, true)
	for _, p := range pointers {
		ADDQ(Imm(uint64(x.bytes)), p)
	}
	SUBQ(Imm(uint64(x.lanes())), n)
	JG(LabelRef(label("tail")))
	Label(label("done"))
}

// read loads vector i of what p points to.
func (x *isa) read(p GPVirtual, i int, tail bool) vector {
	v := x.new()
	x.load(Mem{Base: p, Disp: i * x.bytes}, v, tail)
	return v
}

func (x *isa) write(v vector, p GPVirtual, i int, tail bool) {
	x.store(v, Mem{Base: p, Disp: i * x.bytes}, tail)
}

// copyOf is a register with the contents of op.
func (x *isa) copyOf(op Op) vector {
	v := x.new()
	if m, ok := op.(Mem); ok {
		VBROADCASTSS(m, v)
	} else {
		VMOVAPS(op, v)
	}
	return v
}

// zeros makes registers for sums.
func (x *isa) zeros(n int) []vector {
	v := make([]vector, n)
	for i := range v {
		v[i] = x.new()
		x.zero(v[i])
	}
	return v
}

// addTail adds v to sum, and under mask only the lanes that count.
func (x *isa) addTail(v, sum vector, tail bool) {
	switch {
	case !tail:
		VADDPS(v, sum, sum)
	case x.bytes == 64:
		VADDPS(v, sum, K1, sum)
	default:
		kept := x.new()
		VANDPS(v, x.mask, kept)
		VADDPS(kept, sum, sum)
	}
}

// fold reduces registers to one, and that to one number in its lowest lane, by
// an operation with operands in the order of avo, in the form of a tree.
func (x *isa) fold(v []vector, op func(a, b, dst Op)) Register {
	for n := len(v) / 2; n > 0; n /= 2 {
		for i := range n {
			op(v[i+n], v[i], v[i])
		}
	}
	all := v[0]
	if x.bytes == 64 {
		half := YMM()
		VEXTRACTF64X4(Imm(1), all, half)
		op(half, all.AsY(), all.AsY())
	}
	t := XMM()
	VEXTRACTF128(Imm(1), all.AsY(), t)
	low := all.AsX()
	op(t, low, low)
	VPERMILPS(Imm(0x4e), low, t)
	op(t, low, low)
	VPERMILPS(Imm(0xb1), low, t)
	op(t, low, low)
	return low
}

func add(a, b, dst Op)     { VADDPS(a, b, dst) }
func maximum(a, b, dst Op) { VMAXPS(a, b, dst) }

// finish ends a function that returns v, if anything.
func finish(v ...Register) {
	VZEROUPPER()
	for i, r := range v {
		Store(r, ReturnIndex(i))
	}
	RET()
}
