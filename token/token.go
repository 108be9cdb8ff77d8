// Package token turns text into the integers that a network reads, and back.
//
// A Tokenizer is data: a kind and a vocabulary. Three kinds exist. Characters
// ([NewChars]) gives every distinct rune of a text an id, in the order of their
// code points; it suits small networks, because the vocabulary is small.
// Bytes ([NewBytes]) has the 256 bytes as its tokens and can encode anything.
// Byte-level BPE ([GPT2], [TrainBPE]) begins with the bytes and joins frequent
// neighbours, so that common words are one token; it can encode anything, too.
// All are exact: decoding what was encoded gives the same string.
//
// A tokenizer travels as tokenizer.json ([Load], [Tokenizer.Save]), for BPE in the
// format of Hugging Face; the reader is strict, because a vocabulary that is subtly
// wrong trains in silence. To print tokens while they are being sampled, use a
// [Stream]: it never emits half a character.
package token

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The kinds of tokenizer.
const (
	Chars = "chars" // one token a character (rune)
	Bytes = "bytes" // one token a byte
	BPE   = "bpe"   // one token a frequent sequence of bytes
)

// A Tokenizer maps text to ids in [0, Vocab) and back. It is made by [NewChars],
// [NewBytes], [GPT2], [TrainBPE], [Load] or by unmarshalling JSON, is not changed afterwards, and may
// be used by several goroutines at once.
type Tokenizer struct {
	kind  string
	text  []string       // the bytes that an id stands for
	ascii [128]int32     // id of an ASCII character, or none
	ids   map[rune]int32 // ids of the other characters
	bpe   *bpe           // merges and added tokens; of kind BPE only
	eos   int32          // the added token that ends a text, or none
	bos   *int32         // the added token that begins one, where it is another
	chat  string         // the template of chats, in Jinja; "" if there is none
}

const none = -1

// NewBytes returns the tokenizer whose ids are the bytes themselves.
func NewBytes() *Tokenizer {
	t := &Tokenizer{kind: Bytes, text: make([]string, 256), eos: none}
	for i := range t.text {
		t.text[i] = string([]byte{byte(i)})
	}
	return t
}

// NewChars learns the characters of text: each distinct rune becomes a token,
// numbered in the order of code points, so that the same set of characters
// always gives the same tokenizer. The error says where text is not UTF-8, or
// that it is empty.
func NewChars(text string) (*Tokenizer, error) {
	seen := map[rune]bool{}
	for i, r := range text {
		if r == utf8.RuneError && badByte(text, i) {
			return nil, fmt.Errorf("learn the characters of the text: %w", &NotUTF8{Byte: text[i], Offset: i, Line: lineAt(text, i)})
		}
		seen[r] = true
	}
	if len(seen) == 0 {
		return nil, fmt.Errorf("learn the characters of the text: it is empty; give a text with at least one character")
	}
	runes := make([]rune, 0, len(seen))
	for r := range seen {
		runes = append(runes, r)
	}
	slices.Sort(runes)
	return newChars(runes), nil
}

// newChars makes the tokenizer of sorted, distinct runes.
func newChars(runes []rune) *Tokenizer {
	t := &Tokenizer{kind: Chars, text: make([]string, len(runes)), ids: map[rune]int32{}, eos: none}
	for i := range t.ascii {
		t.ascii[i] = none
	}
	for i, r := range runes {
		t.text[i] = string(r)
		if r < utf8.RuneSelf {
			t.ascii[r] = int32(i)
		} else {
			t.ids[r] = int32(i)
		}
	}
	return t
}

// Kind is [Chars], [Bytes] or [BPE].
func (t *Tokenizer) Kind() string { return t.kind }

// Vocab is the number of distinct tokens, n_vocab.
func (t *Tokenizer) Vocab() int { return len(t.text) }

// Token returns the bytes that id stands for: a character, or one byte, which by
// itself need not be UTF-8. It panics if id is outside the vocabulary.
func (t *Tokenizer) Token(id int32) string {
	if id < 0 || int(id) >= len(t.text) {
		panic(fmt.Sprintf("token.Token: id %d is outside the vocabulary of %d", id, len(t.text)))
	}
	return t.text[id]
}

// Encode returns the ids of text. For bytes and BPE there is no error. For
// characters the error is an [*Unknown] or a [*NotUTF8] and names the first offender
// and its place.
//
// Text is text: where it spells a special token, such as <|endoftext|>, that
// token does not come out, so that nobody ends a document by writing about its end.
// [Tokenizer.EncodeMarkup] reads them.
func (t *Tokenizer) Encode(text string) ([]int32, error) {
	if t.bpe != nil {
		return t.bpe.encode(text, true), nil
	}
	if t.kind == Bytes {
		ids := make([]int32, len(text))
		for i := range len(text) {
			ids[i] = int32(text[i])
		}
		return ids, nil
	}
	ids := make([]int32, 0, len(text))
	for i, r := range text {
		id := t.id(r)
		if r == utf8.RuneError && badByte(text, i) {
			return nil, &NotUTF8{Byte: text[i], Offset: i, Line: lineAt(text, i)}
		}
		if id == none {
			return nil, &Unknown{Char: r, Offset: i, Line: lineAt(text, i), Vocab: t.Vocab()}
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (t *Tokenizer) id(r rune) int32 {
	if r < utf8.RuneSelf {
		return t.ascii[r]
	}
	if id, ok := t.ids[r]; ok {
		return id
	}
	return none
}

// Decode returns the text of ids. It panics if one of them is outside the
// vocabulary; ids that come from a file are put through [Tokenizer.Check] first.
func (t *Tokenizer) Decode(ids []int32) string {
	var b strings.Builder
	b.Grow(len(ids))
	for i, id := range ids {
		if id < 0 || int(id) >= len(t.text) {
			panic(fmt.Sprintf("token.Decode: id %d at position %d is outside the vocabulary of %d", id, i, len(t.text)))
		}
		b.WriteString(t.text[id])
	}
	return b.String()
}

// Check reports the first of ids that is outside the vocabulary, with its position.
func (t *Tokenizer) Check(ids []int32) error {
	for i, id := range ids {
		if id < 0 || int(id) >= len(t.text) {
			return fmt.Errorf("id %d at position %d is outside the vocabulary of %d: the ids belong to another tokenizer", id, i, len(t.text))
		}
	}
	return nil
}

// badByte reports whether the RuneError that range found at text[i:] stands for
// a byte that is not UTF-8, not for a U+FFFD that was written out.
func badByte(text string, i int) bool {
	_, size := utf8.DecodeRuneInString(text[i:])
	return size <= 1
}

// lineAt is the number of the line, counted from 1, that holds text[i].
func lineAt(text string, i int) int { return 1 + strings.Count(text[:i], "\n") }
