package token

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Parts are the lists and settings that define a BPE in files without JSON, such as GGUF.
// The zero values of the settings are GPT-2's.
type Parts struct {
	Tokens []string // spelling of each id, as [Tokenizer.Spelling]
	Merges []string // in the order of rank: two spellings with a space in between
	Added  []Added  // tokens that are not made by merges
	EOS    string   // the end-of-text token; "" = <|endoftext|> if it is an added token
	BOS    string   // the beginning-of-text token; "" = the end-of-text token
	Chat   string   // the chat template

	Split       Split // how a text is divided into words; byte-level only
	NFC         bool  // characters are composed first; byte-level only
	WholeWords  bool  // a word that is a token is taken whole (ignore_merges); byte-level only
	PrefixSpace bool  // a space stands before a text that does not begin with one; of SentencePiece see SpacePrefix

	// SentencePiece means merges of characters, with ▁ for a space and with a token <0x41>
	// for each byte. Without Merges they are made of the scores: any two tokens whose texts
	// make a third are a merge, of the higher score first.
	SentencePiece bool
	Scores        []float32   // of each id
	SpacePrefix   SpacePrefix // where a space is put before a text
	Unknown       string      // the token for unknown text, which no text needs; "" = none

	Before, After []int32 // the tokens around a text: see [Tokenizer.Around]
}

// NewBPE makes a tokenizer of p. It is as strict as [Tokenizer.UnmarshalJSON]. The 256 bytes
// in their order, without merges and added tokens, give [NewBytes].
func NewBPE(p Parts) (*Tokenizer, error) {
	h, err := p.huggingFace()
	if err != nil {
		return nil, err
	}
	return h.tokenizer()
}

// huggingFace returns what a tokenizer.json of the same tokenizer holds.
func (p Parts) huggingFace() (*huggingFace, error) {
	if len(p.Tokens) > maxTokens || len(p.Merges) > maxTokens {
		return nil, fmt.Errorf("%d tokens and %d merges: at most %d of each are read", len(p.Tokens), len(p.Merges), maxTokens)
	}
	h := &huggingFace{
		vocab: make(map[string]int32, len(p.Tokens)), names: p.Tokens, added: slices.Clone(p.Added), eos: p.EOS, bos: p.BOS, chat: p.Chat, ignoreMerges: p.WholeWords,
		settings: settings{split: p.Split, prefixSpace: p.PrefixSpace, nfc: p.NFC, before: p.Before, after: p.After},
	}
	for id, name := range p.Tokens {
		if name == "" || len(name) > maxToken {
			return nil, fmt.Errorf("token %d has %d bytes: it has from 1 to %d", id, len(name), maxToken)
		}
		if first, twice := h.vocab[name]; twice {
			return nil, fmt.Errorf("tokens %d and %d are both %.40q", first, id, name)
		}
		h.vocab[name] = int32(id)
	}
	for _, line := range p.Merges {
		if err := h.addMerge(line); err != nil {
			return nil, err
		}
	}
	if p.SentencePiece {
		if p.Split != SplitGPT2 || p.NFC || p.PrefixSpace {
			return nil, fmt.Errorf("a tokenizer of SentencePiece has no words and no NFC, and its space before a text is in SpacePrefix")
		}
		h.pieces = newPieces()
		h.pieces.setPrefix(p.SpacePrefix)
		h.pieces.unk = p.Unknown
		if len(p.Merges) == 0 {
			if err := h.mergesOf(p.Scores); err != nil {
				return nil, err
			}
		}
	}
	return h, nil
}

