package safetensors

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
)

// A Tensor is one entry of a header.
type Tensor struct {
	Name       string // unique in the file
	DType      DType  // type of the elements
	Shape      []int  // of at most 8 dimensions; none means a single number
	elems      int
	begin, end int64 // bytes, from the end of the header
}

// Described makes a Tensor that belongs to no file of this format, for example a tensor of
// another format in the same list. It panics if its size in bytes does not fit into an
// int64.
func Described(name string, d DType, shape []int) Tensor {
	n := int64(1)
	for _, size := range shape {
		var ok bool
		if n, ok = mul(n, int64(size)); !ok || size < 0 || n > math.MaxInt64/8 {
			panic(fmt.Sprintf("safetensors.Described: a tensor of the shape %v", shape))
		}
	}
	return Tensor{Name: name, DType: d, Shape: shape, elems: int(n), end: n * int64(d.Bits()) / 8}
}

// Len is the number of elements, the product of the shape.
func (t Tensor) Len() int { return t.elems }

// Bytes is the size of t in the file, in bytes.
func (t Tensor) Bytes() int64 { return t.end - t.begin }

// A File is a safetensors file with a valid header: its tensors fill the file from the end
// of the header to the end of the file, without gap or overlap.
type File struct {
	Tensors  []Tensor          // in the order of their numbers in the file
	Metadata map[string]string // nil if the file has none
	place    map[string]int
	r        io.ReaderAt
	start    int64 // of the first number
}

// Read reads and checks the header of a file of size bytes. [Decode] reads the numbers
// later, so r must stay open.
func Read(r io.ReaderAt, size int64) (*File, error) {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return nil, refuse(reasonTooShort, "no header: the file has %d bytes", size)
	}
	if err := readAt(r, prefix[:], 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > maxHeader {
		return nil, refuse(reasonHeaderTooLarge, "a header of %d bytes in a file of %d (at most %d): not a safetensors file", n, size, maxHeader)
	}
	if int64(n) > size-8 {
		return nil, refuse(reasonHeaderCutShort, "a header of %d bytes in a file of %d: not a safetensors file, or cut short", n, size)
	}
	header := make([]byte, n)
	if err := readAt(r, header, 8); err != nil {
		return nil, err
	}
	f := &File{r: r, start: 8 + int64(n)}
	var err error
	if f.Tensors, f.Metadata, err = parseHeader(header); err != nil {
		e := err.(*formatError)
		e.text = "the header is not of a safetensors file: " + e.text
		return nil, err
	}
	slices.SortStableFunc(f.Tensors, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	at := int64(0)
	f.place = make(map[string]int, len(f.Tensors))
	for i, t := range f.Tensors {
		if t.begin != at {
			return nil, refuse(reasonRange, "tensor %q begins at byte %d, the one before ends at %d", clip(t.Name), t.begin, at)
		}
		at = t.end
		f.place[t.Name] = i
	}
	if at != size-f.start {
		return nil, refuse(reasonDataSize, "the tensors take %d bytes, the file has %d for them", at, size-f.start)
	}
	return f, nil
}

// Lookup returns the tensor of that name.
func (f *File) Lookup(name string) (Tensor, bool) {
	i, ok := f.place[name]
	if !ok {
		return Tensor{}, false
	}
	return f.Tensors[i], true
}

// Raw returns the bytes of t in the file.
func (f *File) Raw(t Tensor) *io.SectionReader {
	return io.NewSectionReader(f.r, f.start+t.begin, t.Bytes())
}

// readAt fills b from r.
func readAt(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return &formatError{reasonUnreadable, fmt.Sprintf("reading %d bytes at byte %d: %v", len(b), at, err), err}
}
