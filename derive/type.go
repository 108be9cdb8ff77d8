package derive

import (
	"fmt"
	"sort"
	"strings"
)

// A Kind says what the numbers of a value belong to.
type Kind uint8

const (
	Number   Kind = iota // one number
	Tokens               // one number a row: a vector along the tokens
	Features             // one number a column: a vector along the features
	Matrix               // rows × columns
)

// A Type is a shape in letters. Kind says what a number belongs to. A vector has an
// orientation: Tokens has Rows, Features has Cols, and the other is "1".
type Type struct {
	Kind       Kind
	Rows, Cols string
}

// String is the type in words: "T×d", "one number a feature (d)".
func (t Type) String() string {
	switch t.Kind {
	case Tokens:
		if t.Rows != tokensLetter && t.Rows != "any" {
			return vectorOf(t.Rows) + " as a column"
		}
		return vectorOf(t.Rows)
	case Features:
		if t.Cols == tokensLetter {
			return vectorOf(t.Cols) + " as a row"
		}
		return vectorOf(t.Cols)
	case Matrix:
		return t.Rows + "×" + t.Cols
	}
	return "a number"
}

// vectorOf is a vector along a letter, in words. T counts tokens; every other letter counts features.
func vectorOf(letter string) string {
	if letter == tokensLetter {
		return "one number a token (T)"
	}
	return "one number a feature (" + letter + ")"
}

// tokensLetter is the letter that counts tokens.
const tokensLetter = "T"

// A dim is a letter, or a variable that stands for one until it is known.
type dim struct {
	letter string
	is     *dim
}

func (d *dim) root() *dim {
	for d.is != nil {
		d = d.is
	}
	return d
}

func (d *dim) String() string {
	if r := d.root(); r.letter != "" {
		return r.letter
	}
	return "any"
}

// fits says whether two dims are one, and makes a variable what the other is.
func fits(a, b *dim) bool {
	a, b = a.root(), b.root()
	switch {
	case a == b:
		return true
	case a.letter == "":
		a.is = b
		return true
	case b.letter == "":
		b.is = a
		return true
	}
	return a.letter == b.letter
}

// couldFit is fits without making variables what the other is.
func couldFit(a, b *dim) bool {
	a, b = a.root(), b.root()
	return a == b || a.letter == "" || b.letter == "" || a.letter == b.letter
}

// A shape is a Type that is being found out.
type shape struct {
	kind       Kind
	rows, cols *dim
}

var single = &dim{letter: "1"}

func number0() shape               { return shape{Number, single, single} }
func tokens(rows *dim) shape       { return shape{Tokens, rows, single} }
func features(cols *dim) shape     { return shape{Features, single, cols} }
func matrix(rows, cols *dim) shape { return shape{Matrix, rows, cols} }

func (s shape) typ() Type { return Type{s.kind, s.rows.String(), s.cols.String()} }

func (t Type) shape() shape {
	return shape{t.Kind, &dim{letter: t.Rows}, &dim{letter: t.Cols}}
}

// parseType reads "T×d", "T×d" with x for ×, ":T" and ":d" for vectors, "" for a number.
func parseType(s string) Type {
	if s == "" {
		return Type{Number, "1", "1"}
	}
	if v, ok := strings.CutPrefix(s, ":"); ok {
		if v == tokensLetter {
			return Type{Tokens, v, "1"}
		}
		return Type{Features, "1", v}
	}
	rows, cols, ok := strings.Cut(s, "×")
	if !ok {
		panic("derive: type " + s)
	}
	return Type{Matrix, rows, cols}
}

// A Scope is the names that an expression may use, with their types.
type Scope struct {
	types map[string]Type
	order []string            // of names, as they are introduced
	parts map[string][]string // letters that are sums of others: d is d_1 and d_2
	sizes map[string]int      // of letters, for messages: those of the first instance
	least map[string]int      // of letters, in any instance

	elsewhere     map[string]string // names that are known and not given, with the reason
	differentials bool              // d(·) may be used
}

// Names lists the names in the order in which they are introduced.
func (s *Scope) Names() []string { return append([]string(nil), s.order...) }

// Type is the type of a name.
func (s *Scope) Type(name string) (t Type, ok bool) {
	t, ok = s.types[name]
	return t, ok
}

// Sizes is a type with the numbers of the first instance: "T×d (5×7)".
func (s *Scope) Sizes(t Type) string {
	n := func(letter string) string {
		if letter == "any" {
			return "any"
		}
		return fmt.Sprint(s.sizes[letter])
	}
	switch t.Kind {
	case Tokens, Features:
		letter := t.Rows
		if t.Kind == Features {
			letter = t.Cols
		}
		return fmt.Sprintf("%s, %s of them", t, n(letter))
	case Matrix:
		return fmt.Sprintf("%s (%s×%s)", t, n(t.Rows), n(t.Cols))
	}
	return t.String()
}

// find is the name of the scope that a learner means by another spelling of it: D_raw by
// Draw, w_q by wq or W_q, q by q_h. It must be the only one.
func (s *Scope) find(typed string) (name string, ok bool) {
	if _, ok := s.types[typed]; ok {
		return typed, true
	}
	bare := func(n string, lower bool) string {
		n = strings.TrimSuffix(strings.ReplaceAll(n, "_", ""), "h")
		if lower {
			n = strings.ToLower(n)
		}
		return n
	}
	for _, lower := range []bool{false, true} {
		found := ""
		for _, n := range s.order {
			if bare(n, lower) == bare(typed, lower) {
				if found != "" {
					return "", false
				}
				found = n
			}
		}
		if found != "" {
			return found, true
		}
	}
	return "", false
}

// nearest is "; did you mean x?" for the one of names that is spelled most like typed,
// or "".
func nearest(typed string, names []string) string {
	best, at := 3, ""
	names = append([]string(nil), names...)
	sort.Strings(names)
	for _, n := range names {
		if d := distance(typed, n); d < best && d < len(n) && d < len(typed) {
			best, at = d, n
		}
	}
	if at == "" {
		return ""
	}
	return ": did you mean " + at + "?"
}

// distance is how many letters must be put in, left out or changed to make a into b; at
// most 3 is of interest.
func distance(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 40
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := last
			if a[i] != b[j] {
				d++
			}
			last = row[j+1]
			row[j+1] = min(d, row[j]+1, last+1)
		}
	}
	return row[len(b)]
}
