package train

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

// Where a window may begin, the values of Options.Align; "" is AlignNone.
//
// A window that begins in the middle of a story has to guess who it is about; one
// that begins where the story does has read all that there is to know. Its first
// token is the line's end before the story, so that the story's first token is
// predicted, too.
const (
	AlignNone      = "anywhere"
	AlignLine      = "line"      // behind the end of a line
	AlignParagraph = "paragraph" // behind a blank line
)

// cut is where the text is divided into two splits.
func (o Options) cut() corpus.Cut {
	switch {
	case o.Align == AlignParagraph || TellsStories(o.Data):
		return corpus.CutParagraph
	case o.Align == AlignLine:
		return corpus.CutLine
	}
	return corpus.CutAnywhere
}

// loosened is what to do about a text that cannot be divided.
func (o Options) loosened() string {
	if o.cut() != corpus.CutAnywhere && !TellsStories(o.Data) {
		return "; or divide it anywhere (--align " + AlignNone + "), or keep nothing for validation (--val-fraction 0)"
	}
	return "; or keep nothing for validation (--val-fraction 0)"
}

// starts lists the places in a split where windows may begin; nil is anywhere. A split
// begins where a line or a paragraph does.
func (o Options) starts(tokens []int32, tok *token.Tokenizer) []int {
	begin, err := o.begin(tok)
	if err != nil {
		begin = nil // LoadData has told it
	}
	return unitStarts(o.Align, tokens, tok, begin, o.Reading != ReadingFormer)
}

// unitStarts lists the places in tokens where a line or a paragraph begins, or a
// document, before which begin stands; nil is anywhere. With crlf line ends may be
// "\r\n".
func unitStarts(align string, tokens []int32, tok *token.Tokenizer, begin []int32, crlf bool) []int {
	if align == AlignNone || align == "" {
		return nil
	}
	separator, err := tok.Encode("\n")
	if err != nil {
		return []int{0} // a vocabulary without a line's end
	}
	if align == AlignParagraph {
		separator = append(separator, separator...)
	}
	starts := corpus.Starts(tokens, separator)
	if len(begin) > 0 {
		starts = append(starts, corpus.Starts(tokens, begin)...)
	}
	if crlf {
		starts = append(starts, crlfStarts(align, tokens, tok)...)
	}
	slices.Sort(starts)
	starts = slices.Compact(starts)
	if len(starts) == 0 || starts[0] > 0 {
		starts = append([]int{0}, starts...)
	}
	return starts
}

// crlfStarts lists the last tokens of line ends "\r\n", of blank lines where a
// paragraph is to begin.
func crlfStarts(align string, tokens []int32, tok *token.Tokenizer) (starts []int) {
	separator := "\r\n"
	if align == AlignParagraph {
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

// checkAlign reports a text in which no windows but the first begin where o.Align wants.
func (o Options) checkAlign(d *Data) error {
	starts := o.starts(d.Train, d.Tokenizer)
	if starts == nil || len(starts) > 1 && starts[1]+o.Length() < len(d.Train) {
		return nil
	}
	return fmt.Errorf("align is %s, but the training split has no two places where a %s begins and %d tokens follow: let windows begin anywhere (--align %s)", o.Align, o.Align, o.Length()+1, AlignNone)
}
