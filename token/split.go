package token

import "unicode/utf8"

// wordEnd returns the end of the word that begins at text[i]: the end of the match of
// GPT-2's pattern
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//
// at i. The alternatives are tried in this order. A word does not depend on the text before
// i. Each byte is read a bounded number of times.
func (t *classTable) wordEnd(text string, i int) int {
	if text[i] == '\'' {
		if n := contraction(text[i+1:]); n > 0 {
			return i + 1 + n
		}
	}
	from := i
	if text[i] == ' ' && i+1 < len(text) {
		from = i + 1 // the space belongs to the next word, unless another blank follows
	}
	c, size := t.at(text, from)
	if c != space {
		return t.runEnd(text, from+size, c)
	}
	// Blanks: all of them at the end of the text. Otherwise the last one belongs to the
	// next word, if it is not the only one.
	last, end := i, i
	for end < len(text) {
		c, size := t.at(text, end)
		if c != space {
			break
		}
		last, end = end, end+size
	}
	if end < len(text) && last > i {
		return last
	}
	return end
}

// runEnd is the end of the characters of class c from text[i] on.
func (t *classTable) runEnd(text string, i int, c class) int {
	for i < len(text) {
		if b := text[i]; b < utf8.RuneSelf {
			if asciiClass[b] != c {
				return i
			}
			i++
			continue
		}
		other, size := t.at(text, i)
		if other != c {
			return i
		}
		i += size
	}
	return i
}

// contraction is the number of bytes of a contraction after an apostrophe, such as the s of
// 's, or 0. Only small letters count.
func contraction(rest string) int {
	if rest == "" {
		return 0
	}
	switch rest[0] {
	case 's', 't', 'm', 'd':
		return 1
	case 'r', 'v':
		if len(rest) > 1 && rest[1] == 'e' {
			return 2
		}
	case 'l':
		if len(rest) > 1 && rest[1] == 'l' {
			return 2
		}
	}
	return 0
}
