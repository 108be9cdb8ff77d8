package main

import (
	"fmt"
	"math"
	"math/big"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The normal distribution function: Φ(-t) = exp(-t²/2) Q(t), with Q a smooth function
// that falls from 1/2 to 0.028 between 0 and 14. It is 2ⁿ (1 + q) (Q(c) + p): n and q
// come from the exponential as in exp.go; c is the centre of one of as many segments as
// a vector has lanes, with a Q(c) that is almost a float32; and p is a polynomial in
// t - c. Since all roundings but the last are of q and p, which are small beside 1 and
// Q(c), they are small beside the result.
const (
	ln2Short = 0.693145751953125          // the first 16 bits of log 2: n times it is exact
	ln2Rest  = math.Ln2 - ln2Short        // and what is missing
	density0 = 0.398942280401432677939946 // 1/√(2π)
)

func (x *isa) holdNormal() { x.hold(-0.5, lnTiny, log2e, ln2Short, ln2Rest, 1, 0.5) }

// normal returns v Φ(v) and, when asked, the derivative.
func (x *isa) normal(v vector, back bool) (y, d vector) {
	t, h, low := x.new(), x.new(), x.new()
	x.abs(v, t)
	minus := x.new()
	VMULPS(x.c(-0.5), t, minus)
	VMULPS(t, minus, h)
	VMOVAPS(h, low)
	VFMSUB231PS(t, minus, low) // -t²/2 = h + low exactly
	var inside vector
	if x.bytes == 64 {
		VCMPPS(Imm(5), x.c(lnTiny), h, K2) // not less than: true for NaN
	} else {
		inside = x.new()
		VCMPPS(Imm(5), x.c(lnTiny), h, inside)
	}
	n := x.new()
	VMULPS(x.c(log2e), h, n)
	x.round(n)
	VFNMADD231PS(x.c(ln2Short), n, h) // exact
	VFNMADD231PS(x.c(ln2Rest), n, low)
	q, square := x.copyOf(x.c(expP[4])), x.new()
	for i := 3; i >= 0; i-- {
		x.poly(expP[i], h, q)
	}
	VMULPS(h, h, square)
	VFMADD213PS(h, square, q) // exp(h) - 1
	VFMADD213PS(low, q, low)  // exp(h + low) - exp(h)

	segment, off := x.new(), x.new()
	VADDPS(x.c(1), t, segment)
	VPSRLD(Imm(uint64(23-x.segmentBits())), segment, segment)
	table := x.normalTable()
	x.pick(table[0], segment, off)
	VSUBPS(off, t, off)
	last := len(table) - 1
	p, whole, c := x.new(), x.new(), x.new()
	x.pick(table[last], segment, p)
	for i := last - 1; i > 1; i-- {
		next := x.new()
		x.pick(table[i], segment, next)
		VFMADD213PS(next, off, p)
	}
	VMULPS(off, p, p)
	x.pick(table[1], segment, c)
	VADDPS(c, p, whole)
	VFMADD231PS(low, whole, p)
	VFMADD231PS(q, whole, p) // Φ(-t) = 2ⁿ (c + p)

	tail := x.new()
	if x.bytes == 64 {
		VMULPS(t, p, tail)
		VFMADD231PS(t, c, tail)
	} else { // with fewer segments p is not so small: t p must be
		near := x.new()
		VADDPS(p, c, near)
		VSUBPS(c, near, tail)
		VSUBPS(tail, p, tail)
		VMULPS(t, tail, tail)
		VFMADD231PS(t, near, tail)
	}
	y = x.copyOf(x.c(0.5))
	VFMSUB213PS(minus, v, y) // the positive part of v; NaN of -Inf, as -Inf·0 is
	if back {                // Φ(-t) - t φ(t), and 1 minus that for v > 0
		VMULPS(x.c(density0), t, t)
		VFNMADD231PS(t, low, p)
		VFNMADD231PS(t, q, p)
		VSUBPS(t, c, c)
		VADDPS(c, p, p)
	}
	if x.bytes == 64 {
		VSCALEFPS_Z(n, tail, K2, tail)
		if back {
			VSCALEFPS_Z(n, p, K2, p)
		}
	} else { // 2ⁿ is a normal number
		VCVTPS2DQ(n, n)
		VPSLLD(Imm(23), n, n)
		VPADDD(x.c(1), n, n)
		VMULPS(n, tail, tail)
		VANDPS(inside, tail, tail)
		if back {
			VMULPS(n, p, p)
			VANDPS(inside, p, p)
		}
	}
	VSUBPS(tail, y, y)
	if !back {
		return y, nil
	}
	d = x.copyOf(x.c(1))
	VSUBPS(p, d, d)
	if x.bytes == 64 {
		VCMPPS(Imm(0x12), x.c(0), v, K3) // not above
		VMOVAPS(p, K3, d)
	} else {
		VBLENDVPS(v, p, d, d) // by the sign
	}
	VFMADD231PS(x.c(0), y, d) // not of an infinity
	return y, d
}

// pick sets v to the entries of a table that index says.
func (x *isa) pick(table Mem, index, v vector) { VPERMPS(table, index, v) }

// segmentBits is how many bits of the fraction of 1 + t choose the segment, beside two of
// its exponent: there are segments for 1 + t from 1 to 16.
func (x *isa) segmentBits() int { return map[int]int{16: 2, 8: 1}[x.lanes()] }

var normalTables = map[string][]Mem{}

// normalTable holds c, Q(c) and the coefficients of p, the lowest first.
func (x *isa) normalTable() []Mem {
	if normalTables[x.name] == nil {
		degree := map[int]int{16: 6, 8: 7}[x.lanes()]
		columns := make([][]float32, degree+2)
		for i := range columns {
			columns[i] = make([]float32, x.lanes())
		}
		per := 1 << x.segmentBits()
		for segment := range x.lanes() {
			from := math.Ldexp(1+float64(segment%per)/float64(per), segment/per)
			to := math.Ldexp(1+float64(segment%per+1)/float64(per), segment/per)
			index := int(math.Float32bits(float32(from))>>(23-x.segmentBits())) % x.lanes()
			for i, v := range normalSegment(from-1, to-1, degree) {
				columns[i][index] = v
			}
		}
		for i, column := range columns {
			m := GLOBL(fmt.Sprintf("normal%s_%d", x.name, i), 8|16)
			for lane, v := range column {
				DATA(4*lane, U32(math.Float32bits(v)))
			}
			normalTables[x.name] = append(normalTables[x.name], m)
		}
	}
	return normalTables[x.name]
}

// normalSegment returns a row of the table. It calculates in 400 bits, so that every
// machine writes the same.
func normalSegment(from, to float64, degree int) []float32 {
	mid, half := (from+to)/2, (to-from)/2
	c, qc, best := 0.0, real(0), 1.0
	for i := range 257 {
		at := mid + half*float64(i-128)/4096
		q := millsQ(real(at))
		short, _ := q.Float32()
		miss, _ := quo(sub(real(float64(short)), q), q).Float64()
		if math.Abs(miss) < best {
			c, qc, best = at, q, math.Abs(miss)
		}
	}
	// p/(t-c) interpolates (Q(t) - Q(c))/(t-c) between Chebyshev's points, more or less.
	nodes, values := make([]*big.Float, degree), make([]*big.Float, degree)
	for i := range nodes {
		t := mid + half*math.Round(1024*math.Cos(math.Pi*(float64(i)+0.5)/float64(degree)))/1024
		nodes[i] = real(t - c)
		values[i] = quo(sub(millsQ(real(t)), qc), nodes[i])
	}
	for j := 1; j < degree; j++ {
		for i := degree - 1; i >= j; i-- {
			values[i] = quo(sub(values[i], values[i-1]), sub(nodes[i], nodes[i-j]))
		}
	}
	p := make([]*big.Float, degree) // from Newton's form to powers
	for i := range p {
		p[i] = real(0)
	}
	for j := degree - 1; j >= 0; j-- {
		for i := degree - 1; i > 0; i-- {
			p[i] = sub(p[i-1], mul(nodes[j], p[i]))
		}
		p[0] = sub(values[j], mul(nodes[j], p[0]))
	}
	row := []float32{float32(c)}
	for _, v := range append([]*big.Float{qc}, p...) {
		short, _ := v.Float32()
		row = append(row, short)
	}
	return row
}

// millsQ is Q: exp(t²/2)/2 - (t + t³/3 + t⁵/(3·5) + …)/√(2π).
func millsQ(t *big.Float) *big.Float {
	square := mul(t, t)
	even, odd := real(0.5), t
	sum, odds := even, odd
	for i := 1; i < 500; i++ {
		even = quo(mul(even, square), real(float64(2*i)))
		odd = quo(mul(odd, square), real(float64(2*i+1)))
		sum, odds = sum2(sum, even), sum2(odds, odd)
	}
	twoPi, _ := real(0).SetString("6.283185307179586476925286766559005768394338798750211641949889184615632812572417997256069650684234136")
	return sub(sum, quo(odds, real(0).Sqrt(twoPi)))
}

func real(v float64) *big.Float       { return new(big.Float).SetPrec(400).SetFloat64(v) }
func sum2(a, b *big.Float) *big.Float { return real(0).Add(a, b) }
func sub(a, b *big.Float) *big.Float  { return real(0).Sub(a, b) }
func mul(a, b *big.Float) *big.Float  { return real(0).Mul(a, b) }
func quo(a, b *big.Float) *big.Float  { return real(0).Quo(a, b) }
