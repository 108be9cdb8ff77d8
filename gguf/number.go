package gguf

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

const q8Block = 32

// appendNumbers appends vs as t; a whole number of blocks.
func appendNumbers(b []byte, vs []float32, t Type) ([]byte, error) {
	le := binary.LittleEndian
	for _, v := range vs {
		if t != F32 && (math.IsInf(float64(v), 0) || v != v) {
			return nil, fmt.Errorf("it holds %g", v)
		}
	}
	switch t {
	case F32:
		for _, v := range vs {
			b = le.AppendUint32(b, math.Float32bits(v))
		}
	case F16:
		for _, v := range vs {
			h := toF16(v)
			if h&0x7fff == 0x7c00 {
				return nil, fmt.Errorf("it holds %g, which is too large for F16: choose BF16 or F32", v)
			}
			b = le.AppendUint16(b, h)
		}
	case BF16:
		for _, v := range vs {
			u := math.Float32bits(v)
			b = le.AppendUint16(b, uint16((u+0x7fff+u>>16&1)>>16))
		}
	case Q8_0:
		for ; len(vs) > 0; vs = vs[q8Block:] {
			b = appendQ8(b, vs[:q8Block])
		}
	}
	return b, nil
}

// appendQ8 appends one block: the scale, which is the largest magnitude over 127, in
// half precision, and the numbers in units of the unrounded scale, to the nearest,
// halves away from zero. As ggml's quantize_row_q8_0_ref, bit for bit.
func appendQ8(b []byte, block []float32) []byte {
	largest := float32(0)
	for _, v := range block {
		largest = max(largest, float32(math.Abs(float64(v))))
	}
	d := largest / 127
	inverse := float32(0)
	if d != 0 {
		inverse = 1 / d
	}
	b = binary.LittleEndian.AppendUint16(b, toF16(d))
	for _, v := range block {
		b = append(b, byte(int8(math.Round(float64(v*inverse)))))
	}
	return b
}

// toF16 rounds a finite number to the nearest half-precision one, ties to even.
func toF16(v float32) uint16 {
	b := math.Float32bits(v)
	sign, abs := uint16(b>>16)&0x8000, b&^(1<<31)
	switch {
	case abs >= 0x47800000: // 2¹⁶ and above
		return sign | 0x7c00
	case abs < 0x38800000: // below 2⁻¹⁴: whole multiples of 2⁻²⁴
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(abs))*(1<<24)))
	}
	return sign | uint16((abs-(127-15)<<23+0xfff+abs>>13&1)>>13)
}

// fromF16 is the value of a half-precision number.
func fromF16(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exp {
	case 0:
		return math.Float32frombits(math.Float32bits(float32(frac)*(1.0/(1<<24))) | sign)
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}

// Decode reads the numbers of t into dst, of type F32, F16, BF16 or Q8_0. It panics
// when dst has not as many elements as t.
func (f *File) Decode(dst []float32, t Tensor) error {
	if int64(len(dst)) != t.Elements() {
		panic(fmt.Sprintf("gguf.Decode: room for %d numbers, and %q has %d", len(dst), t.Name, t.Elements()))
	}
	if t.Type != F32 && t.Type != F16 && t.Type != BF16 && t.Type != Q8_0 {
		return fmt.Errorf("tensor %q is of type %s: F32, F16, BF16 and Q8_0 are read", t.Name, t.Type)
	}
	const chunk = 1 << 12 // numbers, whole blocks
	info := types[t.Type]
	buf := make([]byte, chunk/info.block*info.size)
	r := io.NewSectionReader(f.r, int64(f.start+t.offset), int64(t.size))
	for len(dst) > 0 {
		part := dst[:min(len(dst), chunk)]
		b := buf[:uint64(len(part))/info.block*info.size]
		if _, err := io.ReadFull(r, b); err != nil {
			return fmt.Errorf("tensor %q is cut short: %w", t.Name, err)
		}
		decode(part, b, t.Type)
		dst = dst[len(part):]
	}
	return nil
}

func decode(dst []float32, b []byte, t Type) {
	le := binary.LittleEndian
	for i := range dst {
		switch t {
		case F32:
			dst[i] = math.Float32frombits(le.Uint32(b[4*i:]))
		case F16:
			dst[i] = fromF16(le.Uint16(b[2*i:]))
		case BF16:
			dst[i] = math.Float32frombits(uint32(le.Uint16(b[2*i:])) << 16)
		case Q8_0:
			block := b[i/q8Block*34:]
			dst[i] = float32(int8(block[2+i%q8Block])) * fromF16(le.Uint16(block))
		}
	}
}
