package token

import (
	"slices"
	"strings"
)

// A finder looks for added tokens in a text: the longest of those that begin first. It has
// two passes; the second looks only between the matches of the first.
type addedTries [2]*trie

// A trie holds the added tokens of one pass. It has a node where two tokens diverge and
// where one ends; so its size is that of their texts.
type trie struct {
	text  string     // text on the edge from the parent
	next  []*trie    // children, sorted by first byte
	index int        // 1 plus the index in bpe.added of the token that ends here; 0 = none
	begin *[256]bool // root only: bytes with which a token begins
}

func newFinder(added []Added) (f addedTries) {
	for i, a := range added {
		pass := 0
		if a.normalized {
			pass = 1
		}
		if f[pass] == nil {
			f[pass] = &trie{begin: new([256]bool)}
		}
		f[pass].add(a.Text, i+1)
	}
	return f
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

// split calls text for each ordinary part of s and token for each added token, in order.
// With plain, special tokens are ordinary text; no other token of the same pass is looked
// for inside them.
func (b *bpe) splitAdded(s string, plain bool, text func(string), token func(Added)) {
	b.splitPass(0, s, plain, func(s string) { b.splitPass(1, s, plain, text, token) }, token)
}

func (b *bpe) splitPass(pass int, s string, plain bool, text func(string), token func(Added)) {
	root := b.tries[pass]
	if root == nil {
		text(s)
		return
	}
	done := 0
	for i := 0; i < len(s); {
		if !root.begin[s[i]] {
			i++
			continue
		}
		at, n := root.match(s[i:])
		switch {
		case at == 0:
			i++
		case plain && b.added[at-1].Special:
			i += n
		default:
			if i > done {
				text(s[done:i])
			}
			token(b.added[at-1])
			i += n
			done = i
		}
	}
	if done < len(s) {
		text(s[done:])
	}
}

// encode returns the tokens of s. With plain, special tokens are ordinary text.
func (b *bpe) encode(s string, plain bool) []int32 {
	var ids []int32
	if plain && !b.hasWords() {
		return b.append(ids, s)
	}
	b.splitAdded(s, plain,
		func(s string) { ids = b.append(ids, s) },
		func(a Added) { ids = append(ids, a.ID) })
	return ids
}

// hasWords reports whether there are added tokens that are not special.
func (b *bpe) hasWords() bool {
	for _, a := range b.added {
		if !a.Special {
			return true
		}
	}
	return false
}

// EncodeMarkup is [Tokenizer.Encode] for a text with special tokens, such as a rendered chat
// template: "<|endoftext|>" becomes that token. Use it for text that the program wrote. In a
// user's text the marks are ordinary text. Characters and bytes have no special tokens; for
// them it is Encode.
func (t *Tokenizer) EncodeMarkup(text string) ([]int32, error) {
	if t.bpe == nil {
		return t.Encode(text)
	}
	return t.bpe.encode(text, false), nil
}

// Visible returns the text of ids without the special tokens, for display. It panics like
// [Tokenizer.Decode].
func (t *Tokenizer) Visible(ids []int32) string {
	var b strings.Builder
	for _, id := range ids {
		if !t.IsSpecial(id) {
			b.WriteString(t.Token(id))
		}
	}
	return b.String()
}
