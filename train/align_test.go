package train

import (
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// Windows begin at the line's end before a unit, in training and in evaluation, and
// nowhere else.
func TestAlign(t *testing.T) {
	for align, separator := range map[corpus.Align]string{corpus.AlignLine: "\n", corpus.AlignParagraph: "\n\n"} {
		var text strings.Builder
		for i := range 200 {
			text.WriteString(strings.Repeat("ab ", 1+i*i%5) + "end\n")
			if i%3 == 0 {
				text.WriteString("\n")
			}
		}
		o := mini()
		o.Align, o.Context, o.Batch = align, 24, 4
		d := dataOf(t, text.String(), o)
		r := start(t, o, d, "")
		train := d.Tokenizer.Decode(d.Train)
		seen := map[int]bool{}
		for position := range uint64(100) {
			r.draw(position, 0, &r.batch)
			for row := range o.Batch {
				at := r.feed.(*windowFeed).windows.Start(position, row, o.Context)
				seen[at] = true
				if at > 0 && !strings.HasSuffix(train[:at+1], separator) {
					t.Fatalf("%s: a window begins with %q, behind %q", align, train[at:at+5], train[:at])
				}
				if got := d.Tokenizer.Decode(r.batch.Targets[row*o.Context : (row+1)*o.Context]); got != train[at+1:at+1+o.Context] {
					t.Fatalf("%s: targets %q of the window at %d", align, got, at)
				}
			}
		}
		if len(seen) < 20 {
			t.Errorf("%s: %d places", align, len(seen))
		}
		// Splits are between units, and every validation target counts once.
		if !strings.HasSuffix(train, separator) {
			t.Errorf("%s: the training split ends with %q", align, train[len(train)-5:])
		}
		o.EvalBatches = 0
		s := o.sweep(d)
		tokens, targets := make([]int32, o.Context), make([]int32, o.Context)
		counted := 0
		for w := range s.Windows() {
			s.Batch(w, 1, tokens, targets)
			for _, v := range targets {
				if v != engine.Ignored {
					counted++
				}
			}
		}
		if counted != len(d.Val)-1 {
			t.Errorf("%s: %d of %d targets", align, counted, len(d.Val)-1)
		}
	}
	o := mini()
	o.Align = corpus.AlignLine
	d := dataOf(t, sentences(t), o)
	o.Align = corpus.AlignParagraph
	if _, err := Start(o, d, ""); err == nil || !strings.Contains(err.Error(), "has no two places where a paragraph begins") {
		t.Errorf("a text without paragraphs: %v", err)
	}
	o.Align = "word"
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), `unknown align "word"`) {
		t.Errorf("got %v", err)
	}
}
