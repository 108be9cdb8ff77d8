package token

import (
	"cmp"
	"fmt"
	"slices"
)

// tokenizer checks that the parts of the file are consistent, and makes the tokenizer.
func (h *huggingFace) tokenizer() (*Tokenizer, error) {
	if len(h.merges) == 0 && len(h.names) > 256+len(h.added) {
		return nil, fmt.Errorf("the merge table is empty: every text would fall into single bytes")
	}
	text, err := h.assignIDs()
	if err != nil {
		return nil, err
	}
	merges, err := h.mergeIDs()
	if err != nil {
		return nil, err
	}
	if h.pieces != nil {
		err = h.makePieces(text, merges)
	} else {
		err = h.decodeTokens(text, merges)
	}
	if err != nil {
		return nil, err
	}
	if h.ignoreMerges {
		if h.pieces != nil {
			return nil, fmt.Errorf("ignore_merges with byte_fallback is not supported: it would take whole texts for tokens")
		}
		h.wholeWords = make(map[string]int32, len(h.vocab))
		for _, id := range h.vocab {
			h.wholeWords[text[id]] = id
		}
	}
	if len(h.added) == 0 && !h.prefixSpace && !h.nfc && h.pieces == nil && isByteTokens(text) {
		return NewBytes().WithChat(h.chat), nil
	}
	for _, id := range slices.Concat(h.before, h.after) {
		if !slices.ContainsFunc(h.added, func(a Added) bool { return a.ID == id }) {
			return nil, fmt.Errorf("post_processor TemplateProcessing puts token %d beside a text, which is no added token", id)
		}
	}
	end, eos := cmp.Or(h.eos, endOfText), int32(none)
	for _, a := range h.added {
		if a.Text == end {
			eos = a.ID
		}
	}
	if h.eos != "" && eos == none {
		return nil, fmt.Errorf("eos_token %.40q is no added token", h.eos)
	}
	t, err := newBPE(text, merges, h.added, eos, h.settings)
	if err != nil {
		return nil, err
	}
	t.chat = h.chat
	if id, ok := t.Special(h.bos); ok {
		t = t.WithBOS(id)
	} else if h.bos != "" {
		return nil, fmt.Errorf("bos_token %.40q is no added token", h.bos)
	} else if len(h.before) > 0 { // the token that stands before every text begins it
		t = t.WithBOS(h.before[0])
	}
	return t, nil
}

// words lists the spellings of the tokens that are single bytes or made by merges.
func (h *huggingFace) words() map[string]bool {
	words := make(map[string]bool, 256+len(h.merges))
	for _, letter := range letterOf {
		words[string(letter)] = true
	}
	for _, m := range h.merges {
		words[m[0]+m[1]] = true
	}
	return words
}

// isByteTokens reports whether the tokens are the 256 bytes in their order.
func isByteTokens(text []string) bool {
	for i, s := range text {
		if len(text) != 256 || s != string([]byte{byte(i)}) {
			return false
		}
	}
	return true
}

// assignIDs returns the spelling of each id and deletes added tokens from h.vocab. Ids are
// 0, 1, 2 … without gaps: first the vocabulary, then the added tokens that are not in it, as
// in Hugging Face's library.
func (h *huggingFace) assignIDs() ([]string, error) {
	n := len(h.names)
	text := make([]string, n, n+len(h.added))
	for _, name := range h.names {
		id := h.vocab[name]
		if int(id) >= n {
			return nil, fmt.Errorf("token %.40q has id %d, but vocab has %d tokens: ids go from 0 to %d, each once", name, id, n, n-1)
		}
		if text[id] != "" {
			return nil, fmt.Errorf("tokens %.40q and %.40q have the same id %d", text[id], name, id)
		}
		text[id] = name
	}
	taken := map[string]bool{}
	for _, a := range h.added {
		id, in := h.vocab[a.Text]
		switch {
		case taken[a.Text]:
			return nil, fmt.Errorf("added token %.40q occurs twice", a.Text)
		case in && id != a.ID:
			return nil, fmt.Errorf("added token %.40q has id %d, but the vocabulary gives it id %d", a.Text, a.ID, id)
		case in:
			delete(h.vocab, a.Text)
		case int(a.ID) != len(text):
			return nil, fmt.Errorf("added token %.40q has id %d, but the next one that is free is %d", a.Text, a.ID, len(text))
		default:
			text = append(text, a.Text)
		}
		taken[a.Text] = true
	}
	slices.SortFunc(h.added, func(a, b Added) int { return cmp.Compare(a.ID, b.ID) })
	return text, nil
}

// mergeIDs converts the merges to ids.
func (h *huggingFace) mergeIDs() ([]merge, error) {
	merges := make([]merge, len(h.merges))
	for i, m := range h.merges {
		for j, at := range []*int32{&merges[i].left, &merges[i].right} {
			id, ok := h.vocab[m[j]]
			if !ok {
				return nil, fmt.Errorf("merge %d joins %.40q and %.40q, but %.40q is no token of the vocabulary", i, m[0], m[1], m[j])
			}
			*at = id
		}
		id, ok := h.vocab[m[0]+m[1]]
		if !ok && slices.ContainsFunc(h.added, func(a Added) bool { return a.Text == m[0]+m[1] }) {
			return nil, fmt.Errorf("token %.40q is made by merge %d and is an added token, too: that is not supported", m[0]+m[1], i)
		}
		if !ok {
			return nil, fmt.Errorf("merge %d joins %.40q and %.40q, but the vocabulary has no token %.40q", i, m[0], m[1], m[0]+m[1])
		}
		merges[i].id = id
	}
	return merges, nil
}

// decodeTokens converts the spellings of all but the added tokens to bytes. It checks that
// each byte has a token and each other token is made by a merge.
func (h *huggingFace) decodeTokens(text []string, merges []merge) error {
	made := make([]bool, len(text))
	for _, m := range merges {
		made[m.id] = true
	}
	added := make([]bool, len(text))
	for _, a := range h.added {
		added[a.ID] = true
	}
	var bytes [256]bool
	for id, name := range text {
		if added[id] {
			continue
		}
		s, ok := fromByteLevel(name)
		if !ok {
			return fmt.Errorf("token %.40q (id %d) is not spelt in byte-level characters, and is not an added token", name, id)
		}
		if text[id] = s; len(s) == 1 {
			bytes[s[0]] = true
		} else if !made[id] && !h.ignoreMerges {
			return fmt.Errorf("token %.40q (id %d) is made by no merge and is no added token: the merges are incomplete, or it belongs among added_tokens", name, id)
		}
	}
	for b, ok := range bytes {
		if !ok {
			return fmt.Errorf("byte 0x%02x, spelt %q, has no token: text that holds it could not be encoded", b, letterOf[b])
		}
	}
	return nil
}
