package corpus

import (
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian/token"
)

// Windows begin at the last token of what ends a line or a paragraph, of either kind of
// line end, and at what begins a document.
func TestAlignStarts(t *testing.T) {
	tok := token.NewBytes()
	const text = "a\nb\n\nc\r\nd\r\n\r\n<e" // < begins a document
	tokens, err := tok.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	begin := []int32{'<'}
	for _, c := range []struct {
		align Align
		begin []int32
		crlf  bool
		want  []int
	}{
		{"", begin, true, nil},
		{AlignNone, begin, true, nil},
		{AlignLine, nil, true, []int{0, 1, 3, 4, 7, 10, 12}}, // "\r\n" ends with "\n"
		{AlignLine, begin, false, []int{0, 1, 3, 4, 7, 10, 12, 13}},
		{AlignParagraph, nil, false, []int{0, 4}},
		{AlignParagraph, nil, true, []int{0, 4, 12}},
		{AlignParagraph, begin, true, []int{0, 4, 12, 13}},
	} {
		if got := c.align.Starts(tokens, tok, c.begin, c.crlf); !slices.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%s, documents begin with %v, crlf %v: %v, want %v", c.align, c.begin, c.crlf, got, c.want)
		}
	}
	letters, err := token.NewChars("ab")
	if err != nil {
		t.Fatal(err)
	}
	if got := AlignLine.Starts([]int32{0, 1}, letters, nil, true); !slices.Equal(got, []int{0}) {
		t.Errorf("without a line's end: %v", got)
	}
}
