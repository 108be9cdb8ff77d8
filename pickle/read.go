package pickle

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// A File is an open file of torch.save. Its program has been run. [Decode] reads the numbers, so
// the reader must stay open.
type File struct {
	Tensors []Tensor // in the order of the dictionary

	r     io.ReaderAt
	size  int64
	held  *storage // whose numbers are in bytes
	bytes []byte
}

// nested are keys under which training programs store a state dictionary with other values.
var nested = []string{"state_dict", "model_state_dict", "model", "module"}

// Read reads a file of size bytes.
func Read(r io.ReaderAt, size int64) (*File, error) {
	var magic [4]byte
	if size < int64(len(magic)) {
		return nil, fmt.Errorf("a file of %d bytes is not one of torch.save", size)
	}
	if _, err := r.ReadAt(magic[:], 0); err != nil {
		return nil, err
	}
	f := &File{r: r, size: size}
	var top any
	var err error
	if string(magic[:2]) == "PK" {
		top, err = f.container()
	} else {
		top, err = f.old()
	}
	if err != nil {
		return nil, err
	}
	return f, f.dictionary(top)
}

// dictionary returns the tensors of a state dictionary, which is the file's value or one of its
// entries.
func (f *File) dictionary(top any) error {
	d, ok := top.(*dict)
	if !ok {
		return errors.New("it holds no dictionary of tensors: save the state_dict() of a model")
	}
	for i, key := range d.keys {
		if inner, ok := d.values[i].(*dict); ok && len(inner.keys) > 0 {
			if name, ok := key.(string); ok && slices.Contains(nested, name) {
				d = inner
				break
			}
		}
	}
	seen := map[string]bool{}
	for i, key := range d.keys {
		name, isText := key.(string)
		t, isTensor := d.values[i].(*Tensor)
		switch {
		case !isText || name == "" || len(name) > 1024:
			return fmt.Errorf("a key of the dictionary is not the name of a tensor: %.80q", fmt.Sprint(key))
		case !isTensor:
			return fmt.Errorf("%.80q is no tensor: save the state_dict() of a model", name)
		case seen[name]:
			return fmt.Errorf("the tensor %.80q twice", name)
		}
		seen[name] = true
		named := *t
		named.Name = name
		f.Tensors = append(f.Tensors, named)
	}
	if len(f.Tensors) == 0 {
		return errors.New("it holds no tensors")
	}
	return nil
}

// of reads the id of a storage: "storage", the type, the key, the device, the count.
func of(id tuple) (s *storage, err error) {
	if len(id) < 5 || id[0] != "storage" {
		return nil, errors.New("a persistent id that is not of a storage")
	}
	g, _ := id[1].(global)
	dtype, ok := storageTypes[g]
	key, isText := id[2].(string)
	n, isNumber := id[4].(int64)
	if !ok || !isText || !isNumber || n < 0 || n > 1<<48 {
		return nil, fmt.Errorf("a storage of %v numbers of the type %.80q", id[4], string(g))
	}
	return &storage{key: key, dtype: dtype, n: n}, nil
}

// container reads the zip container: NAME/data.pkl is the program, NAME/data/KEY are
// the storages, as they are, without compression.
func (f *File) container() (any, error) {
	z, err := zip.NewReader(f.r, f.size)
	if err != nil {
		return nil, fmt.Errorf("the container: %w", err)
	}
	entries := make(map[string]*zip.File, len(z.File))
	var program *zip.File
	for _, e := range z.File {
		if entries[e.Name] != nil {
			return nil, fmt.Errorf("the container has %.80q twice", e.Name)
		}
		entries[e.Name] = e
		if path.Base(e.Name) == "data.pkl" && strings.Count(e.Name, "/") <= 1 {
			if program != nil {
				return nil, fmt.Errorf("the container has %.80q and %.80q", program.Name, e.Name)
			}
			program = e
		}
	}
	if program == nil {
		return nil, errors.New("the container has no data.pkl: not a file of torch.save")
	}
	at := strings.TrimSuffix(program.Name, "data.pkl")
	if e := entries[at+"byteorder"]; e != nil {
		order, err := entry(e, 16)
		if err != nil || string(order) != "little" {
			return nil, fmt.Errorf("byte order %.16q: only little is read", order)
		}
	}
	text, err := entry(program, maxProgram)
	if err != nil {
		return nil, err
	}
	storages := map[string]*storage{}
	m := &machine{r: bufio.NewReader(strings.NewReader(string(text))), limit: int64(len(text))}
	m.persist = func(id tuple) (any, error) {
		s, err := of(id)
		if err != nil {
			return nil, err
		}
		if known := storages[s.key]; known != nil {
			if known.dtype != s.dtype || known.n != s.n {
				return nil, fmt.Errorf("the storage %.40q is of two kinds", s.key)
			}
			return known, nil
		}
		e := entries[at+"data/"+s.key]
		switch {
		case e == nil:
			return nil, fmt.Errorf("the storage %.40q is not in the container", s.key)
		case e.Method != zip.Store || e.CompressedSize64 != e.UncompressedSize64:
			return nil, fmt.Errorf("the storage %.40q is compressed, which torch.save does not do", s.key)
		case e.UncompressedSize64 != uint64(s.n*s.size()):
			return nil, fmt.Errorf("the storage %.40q has %d bytes, and %d numbers of type %s", s.key, e.UncompressedSize64, s.n, s.dtype)
		}
		if s.offset, err = e.DataOffset(); err != nil {
			return nil, fmt.Errorf("the storage %.40q: %w", s.key, err)
		}
		if s.offset > f.size-s.n*s.size() {
			return nil, fmt.Errorf("the storage %.40q is cut short", s.key)
		}
		storages[s.key] = s
		return s, nil
	}
	top, err := m.run()
	if err == nil && m.at != m.limit {
		err = errors.New("something follows the pickle")
	}
	return top, err
}

