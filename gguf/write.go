package gguf

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// An Entry is a tensor to be written.
type Entry struct {
	Name string
	Type Type  // F32, F16, BF16 or Q8_0
	Dims []int // the first is the innermost, the length of a row
	Data []float32
	Make func() []float32 // if Data is nil, Write calls it for the numbers, and does not keep them
}

// Write writes a file of version 3 with the pairs and the tensors, in the given order. It rounds
// numbers to the nearest of their type, and returns an error for a number outside the range of
// the type. It panics if data do not fit their dimensions, or a type cannot be written.
func Write(w io.Writer, pairs []Pair, entries []Entry) error {
	tensors := make([]Tensor, len(entries))
	for i, e := range entries {
		if !slices.Contains([]Type{F32, F16, BF16, Q8_0}, e.Type) {
			panic(fmt.Sprintf("gguf.Write: %q as %s: F32, F16, BF16 and Q8_0 are written", e.Name, e.Type))
		}
		t := Tensor{Name: e.Name, Type: e.Type}
		for _, d := range e.Dims {
			t.Dims = append(t.Dims, uint64(d))
		}
		tensors[i] = t
	}
	header, alignment, err := appendHeader(nil, 3, pairs, tensors)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	const chunk = 1 << 14 // numbers, whole blocks
	buf := make([]byte, 0, 4*chunk)
	for i, e := range entries {
		data := e.Data
		if data == nil && e.Make != nil {
			data = e.Make()
		}
		if int64(len(data)) != tensors[i].Elements() {
			panic(fmt.Sprintf("gguf.Write: %d numbers of %q, whose dimensions are %v", len(data), e.Name, e.Dims))
		}
		for part := range slices.Chunk(data, chunk) {
			if buf, err = appendNumbers(buf[:0], part, e.Type); err != nil {
				return fmt.Errorf("tensor %q: %w", e.Name, err)
			}
			if _, err := w.Write(buf); err != nil {
				return err
			}
		}
		end := tensors[i].offset + tensors[i].size
		if next, _ := align(end, alignment); next > end {
			if _, err := w.Write(make([]byte, next-end)); err != nil {
				return err
			}
		}
	}
	return nil
}

// appendHeader appends the header with its padding, and sets the sizes and offsets of the
// tensors.
func appendHeader(b []byte, version uint32, pairs []Pair, tensors []Tensor) (_ []byte, alignment uint64, err error) {
	le := binary.LittleEndian
	alignment = defaultAlignment
	b = append(b, magic...)
	b = le.AppendUint32(b, version)
	b = le.AppendUint64(b, uint64(len(tensors)))
	b = le.AppendUint64(b, uint64(len(pairs)))
	seen := map[string]bool{}
	for _, p := range pairs {
		if p.Key == "" || len(p.Key) > maxKey || !utf8.ValidString(p.Key) || seen[p.Key] {
			return nil, 0, fmt.Errorf("the key %.80q: it is UTF-8 of 1 to %d bytes, and occurs once", p.Key, maxKey)
		}
		seen[p.Key] = true
		if a, ok := p.Value.(uint32); ok && p.Key == alignmentKey {
			alignment = uint64(a)
		}
		if b, err = appendValue(appendText(b, p.Key), p.Value); err != nil {
			return nil, 0, fmt.Errorf("key %q: %w", p.Key, err)
		}
	}
	clear(seen)
	end := uint64(0)
	for i := range tensors {
		t := &tensors[i]
		if t.Name == "" || len(t.Name) >= maxName || !utf8.ValidString(t.Name) || seen[t.Name] {
			return nil, 0, fmt.Errorf("the tensor %.80q: a name is UTF-8 of 1 to %d bytes, and occurs once", t.Name, maxName-1)
		}
		seen[t.Name] = true
		if t.size, err = t.Type.bytes(t.Dims); err != nil {
			return nil, 0, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		t.offset = end
		b = le.AppendUint32(appendText(b, t.Name), uint32(len(t.Dims)))
		for _, d := range t.Dims {
			b = le.AppendUint64(b, d)
		}
		b = le.AppendUint64(le.AppendUint32(b, uint32(t.Type)), t.offset)
		end, _ = align(end+t.size, alignment)
	}
	for uint64(len(b))%alignment != 0 {
		b = append(b, 0)
	}
	return b, alignment, nil
}
