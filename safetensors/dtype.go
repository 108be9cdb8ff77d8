package safetensors

import "slices"

// A DType is the type of a tensor's elements, in the spelling of the header.
type DType string

// The types that this package converts to float32 and float64.
const (
	F64  DType = "F64"
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
	I64  DType = "I64"
	I32  DType = "I32"
	I16  DType = "I16"
	I8   DType = "I8"
	U64  DType = "U64"
	U32  DType = "U32"
	U16  DType = "U16"
	U8   DType = "U8"
	Bool DType = "BOOL"
)

// dtypes lists every type of the format with its bits, in the order of the reference
// implementation, which puts the last ones first when it writes.
var dtypes = []struct {
	name DType
	bits int
}{
	{Bool, 8}, {"F4", 4}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {U8, 8}, {I8, 8},
	{"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
	{I16, 16}, {U16, 16}, {F16, 16}, {BF16, 16}, {I32, 32}, {U32, 32}, {F32, 32}, {"C64", 64}, {F64, 64}, {I64, 64}, {U64, 64},
}

// order is the index of d in dtypes, or -1.
func (d DType) order() int {
	for i := range dtypes {
		if dtypes[i].name == d {
			return i
		}
	}
	return -1
}

// Bits is the size of one element in bits; 0 if the format has no such type.
func (d DType) Bits() int {
	if i := d.order(); i >= 0 {
		return dtypes[i].bits
	}
	return 0
}

// converts reports whether [Decode] reads numbers of this type.
func (d DType) converts() bool {
	return slices.Contains([]DType{F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8, Bool}, d)
}
