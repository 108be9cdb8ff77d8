package gguf

import (
	"bufio"
	"fmt"
	"io"
	"slices"
)

// Limits of a header. Llama 3's, with 128,000 tokens and 280,000 merges, has 8 MB.
const (
	maxHeader  = 32 << 20
	maxTensors = 65536
	maxPairs   = 65536
	maxDims    = 4
	maxName    = 64 // bytes of a tensor's name; ggml has room for 63 bytes and a zero
	maxKey     = 65535
)

const (
	magic            = "GGUF"
	defaultAlignment = 32
	alignmentKey     = "general.alignment"
)

// A Pair is one entry of the metadata. Its value is a uint8, int8, uint16, int16,
// uint32, int32, float32, bool, string, uint64, int64 or float64, or a slice of one
// of these.
type Pair struct {
	Key   string // the key, and the value in the type that the file declares
	Value any
}

// A Tensor is one entry of the list of tensors.
type Tensor struct {
	Name   string
	Type   Type
	Dims   []uint64 // ggml's ne: the first is the innermost, the length of a row
	offset uint64   // from the beginning of the data
	size   uint64
}

// Bytes returns the size of t's numbers in the file.
func (t Tensor) Bytes() int64 { return int64(t.size) }

// Elements returns the product of the dimensions.
func (t Tensor) Elements() int64 {
	n := int64(1)
	for _, d := range t.Dims {
		n *= int64(d)
	}
	return n
}

// A File is a GGUF file with a valid header. Its numbers are read later, so the reader that it
// was opened with must stay open.
type File struct {
	Version   uint32
	Pairs     []Pair
	Tensors   []Tensor // in the order of the list and of their numbers
	Alignment int
	r         io.ReaderAt
	start     uint64 // of the numbers
}

// Lookup returns the value of a key.
func (f *File) Lookup(key string) (value any, ok bool) {
	for _, p := range f.Pairs {
		if p.Key == key {
			return p.Value, true
		}
	}
	return nil, false
}

// Tensor returns the tensor with the given name.
func (f *File) Tensor(name string) (Tensor, bool) {
	i := slices.IndexFunc(f.Tensors, func(t Tensor) bool { return t.Name == name })
	if i < 0 {
		return Tensor{}, false
	}
	return f.Tensors[i], true
}

// Read reads and checks the header of a file of size bytes.
func Read(r io.ReaderAt, size int64) (*File, error) {
	if size < 24 {
		return nil, fmt.Errorf("a file of %d bytes is not GGUF: the shortest has 24", size)
	}
	limit := min(size, maxHeader)
	h := &header{r: bufio.NewReaderSize(io.NewSectionReader(r, 0, limit), 1<<16), left: uint64(limit), whole: limit == size}
	f := &File{Alignment: defaultAlignment, r: r}
	h.read(f, uint64(size))
	if h.err != nil {
		return nil, h.err
	}
	return f, nil
}

// read sets f. An error is in h.err.
func (h *header) read(f *File, size uint64) {
	if m := h.bytes(4); h.err != nil || string(m) != magic {
		h.fail("it begins with %q, not with %q: not a GGUF file", m, magic)
		return
	}
	switch f.Version = h.u32(); {
	case h.err == nil && f.Version != 0 && f.Version&0xffff == 0:
		h.fail("version %#x: a file for processors of the other byte order", f.Version)
	case f.Version != 2 && f.Version != 3:
		h.fail("version %d: versions 2 and 3 are read", f.Version)
	}
	tensors, pairs := h.u64(), h.u64()
	switch {
	case tensors > maxTensors:
		h.fail("%d tensors: at most %d are read", tensors, maxTensors)
	case pairs > maxPairs:
		h.fail("%d keys: at most %d are read", pairs, maxPairs)
	}
	seen := map[string]bool{}
	for range pairs {
		if h.err != nil {
			return
		}
		p := h.pair()
		if h.err == nil && seen[p.Key] {
			h.fail("the key %.80q twice", p.Key)
		}
		seen[p.Key] = true
		f.Pairs = append(f.Pairs, p)
	}
	if v, ok := f.Lookup(alignmentKey); ok {
		a, is := v.(uint32)
		if !is || a == 0 || a&(a-1) != 0 || a > 1<<20 {
			h.fail("%s is %v: it must be a power of two, as a uint32, of at most %d", alignmentKey, v, 1<<20)
			return
		}
		f.Alignment = int(a)
	}
	clear(seen)
	end := uint64(0)
	for range tensors {
		if h.err != nil {
			return
		}
		t := h.tensor()
		if h.err != nil {
			return
		}
		if seen[t.Name] {
			h.fail("the tensor %.80q twice", t.Name)
		}
		seen[t.Name] = true
		if t.offset != end {
			h.fail("tensor %q begins at byte %d, and %d is due", t.Name, t.offset, end)
		}
		var ok, okToo bool
		end, ok = add(end, t.size)
		if end, okToo = align(end, uint64(f.Alignment)); !ok || !okToo {
			h.fail("the tensors up to %q overflow", t.Name)
		}
		f.Tensors = append(f.Tensors, t)
	}
	if h.err != nil {
		return
	}
	start, _ := align(h.at, uint64(f.Alignment)) // h.at is at most maxHeader
	f.start = start
	if len(f.Tensors) == 0 {
		if size > start {
			h.fail("%d bytes follow the header of a file without tensors", size-start)
		}
		return
	}
	last := f.Tensors[len(f.Tensors)-1]
	need, padded := start+last.offset+last.size, start+end
	if size < need || size > padded {
		h.fail("the tensors end at byte %d and the file at %d: cut short, or not this file's header", need, size)
	}
}
