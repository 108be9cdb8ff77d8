package token

import (
	"fmt"
	"sync"
)

// A bpe is what a byte-level tokenizer has besides the texts of its tokens.
type bpe struct {
	bytes  [256]int32 // the token of each byte
	merges []merge    // in the order of their ranks
	pairs  pairs      // the same, to look up

	prefixSpace bool             // a text that does not begin with a space gets one
	oneWord     bool             // texts are not split into words
	wholeWords  map[string]int32 // when not nil: words that are tokens themselves need no merges

	added   []Added
	isAdded map[int32]int // place in added
	find    finder

	encoders sync.Pool // of *encoder
}

// A merge joins two neighbouring tokens to one.
type merge struct{ left, right, id int32 }

// An Added token stands outside the merges: it comes from its text as a whole, or
// is never made from text at all. End-of-text marks and the marks of chats are such.
type Added struct {
	ID      int32
	Text    string
	Special bool // a mark, not a word: Encode does not look for it, EncodeMarkup does

	normalized bool // looked for in a second pass; the reference does so
}

// newBPE makes the tokenizer of the given tokens, all of which are known to be
// sound: texts are distinct and not empty, each byte has a token, the text of a
// merge's token is that of its parts.
func newBPE(text []string, merges []merge, added []Added, eos int32, b *bpe) (*Tokenizer, error) {
	for i := range b.bytes {
		b.bytes[i] = none
	}
	b.isAdded = make(map[int32]int, len(added))
	for i, a := range added {
		b.isAdded[a.ID] = i
	}
	for id, s := range text {
		if _, is := b.isAdded[int32(id)]; !is && len(s) == 1 {
			b.bytes[s[0]] = int32(id)
		}
	}
	b.merges, b.pairs, b.added = merges, newPairs(len(merges)), added
	for rank, m := range merges {
		if b.pairs.put(m.left, m.right, int32(rank), m.id) {
			return nil, fmt.Errorf("the merge of %q and %q (%d) occurs twice: each pair has one rank", spell(text[m.left]), spell(text[m.right]), rank)
		}
	}
	b.find = newFinder(added)
	b.encoders.New = func() any { return &encoder{b: b, classes: classes(), cache: map[string]span{}} }
	return &Tokenizer{kind: BPE, text: text, bpe: b, eos: eos}, nil
}

// Special returns the id of the added token that is written as text, such as
// "<|endoftext|>", and whether there is one.
func (t *Tokenizer) Special(text string) (id int32, ok bool) {
	for _, a := range t.Added() {
		if a.Text == text {
			return a.ID, true
		}
	}
	return 0, false
}

// Added lists the tokens that stand outside the merges, in the order of their ids.
// It belongs to t: do not change it.
func (t *Tokenizer) Added() []Added {
	if t.bpe == nil {
		return nil
	}
	return t.bpe.added
}

// IsSpecial reports whether id is a mark, such as the end of a text, which is no
// part of what a reader is shown.
func (t *Tokenizer) IsSpecial(id int32) bool {
	if t.bpe == nil {
		return false
	}
	i, ok := t.bpe.isAdded[id]
	return ok && t.bpe.added[i].Special
}

// IsAdded says whether id was added to the vocabulary beside its bytes and merges.
func (t *Tokenizer) IsAdded(id int32) bool { return t.bpe != nil && t.bpe.has(id) }

// EOS returns the token that ends a text, and whether the tokenizer has one:
// characters and bytes have none.
func (t *Tokenizer) EOS() (id int32, ok bool) {
	if t.eos == none {
		return 0, false
	}
	return t.eos, true
}

// BOS returns the token that begins a text, and whether the tokenizer has one: that
// which was declared as such, or else the one that ends a text, as with GPT-2, whose
// texts each follow the end of another.
func (t *Tokenizer) BOS() (id int32, ok bool) {
	if t.bos == nil {
		return t.EOS()
	}
	return *t.bos, true
}

// ChatTemplate returns the template, in the language Jinja, that turns a
// conversation into a text for [Tokenizer.EncodeMarkup]; "" if none was loaded.
// It is kept as text: nothing here runs it.
func (t *Tokenizer) ChatTemplate() string {
	return t.chat
}

// WithChat returns a tokenizer that is t, but for its chat template.
func (t *Tokenizer) WithChat(template string) *Tokenizer {
	c := *t
	c.chat = template
	return &c
}

// WithEOS returns a tokenizer that is t, but that texts end with the added token id.
// It panics if id is none.
func (t *Tokenizer) WithEOS(id int32) *Tokenizer {
	c := *t
	if c.eos = id; t.bpe == nil || !t.bpe.has(id) {
		panic(fmt.Sprintf("token.WithEOS: %d is no added token", id))
	}
	return &c
}

// WithBOS returns a tokenizer that is t, but that texts begin with the added token id;
// with -1, with that which ends them. It panics if id is none.
func (t *Tokenizer) WithBOS(id int32) *Tokenizer {
	c := *t
	if c.bos = &id; id == t.eos || id == none {
		c.bos = nil
	} else if t.bpe == nil || !t.bpe.has(id) {
		panic(fmt.Sprintf("token.WithBOS: %d is no added token", id))
	}
	return &c
}

// Within returns a tokenizer that is t without the added tokens whose ids are vocab or
// above, and their texts. A network of vocab tokens has no rows for these. It returns t
// itself where tokens that are not added have such ids, or none have.
func (t *Tokenizer) Within(vocab int) (*Tokenizer, []string) {
	if t.bpe == nil || vocab < 0 || len(t.text) <= vocab {
		return t, nil
	}
	for id := vocab; id < len(t.text); id++ {
		if !t.bpe.has(int32(id)) || int32(id) == t.eos {
			return t, nil
		}
	}
	var added []Added
	var gone []string
	for _, a := range t.bpe.added {
		if int(a.ID) < vocab {
			added = append(added, a)
		} else {
			gone = append(gone, a.Text)
		}
	}
	c, err := newBPE(t.text[:vocab:vocab], t.bpe.merges, added, t.eos, &bpe{prefixSpace: t.bpe.prefixSpace, oneWord: t.bpe.oneWord, wholeWords: t.bpe.wholeWords})
	if err != nil {
		panic("token.Within: " + err.Error()) // t has the same merges
	}
	if c.chat = t.chat; t.bos != nil && int(*t.bos) < vocab {
		c.bos = t.bos
	}
	return c, gone
}

// has reports whether id is an added token.
func (b *bpe) has(id int32) bool {
	_, is := b.isAdded[id]
	return is
}
