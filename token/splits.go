package token

import "unicode/utf8"

// A Split is how byte-level BPE divides a text into words. No merge joins two words.
type Split uint8

const (
	SplitGPT2   Split = iota // GPT-2's pattern
	SplitLlama3              // Llama 3's pattern: up to three digits are a word
	SplitQwen2               // the pattern of Qwen 2, 2.5 and 3: each digit is a word
	SplitSmolLM              // each digit is a word, and between digits GPT-2's pattern holds
	SplitNone                // a text is one word
)

// splitNames are llama.cpp's names (tokenizer.ggml.pre in GGUF).
var splitNames = [...]string{"gpt-2", "llama-bpe", "qwen2", "smollm", "none"}

// String is the name that llama.cpp has for the division; "none" for [SplitNone], which it
// does not have.
func (s Split) String() string { return splitNames[s] }

// The patterns of Llama 3 and Qwen as tokenizer.json has them. They differ in the number of
// digits in a word.
const (
	llama3Pattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwen2Pattern  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// end returns the end of the word that begins at text[i]. A word does not depend on the text
// before i. The time for all words of a text grows with its length.
func (s Split) end(t *classTable, text string, i int) int {
	switch s {
	case SplitGPT2:
		return t.wordEnd(text, i)
	case SplitLlama3:
		return t.llamaEnd(text, i, 3)
	case SplitQwen2:
		return t.llamaEnd(text, i, 1)
	case SplitSmolLM:
		return t.smolEnd(text, i)
	}
	return len(text)
}

// llamaEnd returns the end of the match of [llama3Pattern] at text[i], with digits in the
// place of its 3. The alternatives are tried in their order.
func (t *classTable) llamaEnd(text string, i, digits int) int {
	first := text[i]
	if first == '\'' {
		if n := foldedContraction(text[i+1:]); n > 0 {
			return i + 1 + n
		}
	}
	c, size := t.at(text, i)
	switch c {
	case letter:
		return t.runEnd(text, i+size, letter)
	case number:
		end := i + size
		for digits--; digits > 0 && end < len(text); digits-- {
			c, size := t.at(text, end)
			if c != number {
				break
			}
			end += size
		}
		return end
	}
	// One character that is neither a line end nor a number goes with the letters behind it.
	if next := i + size; next < len(text) && first != '\r' && first != '\n' {
		switch c, size := t.at(text, next); {
		case c == letter:
			return t.runEnd(text, next+size, letter)
		case c == symbol && first == ' ':
			return lineEnds(text, t.runEnd(text, next+size, symbol))
		}
	}
	if c == symbol {
		return lineEnds(text, t.runEnd(text, i+size, symbol))
	}
	// Blanks: up to the last line end among them. Without one: all at the end of the text,
	// otherwise all but the last, if it is not the only one.
	last, end, line := i, i, i
	for end < len(text) {
		c, size := t.at(text, end)
		if c != space {
			break
		}
		last, end = end, end+size
		if b := text[last]; b == '\r' || b == '\n' {
			line = end
		}
	}
	switch {
	case line > i:
		return line
	case end < len(text) && last > i:
		return last
	}
	return end
}

// lineEnds is the end of the line ends \r and \n from text[i] on.
func lineEnds(text string, i int) int {
	for i < len(text) && (text[i] == '\r' || text[i] == '\n') {
		i++
	}
	return i
}

// foldedContraction is [contraction] for letters of both cases. The long s, ſ, is an s, too:
// its upper case is S.
func foldedContraction(rest string) int {
	const longS = "ſ"
	if len(rest) >= len(longS) && rest[:len(longS)] == longS {
		return len(longS)
	}
	var lower [2]byte
	n := min(len(rest), 2)
	for i := range n {
		if lower[i] = rest[i]; 'A' <= rest[i] && rest[i] <= 'Z' {
			lower[i] += 'a' - 'A'
		}
	}
	return contraction(string(lower[:n]))
}

// smolEnd returns the end of the word at text[i] where each number is a word of one
// character, and GPT-2's pattern divides what is between numbers. So a number gets no space
// before it, and blanks before a number end at it.
func (t *classTable) smolEnd(text string, i int) int {
	c, size := t.at(text, i)
	if c == number {
		return i + size
	}
	if c == space {
		if next := i + size; t.isNumber(text, next) {
			return next
		}
	}
	end := t.wordEnd(text, i)
	if c == space && end < len(text) {
		if last, size := t.at(text, end); last == space && t.isNumber(text, end+size) {
			return end + size // the blank that wordEnd leaves to the next word
		}
	}
	return end
}

// isNumber reports whether a number begins at text[i].
func (t *classTable) isNumber(text string, i int) bool {
	if i >= len(text) {
		return false
	}
	c, _ := t.at(text, i)
	return c == number
}

// classes are those by which s divides.
func (s Split) classes() *classTable {
	if s == SplitSmolLM {
		return smolClasses()
	}
	return classes()
}

// safeCut returns the first position from i on where cutting text does not change its words:
// before a blank that follows another class. It returns len(text) if there is none.
func (s Split) safeCut(text string, i int) int {
	if s == SplitNone {
		return len(text)
	}
	for t := s.classes(); i < len(text); i++ {
		c := text[i]
		if c != ' ' && c != '\n' {
			continue
		}
		r, size := utf8.DecodeLastRuneInString(text[:i])
		if size == 0 || t.of(r) == space {
			continue
		}
		// In the patterns of Llama 3 and Qwen line ends belong to the symbols before them.
		if c == ' ' || t.of(r) != symbol || s != SplitLlama3 && s != SplitQwen2 {
			return i
		}
	}
	return len(text)
}
