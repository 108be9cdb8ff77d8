package pedestrian

import (
	"math"
	"slices"
)

// A Storage is the type of numbers in memory.
type Storage string

// The storages. Every number of the last three is a float32.
const (
	Wide Storage = ""     // that of the network, float32 or float64
	BF16 Storage = "bf16" // the upper half of a float32: 8 bits of exponent, 7 of fraction
	F16  Storage = "f16"  // IEEE 754 half precision: 5 bits of exponent, 10 of fraction
	Q8   Storage = "q8_0" // ggml's blocks of 32 whole numbers of 8 bits: see BlockLen
)

// Narrow holds the numbers of a tensor that is not trained in fewer bits than a Wide one,
// such as the type of its file. Its zero value holds none.
type Narrow struct {
	Storage Storage  // BF16, F16 or Q8
	V       []uint16 // of BF16 and F16
	Blocks  []byte   // of Q8, in the order that BlockLen tells
}

func (n Narrow) exists() bool { return n.V != nil || n.Blocks != nil }

// Exists says whether there is such a parameter.
func (t Tensor[T]) Exists() bool { return t.V != nil || t.Narrow.exists() }

// Holds says whether p has tensors that are held in s.
func (p *Params[T]) Holds(s Storage) bool {
	return slices.ContainsFunc(p.Tensors(), func(t Tensor[T]) bool { return t.Narrow.exists() && t.Narrow.Storage == s })
}

// Read sets dst to the numbers of t from number first on. It is exact.
func (t Tensor[T]) Read(dst []T, first int) {
	switch t.Narrow.Storage {
	case Wide:
		copy(dst, t.V[first:][:len(dst)])
		return
	case Q8:
		t.readBlocks(dst, first)
		return
	}
	from := t.Narrow.V[first:][:len(dst)]
	if t.Narrow.Storage == BF16 {
		for i, v := range from {
			dst[i] = T(math.Float32frombits(uint32(v) << 16))
		}
		return
	}
	for i, v := range from {
		dst[i] = T(fromF16(v))
	}
}

// Widened returns the numbers of t: V, or those of Narrow in new memory.
func (t Tensor[T]) Widened() []T {
	if !t.Narrow.exists() {
		return t.V
	}
	n := len(t.Narrow.V)
	if t.Narrow.Storage == Q8 {
		n = t.Rows * t.Cols
	}
	v := make([]T, n)
	t.Read(v, 0)
	return v
}

// Write sets the numbers of t from number first on to src. It says whether t holds them
// all exactly; if it does not, what it holds of src is undefined. It panics when t is in Q8,
// which SetBlocks writes.
func (t Tensor[T]) Write(first int, src []T) (exact bool) {
	switch t.Narrow.Storage {
	case Wide:
		copy(t.V[first:][:len(src)], src)
		return true
	case Q8:
		panic("pedestrian.Tensor.Write: " + t.Name + " is in q8_0: use SetBlocks")
	}
	to := t.Narrow.V[first:][:len(src)]
	for i, v := range src {
		f := float32(v)
		h, back := uint16(math.Float32bits(f)>>16), float32(0)
		if t.Narrow.Storage == F16 {
			h = toF16(f)
			back = fromF16(h)
		} else {
			back = math.Float32frombits(uint32(h) << 16)
		}
		if to[i] = h; T(back) != v && v == v {
			return false
		}
	}
	return true
}

// fromF16 is the number of half precision with these bits. As bits of a float32, its
// exponent and fraction are 2^-112 times the number.
func fromF16(h uint16) float32 {
	sign, rest := uint32(h&0x8000)<<16, uint32(h&0x7fff)<<13
	if rest >= 0x7c00<<13 { // infinite, or not a number
		return math.Float32frombits(sign | 0x7f800000 | rest&0x7fffff)
	}
	return math.Float32frombits(sign | math.Float32bits(math.Float32frombits(rest)*0x1p112))
}

// toF16 is the inverse of fromF16. Of a number that is not of half precision it is any bits.
func toF16(f float32) uint16 {
	b := math.Float32bits(f)
	sign, rest := uint16(b>>16)&0x8000, b&^(1<<31)
	if rest >= 0x7f800000 {
		return sign | 0x7c00 | uint16(rest>>13)&0x3ff
	}
	return sign | uint16(math.Float32bits(math.Float32frombits(rest)*0x1p-112)>>13)
}