// entry reads a small entry of the container, and compares its checksum.
func entry(e *zip.File, most uint64) ([]byte, error) {
	if e.UncompressedSize64 > most {
		return nil, fmt.Errorf("%.80q has %d bytes: at most %d are read", e.Name, e.UncompressedSize64, most)
	}
	r, err := e.Open()
	if err != nil {
		return nil, fmt.Errorf("%.80q: %w", e.Name, err)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err != nil {
		return nil, fmt.Errorf("%.80q: %w", e.Name, err)
	}
	return text, nil
}

// oldMagic is the number that the old form begins with, the lowest byte first.
const oldMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"

// old reads the older format: pickles of a magic number, the version and the sizes of types; the
// pickle of the dictionary; the keys of the storages; and each storage with its count.
func (f *File) old() (any, error) {
	m := &machine{r: bufio.NewReader(io.NewSectionReader(f.r, 0, f.size)), limit: min(f.size, maxProgram)}
	m.persist = func(tuple) (any, error) { return nil, errors.New("a storage where none is due") }
	magic, err := m.run()
	if err != nil || magic != oldMagic {
		return nil, errors.New("it is neither a zip container nor begins as the old form does: not a file of torch.save")
	}
	if v, err := m.run(); err != nil || v != int64(1001) {
		return nil, fmt.Errorf("the old form, version %v: only 1001 is read", v)
	}
	system, err := m.run()
	if err != nil {
		return nil, err
	}
	if d, ok := system.(*dict); !ok || d.get("little_endian") != true {
		return nil, errors.New("its byte order is not little, which alone is read")
	}
	storages := map[string]*storage{}
	m.persist = func(id tuple) (any, error) {
		s, err := of(id)
		switch {
		case err != nil:
			return nil, err
		case len(id) > 5 && id[5] != nil:
			return nil, fmt.Errorf("the storage %.40q is a view of another", s.key)
		}
		if known := storages[s.key]; known != nil {
			if known.dtype != s.dtype || known.n != s.n {
				return nil, fmt.Errorf("the storage %.40q is of two kinds", s.key)
			}
			return known, nil
		}
		storages[s.key] = s
		return s, nil
	}
	top, err := m.run()
	if err != nil {
		return nil, err
	}
	keys, err := m.run()
	if err != nil {
		return nil, err
	}
	order, ok := keys.(*list)
	if !ok || len(order.items) != len(storages) {
		return nil, errors.New("the list of storages is not that of the tensors")
	}
	at := m.at
	for _, key := range order.items {
		name, _ := key.(string)
		s := storages[name]
		if s == nil || s.offset != 0 {
			return nil, fmt.Errorf("the list of storages has %.40q, which no tensor has, or twice", name)
		}
		var count [8]byte
		if at > f.size-8 {
			return nil, fmt.Errorf("the storage %.40q is cut short", name)
		}
		if _, err := f.r.ReadAt(count[:], at); err != nil {
			return nil, err
		}
		if n := int64(binary.LittleEndian.Uint64(count[:])); n != s.n {
			return nil, fmt.Errorf("the storage %.40q has %d numbers, and %d by the dictionary", name, n, s.n)
		}
		s.offset = at + 8
		if s.n*s.size() > f.size-s.offset {
			return nil, fmt.Errorf("the storage %.40q is cut short", name)
		}
		at = s.offset + s.n*s.size()
	}
	if at != f.size {
		return nil, fmt.Errorf("%d bytes follow the storages", f.size-at)
	}
	return top, nil
}

// get returns the value of a key, or nil.
func (d *dict) get(key string) any {
	for i, k := range d.keys {
		if k == key {
			return d.values[i]
		}
	}
	return nil
}

// Decode sets dst to the elements first, first+1, … of t, a tensor of f, row by row,
// as [safetensors.Decode] converts them. It panics when t does not have that many.
func Decode[T safetensors.Float](f *File, t Tensor, first int, dst []T) error {
	if first < 0 || int64(first) > t.n || int64(len(dst)) > t.n-int64(first) {
		panic(fmt.Sprintf("pickle.Decode: elements %d to %d of %q, which has %d", first, first+len(dst), t.Name, t.n))
	}
	s, size := t.storage, t.storage.size()
	if t.contiguous() {
		const chunk = 1 << 14 // numbers
		buf := make([]byte, size*int64(min(chunk, len(dst))))
		at := s.offset + (t.first+int64(first))*size
		for part := range slices.Chunk(dst, chunk) {
			b := buf[:size*int64(len(part))]
			if _, err := f.r.ReadAt(b, at); err != nil {
				return fmt.Errorf("tensor %.80q is cut short: %w", t.Name, err)
			}
			if err := safetensors.Convert(part, b, s.dtype); err != nil {
				return fmt.Errorf("tensor %.80q: %w", t.Name, err)
			}
			at += int64(len(b))
		}
		return nil
	}
	if f.held != s {
		f.held, f.bytes = nil, make([]byte, s.n*size) // the file has as many bytes
		if _, err := f.r.ReadAt(f.bytes, s.offset); err != nil {
			return fmt.Errorf("tensor %.80q is cut short: %w", t.Name, err)
		}
		f.held = s
	}
	for i := range dst {
		at, rest := t.first, int64(first+i)
		for d := len(t.Shape) - 1; d >= 0; d-- {
			at += rest % int64(t.Shape[d]) * t.stride[d]
			rest /= int64(t.Shape[d])
		}
		if err := safetensors.Convert(dst[i:i+1], f.bytes[at*size:][:size], s.dtype); err != nil {
			return fmt.Errorf("tensor %.80q: %w", t.Name, err)
		}
	}
	return nil
}
