package token

import (
	"slices"
	"strings"
)

// A finder looks for added tokens in a text: of those that begin earliest the
// longest. It has two passes; the second looks only between the finds of the first.
type finder [2]*trie

// A trie holds the added tokens of one pass: a node for each place where two of them
// part, and for each end of one, so that its size is that of their texts.
type trie struct {
	text  string     // from the node above to this one
	next  []*trie    // in the order of their first bytes
	at    int        // one more than the place in bpe.added of the token that ends here; 0 = none
	begin *[256]bool // of the root: bytes that a token begins with
}

func newFinder(added []Added) (f finder) {
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

// child is where the node is, or belongs, below n whose text begins with c.
func (n *trie) child(c byte) (i int, found bool) {
	return slices.BinarySearchFunc(n.next, c, func(n *trie, c byte) int { return int(n.text[0]) - int(c) })
}

// add puts a token, which is not empty, into the trie with root n.
func (n *trie) add(text string, at int) {
	for n.begin[text[0]] = true; ; {
		i, found := n.child(text[0])
		if !found {
			n.next = slices.Insert(n.next, i, &trie{text: text, at: at})
			return
		}
		c, same := n.next[i], 0
		for same < len(text) && same < len(c.text) && text[same] == c.text[same] {
			same++
		}
		if same < len(c.text) { // they part within c
			n.next[i] = &trie{text: c.text[:same], next: []*trie{c}}
			c.text = c.text[same:]
			c = n.next[i]
		}
		if text = text[same:]; text == "" {
			c.at = at
			return
		}
		n = c
	}
}

// match returns the longest token that text begins with, as trie.at, and its length.
func (n *trie) match(text string) (at, length int) {
	for i := 0; i < len(text); {
		j, found := n.child(text[i])
		if !found || !strings.HasPrefix(text[i:], n.next[j].text) {
			break
		}
		n = n.next[j]
		if i += len(n.text); n.at > 0 {
			at, length = n.at, i
		}
	}
	return at, length
}

// split calls text for what is to be encoded and token for each added token, in
// order. With plain set, special tokens are left in the text; where one stands, no
// other token of the same pass is looked for.
func (b *bpe) split(s string, plain bool, text func(string), token func(Added)) {
	b.pass(0, s, plain, func(s string) { b.pass(1, s, plain, text, token) }, token)
}

func (b *bpe) pass(pass int, s string, plain bool, text func(string), token func(Added)) {
	root := b.find[pass]
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

// encode returns the tokens of s. With plain set, special tokens are not looked for.
func (b *bpe) encode(s string, plain bool) []int32 {
	var ids []int32
	if plain && !b.words() {
		return b.append(ids, s)
	}
	b.split(s, plain,
		func(s string) { ids = b.append(ids, s) },
		func(a Added) { ids = append(ids, a.ID) })
	return ids
}

// words reports whether there are added tokens that are not special.
func (b *bpe) words() bool {
	for _, a := range b.added {
		if !a.Special {
			return true
		}
	}
	return false
}

// EncodeMarkup is [Tokenizer.Encode] for a text in which special tokens are written
// out, such as a rendered chat template: "<|endoftext|>" becomes that token. Use it
// for text that the program wrote; in a stranger's text the marks are text. For
// characters and bytes, which have no special tokens, it is Encode.
func (t *Tokenizer) EncodeMarkup(text string) ([]int32, error) {
	if t.bpe == nil {
		return t.Encode(text)
	}
	return t.bpe.encode(text, false), nil
}

// Visible returns text with the special tokens among ids left out, as it is shown
// to a reader. It panics like [Tokenizer.Decode].
func (t *Tokenizer) Visible(ids []int32) string {
	var b strings.Builder
	for _, id := range ids {
		if !t.IsSpecial(id) {
			b.WriteString(t.Token(id))
		}
	}
	return b.String()
}
