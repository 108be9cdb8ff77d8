package token

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A bpe is the part of a BPE tokenizer besides the texts of its tokens.
type bpe struct {
	settings
	bytes  [256]int32 // the token of each byte
	merges []merge    // in the order of rank
	pairs  pairTable  // the same as a hash table

	added   []Added
	isAdded map[int32]int // id to index in added
	tries   addedTries
	words   bool // an added token is not special

	encoders sync.Pool // of *encoder
}

// settings say how a text is cut. The zero value is GPT-2's.
type settings struct {
	split       Split            // how a text is divided into words
	prefixSpace bool             // add a space before a text that does not begin with one; byte-level only
	nfc         bool             // compose characters first (NFC)
	wholeWords  map[string]int32 // if not nil: words that are tokens without merges
	pieces      *pieces          // SentencePiece; nil = byte-level

	before, after []int32 // tokens around a text: see [Tokenizer.Around]
}

// A merge joins two neighbouring tokens to one.
type merge struct{ left, right, id int32 }

// An Added token is not made by merges: it is made from its whole text, or, if special, only
// by EncodeMarkup. Examples are end-of-text tokens and the marks of chat templates.
type Added struct {
	ID      int32  // its number
	Text    string // the text that it stands for
	Special bool   // a mark, not a word: only EncodeMarkup looks for it

	normalized bool // looked for in the second pass, in the normalized text
	lstrip     bool // it takes the white space before it
	rstrip     bool // it takes the white space after it
	singleWord bool // no letter, mark, digit or _ may touch it
}

// newBPE makes a tokenizer of valid tokens: the tokens that are not added have distinct
// texts (but for bytes and characters of SentencePiece), none is empty, each byte has a
// token, and the text of a merged token is the concatenation of its parts.
func newBPE(text []string, merges []merge, added []Added, eos int32, s settings) (*Tokenizer, error) {
	b := &bpe{settings: s}
	b.isAdded = make(map[int32]int, len(added))
	for i, a := range added {
		b.isAdded[a.ID] = i
		b.words = b.words || !a.Special
	}
	if s.pieces != nil {
		b.bytes = s.pieces.bytes
	} else {
		for i := range b.bytes {
			b.bytes[i] = none
		}
		for id, s := range text {
			if _, is := b.isAdded[int32(id)]; !is && len(s) == 1 {
				b.bytes[s[0]] = int32(id)
			}
		}
	}
	b.merges, b.pairs, b.added = merges, newPairs(len(merges)), added
	for rank, m := range merges {
		if b.pairs.put(m.left, m.right, int32(rank), m.id) {
			return nil, fmt.Errorf("the merge of %q and %q (%d) occurs twice: each pair has one rank", b.spell(m.left, text[m.left]), b.spell(m.right, text[m.right]), rank)
		}
	}
	b.tries = b.newFinder()
	b.encoders.New = func() any { return &encoder{b: b, classes: s.split.classes()} }
	return &Tokenizer{kind: BPE, text: text, bpe: b, eos: eos}, nil
}

// spell returns the spelling in files of the token id, which is not an added one.
func (b *bpe) spell(id int32, text string) string {
	switch {
	case b.pieces == nil:
		return toByteLevel(text)
	case b.pieces.isByte(id, text):
		return byteSpelling(text[0])
	}
	return strings.ReplaceAll(text, " ", spaceMark)
}

// Special returns the id of the added token with this text, such as "<|endoftext|>", and
// whether it exists.
func (t *Tokenizer) Special(text string) (id int32, ok bool) {
	for _, a := range t.Added() {
		if a.Text == text {
			return a.ID, true
		}
	}
	return 0, false
}

// Added lists the added tokens in the order of their ids. The slice belongs to t: do not
// change it.
func (t *Tokenizer) Added() []Added {
	if t.bpe == nil {
		return nil
	}
	return t.bpe.added
}

// IsSpecial reports whether id is a mark, such as the end-of-text token, which is not shown
// to users.
func (t *Tokenizer) IsSpecial(id int32) bool {
	if t.bpe == nil {
		return false
	}
	i, ok := t.bpe.isAdded[id]
	return ok && t.bpe.added[i].Special
}

