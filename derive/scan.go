package derive

import (
	"fmt"
	"strings"
	"unicode"
)

// An Error says where an expression cannot be read, or has no shape.
type Error struct {
	Column  int    // of the first character concerned, from 1; in characters, not bytes
	End     int    // one behind the last
	ID      string // kind of the error: "syntax", "name", "shape" or "limit"
	Message string // one sentence for a learner, without the column
}

func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Message) }

// MaxLength is how many characters a line may have.
const MaxLength = 4000

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenName
	tokenNumber
	tokenSign // an operator, a bracket, a comma
)

type token struct {
	kind     tokenKind
	text     string
	pos, end int
}

// greek are the letters that have a name in ASCII.
var greek = map[rune]string{
	'ρ': "rho", 'Δ': "D", 'δ': "delta", 'α': "alpha", 'σ': "sigma", 'μ': "mu", 'µ': "mu", 'ω': "omega",
	'θ': "theta", 'ε': "eps", 'ā': "abar", 'ℓ': "l", 'β': "beta", 'λ': "lambda", 'ᾱ': "abar",
}

// signs that have another spelling.
var spelled = []struct{ typed, sign string }{
	{"a_{i-1}", "a_prev"}, {"Δ_{i-1}", "D_prev"}, // names; see scan
	{"^T", "'"}, {"^t", "'"}, {"ᵗ", "'"}, {"ᵀ", "'"}, {"’", "'"},
	{".*", "*"}, {"./", "/"}, {"∘", "*"}, {"⊙", "*"}, {"×", "*"}, {"−", "-"}, {"–", "-"}, {"·", "·"}, {"⊖", "⊖"},
	{"==", "=="}, {":=", ":="}, {"**", "**"},
}

// scan cuts a line into tokens.
func scan(src string) ([]token, error) {
	rs := []rune(src)
	if len(rs) > MaxLength {
		return nil, &Error{Column: MaxLength + 1, End: len(rs) + 1, ID: "limit", Message: fmt.Sprintf("a line has at most %d characters; this one has %d", MaxLength, len(rs))}
	}
	var ts []token
	put := func(kind tokenKind, text string, from, to int) {
		ts = append(ts, token{kind, text, from + 1, to + 1})
	}
next:
	for i := 0; i < len(rs); {
		r := rs[i]
		if unicode.IsSpace(r) {
			i++
			continue
		}
		for _, s := range spelled {
			n := len([]rune(s.typed))
			if i+n <= len(rs) && string(rs[i:i+n]) == s.typed {
				kind := tokenSign
				if len(s.sign) > 3 { // a_prev
					kind = tokenName
				}
				if (s.typed == "^T" || s.typed == "^t") && i+n < len(rs) && inName(rs[i+n]) {
					break // a power with a long exponent, refused below
				}
				put(kind, s.sign, i, i+n)
				i += n
				continue next
			}
		}
		switch {
		case isDigit(r) || r == '.' && i+1 < len(rs) && isDigit(rs[i+1]):
			j := number(rs, i)
			put(tokenNumber, string(rs[i:j]), i, j)
			i = j
		case isLetter(r):
			j := i
			for j < len(rs) && inName(rs[j]) {
				j++
			}
			name := string(rs[i:j])
			if (name == "dL" || name == "∂L") && j+1 < len(rs) && rs[j] == '/' && (rs[j+1] == 'd' || rs[j+1] == '∂') { // dL/dw_q is one name
				k := j + 2
				for k < len(rs) && inName(rs[k]) {
					k++
				}
				put(tokenName, "dL/d"+ascii(string(rs[j+2:k])), i, k)
				i = k
				continue
			}
			if (name == "np" || name == "torch" || name == "F") && j+1 < len(rs) && rs[j] == '.' && isLetter(rs[j+1]) {
				i = j + 1
				continue
			}
			if name == "einsum" || name == "tensordot" { // refused here: its first argument is a text in quotes
				return nil, &Error{Column: i + 1, End: j + 1, ID: "syntax", Message: name + " is not understood: write the product with @, transposes with '"}
			}
			put(tokenName, ascii(name), i, j)
			i = j
		case r == '.' && i+1 < len(rs) && rs[i+1] == 'T' && (i+2 == len(rs) || !inName(rs[i+2])):
			put(tokenSign, "'", i, i+2)
			i += 2
		case strings.ContainsRune("+-*/@~'()[],=.^:", r):
			put(tokenSign, string(r), i, i+1)
			i++
		default:
			return nil, &Error{Column: i + 1, End: i + 2, ID: "syntax", Message: strange(r)}
		}
	}
	return append(ts, token{tokenEnd, "", len(rs) + 1, len(rs) + 1}), nil
}

// strange says what to write in the place of a character that the language does not have.
func strange(r rune) string {
	switch r {
	case '\\', '{', '}', '$':
		return fmt.Sprintf("%c belongs to TeX, which is not understood here: write a' for a transpose, @ for a matrix product, * for entry by entry", r)
	case 'Σ', '∑':
		return "write sum_tokens(x) for the sum over rows, sum_features(x) for the sum over columns"
	case '√':
		return "write sqrt(x) for a root"
	case '²', '³':
		return "there is no power: write x * x"
	}
	return fmt.Sprintf("%c is not part of the language", r)
}

// number is where the number that begins at i ends.
func number(rs []rune, i int) int {
	for i < len(rs) && (isDigit(rs[i]) || rs[i] == '.' && !(i+1 < len(rs) && isLetter(rs[i+1]))) {
		i++
	}
	if i < len(rs) && (rs[i] == 'e' || rs[i] == 'E') {
		j := i + 1
		if j < len(rs) && (rs[j] == '+' || rs[j] == '-') {
			j++
		}
		if j < len(rs) && isDigit(rs[j]) {
			for j < len(rs) && isDigit(rs[j]) {
				j++
			}
			return j
		}
	}
	return i
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// macron is the bar that follows a letter; ā may be typed as one character or two.
const macron = '\u0304'

func isLetter(r rune) bool {
	return r == '∂' || unicode.IsLetter(r) && r != 'ᵗ' && r != 'ᵀ' && r != 'Σ'
}

func inName(r rune) bool {
	return isLetter(r) && r != '∂' || isDigit(r) || r == '_' || r == macron || r == '∂'
}

// ascii is a name with its Greek letters spelled out: Δ_raw is D_raw, ā is abar.
func ascii(name string) string {
	if rest, ok := strings.CutPrefix(name, "Delta"); ok {
		name = "D" + rest
	}
	var b strings.Builder
	for _, r := range name {
		switch g, ok := greek[r]; {
		case ok:
			b.WriteString(g)
		case r == macron:
			b.WriteString("bar")
		case r == '∂':
			b.WriteByte('d')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
