package gguf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"
)

// A header reads a header from its beginning and keeps the first error.
type header struct {
	r     *bufio.Reader
	at    uint64 // bytes read
	left  uint64 // bytes that may still be read
	whole bool   // whether left is the rest of the file, not of the limit
	err   error
}

func (h *header) fail(format string, args ...any) {
	if h.err == nil {
		h.err = fmt.Errorf(format, args...)
	}
}

// claim says whether n more bytes are left. It is called before memory for them is allocated.
func (h *header) claim(n uint64) bool {
	if h.err == nil && n > h.left {
		if h.whole {
			h.fail("cut short: %d bytes are due at byte %d, and the file has %d more", n, h.at, h.left)
		} else {
			h.fail("the header has more than %d bytes", maxHeader)
		}
	}
	return h.err == nil
}

func (h *header) bytes(n uint64) []byte {
	if !h.claim(n) {
		return nil
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(h.r, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the file became shorter")
		}
		h.fail("reading at byte %d: %w", h.at, err)
		return nil
	}
	h.at, h.left = h.at+n, h.left-n
	return b
}

func (h *header) u32() uint32 {
	if b := h.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (h *header) u64() uint64 {
	if b := h.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (h *header) text() string { return string(h.bytes(h.u64())) }

func (h *header) pair() (p Pair) {
	p.Key = h.text()
	switch {
	case h.err != nil:
	case p.Key == "" || len(p.Key) > maxKey || !utf8.ValidString(p.Key):
		h.fail("the key %.80q: it has 1 to %d bytes of UTF-8", p.Key, maxKey)
	}
	kind := h.u32()
	if kind == kindArray {
		kind = h.u32()
		p.Value = h.array(kind, h.u64())
	} else {
		p.Value = h.value(kind)
	}
	if h.err != nil {
		h.err = fmt.Errorf("key %.80q: %w", p.Key, h.err)
	}
	return p
}

func (h *header) tensor() (t Tensor) {
	t.Name = h.text()
	n := h.u32()
	switch {
	case h.err != nil:
	case t.Name == "" || len(t.Name) >= maxName || !utf8.ValidString(t.Name):
		h.fail("the tensor %.80q: a name has 1 to %d bytes of UTF-8", t.Name, maxName-1)
	case n > maxDims:
		h.fail("tensor %q has %d dimensions: at most %d are read", t.Name, n, maxDims)
	}
	if h.err != nil {
		return t
	}
	for range n {
		d := h.u64()
		if d > math.MaxInt64 {
			h.fail("tensor %q has a dimension of %d", t.Name, d)
		}
		t.Dims = append(t.Dims, d)
	}
	t.Type = Type(h.u32())
	t.offset = h.u64()
	if h.err != nil {
		return t
	}
	size, err := t.Type.bytes(t.Dims)
	if err != nil {
		h.fail("tensor %q: %w", t.Name, err)
	}
	t.size = size
	return t
}
