package token

import (
	"strings"
	"testing"
)

// TestSplits has the words of texts, written out: GPT-2's, Llama 3's, Qwen's and SmolLM's.
func TestSplits(t *testing.T) {
	for _, c := range [][5]string{
		{"1234567", "1234567", "123|456|7", "1|2|3|4|5|6|7", "1|2|3|4|5|6|7"},
		{"a 12", "a| 12", "a| |12", "a| |1|2", "a| |1|2"},
		{"a  12", "a| | 12", "a| | |12", "a| | |1|2", "a|  |1|2"},
		{"I'm I'M we'Re", "I|'m| I|'|M| we|'|Re", "I|'m| I|'M| we|'Re", "I|'m| I|'M| we|'Re", "I|'m| I|'|M| we|'|Re"},
		{"it'ſ", "it|'|ſ", "it|'ſ", "it|'ſ", "it|'|ſ"},
		{"x\n\n  y", "x|\n\n | y", "x|\n\n| | y", "x|\n\n| | y", "x|\n\n | y"},
		{"!\n\n!", "!|\n|\n|!", "!\n\n|!", "!\n\n|!", "!|\n|\n|!"},
		{"a(b)\tc", "a|(|b|)|\t|c", "a|(b|)|\tc", "a|(b|)|\tc", "a|(|b|)|\t|c"},
		{"\nab", "\n|ab", "\n|ab", "\n|ab", "\n|ab"},
		{"a   ", "a|   ", "a|   ", "a|   ", "a|   "},
		{" \r\n \t", " \r\n \t", " \r\n| \t", " \r\n| \t", " \r\n \t"},
		// Numbers of Unicode 17.0, which SmolLM's digits have and the patterns have not.
		{"\U00011de0\U00011de1", "\U00011de0\U00011de1", "\U00011de0\U00011de1", "\U00011de0\U00011de1", "\U00011de0|\U00011de1"},
	} {
		for i, s := range []Split{SplitGPT2, SplitLlama3, SplitQwen2, SplitSmolLM} {
			var words []string
			for at := 0; at < len(c[0]); {
				end := s.end(s.classes(), c[0], at)
				words = append(words, c[0][at:end])
				at = end
			}
			if got := strings.Join(words, "|"); got != c[i+1] {
				t.Errorf("%v: %q is %q, not %q", s, c[0], got, c[i+1])
			}
		}
	}
}
