package corpus

import (
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/token"
)

// Align says which places of a text are kept together: where a window of it may begin,
// and where it may be divided into splits. The zero value is AlignNone.
//
// A window that begins in the middle of a story has to guess who it is about; one
// that begins where the story does has read all that there is to know. Its first
// token is the line's end before the story, so that the story's first token is
// predicted, too.
type Align string

const (
	AlignNone      Align = "anywhere"
	AlignLine      Align = "line"      // behind the end of a line
	AlignParagraph Align = "paragraph" // behind a blank line: at paragraphs, or stories
)

// On says whether windows begin at lines or paragraphs only.
func (a Align) On() bool { return a == AlignLine || a == AlignParagraph }

// unit is what a keeps whole.
func (a Align) unit() string {
	if a.On() {
		return string(a)
	}
	return "character"
}

// Starts lists the places in tokens, which are tok's, where a window may begin, in
// ascending order: 0, the last token of every separator of lines or paragraphs, and
// that of begin, the tokens that stand before every document (nil = nothing does). With
// crlf, a line may also end with "\r\n". nil means anywhere.
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

// crlfStarts lists the last tokens of line ends "\r\n", or of the blank lines that they
// make.
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
