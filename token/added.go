package token

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// addedTries find added tokens in a text: the longest of those that begin first. There are
// two passes. The second looks between the matches of the first, in the normalized text, for
// the normalized texts of tokens.
type addedTries [2]*trie

// A trie holds the added tokens of one pass. It has a node where two tokens diverge and
// where one ends; so its size is that of their texts.
type trie struct {
	text  string     // text on the edge from the parent
	next  []*trie    // children, sorted by first byte
	index int        // 1 plus the index in bpe.added of the token that ends here; 0 = none
	begin *[256]bool // root only: bytes with which a token begins
}

func (b *bpe) newFinder() (f addedTries) {
	for i, a := range b.added {
		pass, text := 0, a.Text
		if a.normalized {
			pass, text = 1, b.normalize(a.Text, atBeginning)
		}
		if f[pass] == nil {
			f[pass] = &trie{begin: new([256]bool)}
		}
		f[pass].add(text, i+1)
	}
	return f
}

// normalize returns the text in which the second pass looks for added tokens.
func (b *bpe) normalize(text string, at position) string {
	switch {
	case b.nfc:
		return composeText(text)
	case b.pieces == nil || !b.pieces.normalizes:
		return text
	}
	marked := strings.ReplaceAll(text, " ", spaceMark)
	if b.pieces.prefixed(text, at) {
		marked = spaceMark + marked
	}
	return marked
}

// child finds the child of n whose text begins with c, or the index where to insert it.
func (n *trie) child(c byte) (i int, found bool) {
	return slices.BinarySearchFunc(n.next, c, func(n *trie, c byte) int { return int(n.text[0]) - int(c) })
}

// add inserts a token, which is not empty, below the root n.
func (n *trie) add(text string, at int) {
	for n.begin[text[0]] = true; ; {
		i, found := n.child(text[0])
		if !found {
			n.next = slices.Insert(n.next, i, &trie{text: text, index: at})
			return
		}
		c, same := n.next[i], 0
		for same < len(text) && same < len(c.text) && text[same] == c.text[same] {
			same++
		}
		if same < len(c.text) { // split c
			n.next[i] = &trie{text: c.text[:same], next: []*trie{c}}
			c.text = c.text[same:]
			c = n.next[i]
		}
		if text = text[same:]; text == "" {
			c.index = at
			return
		}
		n = c
	}
}

// match returns the longest token that is a prefix of text, as trie.at, and its length.
func (n *trie) match(text string) (at, length int) {
	for i := 0; i < len(text); {
		j, found := n.child(text[i])
		if !found || !strings.HasPrefix(text[i:], n.next[j].text) {
			break
		}
		n = n.next[j]
		if i += len(n.text); n.index > 0 {
			at, length = n.index, i
		}
	}
	return at, length
}

// splitAdded calls part for each ordinary part of s, with its offset, and token for each
// added token, in order. With plain, special tokens are ordinary text; no other token of the
// same pass is looked for inside them. The time grows with the length of s.
func (b *bpe) splitAdded(pass int, s string, plain bool, part func(at int, s string), token func(Added)) {
	root := b.tries[pass]
	if root == nil {
		part(0, s)
		return
	}
	done, blanks := 0, 0 // white space reaches to blanks
	for i := 0; i < len(s); {
		if !root.begin[s[i]] {
			i++
			continue
		}
		at, n := root.match(s[i:])
		if at == 0 {
			i++
			continue
		}
		start, end := i, i+n
		i = end
		a := b.added[at-1]
		if plain && a.Special || a.singleWord && !isWord(s, start, end) {
			continue
		}
		if a.lstrip {
			start = blanksBefore(s[:start], done)
		}
		if a.rstrip {
			if blanks < end {
				blanks = blanksAfter(s, end)
			}
			end = blanks
		}
		if start > done {
			part(done, s[done:start])
		}
		token(a)
		done = end
	}
	if done < len(s) {
		part(done, s[done:])
	}
}

// isWord reports whether neither the character before s[start:end] nor the one after it is
// part of a word.
func isWord(s string, start, end int) bool {
	before, n := utf8.DecodeLastRuneInString(s[:start])
	after, m := utf8.DecodeRuneInString(s[end:])
	return (n == 0 || words().of(before) == 0) && (m == 0 || words().of(after) == 0)
}

// blanksBefore is where the white space at the end of s begins, but not before s[least].
func blanksBefore(s string, least int) int {
	for len(s) > least {
		r, size := utf8.DecodeLastRuneInString(s)
		if classes().of(r) != space {
			break
		}
		s = s[:len(s)-size]
	}
	return len(s)
}

// blanksAfter is where the white space from s[i] on ends.
func blanksAfter(s string, i int) int { return classes().runEnd(s, i, space) }

// encode returns the tokens of s, which stands at a position. With plain, special tokens are
// ordinary text.
func (b *bpe) encode(s string, plain bool, at position) []int32 {
	var ids []int32
	token := func(a Added) { ids = append(ids, a.ID) }
	section := func(from int, s string) {
		if from > 0 {
			at = afterAdded
		}
		ids = b.appendSection(ids, s, plain, at)
	}
	if plain && !b.words {
		section(0, s)
		return ids
	}
	b.splitAdded(0, s, plain, section, token)
	return ids
}

// appendSection appends the tokens of a section, in which the first pass found no token.
func (b *bpe) appendSection(ids []int32, s string, plain bool, at position) []int32 {
	p := b.pieces
	switch {
	case s == "":
		return ids
	case b.tries[1] == nil && p == nil:
		if b.nfc {
			s = composeText(s)
		}
		return b.append(ids, s)
	case b.tries[1] == nil:
		if p.prefixed(s, at) {
			s = " " + s
		}
		return b.append(ids, s)
	}
	b.splitAdded(1, b.normalize(s, at), plain, func(from int, s string) {
		if from > 0 {
			at = afterAdded
		}
		if p != nil && !p.normalizes && p.prefixed(s, at) {
			s = " " + s
		}
		ids = b.append(ids, s)
	}, func(a Added) { ids = append(ids, a.ID) })
	return ids
}

// EncodeMarkup is [Tokenizer.Encode] for a text with special tokens, such as a rendered chat
// template: "<|endoftext|>" becomes that token. Use it for text that the program wrote. In a
// user's text the marks are ordinary text. Characters and bytes have no special tokens; for
// them it is Encode.
func (t *Tokenizer) EncodeMarkup(text string) ([]int32, error) {
	if t.bpe == nil {
		return t.Encode(text)
	}
	return t.bpe.encode(text, false, atBeginning), nil
}

// Visible returns the text of ids without the special tokens, for display. It panics like
// [Tokenizer.Decode].
func (t *Tokenizer) Visible(ids []int32) string {
	return t.Decode(slices.DeleteFunc(slices.Clone(ids), t.IsSpecial))
}
