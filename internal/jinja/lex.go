package jinja

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind int

const (
	endToken        tokenKind = iota // of the template
	dataToken                        // text between tags
	beginExpression                  // {{
	endExpression                    // }}
	beginStatement                   // {%
	endStatement                     // %}
	nameToken
	stringToken
	intToken
	floatToken
	operatorToken
)

type lexeme struct {
	kind tokenKind
	text string // of a string what it means, not how it is written
	line int
}

func (l lexeme) String() string {
	switch l.kind {
	case endToken:
		return "the end of the template"
	case beginExpression:
		return `"{{"`
	case endExpression:
		return `"}}"`
	case beginStatement:
		return `"{%"`
	case endStatement:
		return `"%}"`
	}
	return fmt.Sprintf("%.40q", l.text)
}

// A lexer divides a template as Jinja does with trim_blocks and lstrip_blocks: the first
// line end after a statement or comment is left out, and blanks before one at the beginning
// of a line.
type lexer struct {
	s         string
	at, line  int
	lineStart bool // the tag before ended with a line end
	out       []lexeme
}

func lex(source string) ([]lexeme, error) {
	source = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(source)
	x := &lexer{s: strings.TrimSuffix(source, "\n"), line: 1, lineStart: true}
	for x.at < len(x.s) {
		if err := x.data(); err != nil {
			return nil, fmt.Errorf("line %d: %w", x.line, err)
		}
	}
	x.add(endToken, "")
	return x.out, nil
}

func (x *lexer) add(kind tokenKind, text string) {
	x.out = append(x.out, lexeme{kind, text, x.line})
}

// advance goes n bytes on.
func (x *lexer) advance(n int) {
	x.line += strings.Count(x.s[x.at:x.at+n], "\n")
	x.at += n
}

// skipSpace goes over white space.
func (x *lexer) skipSpace() {
	rest := x.s[x.at:]
	x.advance(len(rest) - len(strings.TrimLeftFunc(rest, isSpace)))
}

// data reads text and the tag after it.
func (x *lexer) data() error {
	rest := x.s[x.at:]
	n := -1
	for i := 0; i+1 < len(rest); i++ {
		if c := rest[i+1]; rest[i] == '{' && (c == '{' || c == '%' || c == '#') {
			n = i
			break
		}
	}
	if n < 0 {
		x.add(dataToken, rest)
		x.advance(len(rest))
		return nil
	}
	text, kind := rest[:n], rest[n+1]
	sign := byte(0)
	if n+2 < len(rest) && (rest[n+2] == '-' || rest[n+2] == '+') {
		sign = rest[n+2]
	}
	switch {
	case sign == '-':
		text = strings.TrimRightFunc(text, isSpace)
	case sign == 0 && kind != '{':
		if i := strings.LastIndexByte(text, '\n') + 1; (i > 0 || x.lineStart) && strings.TrimLeftFunc(text[i:], isSpace) == "" {
			text = text[:i]
		}
	}
	if text != "" {
		x.add(dataToken, text)
	}
	x.advance(n + 2)
	if sign != 0 {
		x.advance(1)
	}
	switch kind {
	case '#':
		return x.comment()
	case '%':
		if err := x.raw(); err != nil {
			return err
		}
		x.add(beginStatement, "")
		return x.tag(endStatement, "%}")
	}
	x.add(beginExpression, "")
	return x.tag(endExpression, "}}")
}

// comment skips a comment.
func (x *lexer) comment() error {
	n := strings.Index(x.s[x.at:], "#}")
	if n < 0 {
		return fmt.Errorf("a comment without its end")
	}
	sign := byte(0)
	if n > 0 {
		sign = x.s[x.at+n-1]
	}
	x.advance(n + 2)
	x.after(sign, true)
	return nil
}

// after ends a tag: sign is what stands before its end, block says that it is no
// expression.
func (x *lexer) after(sign byte, block bool) {
	from := x.at
	if sign == '-' {
		x.skipSpace()
	} else if block && sign != '+' && x.at < len(x.s) && x.s[x.at] == '\n' {
		x.advance(1)
	}
	x.lineStart = x.at > from && x.s[x.at-1] == '\n'
}

// raw refuses {% raw %}.
func (x *lexer) raw() error {
	rest := strings.TrimLeftFunc(x.s[x.at:], isSpace)
	rest, ok := strings.CutPrefix(rest, "raw")
	rest = strings.TrimLeftFunc(rest, isSpace)
	if !ok || !strings.HasPrefix(rest, "%}") && !strings.HasPrefix(rest, "-%}") {
		return nil
	}
	return fmt.Errorf("the tag raw is not supported")
}

