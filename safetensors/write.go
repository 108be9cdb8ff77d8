package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"
)

// An Entry is a tensor that Write writes.
type Entry[T Float] struct {
	Name  string     // unique in the file
	DType DType      // F64, F32, F16 or BF16
	Shape []int      // product is the number of elements
	Data  []T        // row-major
	Make  func() []T // if Data is nil, called to get the data when it is written; the result is not kept
}

// Len is the number of elements, the product of the shape.
func (e Entry[T]) Len() int {
	n := 1
	for _, d := range e.Shape {
		n *= d
	}
	return n
}

// Sort sorts entries in the order of the reference implementation: by type, wide types
// first, then by name.
func Sort[T Float](entries []Entry[T]) {
	slices.SortStableFunc(entries, func(a, b Entry[T]) int {
		return cmp.Or(cmp.Compare(b.DType.order(), a.DType.order()), cmp.Compare(a.Name, b.Name))
	})
}

// Write writes a file with the entries in the given order, and with metadata if it is not
// nil. Numbers are rounded to the nearest of their type, ties to even. A finite number that
// would become infinite is an error, and so are names and metadata that are not UTF-8. The
// header is padded with blanks so that the numbers begin at a multiple of 8 bytes. Write
// panics if the data of an entry do not fit its shape, or its type cannot be written.
func Write[T Float](w io.Writer, metadata map[string]string, entries []Entry[T]) error {
	header, err := writeHeader(metadata, entries)
	if err != nil {
		return err
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))); err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	var own []byte
	for _, e := range entries {
		data := e.Data
		if data == nil && e.Make != nil {
			data = e.Make()
		}
		if len(data) != e.Len() {
			panic(fmt.Sprintf("safetensors.Write: %d numbers of %q, whose shape is %v", len(data), e.Name, e.Shape))
		}
		for len(data) > 0 {
			buf := available(w)
			if cap(buf) < chunk/8 {
				if own == nil {
					own = make([]byte, 0, chunk)
				}
				buf = own[:0]
			}
			part := data[:min(len(data), cap(buf)*8/e.DType.Bits())]
			if buf, err = Append(buf, part, e.DType); err != nil {
				return fmt.Errorf("tensor %q: %w", clip(e.Name), err)
			}
			if _, err := w.Write(buf); err != nil {
				return err
			}
			data = data[len(part):]
		}
	}
	return nil
}

// available is the buffer that w lends to be written, as bufio.Writer does, if any.
func available(w io.Writer) []byte {
	if b, ok := w.(interface{ AvailableBuffer() []byte }); ok {
		return b.AvailableBuffer()
	}
	return nil
}

// writeHeader returns the padded header. It is built by hand: the order of a map's
// keys is not the order of the tensors.
func writeHeader[T Float](metadata map[string]string, entries []Entry[T]) ([]byte, error) {
	b := []byte{'{'}
	if metadata != nil {
		for k, v := range metadata {
			if !utf8.ValidString(k) || !utf8.ValidString(v) {
				return nil, fmt.Errorf("the metadata %q: %q are not UTF-8", clip(k), clip(v))
			}
		}
		b = appendJSON(append(b, `"__metadata__":`...), metadata)
	}
	seen, offset := map[string]bool{"__metadata__": true}, 0
	for _, e := range entries {
		if !slices.Contains([]DType{F64, F32, F16, BF16}, e.DType) {
			panic(fmt.Sprintf("safetensors.Write: %q as %q: F64, F32, F16 and BF16 are written", e.Name, e.DType))
		}
		if !utf8.ValidString(e.Name) || len(e.Name) > maxName {
			return nil, fmt.Errorf("the name %q is not UTF-8 or has more than %d bytes", clip(e.Name), maxName)
		}
		if seen[e.Name] {
			return nil, fmt.Errorf("two tensors have the name %q", e.Name)
		}
		seen[e.Name] = true
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(appendJSON(b, e.Name), ':')
		end := offset + e.Len()*e.DType.Bits()/8
		b = appendJSON(b, struct {
			DType   DType  `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}{e.DType, append([]int{}, e.Shape...), [2]int{offset, end}})
		offset = end
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	return b, nil
}

// appendJSON appends v, which JSON can express, on one line.
func appendJSON(b []byte, v any) []byte {
	var w bytes.Buffer
	e := json.NewEncoder(&w)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("safetensors: " + err.Error())
	}
	return append(b, bytes.TrimSuffix(w.Bytes(), []byte("\n"))...)
}

// Append appends data as little-endian numbers of type d, rounded to the nearest, ties
// to even. A finite number that would become infinite is an error.
func Append[T Float](b []byte, data []T, d DType) ([]byte, error) {
	le := binary.LittleEndian
	if data, ok := any(data).([]float32); ok && d == F32 {
		for _, v := range data {
			b = le.AppendUint32(b, math.Float32bits(v))
		}
		return b, nil
	}
	for _, v := range data {
		infinite := false
		switch d {
		case F64:
			b = le.AppendUint64(b, math.Float64bits(float64(v)))
		case F32:
			f := float32(v)
			b, infinite = le.AppendUint32(b, math.Float32bits(f)), math.IsInf(float64(f), 0)
		case F16:
			h := toF16(toOdd(v))
			b, infinite = le.AppendUint16(b, h), h&0x7fff == 0x7c00
		case BF16:
			h := toBF16(toOdd(v))
			b, infinite = le.AppendUint16(b, h), h&0x7fff == 0x7f80
		default:
			panic(fmt.Sprintf("safetensors.Append: numbers of type %q: F64, F32, F16 and BF16 are written", d))
		}
		if infinite && !math.IsInf(float64(v), 0) {
			return b, fmt.Errorf("%g is too large for %s: choose a type of more range", v, d)
		}
	}
	return b, nil
}