// mergesOf makes the merges of scores, in the order of Hugging Face's converter: by the score
// of the new token, then by the lengths of its parts, the highest first.
func (h *huggingFace) mergesOf(scores []float32) error {
	if len(scores) != len(h.names) {
		return fmt.Errorf("%d scores of %d tokens: each has one", len(scores), len(h.names))
	}
	apart := map[string]bool{}
	for _, a := range h.added {
		apart[a.Text] = true
	}
	for b := range 256 {
		apart[byteSpelling(byte(b))] = true
	}
	type scored struct {
		merge       [2]string
		score       float32
		left, right int // ids
	}
	var all []scored
	for id, name := range h.names {
		if math.IsNaN(float64(scores[id])) {
			return fmt.Errorf("the score of token %d is not a number", id)
		}
		if apart[name] {
			continue
		}
		if len(name) > maxPiece {
			return fmt.Errorf("token %.40q (id %d) has %d bytes: of SentencePiece at most %d are read", name, id, len(name), maxPiece)
		}
		for i := range name {
			left, okLeft := h.vocab[name[:i]]
			right, okRight := h.vocab[name[i:]]
			if okLeft && okRight && !apart[name[:i]] && !apart[name[i:]] {
				all = append(all, scored{[2]string{name[:i], name[i:]}, scores[id], int(left), int(right)})
			}
		}
	}
	if len(all) > maxTokens {
		return fmt.Errorf("the scores make %d merges: at most %d are read", len(all), maxTokens)
	}
	slices.SortStableFunc(all, func(a, b scored) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(runes(b.merge[0]), runes(a.merge[0])), cmp.Compare(runes(b.merge[1]), runes(a.merge[1])),
			cmp.Compare(a.left, b.left), cmp.Compare(a.right, b.right))
	})
	for _, s := range all {
		h.merges = append(h.merges, s.merge)
	}
	return nil
}

// runes is the number of characters of s.
func runes(s string) (n int) {
	for range s {
		n++
	}
	return n
}

// Parts returns the parts of which [NewBPE] makes t. Only BPE has parts: for other kinds ok
// is false.
//
// Of SentencePiece the scores are the negative places of the tokens in the order in which
// merges make them, as its trainer writes them. llama.cpp has no merges: it joins the
// neighbours that make the token of the highest score. exact reports whether that is the same
// as the merges, but for the choice between two ways to make one token.
func (t *Tokenizer) Parts() (p Parts, exact, ok bool) {
	if t.bpe == nil {
		return p, false, false
	}
	b := t.bpe
	p = Parts{
		Tokens: make([]string, len(t.text)), Merges: t.Merges(), Added: slices.Clone(b.added), Chat: t.chat,
		Split: b.split, NFC: b.nfc, WholeWords: b.wholeWords != nil, PrefixSpace: b.prefixSpace,
		Before: slices.Clone(b.before), After: slices.Clone(b.after),
	}
	for id := range p.Tokens {
		p.Tokens[id] = t.Spelling(int32(id))
	}
	if t.eos != none && t.text[t.eos] != endOfText {
		p.EOS = t.text[t.eos]
	}
	if t.bos != nil {
		p.BOS = t.text[*t.bos]
	}
	if b.pieces == nil {
		return p, true, true
	}
	p.SentencePiece, p.SpacePrefix, p.Unknown = true, b.pieces.prefix, b.pieces.unk
	p.Scores, exact = t.scores()
	return p, exact, true
}

// scores are those of [Tokenizer.Parts].
func (t *Tokenizer) scores() (scores []float32, exact bool) {
	b := t.bpe
	scores, exact = make([]float32, len(t.text)), true
	at, last, made := float32(0), int32(none), map[int32]bool{}
	ids := map[string]int32{}
	for id, text := range t.text {
		if !b.hasAdded(int32(id)) && !b.pieces.isByte(int32(id), text) {
			ids[text] = int32(id)
		}
	}
	for _, m := range b.merges {
		if m.id == last {
			continue
		}
		if made[m.id] {
			exact = false // its merges are in two places, and it has one score
			continue
		}
		scores[m.id] = at
		last, made[m.id] = m.id, true
		at--
	}
	for id := range t.text { // characters come after the merges, in the order of ids
		if !made[int32(id)] && !b.hasAdded(int32(id)) && !b.pieces.isByte(int32(id), t.text[id]) {
			scores[id] = at
			at--
		}
	}
	for text, id := range ids {
		for i := range text {
			left, okLeft := ids[text[:i]]
			right, okRight := ids[text[i:]]
			if _, joined := b.pairs.get(left, right); okLeft && okRight && joined != id {
				exact = false // a pair that makes a token, and is no merge
			}
		}
	}
	return scores, exact
}
