package train

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

// splitAlign is where the text is divided into two splits: stories are kept whole, even
// where windows may begin anywhere.
func (o Options) splitAlign() corpus.Align {
	if TellsStories(o.Data) {
		return corpus.AlignParagraph
	}
	return o.Align
}

// loosened is what to do about a text that cannot be divided.
func (o Options) loosened() string {
	if o.Align.On() && !TellsStories(o.Data) {
		return "; or divide it anywhere (--align " + string(corpus.AlignNone) + "), or keep nothing for validation (--val-fraction 0)"
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
	return o.Align.Starts(tokens, tok, begin, o.Reading != ReadingFormer)
}

// checkAlign reports a text in which no windows but the first begin where o.Align wants.
func (o Options) checkAlign(d *Data) error {
	starts := o.starts(d.Train, d.Tokenizer)
	if starts == nil || len(starts) > 1 && starts[1]+o.Length() < len(d.Train) {
		return nil
	}
	return fmt.Errorf("align is %s, but the training split has no two places where a %s begins and %d tokens follow: let windows begin anywhere (--align %s)", o.Align, o.Align, o.Length()+1, corpus.AlignNone)
}
