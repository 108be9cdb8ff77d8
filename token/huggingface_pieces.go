package token

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxPiece is how many bytes the spelling of a token of SentencePiece has at most, if it is
// no added token. All ways to divide it are looked at.
const maxPiece = 512

// makePieces makes the tables of a BPE of SentencePiece, and converts the spellings of all
// but the added tokens to texts. It checks that each byte and the space have a token, that
// merges join characters only, and that no merge of a token is missing.
func (h *huggingFace) makePieces(text []string, merges []merge) error {
	p := h.pieces
	for b := range 256 {
		spelling := byteSpelling(byte(b))
		id, ok := h.vocab[spelling]
		if !ok {
			return fmt.Errorf("byte_fallback is true, but there is no token %s: text that holds the byte could not be encoded", spelling)
		}
		p.bytes[b], text[id] = id, string([]byte{byte(b)})
	}
	made := make([]bool, len(text))
	for i, m := range merges {
		for _, id := range []int32{m.left, m.right, m.id} {
			if p.isByte(id, text[id]) {
				return fmt.Errorf("merge %d joins %.40q and %.40q: the token of a byte cannot be merged", i, h.merges[i][0], h.merges[i][1])
			}
		}
		made[m.id] = true
	}
	for _, name := range h.names {
		id, ok := h.vocab[name]
		if !ok || p.isByte(id, text[id]) {
			continue
		}
		if len(name) > maxPiece {
			return fmt.Errorf("token %.40q (id %d) has %d bytes: with byte_fallback at most %d are read", name, id, len(name), maxPiece)
		}
		if strings.Contains(name, " ") {
			return fmt.Errorf("token %.40q (id %d) has a space, which %q stands for, and is no added token", name, id, spaceMark)
		}
		if !made[id] && h.divides(name) {
			return fmt.Errorf("token %.40q (id %d) is made by no merge, although its parts are tokens: the merges are incomplete", name, id)
		}
		text[id] = strings.ReplaceAll(name, spaceMark, " ")
		if r, size := utf8.DecodeRuneInString(text[id]); size == len(text[id]) && r < utf8.RuneSelf {
			p.ascii[r] = id
		} else if size == len(text[id]) {
			p.chars[r] = id
		}
		if made[id] {
			p.link(text[id])
		}
	}
	if p.ascii[' '] == none {
		return fmt.Errorf("there is no token %q, which stands for a space", spaceMark)
	}
	return nil
}

// divides reports whether name is two tokens, one after the other.
func (h *huggingFace) divides(name string) bool {
	for i := range name {
		_, left := h.vocab[name[:i]]
		_, right := h.vocab[name[i:]]
		if left && right {
			return true
		}
	}
	return false
}
