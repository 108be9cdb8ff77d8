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
	Name       string
	DType      DType
	Shape      []int // of at most 8 dimensions; none means a single number
	elems      int
	begin, end int64 // bytes, from the end of the header
}

// Described is a tensor that no file of this format holds, such as one of another
// format that is listed beside those of this one. It panics where the shape is of more
// numbers than an int64 counts bytes of.
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

// Bytes is the room that t takes in the file.
func (t Tensor) Bytes() int64 { return t.end - t.begin }

// A File is a safetensors file whose header was read and found right: its tensors
// fill the file from the end of the header to its own end, without a hole or an
// overlap.
type File struct {
	Tensors  []Tensor          // in the order in which their numbers lie
	Metadata map[string]string // nil when the file has none
	place    map[string]int
	r        io.ReaderAt
	start    int64 // of the first number
}

// Read reads and checks the header of a file of size bytes. The error is an [*Error].
// The numbers stay in the file until [Decode] is asked for them, so r must stay open.
func Read(r io.ReaderAt, size int64) (*File, error) {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return nil, refuse(TooShort, "no header: the file has %d bytes", size)
	}
	if err := readAt(r, prefix[:], 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > MaxHeader {
		return nil, refuse(HeaderTooLarge, "a header of %d bytes in a file of %d (at most %d): not a safetensors file", n, size, MaxHeader)
	}
	if int64(n) > size-8 {
		return nil, refuse(HeaderCutShort, "a header of %d bytes in a file of %d: not a safetensors file, or cut short", n, size)
	}
	header := make([]byte, n)
	if err := readAt(r, header, 8); err != nil {
		return nil, err
	}
	f := &File{r: r, start: 8 + int64(n)}
	var err error
	if f.Tensors, f.Metadata, err = parseHeader(header); err != nil {
		e := err.(*Error)
		e.Text = "the header is not of a safetensors file: " + e.Text
		return nil, err
	}
	slices.SortStableFunc(f.Tensors, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	at := int64(0)
	f.place = make(map[string]int, len(f.Tensors))
	for i, t := range f.Tensors {
		if t.begin != at {
			return nil, refuse(Range, "tensor %q begins at byte %d, the one before ends at %d", clip(t.Name), t.begin, at)
		}
		at = t.end
		f.place[t.Name] = i
	}
	if at != size-f.start {
		return nil, refuse(DataSize, "the tensors take %d bytes, the file has %d for them", at, size-f.start)
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

// Raw returns the bytes of t as they lie in the file.
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
	return &Error{Unreadable, fmt.Sprintf("reading %d bytes at byte %d: %v", len(b), at, err), err}
}
