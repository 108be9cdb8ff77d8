package token

import "strings"

// A finder looks for added tokens in a text: of those that begin earliest the
// longest. It has two passes; the second looks only between the finds of the first.
type finder [2]*trie

// A trie holds the added tokens of one pass, a node for each beginning of one.
type trie struct {
	next map[byte]*trie
	at   int // one more than the place in bpe.added of the token that ends here; 0 = none
}

func newFinder(added []Added) (f finder) {
	for i, a := range added {
		pass := 0
		if a.normalized {
			pass = 1
		}
		if f[pass] == nil {
			f[pass] = &trie{}
		}
		n := f[pass]
		for j := range len(a.Text) {
			child := n.next[a.Text[j]]
			if child == nil {
				child = &trie{}
				if n.next == nil {
					n.next = map[byte]*trie{}
				}
				n.next[a.Text[j]] = child
			}
			n = child
		}
		n.at = i + 1
	}
	return f
}

// match returns the longest token that text begins with, as trie.at, and its length.
func (n *trie) match(text string) (at, length int) {
	for i := 0; ; i++ {
		if n.at > 0 {
			at, length = n.at, i
		}
		if i == len(text) {
			return at, length
		}
		if n = n.next[text[i]]; n == nil {
			return at, length
		}
	}
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
		if root.next[s[i]] == nil {
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
