package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// A vector is a register that avo chooses.
type vector = VecVirtual

// An isa is a family of vector instructions on 32-bit floats, with a mask for
// the vector at the end of a row.
type isa struct {
	name  string
	bytes int // of a vector
	new   func() vector
	mask  vector // AVX2: lanes that count, as signs. AVX-512 has K1
	tails bool   // storeTile masks the last vector of a row
	held  map[uint32]Op
	walks int
}

func avx512() *isa {
	return &isa{name: "512", bytes: 64, tails: true, new: func() vector { return ZMM() }}
}
func avx2() *isa {
	return &isa{name: "256", bytes: 32, tails: true, new: func() vector { return YMM() }}
}

// registers is the number of vector registers.
func (x *isa) registers() int { return x.bytes / 2 }

func (x *isa) lanes() int { return x.bytes / 4 }

func (x *isa) zero(v vector) {
	if x.bytes == 64 {
		VPXORD(v, v, v)
		return
	}
	VXORPS(v, v, v)
}

// setMask makes the mask of the first n lanes, 1 ≤ n ≤ lanes.
func (x *isa) setMask(n GPVirtual) {
	bits := GP64()
	if x.bytes == 64 {
		MOVQ(I64(-1), bits)
		BZHIQ(n, bits, bits)
		KMOVW(bits.As32(), K1)
		return
	}
	// A window of eight numbers in eight times -1 and eight times 0.
	LEAQ(x.window(), bits)
	SHLQ(Imm(2), n)
	SUBQ(n, bits)
	if x.mask == nil {
		x.mask = x.new()
	}
	VMOVUPS(Mem{Base: bits, Disp: 32}, x.mask)
}

var lanesData *Mem

func (x *isa) window() Mem {
	if lanesData == nil {
		m := GLOBL("lanes256", 8|16)
		for i := range 16 {
			v := int32(-1)
			if i >= 8 {
				v = 0
			}
			DATA(4*i, U32(uint32(v)))
		}
		lanesData = &m
	}
	return *lanesData
}

// load loads v from m; tail leaves lanes outside the mask 0 and does not touch
// their memory.
func (x *isa) load(m Mem, v vector, tail bool) {
	switch {
	case !tail:
		VMOVUPS(m, v)
	case x.bytes == 64:
		VMOVUPS_Z(m, K1, v)
	default:
		VMASKMOVPS(m, x.mask, v)
	}
}

func (x *isa) store(v vector, m Mem, tail bool) {
	switch {
	case !tail:
		VMOVUPS(v, m)
	case x.bytes == 64:
		VMOVUPS(v, K1, m)
	default:
		VMASKMOVPS(v, x.mask, m)
	}
}

// arg loads an argument into a register of its own.
func arg(name string) GPVirtual {
	r := GP64()
	Load(Param(name), r)
	return r
}

// rowsOf addresses rows a step apart from two or more registers: row i of up to 8.
type rowsOf struct{ base, base4, step, step3 GPVirtual }

func newRows(base, step GPVirtual, rows int) rowsOf {
	r := rowsOf{base: base, step: step}
	if rows > 3 {
		r.step3 = GP64()
		LEAQ(Mem{Base: step, Index: step, Scale: 2}, r.step3)
	}
	if rows > 4 {
		r.base4 = GP64()
		LEAQ(Mem{Base: base, Index: step, Scale: 4}, r.base4)
	}
	return r
}

func (r rowsOf) at(i, disp int) Mem {
	m := Mem{Base: r.base, Disp: disp}
	if i >= 4 {
		m.Base = r.base4
	}
	switch i % 4 {
	case 1:
		m.Index, m.Scale = r.step, 1
	case 2:
		m.Index, m.Scale = r.step, 2
	case 3:
		m.Index, m.Scale = r.step3, 1
	}
	return m
}

// strips addresses four strips, one every k*width numbers from dst on.
func strips(k, dst GPVirtual, width uint64) rowsOf {
	step, step3 := GP64(), GP64()
	IMUL3Q(U32(4*width), k, step)
	LEAQ(Mem{Base: step, Index: step, Scale: 2}, step3)
	return rowsOf{base: dst, step: step, step3: step3}
}

// move moves all rows.
func (r rowsOf) move(by GPVirtual) {
	ADDQ(by, r.base)
	if r.base4 != nil {
		ADDQ(by, r.base4)
	}
}
