package token

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// composeBin holds, in the form of classesBin, which characters Unicode 9.0 composes,
// decomposes or reorders (1). Hugging Face's normalizer NFC has that version. For any other
// character it is as if it were a letter of its own: marks on both sides of it do not meet.
//
//go:embed compose.bin
var composeBin []byte

var composing = sync.OnceValue(func() *classTable { return readClasses(composeBin) })

// composeText returns text in Normalization Form C of Unicode 9.0. Bytes that are not UTF-8
// stay as they are. Package norm says what is composed already, by later versions, too: they
// reorder more, and compose no other pairs. What is not, is composed here: package norm puts
// a joiner between more than 30 marks in a row, and joins marks with a character that stands
// before another one, such as U+09BE.
func composeText(text string) string {
	if norm.NFC.IsNormalString(text) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	t := composing()
	for i := 0; i < len(text); {
		// A segment ends where nothing is composed or sorted with what is before.
		r, size := utf8.DecodeRuneInString(text[i:])
		known, end := t.of(r) == 1, i+size
		for known && end < len(text) {
			r, size := utf8.DecodeRuneInString(text[end:])
			if r < utf8.RuneSelf || t.of(r) == 0 || norm.NFC.PropertiesString(text[end:]).BoundaryBefore() {
				break
			}
			end += size
		}
		if segment := text[i:end]; known && !norm.NFC.IsNormalString(segment) {
			b.WriteString(composeMarks(segment))
		} else {
			b.WriteString(segment)
		}
		i = end
	}
	return b.String()
}

// composeMarks is the definition of Form C: decompose each character, sort marks that follow
// each other by their combining class, then join each mark with the character before the
// marks if the two have a composition and no mark of the same class is between.
func composeMarks(text string) string {
	type char struct {
		r     rune
		order uint8 // combining class
	}
	var chars []char
	for _, r := range text {
		for _, r := range norm.NFD.String(string(r)) {
			chars = append(chars, char{r, norm.NFD.PropertiesString(string(r)).CCC()})
		}
	}
	for i := 0; i < len(chars); i++ {
		j := i
		for j < len(chars) && chars[j].order > 0 {
			j++
		}
		slices.SortStableFunc(chars[i:j], func(a, b char) int { return int(a.order) - int(b.order) })
		i = j
	}
	out := chars[:0]
	starter := none // index in out
	for _, c := range chars {
		if starter != none {
			last := out[len(out)-1]
			if len(out)-1 == starter || last.order < c.order {
				if r, ok := composition(out[starter].r, c.r); ok {
					out[starter].r = r
					continue
				}
			}
		}
		if c.order == 0 {
			starter = len(out)
		}
		out = append(out, c)
	}
	var b strings.Builder
	for _, c := range out {
		b.WriteRune(c.r)
	}
	return b.String()
}

// composition is the character that two compose to.
func composition(a, b rune) (rune, bool) {
	s := norm.NFC.String(string([]rune{a, b}))
	r, size := utf8.DecodeRuneInString(s)
	return r, size == len(s)
}