// tag reads the tokens of a tag up to its end.
func (x *lexer) tag(end tokenKind, mark string) error {
	var open []byte
	for {
		x.skipSpace()
		rest := x.s[x.at:]
		if rest == "" {
			return fmt.Errorf("a tag without its end %s", mark)
		}
		if len(open) == 0 {
			sign := byte(0)
			if rest[0] == '-' || rest[0] == '+' && end == endStatement {
				sign = rest[0]
			}
			if sign != 0 && strings.HasPrefix(rest[1:], mark) || strings.HasPrefix(rest, mark) {
				x.add(end, "")
				if !strings.HasPrefix(rest, mark) {
					x.advance(1)
				} else {
					sign = 0
				}
				x.advance(len(mark))
				x.after(sign, end == endStatement)
				return nil
			}
		}
		c := rest[0]
		switch {
		case c == '\'' || c == '"':
			if err := x.quoted(c); err != nil {
				return err
			}
		case c >= '0' && c <= '9':
			if len(rest) > 1 && c == '0' && strings.IndexByte("xXoObB", rest[1]) >= 0 {
				return fmt.Errorf("the number %.10s is not supported: write it in decimal", rest)
			}
			x.number(rest)
		case c == '_' || c >= utf8.RuneSelf || unicode.IsLetter(rune(c)):
			n := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
			if n < 0 {
				n = len(rest)
			}
			if n == 0 {
				return fmt.Errorf("%.10q is not understood", rest)
			}
			x.add(nameToken, rest[:n])
			x.advance(n)
		default:
			op := operator(rest)
			if op == "" {
				return fmt.Errorf("the character %q is not understood", c)
			}
			switch op {
			case "(", "[", "{":
				open = append(open, op[0])
			case ")", "]", "}":
				if len(open) == 0 || map[byte]byte{'(': ')', '[': ']', '{': '}'}[open[len(open)-1]] != op[0] {
					return fmt.Errorf("%q without what it closes", op)
				}
				open = open[:len(open)-1]
			}
			x.add(operatorToken, op)
			x.advance(len(op))
		}
	}
}

// operator is the operator that s begins with, or "".
func operator(s string) string {
	for _, op := range []string{"//", "**", "==", "!=", ">=", "<="} {
		if strings.HasPrefix(s, op) {
			return op
		}
	}
	if strings.IndexByte("+-/*%~[](){}<>=.:|,", s[0]) >= 0 {
		return s[:1]
	}
	return ""
}

// number reads a number: decimal digits, and a fraction or an exponent of a float.
func (x *lexer) number(rest string) {
	digits := func(i int) int {
		for i < len(rest) && (rest[i] >= '0' && rest[i] <= '9' || rest[i] == '_') {
			i++
		}
		return i
	}
	n, kind := digits(0), intToken
	if m := digits(n + 1); n < len(rest) && rest[n] == '.' && m > n+1 {
		n, kind = m, floatToken
	}
	if n < len(rest) && (rest[n] == 'e' || rest[n] == 'E') {
		i := n + 1
		if i < len(rest) && (rest[i] == '+' || rest[i] == '-') {
			i++
		}
		if m := digits(i); m > i {
			n, kind = m, floatToken
		}
	}
	x.add(kind, strings.ReplaceAll(rest[:n], "_", ""))
	x.advance(n)
}

// quoted reads a string and undoes its escapes, which are Python's.
func (x *lexer) quoted(quote byte) error {
	s := x.s[x.at:]
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote:
			x.add(stringToken, b.String())
			x.advance(i + 1)
			return nil
		case c != '\\':
			b.WriteByte(c)
		case i+1 < len(s):
			i++
			n, err := unescape(&b, s[i:])
			if err != nil {
				return err
			}
			i += n - 1
		}
	}
	return fmt.Errorf("a string without its end: %.20q", s)
}

// unescape writes what a backslash before s means, and returns how much of s that is.
func unescape(b *strings.Builder, s string) (n int, err error) {
	if i := strings.IndexByte(`\'"abfnrtv`, s[0]); i >= 0 {
		b.WriteByte("\\'\"\a\b\f\n\r\t\v"[i])
		return 1, nil
	}
	switch c := s[0]; {
	case c == '\n':
		return 1, nil
	case c == 'x' || c == 'u' || c == 'U':
		n := 1 + map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
		if len(s) < n {
			return 0, fmt.Errorf("the escape \\%.8q is cut short", s)
		}
		v, err := strconv.ParseUint(s[1:n], 16, 32)
		if err != nil || !utf8.ValidRune(rune(v)) {
			return 0, fmt.Errorf("the escape \\%s is no character", s[:n])
		}
		b.WriteRune(rune(v))
		return n, nil
	case c >= '0' && c <= '7':
		v, n := 0, 0
		for ; n < 3 && n < len(s) && s[n] >= '0' && s[n] <= '7'; n++ {
			v = 8*v + int(s[n]-'0')
		}
		b.WriteRune(rune(v))
		return n, nil
	case c == 'N':
		return 0, fmt.Errorf(`the escape \N is not supported`)
	}
	b.WriteByte('\\')
	_, n = utf8.DecodeRuneInString(s)
	b.WriteString(s[:n])
	return n, nil
}

// isSpace is Python's str.isspace.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }
