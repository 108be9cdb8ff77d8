package corpus

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Split divides text into a beginning for training and an end for validation, without gap or
// overlap: train + val is text. It divides at the last place allowed by a where val has at
// least the given fraction of the bytes; AlignNone is the split of nanoGPT. The error says
// that fraction is not between 0 and 1, or that no allowed place leaves text on both sides.
func Split(text string, fraction float64, a Align) (train, val string, err error) {
	if !(fraction > 0 && fraction < 1) {
		return "", "", fmt.Errorf("split the text: the fraction for validation is %g: it must be between 0 and 1, such as 0.1", fraction)
	}
	i := min(int((1-fraction)*float64(len(text))), len(text))
	switch a {
	case AlignLine:
		i = strings.LastIndex(text[:i], "\n") + 1
	case AlignParagraph:
		before := text[:i]
		i = 0
		for _, blank := range []string{"\n\n", "\n\r\n"} {
			if at := strings.LastIndex(before, blank); at >= 0 {
				i = max(i, at+len(blank))
			}
		}
	default:
		for i > 0 && i < len(text) && !utf8.RuneStart(text[i]) {
			i--
		}
	}
	if i <= 0 || i >= len(text) {
		return "", "", fmt.Errorf("split the text: its %d bytes have no end of a %s that leaves %g of them for validation and something to train on: give more text or another fraction", len(text), a.unit(), fraction)
	}
	return text[:i], text[i:], nil
}

// CheckLength returns an error if a split has fewer than context+1 tokens, the size of one
// window with its targets. what names the split in the error.
func CheckLength(what string, tokens, context int) error {
	if tokens > context {
		return nil
	}
	return fmt.Errorf("%s has %d tokens, and a window of context %d needs %d (its targets are shifted by one): give more text or a context of at most %d", what, tokens, context, context+1, max(tokens-1, 0))
}
