package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// The kinds of values, with ggml's numbers for them.
const (
	kindU8 = iota
	kindI8
	kindU16
	kindI16
	kindU32
	kindI32
	kindF32
	kindBool
	kindString
	kindArray
	kindU64
	kindI64
	kindF64
)

// width has the sizes in bytes of the kinds of fixed size.
var width = map[uint32]uint64{
	kindU8: 1, kindI8: 1, kindU16: 2, kindI16: 2, kindU32: 4, kindI32: 4, kindF32: 4, kindBool: 1, kindU64: 8, kindI64: 8, kindF64: 8,
}

// value reads a value that is not an array.
func (h *header) value(kind uint32) any {
	if kind == kindString {
		return h.textValue()
	}
	n, ok := width[kind]
	if !ok {
		h.fail("a value of kind %d, which there is not", kind)
		return nil
	}
	b := h.bytes(n)
	if b == nil {
		return nil
	}
	return h.number(kind, b)
}

func (h *header) textValue() string {
	s := h.text()
	if h.err == nil && !utf8.ValidString(s) {
		h.fail("a text that is not UTF-8")
	}
	return s
}

func (h *header) number(kind uint32, b []byte) any {
	le := binary.LittleEndian
	switch kind {
	case kindU8:
		return b[0]
	case kindI8:
		return int8(b[0])
	case kindU16:
		return le.Uint16(b)
	case kindI16:
		return int16(le.Uint16(b))
	case kindU32:
		return le.Uint32(b)
	case kindI32:
		return int32(le.Uint32(b))
	case kindF32:
		return math.Float32frombits(le.Uint32(b))
	case kindU64:
		return le.Uint64(b)
	case kindI64:
		return int64(le.Uint64(b))
	case kindF64:
		return math.Float64frombits(le.Uint64(b))
	}
	if b[0] > 1 {
		h.fail("a truth value of %d: it is 0 or 1", b[0])
	}
	return b[0] == 1
}

// array reads n values of one kind.
func (h *header) array(kind uint32, n uint64) any {
	least, ok := width[kind]
	switch {
	case h.err != nil:
		return nil
	case kind == kindString:
		least = 8
	case !ok:
		h.fail("an array of kind %d: of numbers, truth values or texts they are read", kind)
		return nil
	}
	if total, ok := mul(n, least); !ok || !h.claim(total) {
		h.fail("an array of %d", n) // if claim has not set an error
		return nil
	}
	switch kind {
	case kindU8:
		return list[uint8](h, kind, n)
	case kindI8:
		return list[int8](h, kind, n)
	case kindU16:
		return list[uint16](h, kind, n)
	case kindI16:
		return list[int16](h, kind, n)
	case kindU32:
		return list[uint32](h, kind, n)
	case kindI32:
		return list[int32](h, kind, n)
	case kindF32:
		return list[float32](h, kind, n)
	case kindU64:
		return list[uint64](h, kind, n)
	case kindI64:
		return list[int64](h, kind, n)
	case kindF64:
		return list[float64](h, kind, n)
	case kindBool:
		return list[bool](h, kind, n)
	}
	texts := make([]string, 0, min(n, 1<<12))
	for range n {
		texts = append(texts, h.textValue())
		if h.err != nil {
			return nil
		}
	}
	return texts
}

// list reads n numbers, for which claim has succeeded.
func list[T any](h *header, kind uint32, n uint64) []T {
	size := width[kind]
	b := h.bytes(n * size)
	if h.err != nil {
		return nil
	}
	vs := make([]T, n)
	for i := range vs {
		vs[i] = h.number(kind, b[uint64(i)*size:]).(T)
	}
	return vs
}

// appendValue appends the kind of v and v.
func appendValue(b []byte, v any) ([]byte, error) {
	le := binary.LittleEndian
	kind := func(k uint32) []byte { return le.AppendUint32(b, k) }
	switch v := v.(type) {
	case uint8:
		return append(kind(kindU8), v), nil
	case int8:
		return append(kind(kindI8), byte(v)), nil
	case uint16:
		return le.AppendUint16(kind(kindU16), v), nil
	case int16:
		return le.AppendUint16(kind(kindI16), uint16(v)), nil
	case uint32:
		return le.AppendUint32(kind(kindU32), v), nil
	case int32:
		return le.AppendUint32(kind(kindI32), uint32(v)), nil
	case float32:
		return le.AppendUint32(kind(kindF32), math.Float32bits(v)), nil
	case uint64:
		return le.AppendUint64(kind(kindU64), v), nil
	case int64:
		return le.AppendUint64(kind(kindI64), uint64(v)), nil
	case float64:
		return le.AppendUint64(kind(kindF64), math.Float64bits(v)), nil
	case bool:
		if v {
			return append(kind(kindBool), 1), nil
		}
		return append(kind(kindBool), 0), nil
	case string:
		if !utf8.ValidString(v) {
			return nil, fmt.Errorf("%.80q is not UTF-8", v)
		}
		return appendText(kind(kindString), v), nil
	case []uint8:
		return appendArray(b, v, kindU8)
	case []int8:
		return appendArray(b, v, kindI8)
	case []uint16:
		return appendArray(b, v, kindU16)
	case []int16:
		return appendArray(b, v, kindI16)
	case []uint32:
		return appendArray(b, v, kindU32)
	case []int32:
		return appendArray(b, v, kindI32)
	case []float32:
		return appendArray(b, v, kindF32)
	case []uint64:
		return appendArray(b, v, kindU64)
	case []int64:
		return appendArray(b, v, kindI64)
	case []float64:
		return appendArray(b, v, kindF64)
	case []bool:
		return appendArray(b, v, kindBool)
	case []string:
		return appendArray(b, v, kindString)
	}
	panic(fmt.Sprintf("gguf.Write: a value of type %T: numbers, truth values, texts and slices of them are written", v))
}

// appendArray appends an array: each element as a value, without its kind.
func appendArray[T any](b []byte, vs []T, kind uint32) ([]byte, error) {
	b = binary.LittleEndian.AppendUint32(b, kindArray)
	b = binary.LittleEndian.AppendUint32(b, kind)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(vs)))
	for _, v := range vs {
		at := len(b)
		var err error
		if b, err = appendValue(b, v); err != nil {
			return nil, err
		}
		b = append(b[:at], b[at+4:]...)
	}
	return b, nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}
