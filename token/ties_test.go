package token

import (
	"slices"
	"strings"
	"testing"
)

func learnt(t *testing.T, text string, merges int) *Tokenizer {
	t.Helper()
	tok, err := TrainBPE(slices.Values([]string{text}), TrainOptions{Vocab: 256 + merges})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestTiesOfPairs learns from texts in which pairs occur equally often. Among single
// bytes ids go by the alphabet; that of a new token is higher than all of them.
func TestTiesOfPairs(t *testing.T) {
	for text, want := range map[string][]string{
		"cd\nab\ncd\nab":         {"a b", "c d"},           // the lower left token first
		"ac\nab\nac\nab":         {"a b", "a c"},           // then the lower right one
		"abc\nabc\nab\nxy\nxy":   {"a b", "x y", "ab c"},   // after ab (3): x y and ab c (2)
		"zzabq\nzzabq\nabr\nabr": {"a b", "z z", "ab q"},   // after ab (4): z z, z ab, ab q, ab r (2)
		"aaaa\naaaa\nbb\nbb":     {"a a", "b b", "aa aa"},  // three a a in a word
		"aaa\naaa\naab\naab":     {"a a", "aa a", "aa b"},  // of aaa the first two are joined
		"dc\ncd\ndc\ncd\ncd":     {"c d", "d c"},           // the other way round is another pair
		"ef\nef\ngh\ngh\nij\nij": {"e f", "g h", "i j"},    // a heap of three
		"qr\nop\nmn\nkl\nij\ngh": {"g h", "i j", "k l"},    // and of six
		"ab\nabab\nabab\nba\nba": {"a b", "b a", "ab ab"},  // b a (4) lost two to ab
		"bca\nbca\nca\ncab\ncab": {"c a", "b ca", "ca b"},  // what is before a new token and behind it
		"xabx\nxabx\nbx\nab":     {"a b", "x ab", "xab x"}, // b x (3) lost two to ab
	} {
		if got := learnt(t, text, len(want)).Merges(); !slices.Equal(got, want) {
			t.Errorf("%q: %q, not %q", text, got, want)
		}
	}
}

// TestTiesOfMerges cuts words in which one merge is possible at several places: the
// leftmost is made, in words that are looked through and in long ones, whose merges
// are in a heap.
func TestTiesOfMerges(t *testing.T) {
	tok := learnt(t, "aaaa\naaaa\naaaa\nbabab\nbc", 3) // a a, aa aa, and a b or b a
	ids := map[string]int32{}
	for id := range int32(tok.Vocab()) {
		ids[tok.Token(id)] = id
	}
	for n := 1; n < 200; n++ {
		var want []int32
		for _, piece := range []string{"aaaa", "aa", "a"} {
			for left := n - len(tok.Decode(want)); left >= len(piece); left -= len(piece) {
				want = append(want, ids[piece])
			}
		}
		if got, err := tok.Encode(strings.Repeat("a", n)); err != nil || !slices.Equal(got, want) {
			t.Fatalf("%d times a: %v, %v, not %v", n, got, err, want)
		}
	}
}
