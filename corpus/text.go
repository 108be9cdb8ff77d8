package corpus

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// A textReader reads text in the form that [Load] promises, in blocks. It returns an error
// at the first bytes that are not text, with their offset in the file.
type textReader struct {
	in    io.Reader
	block []byte // buffer
	raw   []byte // part of block that is not checked: the beginning of a character at most
	text  []byte // part of block that is checked and not yet returned
	at    int64  // offset of raw in the file
	begun bool
	any   bool // some text was read
	err   error
}

// textBlock is the number of bytes read at a time.
const textBlock = 256 << 10

func newTextReader(in io.Reader) *textReader {
	return &textReader{in: in, block: make([]byte, textBlock+utf8.UTFMax)}
}

func (r *textReader) Read(p []byte) (n int, err error) {
	for len(r.text) == 0 && r.err == nil && len(p) > 0 {
		r.fill()
	}
	n = copy(p, r.text)
	r.text = r.text[n:]
	if len(r.text) == 0 && n == 0 {
		return 0, r.err
	}
	return n, nil
}

// fill reads and checks a block.
func (r *textReader) fill() {
	kept := copy(r.block, r.raw)
	n, err := io.ReadFull(r.in, r.block[kept:kept+textBlock])
	last := err == io.EOF || err == io.ErrUnexpectedEOF
	if err != nil && !last {
		r.err = err
		return
	}
	r.raw = r.block[:kept+n]
	if !r.begun {
		r.begin()
	}
	var text []byte
	if r.err == nil {
		text = r.check(last)
	}
	if r.err != nil {
		return
	}
	r.text = text
	r.any = r.any || len(r.text) > 0
	if last {
		if r.err = io.EOF; !r.any {
			r.err = errors.New("the file is empty: give a file with some text")
		}
	}
}

// begin removes a byte order mark.
func (r *textReader) begin() {
	r.begun = true
	if bytes.HasPrefix(r.raw, []byte("\xff\xfe")) || bytes.HasPrefix(r.raw, []byte("\xfe\xff")) {
		r.err = errors.New("the byte order mark of UTF-16 at offset 0: convert the file with iconv -f UTF-16 -t UTF-8")
	}
	if rest, ok := bytes.CutPrefix(r.raw, []byte(bom)); ok {
		r.raw, r.at = rest, r.at+int64(len(bom))
	}
}

// check moves whole characters from raw to its result; with last, all bytes must be whole characters.
func (r *textReader) check(last bool) []byte {
	if i := bytes.IndexByte(r.raw, 0); i >= 0 {
		r.err = fmt.Errorf("a NUL byte at offset %d: this is a binary file or UTF-16, not UTF-8 text", r.at+int64(i))
		return nil
	}
	end := len(r.raw)
	if !last {
		for back := 1; back < utf8.UTFMax && back <= end; back++ {
			if c := r.raw[end-back]; utf8.RuneStart(c) {
				if !utf8.FullRune(r.raw[end-back:]) {
					end -= back
				}
				break
			}
		}
	}
	text := r.raw[:end]
	if !utf8.Valid(text) {
		for i := 0; ; {
			c, size := utf8.DecodeRune(text[i:])
			if c == utf8.RuneError && size <= 1 {
				r.err = fmt.Errorf("byte 0x%02x at offset %d is not UTF-8: convert the file, for example with iconv -f ISO-8859-1 -t UTF-8", text[i], r.at+int64(i))
				return nil
			}
			i += size
		}
	}
	r.raw, r.at = r.raw[end:], r.at+int64(end)
	return text
}
