package token

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// spaceMark stands for a space in the tokens of SentencePiece.
const spaceMark = "▁"

// pieces are what a BPE of SentencePiece has in place of the alphabet of bytes: merges begin
// with characters. A character without a token falls into its bytes.
//
// There are no words: merges may join any two neighbours. But where no token has the
// characters x and y side by side, no merge joins tokens on both sides of that place. So a
// text is divided there, and the parts are merged alone, with the same result.
type pieces struct {
	prefix     SpacePrefix
	normalizes bool             // spaces are put in and marked by the normalizer, not by Metaspace
	trim       bool             // decoding drops a space at the beginning of a text
	unk        string           // the token for what has none; no text needs it, since each byte has a token
	chars      map[rune]int32   // the token of each character
	ascii      [128]int32       // the same for ASCII, and none
	bytes      [256]int32       // the tokens <0x00> to <0xFF>
	inside     map[[2]rune]bool // the neighbours in tokens that are made by merges
	dense      [128][2]uint64   // the same for ASCII: bit y of row x
}

// A SpacePrefix says where a tokenizer of SentencePiece puts a space before a text.
type SpacePrefix uint8

const (
	// PrefixSections: before every text, and behind every added token in it. It is what the
	// first tokenizers of Llama do (the normalizer Prepend of Hugging Face).
	PrefixSections SpacePrefix = iota
	PrefixNever
	PrefixFirst  // before a text that begins with no space
	PrefixAlways // as PrefixSections, but where no space is already
)

// byteSpelling is the spelling of the token of a byte.
func byteSpelling(b byte) string { return fmt.Sprintf("<0x%02X>", b) }

// isByte reports whether id, with this text, is the token of a byte.
func (p *pieces) isByte(id int32, text string) bool {
	return len(text) == 1 && p.bytes[text[0]] == id
}

// link records which characters are side by side in a token that merges make.
func (p *pieces) link(text string) {
	last, size := utf8.DecodeRuneInString(text)
	for _, r := range text[size:] {
		if last < utf8.RuneSelf && r < utf8.RuneSelf {
			p.dense[last][r/64] |= 1 << (r % 64)
		} else {
			p.inside[[2]rune{last, r}] = true
		}
		last = r
	}
}

// joins reports whether a merge may join the characters x and y.
func (p *pieces) joins(x, y rune) bool {
	if x < utf8.RuneSelf && y < utf8.RuneSelf {
		return p.dense[x][y/64]>>(y%64)&1 != 0
	}
	return p.inside[[2]rune{x, y}]
}

// longPart is the length in bytes from which a part ends at any place where no merge joins
// its characters. Shorter ones end beside what is no ASCII letter, and before spaces: so most
// words of a text are parts, which occur often.
const longPart = 32

// end returns the end of the part of text that begins at text[i].
func (p *pieces) end(text string, i int) int {
	from := i
	last, size := charAt(text, i)
	for i += size; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf && last < utf8.RuneSelf {
			if (asciiClass[c] != letter || asciiClass[last] != letter || i-from >= longPart) && p.dense[last][c/64]>>(c%64)&1 == 0 {
				return i
			}
			last = rune(c)
			i++
			continue
		}
		r, size := charAt(text, i)
		if (r == ' ' || i-from >= longPart) && !p.joins(last, r) {
			return i
		}
		last = r
		i += size
	}
	return i
}

// charAt is the character at text[i], ' ' for the mark of a space, and its length.
func charAt(text string, i int) (rune, int) {
	if c := text[i]; c < utf8.RuneSelf {
		return rune(c), 1
	}
	r, size := utf8.DecodeRuneInString(text[i:])
	if r == '▁' {
		r = ' '
	}
	return r, size
}

// safeCut returns the first position from i on where a part of text ends, or len(text).
func (p *pieces) safeCut(text string, i int) int {
	for ; i < len(text); i++ {
		if text[i] != ' ' {
			continue
		}
		if r, size := utf8.DecodeLastRuneInString(text[:i]); size > 0 && !p.joins(unmarked(r), ' ') {
			return i
		}
	}
	return len(text)
}

func unmarked(r rune) rune {
	if r == '▁' {
		return ' '
	}
	return r
}

// tokens appends the tokens in which the merges of word begin.
func (p *pieces) tokens(nodes []node, word string) []node {
	for i := 0; i < len(word); {
		r, size := charAt(word, i)
		id := int32(none)
		if r < utf8.RuneSelf {
			id = p.ascii[r]
		} else if char, ok := p.chars[r]; ok && (r != utf8.RuneError || size > 1) {
			id = char
		}
		if id != none {
			nodes = append(nodes, node{id: id, rank: noRank})
		} else {
			for _, b := range []byte(word[i : i+size]) {
				nodes = append(nodes, node{id: p.bytes[b], rank: noRank})
			}
		}
		i += size
	}
	return nodes
}

// A position says what stands before a text that is encoded.
type position uint8

const (
	atBeginning position = iota
	afterAdded           // an added token
	afterText            // another token
)

// startsWithSpace reports whether a text begins with a space or its mark.
func startsWithSpace(text string) bool {
	return strings.HasPrefix(text, " ") || strings.HasPrefix(text, spaceMark)
}

// prefixed reports whether a space is put before a section of text, which is not empty.
func (p *pieces) prefixed(text string, at position) bool {
	switch {
	case at == afterText || p.prefix == PrefixNever || p.prefix == PrefixFirst && at != atBeginning:
		return false
	case p.prefix == PrefixSections:
		return true
	}
	return !startsWithSpace(text)
}

// setPrefix sets where a space is put before a text, in the older spelling of tokenizer.json
// where it has one, and that decoding drops it.
func (p *pieces) setPrefix(prefix SpacePrefix) {
	p.prefix = prefix
	p.normalizes = prefix == PrefixSections || prefix == PrefixNever
	p.trim = prefix != PrefixNever
}

// newPieces returns an empty table.
func newPieces() *pieces {
	p := &pieces{chars: map[rune]int32{}, inside: map[[2]rune]bool{}}
	for i := range p.ascii {
		p.ascii[i] = none
	}
	for i := range p.bytes {
		p.bytes[i] = none
	}
	return p
}
