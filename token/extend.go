package token

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Extend returns t with a new added token for each of texts that is not a token yet, and the
// ids of all texts in their order. The new tokens have the highest ids. They are not
// special: Encode finds them, too. Bytes become a BPE without merges, with the same ids.
// Characters cannot be extended, because their tokens are single characters.
func (t *Tokenizer) Extend(texts ...string) (*Tokenizer, []int32, error) {
	var s settings
	switch {
	case t.kind == Chars:
		return nil, nil, errors.New("a tokenizer of characters has no tokens of several characters: give a tokenizer of bytes or a BPE")
	case t.bpe != nil:
		s = t.bpe.settings
	}
	var merges []merge
	if t.bpe != nil {
		merges = t.bpe.merges
	}
	all, added, ids := slices.Clone(t.text), slices.Clone(t.Added()), make([]int32, len(texts))
	for i, text := range texts {
		switch {
		case text == "" || len(text) > maxToken:
			return nil, nil, fmt.Errorf("a token of %d bytes: it has from 1 to %d", len(text), maxToken)
		case !utf8.ValidString(text):
			return nil, nil, fmt.Errorf("the token %q is not UTF-8", text)
		case slices.Contains(texts[:i], text):
			return nil, nil, fmt.Errorf("the token %q is named twice", text)
		}
		if at := slices.IndexFunc(added, func(a Added) bool { return a.Text == text }); at >= 0 {
			ids[i] = added[at].ID
			continue
		}
		if at := slices.Index(all, text); at >= 0 {
			return nil, nil, fmt.Errorf("%q is a token of the merges already, %d: it needs no other", text, at)
		}
		ids[i] = int32(len(all))
		all, added = append(all, text), append(added, Added{ID: ids[i], Text: text})
	}
	if len(all) > maxTokens {
		return nil, nil, fmt.Errorf("%d tokens: at most %d", len(all), maxTokens)
	}
	if len(all) == len(t.text) {
		return t, ids, nil
	}
	longer, err := newBPE(all, merges, added, t.eos, s)
	if err != nil {
		return nil, nil, err
	}
	longer.chat, longer.bos = t.chat, t.bos
	return longer, ids, nil
}
