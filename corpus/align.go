package corpus

import (
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/token"
)

// Align says where a window of a text may begin, and where the text may be divided into
// splits: anywhere, at lines or at paragraphs. The zero value means the same as AlignNone.
//
// A window that begins in the middle of a story has to guess who the story is about. A
// window that begins with the story has seen all of it. The first token of such a window is
// the line end before the story; so the first token of the story is predicted, too.
type Align string

const (
	AlignNone      Align = "anywhere"  // at any token
	AlignLine      Align = "line"      // after a line end
	AlignParagraph Align = "paragraph" // after a blank line, where paragraphs and stories begin
)

// On reports whether windows begin at lines or paragraphs only.
func (a Align) On() bool { return a == AlignLine || a == AlignParagraph }

// unit names what a does not divide, for messages.
func (a Align) unit() string {
	if a.On() {
		return string(a)
	}
	return "character"
}

// Starts lists the positions in tokens where a window may begin, in ascending order: 0, the
// last token of every line end or blank line, and the last token of every begin. begin are
// the tokens that stand before every document (nil: none). tok is the tokenizer of tokens.
// With crlf a line may also end with "\r\n". The result is nil if a window may begin
// anywhere.
func (a Align) Starts(tokens []int32, tok *token.Tokenizer, begin []int32, crlf bool) []int {
	if !a.On() {
		return nil
	}
	separator, err := tok.Encode("\n")
	if err != nil {
		return []int{0} // a vocabulary without a line's end
	}
	if a == AlignParagraph {
		separator = append(separator, separator...)
	}
	starts := Starts(tokens, separator)
	if len(begin) > 0 {
		starts = append(starts, Starts(tokens, begin)...)
	}
	if crlf {
		starts = append(starts, a.crlfStarts(tokens, tok)...)
	}
	slices.Sort(starts)
	starts = slices.Compact(starts)
	if len(starts) == 0 || starts[0] > 0 {
		starts = append([]int{0}, starts...)
	}
	return starts
}

// crlfStarts lists the last tokens of the line ends "\r\n", or of the blank lines that
// consist of them.
func (a Align) crlfStarts(tokens []int32, tok *token.Tokenizer) (starts []int) {
	separator := "\r\n"
	if a == AlignParagraph {
		separator = "\n\r\n"
	}
	for i := range tokens {
		text, last := "", true
		for j := i; j >= 0 && len(text) < len(separator) && int(tokens[j]) < tok.Vocab() && strings.HasSuffix(separator, text); j-- {
			text = tok.Token(tokens[j]) + text
			last = last && (j < i || strings.Trim(text, "\r\n") == "")
		}
		if last && strings.HasSuffix(text, separator) {
			starts = append(starts, i)
		}
	}
	return starts
}
