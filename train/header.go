package train

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxHeader bounds the header of a safetensors file: 124 M parameters need 15 kB.
const maxHeader = 16 << 20

// A tensorInfo is one entry of a safetensors header.
type tensorInfo struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"` // of bytes, after the header
}

// readHeader reads the header of a safetensors file of size bytes and checks that
// its tensors fill the rest of the file without a hole or an overlap.
func readHeader(r io.Reader, size int64) (infos map[string]tensorInfo, metadata map[string]string, err error) {
	var prefix [8]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, nil, fmt.Errorf("no header: the file has %d bytes", size)
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > maxHeader || int64(n) > size-8 {
		return nil, nil, fmt.Errorf("a header of %d bytes in a file of %d (at most %d): not a safetensors file, or cut short", n, size, maxHeader)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, nil, fmt.Errorf("the header is cut short: %w", err)
	}
	infos, metadata, err = parseHeader(header)
	if err != nil {
		return nil, nil, fmt.Errorf("the header is not of a safetensors file: %s", strings.Join(strings.Fields(err.Error()), " "))
	}
	type span struct {
		name       string
		begin, end int
	}
	var spans []span
	for name, i := range infos {
		want := 4
		for _, d := range i.Shape {
			if d != 0 && want > math.MaxInt/d {
				return nil, nil, fmt.Errorf("tensor %s: the shape %v overflows", name, i.Shape)
			}
			want *= d
		}
		if got := i.Offsets[1] - i.Offsets[0]; got != want {
			return nil, nil, fmt.Errorf("tensor %s: %d bytes for the shape %v, which takes %d", name, got, i.Shape, want)
		}
		spans = append(spans, span{name, i.Offsets[0], i.Offsets[1]})
	}
	slices.SortFunc(spans, func(a, b span) int {
		if a.begin != b.begin {
			return a.begin - b.begin
		}
		return a.end - b.end
	})
	at := 0
	for _, s := range spans {
		if s.begin != at {
			return nil, nil, fmt.Errorf("tensor %s begins at byte %d, the one before ends at %d", s.name, s.begin, at)
		}
		at = s.end
	}
	if int64(at) != size-8-int64(n) {
		return nil, nil, fmt.Errorf("the tensors take %d bytes, the file has %d for them", at, size-8-int64(n))
	}
	return infos, metadata, nil
}

// parseHeader reads a header strictly: no duplicate, unknown or missing keys, whole
// numbers in plain digits, F32 only, nothing after the end but blanks.
func parseHeader(header []byte) (map[string]tensorInfo, map[string]string, error) {
	if len(header) == 0 || header[0] != '{' {
		return nil, nil, errors.New("it does not begin with {")
	}
	if !utf8.Valid(header) {
		return nil, nil, errors.New("not UTF-8")
	}
	p := headerParser{json.NewDecoder(bytes.NewReader(header))}
	p.d.UseNumber()
	infos, metadata := map[string]tensorInfo{}, map[string]string{}
	err := p.object(func(name string) error {
		if name == "__metadata__" {
			return p.object(func(key string) (err error) {
				metadata[key], err = p.text()
				return err
			})
		}
		var info tensorInfo
		fields := 0
		err := p.object(func(key string) (err error) {
			fields++
			switch key {
			case "dtype":
				if info.DType, err = p.text(); err == nil && info.DType != "F32" {
					err = fmt.Errorf("numbers of type %q: only F32 is read here", info.DType)
				}
			case "shape":
				info.Shape, err = p.numbers()
			case "data_offsets":
				var o []int
				if o, err = p.numbers(); err == nil && len(o) != 2 {
					err = fmt.Errorf("%d offsets", len(o))
				}
				copy(info.Offsets[:], o)
			default:
				err = fmt.Errorf("unknown key %q", key)
			}
			return err
		})
		if err == nil && fields != 3 {
			err = fmt.Errorf("%d of 3 keys", fields)
		}
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		infos[name] = info
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if _, err := p.d.Token(); err != io.EOF {
		return nil, nil, errors.New("something after the end of the object")
	}
	return infos, metadata, nil
}

// A headerParser reads the few shapes of JSON that a header has, token by token.
type headerParser struct{ d *json.Decoder }

func (p headerParser) delim(want json.Delim) error {
	t, err := p.d.Token()
	if err != nil {
		return err
	}
	if t != want {
		return fmt.Errorf("%v instead of %v", t, want)
	}
	return nil
}

func (p headerParser) text() (string, error) {
	t, err := p.d.Token()
	if s, ok := t.(string); ok {
		return s, nil
	}
	return "", errors.Join(err, fmt.Errorf("%v instead of a string", t))
}

func (p headerParser) object(field func(key string) error) error {
	if err := p.delim('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for p.d.More() {
		key, err := p.text()
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("key %q twice", key)
		}
		seen[key] = true
		if err := field(key); err != nil {
			return err
		}
	}
	return p.delim('}')
}

func (p headerParser) numbers() ([]int, error) {
	if err := p.delim('['); err != nil {
		return nil, err
	}
	ns := []int{}
	for p.d.More() {
		t, err := p.d.Token()
		if err != nil {
			return nil, err
		}
		digits, ok := t.(json.Number)
		n, err := strconv.ParseUint(digits.String(), 10, 63)
		if !ok || err != nil {
			return nil, fmt.Errorf("%v instead of a whole number", t)
		}
		if ns = append(ns, int(n)); len(ns) > 8 {
			return nil, errors.New("more than 8 dimensions")
		}
	}
	return ns, p.delim(']')
}
