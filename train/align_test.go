package train

import (
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// Windows begin at the line's end before a unit, in training and in evaluation, and
// nowhere else.
func TestAlign(t *testing.T) {
	for align, separator := range map[string]string{AlignLine: "\n", AlignParagraph: "\n\n"} {
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
	o.Align = AlignLine
	d := dataOf(t, sentences(t), o)
	o.Align = AlignParagraph
	if _, err := Start(o, d, ""); err == nil || !strings.Contains(err.Error(), "has no two places where a paragraph begins") {
		t.Errorf("a text without paragraphs: %v", err)
	}
	o.Align = "word"
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), `unknown align "word"`) {
		t.Errorf("got %v", err)
	}
}

// A writer of aligned windows begins with a line's end, and goes on from the first
// place where a unit begins.
func TestAlignedWriter(t *testing.T) {
	w := writer(t, chars(t), func(c *pedestrian.Config) { c.Context = 8 })
	for _, c := range []struct{ align, prompt, want string }{
		{AlignNone, "ab", "ab"}, {AlignLine, "ab", "\nab"}, {AlignParagraph, "\nab", "\nab"}, {AlignParagraph, "", "\n"},
	} {
		w.Align = c.align
		got, err := w.Encode(c.prompt)
		if err != nil || w.tok.Decode(got) != c.want {
			t.Errorf("%s: %q begins %q, want %q, %v", c.align, c.prompt, w.tok.Decode(got), c.want, err)
		}
	}
	for _, c := range []struct{ align, window, want string }{
		{AlignNone, "a\n\nb\ncdef", "\ncdef"}, // the last context/2+1
		{AlignLine, "a\n\nb\ncdef", "\n\nb\ncdef"},
		{AlignParagraph, "a\n\nb\ncdef", "\nb\ncdef"},
		{AlignParagraph, "abcdefghi", "efghi"},
		{AlignLine, "\nbcdefghi", "efghi"},
		{AlignLine, "abcdefgh\n", "\n"},
	} {
		w.Align = c.align
		window, err := w.tok.Encode(c.window)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.tok.Decode(w.forget(window, w.context/2+1)); got != c.want {
			t.Errorf("%s: %q becomes %q, want %q", c.align, c.window, got, c.want)
		}
	}
	for _, align := range []string{AlignLine, AlignParagraph} {
		w.Align = align
		s := Sampling{Tokens: 80, Temperature: 1.3, Seed: 6}
		with, err := w.Write(t.Context(), "ab", s, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.NoCache = true
		if without, err := w.Write(t.Context(), "ab", s, nil); err != nil || !sameText(with, without) {
			t.Errorf("%s: %+v with the cache, %+v without, %v", align, with, without, err)
		}
		if w.Prompt() != "\n" {
			t.Errorf("%s: prompt %q", align, w.Prompt())
		}
	}
}
