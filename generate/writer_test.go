package generate

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/token"
)

// TestForgetsTheBeginning: of a window that is full the end stays.
func TestForgetsTheBeginning(t *testing.T) {
	w := &Writer{context: 5}
	if got := w.forget([]int32{1, 2, 3, 4, 5, 6}, 3); !slices.Equal(got, []int32{4, 5, 6}) {
		t.Errorf("%v are left", got)
	}
}

// A writer of aligned windows begins with a line's end, and goes on from the first
// place where a unit begins.
func TestAlignedWriter(t *testing.T) {
	w := writer(t, chars(t), func(c *pedestrian.Config) { c.Context = 8 })
	for _, c := range []struct {
		align        corpus.Align
		prompt, want string
	}{
		{corpus.AlignNone, "ab", "ab"}, {corpus.AlignLine, "ab", "\nab"}, {corpus.AlignParagraph, "\nab", "\nab"}, {corpus.AlignParagraph, "", "\n"},
	} {
		w.Align = c.align
		got, err := w.Encode(c.prompt)
		if err != nil || w.tok.Decode(got) != c.want {
			t.Errorf("%s: %q begins %q, want %q, %v", c.align, c.prompt, w.tok.Decode(got), c.want, err)
		}
	}
	for _, c := range []struct {
		align        corpus.Align
		window, want string
	}{
		{corpus.AlignNone, "a\n\nb\ncdef", "\ncdef"}, // the last context/2+1
		{corpus.AlignLine, "a\n\nb\ncdef", "\n\nb\ncdef"},
		{corpus.AlignParagraph, "a\n\nb\ncdef", "\nb\ncdef"},
		{corpus.AlignParagraph, "abcdefghi", "efghi"},
		{corpus.AlignLine, "\nbcdefghi", "efghi"},
		{corpus.AlignLine, "abcdefgh\n", "\n"},
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
	for _, align := range []corpus.Align{corpus.AlignLine, corpus.AlignParagraph} {
		w.Align = align
		s := Sampling{MaxTokens: 80, Temperature: 1.3, Seed: 6}
		with, err := w.Write(t.Context(), "ab", s, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.NoCache = true
		if without, err := w.Write(t.Context(), "ab", s, nil); err != nil || !sameText(with, without) {
			t.Errorf("%s: %+v with the cache, %+v without, %v", align, with, without, err)
		}
		if w.DefaultPrompt() != "\n" {
			t.Errorf("%s: prompt %q", align, w.DefaultPrompt())
		}
	}
}

// With the KV cache and without it: the same text, over many windows.
func TestCacheWritesTheSameText(t *testing.T) {
	for _, tok := range []*token.Tokenizer{chars(t), token.NewBytes()} {
		for _, context := range []int{1, 2, 7, 11} {
			w := writer(t, tok, func(c *pedestrian.Config) { c.Context = context })
			for _, prompt := range []string{"a", "abc", "abcdefghijabcdefghij"} {
				for _, s := range []Sampling{{MaxTokens: 60}, {MaxTokens: 60, Temperature: 1, Seed: 3}, {MaxTokens: 60, Temperature: 1.5, TopK: 5, TopP: 0.9, Seed: 4}} {
					with, err := w.Write(t.Context(), prompt, s, nil)
					if err != nil {
						t.Fatal(err)
					}
					s.NoCache = true
					without, err := w.Write(t.Context(), prompt, s, nil)
					if err != nil || !sameText(with, without) || len(with.Tokens) != 60 {
						t.Errorf("context %d, prompt %q, %+v: %+v with the cache, %+v without, %v", context, prompt, s, with, without, err)
					}
				}
			}
		}
	}
}

// TestReuse: a conversation of 12 turns, in which each prompt is what stood before, the answer
// and something new, has the same answers whether what was read is read again or not. With
// Reuse each turn reads what is new alone; where an earlier token is another one, or the turns
// at the beginning leave, it reads from there. With a window of attention it is the same.
func TestReuse(t *testing.T) {
	for _, attention := range []int{0, 9} {
		for _, precision := range []engine.Precision{engine.Float32, engine.BF16} {
			large := func(c *pedestrian.Config) {
				c.Context, c.SlidingWindow = 300, attention
				c.Positions, c.Norm = pedestrian.Rotary, pedestrian.RMSNorm
				c.Rotation.Base, c.Bias = 1000, false
			}
			anew, again := writerIn(t, chars(t), precision, large), writerIn(t, chars(t), precision, large)
			again.Reuse = true
			var prompt []int32
			read, whole := 0, 0
			for turn := range 12 {
				prompt = append(prompt, int32(turn%7), 3, int32(turn%5))
				fresh := 3 + 1 // what is new, and the last token of the answer, which was never read
				switch turn {
				case 0:
					fresh = 3
				case 6: // another token in the middle
					prompt[20] = (prompt[20] + 1) % 9
					fresh = len(prompt) - 20
				case 9: // the beginning leaves
					first := prompt[0]
					for prompt = prompt[7:]; prompt[0] == first; prompt = prompt[1:] {
					}
					fresh = len(prompt)
				}
				s := Sampling{MaxTokens: 8, Temperature: float64(turn % 3), Seed: uint64(turn)}
				want, err := anew.one(t.Context(), Request{Sampling: s, Tokens: prompt})
				if err != nil {
					t.Fatal(err)
				}
				got, err := again.one(t.Context(), Request{Sampling: s, Tokens: prompt})
				if err != nil || !sameText(got, want) {
					t.Errorf("window %d, %s, turn %d: %+v, read anew %+v, %v", attention, precision, turn, got, want, err)
				}
				if want.Read != len(prompt) {
					t.Errorf("turn %d read %d of %d tokens", turn, want.Read, len(prompt))
				}
				if got.Read != fresh {
					t.Errorf("window %d, turn %d: %d tokens read, %d are new", attention, turn, got.Read, fresh)
				}
				read, whole = read+got.Read, whole+want.Read
				prompt = append(prompt, got.Tokens...)
			}
			t.Logf("window %d: %d tokens read, without Reuse %d", attention, read, whole)
		}
	}
}

func TestWrite(t *testing.T) {
	w := writer(t, chars(t), nil)
	s := Sampling{Temperature: 1, MaxTokens: 200, Seed: 1}
	var streamed strings.Builder
	a, err := w.Write(t.Context(), "ab", s, func(p string) { streamed.WriteString(p) })
	if err != nil || len([]rune(a.Text)) != 200 || streamed.String() != a.Text {
		t.Errorf("%+v, streamed %q, %v", a, streamed.String(), err)
	}
	if again, _ := w.Write(t.Context(), "ab", s, nil); !sameText(again, a) {
		t.Errorf("the same seed: %q, then %q", a.Text, again.Text)
	}
	s.Seed = 2
	if other, _ := w.Write(t.Context(), "ab", s, nil); other.Text == a.Text {
		t.Errorf("another seed, the same text: %q", other.Text)
	}
	s.Seed, s.Stop = 1, []string{"never", a.Text[100:104]}
	streamed.Reset()
	b, err := w.Write(t.Context(), "ab", s, func(p string) { streamed.WriteString(p) })
	if want := a.Text[:strings.Index(a.Text, s.Stop[1])]; err != nil || !b.Stopped || b.Text != want || streamed.String() != want {
		t.Errorf("stop %q: %+v, streamed %q, want %q, %v", s.Stop, b, streamed.String(), want, err)
	}
	s.Stop = []string{a.Text[len(a.Text)-1:] + "never"} // what might be its beginning is text in the end
	streamed.Reset()
	if c, err := w.Write(t.Context(), "ab", s, func(p string) { streamed.WriteString(p) }); err != nil || !sameText(c, a) || streamed.String() != a.Text {
		t.Errorf("stop %q: %+v, streamed %q, want %+v, %v", s.Stop, c, streamed.String(), a, err)
	}
	for prompt, want := range map[string]string{"": "the prompt is empty", "abX": "is not among the 13 characters"} {
		if _, err := w.Write(t.Context(), prompt, s, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("prompt %q: %v", prompt, err)
		}
	}
	for _, bad := range []Sampling{{MaxTokens: -1}, {Temperature: -1}, {Temperature: math.NaN()}, {TopK: -1}, {TopP: 1.5}, {Stop: []string{""}}} {
		if _, err := w.Write(t.Context(), "a", bad, nil); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
	// The zero value: the likeliest tokens, as many as the context has.
	if z, err := w.Write(t.Context(), "abc", Sampling{}, nil); err != nil || len(z.Tokens) != w.context {
		t.Errorf("the zero value: %+v, %v", z, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	c, err := w.Write(ctx, "a", Sampling{MaxTokens: 100, Temperature: 1}, func(string) {
		if n++; n == 5 {
			cancel()
		}
	})
	if err != context.Canceled || len(c.Tokens) != 5 {
		t.Errorf("cancelled after 5: %+v, %v", c, err)
	}
}

// A token that ends a text ends it, and is not written; tokens that begin one stand in
// the place of an empty prompt.
func TestBeginAndEnd(t *testing.T) {
	tok := chars(t)
	w := writer(t, tok, nil)
	s := Sampling{Temperature: 1, MaxTokens: 100, Seed: 1}
	whole, err := w.Write(t.Context(), "ab", s, nil)
	if err != nil {
		t.Fatal(err)
	}
	last := []rune(whole.Text)[20]
	end, err := tok.Encode(string(last))
	if err != nil {
		t.Fatal(err)
	}
	w.End = end
	want := whole.Text[:strings.IndexRune(whole.Text, last)]
	if got, err := w.Write(t.Context(), "ab", s, nil); err != nil || got.Text != want || !got.Stopped || len(got.Tokens) != len([]rune(want))+1 {
		t.Errorf("ended by %q: %+v, want %q, %v", last, got, want, err)
	}
	w.End = nil
	w.Begin, err = tok.Encode("ab")
	if err != nil || w.DefaultPrompt() != "" {
		t.Errorf("the prompt is %q, %v", w.DefaultPrompt(), err)
	}
	if got, err := w.Write(t.Context(), "", s, nil); err != nil || !sameText(got, whole) {
		t.Errorf("without a prompt: %+v, want %+v, %v", got, whole, err)
	}
}