// IsAdded reports whether id is an added token, not a byte or a merge.
func (t *Tokenizer) IsAdded(id int32) bool { return t.bpe != nil && t.bpe.hasAdded(id) }

// IsByte reports whether id is the token of a single byte: in SentencePiece one that is
// spelled <0x41>, not a character.
func (t *Tokenizer) IsByte(id int32) bool {
	text := t.Token(id)
	return t.kind == Bytes || t.bpe != nil && len(text) == 1 && t.bpe.bytes[text[0]] == id
}

// EOS returns the end-of-text token, and whether the tokenizer has one; characters and bytes
// have none.
func (t *Tokenizer) EOS() (id int32, ok bool) {
	if t.eos == none {
		return 0, false
	}
	return t.eos, true
}

// BOS returns the beginning-of-text token, and whether the tokenizer has one. If none is
// declared, it is the end-of-text token, as in GPT-2, where each text follows the end of
// another.
func (t *Tokenizer) BOS() (id int32, ok bool) {
	if t.bos == nil {
		return t.EOS()
	}
	return *t.bos, true
}

// Around returns the tokens that Hugging Face's library puts before and after a text unless
// it is told not to: for most Llamas the beginning-of-text token before it. Encode and
// EncodeMarkup never put them there. The slices belong to t: do not change them.
func (t *Tokenizer) Around() (before, after []int32) {
	if t.bpe == nil {
		return nil, nil
	}
	return t.bpe.before, t.bpe.after
}

// ChatTemplate returns the Jinja template that turns a conversation into a text for
// [Tokenizer.EncodeMarkup]; "" if there is none. It is kept as text; package corpus renders it.
func (t *Tokenizer) ChatTemplate() string {
	return t.chat
}

// WithChat returns a copy of t with another chat template.
func (t *Tokenizer) WithChat(template string) *Tokenizer {
	c := *t
	c.chat = template
	return &c
}

// WithEOS returns a copy of t with the added token id as end-of-text token. It panics if id
// is not an added token.
func (t *Tokenizer) WithEOS(id int32) *Tokenizer {
	c := *t
	if c.eos = id; t.bpe == nil || !t.bpe.hasAdded(id) {
		panic(fmt.Sprintf("token.WithEOS: %d is no added token", id))
	}
	return &c
}

// WithBOS returns a copy of t with the added token id as beginning-of-text token; with -1 it
// is the end-of-text token. It panics if id is not an added token.
func (t *Tokenizer) WithBOS(id int32) *Tokenizer {
	c := *t
	if c.bos = &id; id == t.eos || id == none {
		c.bos = nil
	} else if t.bpe == nil || !t.bpe.hasAdded(id) {
		panic(fmt.Sprintf("token.WithBOS: %d is no added token", id))
	}
	return &c
}

// Within returns a copy of t without the added tokens whose ids are vocab or higher, and the
// texts of those. A network of vocab tokens has no rows for them. It returns t itself if no
// token has such an id, or if one of them is not an added token, is the end-of-text token or
// stands around every text ([Tokenizer.Around]).
func (t *Tokenizer) Within(vocab int) (*Tokenizer, []string) {
	if t.bpe == nil || vocab < 0 || len(t.text) <= vocab {
		return t, nil
	}
	for id := vocab; id < len(t.text); id++ {
		if !t.bpe.hasAdded(int32(id)) || int32(id) == t.eos {
			return t, nil
		}
	}
	var added []Added
	var removed []string
	for _, a := range t.bpe.added {
		if int(a.ID) < vocab {
			added = append(added, a)
		} else {
			removed = append(removed, a.Text)
		}
	}
	for _, id := range slices.Concat(t.bpe.before, t.bpe.after) {
		if int(id) >= vocab {
			return t, nil
		}
	}
	c, err := newBPE(t.text[:vocab:vocab], t.bpe.merges, added, t.eos, t.bpe.settings)
	if err != nil {
		panic("token.Within: " + err.Error()) // t has the same merges
	}
	if c.chat = t.chat; t.bos != nil && int(*t.bos) < vocab {
		c.bos = t.bos
	}
	return c, removed
}

// hasAdded reports whether id is an added token.
func (b *bpe) hasAdded(id int32) bool {
	_, is := b.isAdded[id]
	return is
}
