package safetensors

import "math"

// fromF16 is the value of a half-precision number: 1 bit of sign, 5 of exponent, 10
// of fraction. Every one is a float32.
func fromF16(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exp {
	case 0: // frac · 2⁻²⁴
		v := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31: // infinite, or not a number
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}

// toF16 rounds to the nearest half-precision number, ties to even.
func toF16(v float32) uint16 {
	b := math.Float32bits(v)
	sign, abs := uint16(b>>16)&0x8000, b&^(1<<31)
	switch {
	case abs > 0xff<<23: // not a number: keep it one
		return sign | 0x7e00 | uint16(abs>>13)&0x3ff
	case abs >= 0x47800000: // 2¹⁶ and above
		return sign | 0x7c00
	case abs < 0x38800000: // below 2⁻¹⁴: whole multiples of 2⁻²⁴
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(abs))*(1<<24)))
	}
	// A carry out of the fraction is the next exponent, which is right.
	return sign | uint16((abs-(127-15)<<23+0xfff+abs>>13&1)>>13)
}

// toBF16 rounds to the nearest number with the upper 16 bits of a float32, ties to even.
func toBF16(v float32) uint16 {
	b := math.Float32bits(v)
	if b&^(1<<31) > 0xff<<23 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// toOdd is v as a float32, rounded so that rounding it again to a shorter number gives
// what rounding v at once would: toward zero, with the last bit set if v is inexact.
func toOdd[T Float](v T) float32 {
	f := float32(v)
	if T(f) == v || v != v {
		return f
	}
	b := math.Float32bits(f)
	if math.Abs(float64(f)) > math.Abs(float64(v)) {
		b--
	}
	return math.Float32frombits(b | 1)
}
