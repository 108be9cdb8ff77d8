package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"
)

// Float is the type of numbers in memory.
type Float interface{ float32 | float64 }

const chunk = 64 << 10 // bytes read or written at a time

// buffers are those of Decode, which is called for a few rows at a time.
var buffers = sync.Pool{New: func() any { return new([chunk]byte) }}

// Decode sets dst to the elements first, first+1, … of t, a tensor of f. It converts F64,
// F32, F16, BF16, integers and BOOL; other types are an error. An F64 is rounded to the
// nearest float32 if dst is float32. It is an error if dst cannot hold a finite number (an
// F64 out of the range of float32, an integer that would be rounded); the error names the
// element. Decode panics if t does not have that many elements.
func Decode[T Float](f *File, t Tensor, first int, dst []T) error {
	if first < 0 || first > t.elems || len(dst) > t.elems-first {
		panic(fmt.Sprintf("safetensors.Decode: elements %d to %d of %q, which has %d", first, first+len(dst), t.Name, t.elems))
	}
	if !t.DType.converts() {
		return fmt.Errorf("tensor %q: numbers of type %s are not read: convert them to F32, F16 or BF16", clip(t.Name), t.DType)
	}
	size := t.DType.Bits() / 8
	buf := buffers.Get().(*[chunk]byte)
	defer buffers.Put(buf)
	at := f.start + t.begin + int64(first)*int64(size)
	for done := 0; done < len(dst); {
		part := dst[done:min(len(dst), done+chunk/size)]
		b := buf[:size*len(part)]
		if err := readAt(f.r, b, at); err != nil {
			return fmt.Errorf("tensor %q is cut short: %w", clip(t.Name), err)
		}
		if i := convert(part, b, t.DType); i >= 0 {
			return fmt.Errorf("tensor %q: element %d, of type %s, does not fit a %T", clip(t.Name), first+done+i, t.DType, part[i])
		}
		at += int64(len(b))
		done += len(part)
	}
	return nil
}

// Convert sets dst to the little-endian numbers of type d in b. It panics if b does not have
// exactly len(dst) numbers, or Decode does not convert d.
func Convert[T Float](dst []T, b []byte, d DType) error {
	if !d.converts() || len(b) != len(dst)*d.Bits()/8 {
		panic(fmt.Sprintf("safetensors.Convert: %d bytes of type %q to %d numbers", len(b), d, len(dst)))
	}
	if i := convert(dst, b, d); i >= 0 {
		return fmt.Errorf("element %d, of type %s, does not fit a %T", i, d, dst[i])
	}
	return nil
}

// convert sets dst to the numbers in b. It returns the index of the first number that dst
// cannot hold, or -1.
func convert[T Float](dst []T, b []byte, d DType) int {
	le := binary.LittleEndian
	switch d {
	case F32:
		for i := range dst {
			dst[i] = T(math.Float32frombits(le.Uint32(b[4*i:])))
		}
	case F16:
		for i := range dst {
			dst[i] = T(fromF16(le.Uint16(b[2*i:])))
		}
	case BF16:
		for i := range dst {
			dst[i] = T(math.Float32frombits(uint32(le.Uint16(b[2*i:])) << 16))
		}
	case F64:
		for i := range dst {
			v := math.Float64frombits(le.Uint64(b[8*i:]))
			if dst[i] = T(v); math.IsInf(float64(dst[i]), 0) && !math.IsInf(v, 0) {
				return i
			}
		}
	case U64:
		for i := range dst {
			v := le.Uint64(b[8*i:])
			dst[i] = T(v)
			// The conversion of 2⁶⁴ back to uint64 is not defined.
			if float64(dst[i]) >= 1<<64 || uint64(dst[i]) != v {
				return i
			}
		}
	default:
		for i := range dst {
			v := integer(b, i, d)
			dst[i] = T(v)
			if float64(dst[i]) >= 1<<63 || int64(dst[i]) != v {
				return i
			}
		}
	}
	return -1
}

// integer is element i of b.
func integer(b []byte, i int, d DType) int64 {
	le := binary.LittleEndian
	switch d {
	case I64:
		return int64(le.Uint64(b[8*i:]))
	case I32:
		return int64(int32(le.Uint32(b[4*i:])))
	case U32:
		return int64(le.Uint32(b[4*i:]))
	case I16:
		return int64(int16(le.Uint16(b[2*i:])))
	case U16:
		return int64(le.Uint16(b[2*i:]))
	case I8:
		return int64(int8(b[i]))
	}
	return int64(b[i]) // U8, BOOL
}
