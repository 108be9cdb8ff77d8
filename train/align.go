package train

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

// splitAlign returns where the text may be divided into training and validation. Stories are
// kept whole even if windows may begin anywhere.
func (o Options) splitAlign() corpus.Align {
	if TellsStories(o.Data) {
		return corpus.AlignParagraph
	}
	return o.Align
}

// alignAdvice returns the advice for a text that cannot be divided at o.Align.
func (o Options) alignAdvice() string {
	if o.Align.On() && !TellsStories(o.Data) {
		return "; or divide it anywhere (--align " + string(corpus.AlignNone) + "), or keep nothing for validation (--val-fraction 0)"
	}
	return "; or keep nothing for validation (--val-fraction 0)"
}

// starts returns the positions in a split where windows may begin; nil means anywhere. The
// split must begin at the start of a line or a paragraph.
func (o Options) starts(tokens []int32, tok *token.Tokenizer) []int {
	begin, err := o.begin(tok)
	if err != nil {
		begin = nil // LoadData has reported it
	}
	return o.Align.Starts(tokens, tok, begin, o.Reading != ReadingFormer)
}

// checkAlign returns an error if no window but the first can begin at o.Align.
func (o Options) checkAlign(d *Data) error {
	starts := o.starts(d.Train, d.Tokenizer)
	if starts == nil || len(starts) > 1 && starts[1]+o.Length() < len(d.Train) {
		return nil
	}
	return fmt.Errorf("align is %s, but the training split has no two places where a %s begins and %d tokens follow: let windows begin anywhere (--align %s)", o.Align, o.Align, o.Length()+1, corpus.AlignNone)
}
