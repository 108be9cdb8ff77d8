package gguf

import "fmt"

// A Type is the number format of a tensor, with ggml's number for it.
type Type uint32

// The types that this package reads and writes numbers of.
const (
	F32  Type = 0
	F16  Type = 1
	Q8_0 Type = 8 // 32 numbers to one scale in F16
	BF16 Type = 30
)

// types lists ggml's types as of gguf 0.19: the numbers and bytes of a block.
var types = map[Type]struct {
	name        string
	block, size uint64
}{
	0: {"F32", 1, 4}, 1: {"F16", 1, 2}, 2: {"Q4_0", 32, 18}, 3: {"Q4_1", 32, 20}, 6: {"Q5_0", 32, 22}, 7: {"Q5_1", 32, 24},
	8: {"Q8_0", 32, 34}, 9: {"Q8_1", 32, 40}, 10: {"Q2_K", 256, 84}, 11: {"Q3_K", 256, 110}, 12: {"Q4_K", 256, 144},
	13: {"Q5_K", 256, 176}, 14: {"Q6_K", 256, 210}, 15: {"Q8_K", 256, 292}, 16: {"IQ2_XXS", 256, 66}, 17: {"IQ2_XS", 256, 74},
	18: {"IQ3_XXS", 256, 98}, 19: {"IQ1_S", 256, 50}, 20: {"IQ4_NL", 32, 18}, 21: {"IQ3_S", 256, 110}, 22: {"IQ2_S", 256, 82},
	23: {"IQ4_XS", 256, 136}, 24: {"I8", 1, 1}, 25: {"I16", 1, 2}, 26: {"I32", 1, 4}, 27: {"I64", 1, 8}, 28: {"F64", 1, 8},
	29: {"IQ1_M", 256, 56}, 30: {"BF16", 1, 2}, 34: {"TQ1_0", 256, 54}, 35: {"TQ2_0", 256, 66}, 39: {"MXFP4", 32, 17},
	40: {"NVFP4", 64, 36}, 41: {"Q1_0", 128, 18},
}

func (t Type) String() string {
	if i, ok := types[t]; ok {
		return i.name
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// bytes returns the size of a tensor of type t with dimensions dims, the innermost first. It
// returns an error if t is unknown, a row is not a whole number of blocks, or the size
// overflows.
func (t Type) bytes(dims []uint64) (uint64, error) {
	i, ok := types[t]
	if !ok {
		return 0, fmt.Errorf("type %d is not one of ggml's", uint32(t))
	}
	if len(dims) > 0 && dims[0]%i.block != 0 {
		return 0, fmt.Errorf("rows of %d are not whole blocks of %d, which %s has", dims[0], i.block, t)
	}
	n := uint64(1)
	for _, d := range dims {
		if n, ok = mul(n, d); !ok {
			return 0, fmt.Errorf("the shape %v overflows", dims)
		}
	}
	size, ok := mul(n/i.block, i.size)
	if !ok {
		return 0, fmt.Errorf("the shape %v overflows", dims)
	}
	return size, nil
}

// maxSize is the limit of every size and sum. It is far below the largest int64.
const maxSize = 1 << 60

// mul and add are checked; all arithmetic with numbers from a file uses them.
func mul(a, b uint64) (uint64, bool) {
	if b != 0 && a > maxSize/b {
		return 0, false
	}
	return a * b, true
}

func add(a, b uint64) (uint64, bool) {
	if a > maxSize || b > maxSize-a {
		return 0, false
	}
	return a + b, true
}

// align rounds n up to a multiple of alignment, a power of two.
func align(n, alignment uint64) (uint64, bool) {
	up, ok := add(n, alignment-1)
	return up &^ (alignment - 1), ok
}
