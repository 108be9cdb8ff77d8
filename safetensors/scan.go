package safetensors

import (
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A scanner reads the part of JSON that a header may contain. Its text is valid UTF-8.
type scanner struct {
	s []byte
	i int
}

func (p *scanner) space() {
	for p.i < len(p.s) && (p.s[p.i] == ' ' || p.s[p.i] == '\n' || p.s[p.i] == '\t' || p.s[p.i] == '\r') {
		p.i++
	}
}

// next is the next byte that is not a blank, 0 at the end.
func (p *scanner) next() byte {
	p.space()
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

// open reads the bracket or quotation mark c, which begins a value.
func (p *scanner) open(c byte) error {
	switch got := p.next(); {
	case got == c:
		p.i++
		return nil
	case p.i >= len(p.s):
		return p.end()
	default:
		return refuse(reasonWrongType, "%s instead of %q at byte %d of the header", p.found(), string(c), p.i)
	}
}

func (p *scanner) end() error {
	return refuse(reasonSyntax, "the header ends in the middle, after %d bytes", len(p.s))
}

// found is the text at the scanner, shortened and quoted, for messages.
func (p *scanner) found() string {
	rest := p.s[p.i:min(len(p.s), p.i+20)]
	for j, c := range rest {
		if c == ',' || c == '}' || c == ']' || c == '\n' || c == ' ' {
			if j == 0 {
				j = 1
			}
			rest = rest[:j]
			break
		}
	}
	return strconv.QuoteToASCII(string(rest))
}

// more reports whether another element of an array or object follows after read elements;
// it reads the comma or the closing bracket.
func (p *scanner) more(read int, closing byte) (bool, error) {
	c := p.next()
	switch {
	case c == closing:
		p.i++
		return false, nil
	case p.i >= len(p.s):
		return false, p.end()
	case read == 0:
		return true, nil
	case c != ',':
		return false, refuse(reasonSyntax, "%s instead of a comma or %q at byte %d of the header", p.found(), string(closing), p.i)
	}
	p.i++
	return true, nil
}

// object reads an object and calls field for each key, which reads its value.
func (p *scanner) object(field func(key string) error) error {
	if err := p.open('{'); err != nil {
		return err
	}
	for n := 0; ; n++ {
		if more, err := p.more(n, '}'); err != nil || !more {
			return err
		}
		key, err := p.text()
		if err != nil {
			return err
		}
		if p.next() != ':' {
			if p.i >= len(p.s) {
				return p.end()
			}
			return refuse(reasonSyntax, "%s instead of a colon at byte %d of the header", p.found(), p.i)
		}
		p.i++
		if err := field(key); err != nil {
			return err
		}
	}
}

// text reads a string.
func (p *scanner) text() (string, error) {
	if err := p.open('"'); err != nil {
		return "", err
	}
	start := p.i
	for p.i < len(p.s) && p.s[p.i] != '"' && p.s[p.i] != '\\' && p.s[p.i] >= 0x20 {
		p.i++
	}
	out := p.s[start:p.i:p.i] // appending copies
	for p.i < len(p.s) {
		c := p.s[p.i]
		p.i++
		switch {
		case c == '"':
			return string(out), nil
		case c < 0x20:
			return "", refuse(reasonSyntax, "a control character in a string at byte %d of the header", p.i-1)
		case c != '\\':
			out = append(out, c)
		default:
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
		}
	}
	return "", p.end()
}

// escape reads what follows a backslash.
func (p *scanner) escape() (rune, error) {
	if p.i >= len(p.s) {
		return 0, p.end()
	}
	at, c := p.i-1, p.s[p.i]
	p.i++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		r, err := p.hex()
		if err != nil || !utf16.IsSurrogate(r) {
			return r, err
		}
		if p.i+1 < len(p.s) && p.s[p.i] == '\\' && p.s[p.i+1] == 'u' {
			p.i += 2
			low, err := p.hex()
			if err != nil {
				return 0, err
			}
			if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
				return both, nil
			}
		}
		return 0, refuse(reasonNotUTF8, "half of a surrogate pair at byte %d of the header", at)
	}
	return 0, refuse(reasonSyntax, "unknown escape at byte %d of the header", at)
}

func (p *scanner) hex() (rune, error) {
	if p.i+4 > len(p.s) {
		return 0, p.end()
	}
	var r rune
	for _, c := range p.s[p.i : p.i+4] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, refuse(reasonSyntax, "an escape without four hexadecimal digits at byte %d of the header", p.i-2)
		}
	}
	p.i += 4
	return r, nil
}

// number reads a whole number in plain digits, of at most 63 bits.
func (p *scanner) number() (int64, error) {
	p.space()
	if p.i >= len(p.s) {
		return 0, p.end()
	}
	start := p.i
	var n int64
	for p.i < len(p.s) && '0' <= p.s[p.i] && p.s[p.i] <= '9' {
		d := int64(p.s[p.i] - '0')
		if n > (math.MaxInt64-d)/10 || p.i > start && n == 0 {
			p.i = start
			return 0, refuse(reasonNumber, "%s instead of a whole number at byte %d of the header", p.found(), p.i)
		}
		n = 10*n + d
		p.i++
	}
	if c := p.next(); p.i == start || c != ',' && c != ']' && p.i < len(p.s) {
		p.i = start
		return 0, refuse(reasonNumber, "%s instead of a whole number at byte %d of the header", p.found(), p.i)
	}
	return n, nil
}
