package gguf

import (
	"fmt"
	"io"
	"math"

	"github.com/pedestrian-ml/pedestrian/safetensors"
)

const q8Block = 32

// plain maps the types without blocks to the same types of safetensors.
var plain = map[Type]safetensors.DType{F32: safetensors.F32, F16: safetensors.F16, BF16: safetensors.BF16}

// appendNumbers appends vs in type t. len(vs) must be a whole number of blocks.
func appendNumbers(b []byte, vs []float32, t Type) ([]byte, error) {
	for _, v := range vs {
		if t != F32 && (math.IsInf(float64(v), 0) || v != v) {
			return nil, fmt.Errorf("it holds %g", v)
		}
	}
	if d, ok := plain[t]; ok {
		b, err := safetensors.Append(b, vs, d)
		if err != nil {
			return nil, fmt.Errorf("it holds a number that does not fit: %w", err)
		}
		return b, nil
	}
	for ; len(vs) > 0; vs = vs[q8Block:] { // Q8_0
		var err error
		if b, err = AppendBlock(b, vs[:q8Block]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// AppendBlock appends a block of Q8_0 with 32 finite numbers: the scale, the largest magnitude
// divided by 127, in half precision, and the numbers divided by the unrounded scale and rounded
// to the nearest integer, halves away from zero. It gives the bits of ggml's
// quantize_row_q8_0_ref. An error says which number needs a scale that does not fit.
func AppendBlock(b []byte, block []float32) ([]byte, error) {
	largest := float32(0)
	for _, v := range block[:q8Block] {
		largest = max(largest, float32(math.Abs(float64(v))))
	}
	d := largest / 127
	inverse := float32(0)
	if d != 0 {
		inverse = 1 / d
	}
	b, err := safetensors.Append(b, []float32{d}, safetensors.F16)
	if err != nil {
		return nil, fmt.Errorf("it holds %g, whose block has a scale that does not fit: %w", largest, err)
	}
	for _, v := range block {
		b = append(b, byte(int8(math.Round(float64(v*inverse)))))
	}
	return b, nil
}

// Decode reads the numbers of t, of type F32, F16, BF16 or Q8_0, into dst. It panics if dst does
// not have as many elements as t.
func (f *File) Decode(dst []float32, t Tensor) error {
	if int64(len(dst)) != t.Elements() {
		panic(fmt.Sprintf("gguf.Decode: room for %d numbers, and %q has %d", len(dst), t.Name, t.Elements()))
	}
	return f.DecodeAt(dst, t, 0)
}

// Blocks reads the bytes of t, of type Q8_0, from block first on into dst: 34 a block. It panics
// if t has fewer.
func (f *File) Blocks(dst []byte, t Tensor, first int64) error {
	const size = 2 + q8Block
	if at := size * first; t.Type != Q8_0 || first < 0 || len(dst)%size != 0 || at+int64(len(dst)) > int64(t.size) {
		panic(fmt.Sprintf("gguf.Blocks: %d bytes of %q from block %d on, and it has %d of type %s", len(dst), t.Name, first, t.size, t.Type))
	}
	if _, err := f.r.ReadAt(dst, int64(f.start+t.offset)+size*first); err != nil {
		return fmt.Errorf("tensor %q is cut short: %w", t.Name, err)
	}
	return nil
}

// DecodeAt reads len(dst) numbers of t from index at on into dst. It panics if t has fewer, or
// if they are not whole blocks.
func (f *File) DecodeAt(dst []float32, t Tensor, at int64) error {
	info, known := types[t.Type]
	if t.Type != F32 && t.Type != F16 && t.Type != BF16 && t.Type != Q8_0 || !known {
		return fmt.Errorf("tensor %q is of type %s: F32, F16, BF16 and Q8_0 are read", t.Name, t.Type)
	}
	block := int64(info.block)
	if n := int64(len(dst)); at < 0 || n > t.Elements()-at || at%block != 0 || n%block != 0 {
		panic(fmt.Sprintf("gguf.DecodeAt: %d numbers of %q from %d on, in blocks of %d, and it has %d", n, t.Name, at, block, t.Elements()))
	}
	const chunk = 1 << 12 // numbers, whole blocks
	buf := make([]byte, chunk/info.block*info.size)
	skip := at / block * int64(info.size)
	r := io.NewSectionReader(f.r, int64(f.start+t.offset)+skip, int64(t.size)-skip)
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
	if d, ok := plain[t]; ok {
		if err := safetensors.Convert(dst, b, d); err != nil {
			panic("gguf.Decode: " + err.Error()) // every number of these types is a float32
		}
		return
	}
	var scale [1]float32
	for i := range dst { // Q8_0
		block := b[i/q8Block*34:]
		if i%q8Block == 0 {
			decode(scale[:], block[:2], F16)
		}
		dst[i] = float32(int8(block[2+i%q8Block])) * scale[0]
	}
}
