package safetensors

import (
	"fmt"
	"math"
	"math/bits"
	"unicode/utf8"
)

// Bounds of what is read. The first is the format's.
const (
	maxHeader  = 100_000_000 // bytes of a header
	maxTensors = 1 << 18
	maxDims    = 8
	maxName    = 1024 // bytes
)

// mul is a·b, or false when an int64 cannot hold it. Neither is negative.
func mul(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	return int64(lo), hi == 0 && lo <= math.MaxInt64
}

// parseHeader reads a header strictly: no duplicate, unknown or missing keys, whole
// numbers in plain digits, nothing after the end but blanks. The tensors are in the
// order of the header.
func parseHeader(header []byte) (tensors []Tensor, metadata map[string]string, err error) {
	if len(header) == 0 || header[0] != '{' {
		return nil, nil, refuse(reasonNotAnObject, "it does not begin with {")
	}
	if i := notUTF8(header); i >= 0 {
		return nil, nil, refuse(reasonNotUTF8, "not UTF-8: 0x%02x at byte %d of the header", header[i], i)
	}
	p := &scanner{s: header}
	seen := map[string]bool{}
	err = p.object(func(name string) error {
		if seen[name] {
			return refuse(reasonDuplicate, "key %q twice", clip(name))
		}
		seen[name] = true
		if name == "__metadata__" {
			metadata, err = p.metadata()
			return err
		}
		if len(name) > maxName {
			return refuse(reasonTooMany, "the name %q has %d bytes: more than %d", clip(name), len(name), maxName)
		}
		if len(tensors) == maxTensors {
			return refuse(reasonTooMany, "more than %d tensors", maxTensors)
		}
		t, err := p.tensor()
		if e, ok := err.(*formatError); ok {
			e.text = fmt.Sprintf("tensor %q: %s", clip(name), e.text)
		}
		t.Name = name
		tensors = append(tensors, t)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if p.space(); p.i < len(p.s) {
		return nil, nil, refuse(reasonAfterTheEnd, "something after the end of the object: %s at byte %d of the header", p.found(), p.i)
	}
	return tensors, metadata, nil
}

func notUTF8(s []byte) int {
	if utf8.Valid(s) {
		return -1
	}
	for i := 0; ; {
		r, n := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
}

func (p *scanner) metadata() (map[string]string, error) {
	m := map[string]string{}
	return m, p.object(func(key string) error {
		if _, ok := m[key]; ok {
			return refuse(reasonDuplicate, "__metadata__: key %q twice", clip(key))
		}
		v, err := p.text()
		if e, ok := err.(*formatError); ok && e.reason == reasonWrongType {
			e.text = fmt.Sprintf("__metadata__: key %q: %s: metadata are strings", clip(key), e.text)
		}
		m[key] = v
		return err
	})
}

// The keys of a tensor, as bits.
const (
	keyType = 1 << iota
	keyShape
	keyOffsets
)

// tensor reads the entry of one tensor and checks it by itself.
func (p *scanner) tensor() (t Tensor, err error) {
	seen := 0
	err = p.object(func(key string) error {
		k := map[string]int{"dtype": keyType, "shape": keyShape, "data_offsets": keyOffsets}[key]
		if k == 0 {
			return refuse(reasonUnknownKey, "unknown key %q", clip(key))
		}
		if seen&k != 0 {
			return refuse(reasonDuplicate, "key %q twice", key)
		}
		seen |= k
		switch k {
		case keyType:
			s, err := p.text()
			if t.DType = DType(s); err == nil && t.DType.Bits() == 0 {
				err = refuse(reasonUnknownType, "numbers of type %q: the format has no such type", clip(s))
			}
			return err
		case keyShape:
			ns, err := p.numbers(maxDims, "dimensions")
			t.Shape = make([]int, len(ns))
			for i, n := range ns {
				if n > math.MaxInt {
					return refuse(reasonOverflow, "the dimension %d is more than this machine can count", n)
				}
				t.Shape[i] = int(n)
			}
			return err
		}
		o, err := p.numbers(2, "offsets")
		if err != nil {
			return err
		}
		if len(o) != 2 {
			return refuse(reasonWrongType, "%d offsets instead of two", len(o))
		}
		t.begin, t.end = o[0], o[1]
		return nil
	})
	if err == nil && seen != keyType|keyShape|keyOffsets {
		err = refuse(reasonMissingKey, "it needs dtype, shape and data_offsets, and has %d of 3 keys", bits.OnesCount(uint(seen)))
	}
	if err != nil {
		return t, err
	}
	return t, t.check()
}

// check compares the range of t with its shape and type.
func (t *Tensor) check() error {
	if t.end < t.begin {
		return refuse(reasonRange, "its end %d comes before its beginning %d", t.end, t.begin)
	}
	// Zeros are left out, so that the order of the dimensions does not matter.
	n, empty := int64(1), false
	for _, d := range t.Shape {
		var ok bool
		if d == 0 {
			empty = true
		} else if n, ok = mul(n, int64(d)); !ok {
			return refuse(reasonOverflow, "the shape %v overflows", t.Shape)
		}
	}
	b, ok := mul(n, int64(t.DType.Bits()))
	if !ok {
		return refuse(reasonOverflow, "the shape %v overflows: as %s it has more bits than can be counted", t.Shape, t.DType)
	}
	if empty {
		n, b = 0, 0
	}
	if b%8 != 0 {
		return refuse(reasonMisaligned, "%d elements of %d bits do not fill whole bytes", n, t.DType.Bits())
	}
	if t.end-t.begin != b/8 {
		return refuse(reasonWrongSize, "%d bytes for the shape %v, which takes %d as %s", t.end-t.begin, t.Shape, b/8, t.DType)
	}
	if n > math.MaxInt {
		return refuse(reasonOverflow, "the shape %v has more elements than this machine can count", t.Shape)
	}
	t.elems = int(n)
	return nil
}

// numbers reads an array of at most most whole numbers.
func (p *scanner) numbers(most int, what string) ([]int64, error) {
	if err := p.open('['); err != nil {
		return nil, err
	}
	var ns []int64
	for {
		if more, err := p.more(len(ns), ']'); err != nil || !more {
			return ns, err
		}
		n, err := p.number()
		if err != nil {
			return nil, err
		}
		if ns = append(ns, n); len(ns) > most {
			return nil, refuse(reasonTooMany, "more than %d %s", most, what)
		}
	}
}
