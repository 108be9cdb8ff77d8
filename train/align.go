package train

import (
	"fmt"

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
	if o.Align == AlignNone || o.Align == "" {
		return nil
	}
	separator, err := tok.Encode("\n")
	if err != nil {
		return []int{0} // a vocabulary without a line's end
	}
	if o.Align == AlignParagraph {
		separator = append(separator, separator...)
	}
	starts := corpus.Starts(tokens, separator)
	if len(starts) == 0 || starts[0] > 0 {
		starts = append([]int{0}, starts...)
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
