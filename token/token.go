// Package token converts text to the integers that a network reads, and back.
//
// A Tokenizer is data: a kind and a vocabulary. There are three kinds. Characters
// ([NewChars]) gives every distinct rune of a text an id, in the order of code points; its
// small vocabulary is good for small networks. Bytes ([NewBytes]) has the 256 bytes as
// tokens and can encode any text. Byte-level BPE ([GPT2], [TrainBPE]) starts with the bytes
// and merges frequent neighbours, so that common words are one token; it can encode any
// text, too. All are exact: decoding the ids of a text gives the same text.
//
// A tokenizer is stored as tokenizer.json ([Load], [Tokenizer.Save]), for BPE in the format
// of Hugging Face. The reader is strict: training with a slightly wrong vocabulary gives no
// error, only a bad network. To print tokens during sampling use a [Stream]: it never
// returns a part of a character.
package token

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The kinds of tokenizer.
const (
	Chars = "chars" // one token per character (rune)
	Bytes = "bytes" // one token per byte
	BPE   = "bpe"   // one token per frequent sequence of bytes
)

// A Tokenizer maps text to ids in [0, Vocab) and back. [NewChars], [NewBytes], [GPT2],
// [TrainBPE], [Load] or UnmarshalJSON make one. It does not change afterwards, and several
// goroutines may use it at once.
type Tokenizer struct {
	kind  string
	text  []string       // the bytes of each id
	ascii [128]int32     // id of an ASCII character, or none
	ids   map[rune]int32 // ids of the other characters
	bpe   *bpe           // merges and added tokens; of kind BPE only
	eos   int32          // the end-of-text token, or none
	bos   *int32         // the beginning-of-text token, if it is another one
	chat  string         // the chat template in Jinja, or ""
}

const none = -1

// NewBytes returns the tokenizer whose ids are the byte values.
func NewBytes() *Tokenizer {
	t := &Tokenizer{kind: Bytes, text: make([]string, 256), eos: none}
	for i := range t.text {
		t.text[i] = string([]byte{byte(i)})
	}
	return t
}

// NewChars makes the tokenizer of the characters of text: each distinct rune is a token,
// numbered in the order of code points. So the same set of characters always gives the same
// tokenizer. The error says where text is not UTF-8, or that it is empty.
func NewChars(text string) (*Tokenizer, error) {
	seen := map[rune]bool{}
	for i, r := range text {
		if r == utf8.RuneError && invalidUTF8(text, i) {
			return nil, fmt.Errorf("learn the characters of the text: %w", &utf8Error{Byte: text[i], Offset: i, Line: lineAt(text, i)})
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

// Token returns the bytes of id; a part of a character need not be UTF-8. It panics if id is
// outside the vocabulary.
func (t *Tokenizer) Token(id int32) string {
	if id < 0 || int(id) >= len(t.text) {
		panic(fmt.Sprintf("token.Token: id %d is outside the vocabulary of %d", id, len(t.text)))
	}
	return t.text[id]
}

// Encode returns the ids of text. For bytes and BPE there is no error. For characters the
// error names the first character that is not in the vocabulary or not UTF-8, with its
// offset and line.
//
// The text of a special token, such as <|endoftext|>, is ordinary text here and does not
// give that token: a user who writes it does not end a document. [Tokenizer.EncodeMarkup]
// gives the token.
func (t *Tokenizer) Encode(text string) ([]int32, error) {
	if t.bpe != nil {
		return t.bpe.encode(text, true, atBeginning), nil
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
		if r == utf8.RuneError && invalidUTF8(text, i) {
			return nil, &utf8Error{Byte: text[i], Offset: i, Line: lineAt(text, i)}
		}
		if id == none {
			return nil, &unknownError{Char: r, Offset: i, Line: lineAt(text, i), Vocab: t.Vocab()}
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

// Decode returns the text of ids. It panics if an id is outside the vocabulary; check ids
// from a file with [Tokenizer.Check] before.
func (t *Tokenizer) Decode(ids []int32) string {
	var b strings.Builder
	b.Grow(len(ids))
	for i, id := range ids {
		if id < 0 || int(id) >= len(t.text) {
			panic(fmt.Sprintf("token.Decode: id %d at position %d is outside the vocabulary of %d", id, i, len(t.text)))
		}
		b.WriteString(t.text[id])
	}
	return t.trim(b.String())
}

// trim drops the space that Encode put before a text of SentencePiece.
func (t *Tokenizer) trim(text string) string {
	if t.trims() {
		return strings.TrimPrefix(text, " ")
	}
	return text
}

func (t *Tokenizer) trims() bool { return t.bpe != nil && t.bpe.pieces != nil && t.bpe.pieces.trim }

// EncodeAfter returns the ids of a text that follows before, where the tokens of one document
// are made of several texts. A tokenizer of SentencePiece puts a space before a text: not
// where it goes on from other text, and after an added token only if it would in the middle
// of a text. For other tokenizers it is Encode.
func (t *Tokenizer) EncodeAfter(before []int32, text string) ([]int32, error) {
	if t.bpe == nil || len(before) == 0 {
		return t.Encode(text)
	}
	if t.bpe.hasAdded(before[len(before)-1]) {
		return t.bpe.encode(text, true, afterAdded), nil
	}
	return t.bpe.encode(text, true, afterText), nil
}

// Check returns an error for the first of ids that is outside the vocabulary, with its
// position.
func (t *Tokenizer) Check(ids []int32) error {
	for i, id := range ids {
		if id < 0 || int(id) >= len(t.text) {
			return fmt.Errorf("id %d at position %d is outside the vocabulary of %d: the ids belong to another tokenizer", id, i, len(t.text))
		}
	}
	return nil
}

// invalidUTF8 reports whether the RuneError that range found at text[i:] is a byte that is
// not UTF-8, not the character U+FFFD.
func invalidUTF8(text string, i int) bool {
	_, size := utf8.DecodeRuneInString(text[i:])
	return size <= 1
}

// lineAt is the number of the line, counted from 1, that holds text[i].
func lineAt(text string, i int) int { return 1 + strings.Count(text[:i], "\n") }
