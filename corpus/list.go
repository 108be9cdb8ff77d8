package corpus

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// readList gives each example of a JSON list to c. Errors name the file and the line where
// the example begins.
func readList(r io.Reader, file string, c *collector) error {
	in := &scanner{in: bufio.NewReaderSize(r, 1<<16), line: 1}
	fail := func(err error) error { return fmt.Errorf("%v: %w", Place{file, in.line}, err) }
	if start, _ := in.in.Peek(len(bom)); string(start) == bom {
		in.in.Discard(len(bom))
	}
	if b, err := in.next(); err != nil {
		return fail(err)
	} else if b != '[' {
		return fail(fmt.Errorf("%q where a list must begin: choose another --format", b))
	}
	for n := 0; ; n++ {
		b, err := in.next()
		if err != nil {
			return fail(err)
		}
		if b == ']' && n == 0 {
			break
		}
		at := Place{file, in.line}
		raw, after, err := in.element(b)
		if err != nil {
			return fmt.Errorf("%v: %w", at, err)
		}
		if len(raw) == 0 {
			return fmt.Errorf("%v: element %d of the list is empty: take out the comma", at, n)
		}
		v, err := parseJSON(raw)
		if err != nil {
			return fmt.Errorf("%v: %w", at, err)
		}
		o, ok := v.(object)
		if !ok {
			return fmt.Errorf("%v: element %d of the list is %s: it must be an object, such as {\"text\": \"…\"}", at, n, describe(v))
		}
		if err := c.add(o, at); err != nil {
			return err
		}
		if after == ']' {
			break
		}
	}
	if b, err := in.next(); err == nil {
		return fail(fmt.Errorf("%q follows the list: a file holds one", b))
	} else if !errors.Is(err, errListEnds) {
		return fail(err)
	}
	return c.end(file, "the list is empty")
}

var errListEnds = errors.New("the file ends inside of the list: it was cut short")

// A scanner finds the elements of a JSON list without decoding them.
type scanner struct {
	in   *bufio.Reader
	line int
}

func (s *scanner) byte() (byte, error) {
	b, err := s.in.ReadByte()
	if err == io.EOF {
		return 0, errListEnds
	}
	if b == '\n' {
		s.line++
	}
	return b, err
}

// next reads the next byte that is not white space.
func (s *scanner) next() (byte, error) {
	for {
		if b, err := s.byte(); err != nil || bytes.IndexByte([]byte(" \t\r\n"), b) < 0 {
			return b, err
		}
	}
}

// element reads an element whose first byte is b, up to the next comma or bracket, which it
// returns as after.
func (s *scanner) element(b byte) (raw []byte, after byte, err error) {
	depth, quoted, escaped := 0, false, false
	for ; ; b, err = s.byte() {
		if err != nil {
			return nil, 0, err
		}
		switch {
		case escaped:
			escaped = false
		case quoted:
			quoted, escaped = b != '"', b == '\\'
		case b == '"':
			quoted = true
		case b == '[' || b == '{':
			depth++
		case depth == 0 && (b == ',' || b == ']'):
			return bytes.TrimSpace(raw), b, nil
		case b == ']' || b == '}':
			depth--
		}
		if raw = append(raw, b); len(raw) > maxLine {
			return nil, 0, fmt.Errorf("the element has more than %d bytes: an example is not so long", maxLine)
		}
	}
}
