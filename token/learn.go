package token

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// A Learning says which vocabulary [TrainBPE] is to learn.
type Learning struct {
	Vocab    int      // tokens wanted: the special ones, 256 bytes, and merges for the rest
	MinCount int      // occurrences that two neighbours need to be joined; 0 means 1
	Specials []string // special tokens; their ids are 0, 1, 2 …
	EOS      string   // which of Specials ends a text; "" means <|endoftext|> if it is one of them

	PrefixSpace bool // a text that does not begin with a space gets one
}

// TrainBPE learns a byte-level BPE vocabulary: the texts are split into words as
// GPT-2 does; then, again and again, the two neighbouring tokens that occur most
// often side by side become a token of their own, until there are o.Vocab tokens or
// no pair occurs o.MinCount times. Ties go to the pair whose left token, then right
// token, has the lower id. So the result depends on the texts alone, and is that of
// Hugging Face's BpeTrainer with the same settings and the alphabet of all bytes.
//
// A special token is no word: where it is spelt out in the texts, it is text. The
// time is that of going through the texts once, and then depends on how many
// different words they have.
func TrainBPE(texts iter.Seq[string], o Learning) (*Tokenizer, error) {
	l, err := newLearner(o)
	if err != nil {
		return nil, fmt.Errorf("train a tokenizer: %w", err)
	}
	for text := range texts {
		l.count(text)
	}
	l.pairs()
	if err := l.learn(o); err != nil {
		return nil, fmt.Errorf("train a tokenizer: %w", err)
	}
	return l.tokenizer(o)
}

// A learner holds the words of the texts, cut into the tokens known so far.
type learner struct {
	prefixSpace bool
	text        []string         // of each token
	ids         map[string]int32 // by spelling, special tokens included
	specials    int              // the first ids

	index  map[string]int32 // of a word
	words  [][]int32
	counts []int64 // of words

	stats  map[pair]*pairStat
	queue  pairQueue
	merges []merge
}

// newLearner checks o and makes the tokens that are there from the beginning.
func newLearner(o Learning) (*learner, error) {
	l := &learner{
		prefixSpace: o.PrefixSpace, specials: len(o.Specials), ids: map[string]int32{},
		index: map[string]int32{}, stats: map[pair]*pairStat{},
	}
	least := len(o.Specials) + 256 + 1
	if o.Vocab < least || o.Vocab > maxTokens {
		return nil, fmt.Errorf("a vocabulary of %d tokens: it must be between %d (%d special tokens, 256 bytes, a merge) and %d", o.Vocab, least, len(o.Specials), maxTokens)
	}
	if o.MinCount < 0 {
		return nil, fmt.Errorf("at least %d occurrences of a pair: the number must not be negative", o.MinCount)
	}
	for _, s := range o.Specials {
		if s == "" || len(s) > maxToken || !validText(s) {
			return nil, fmt.Errorf("special token %.40q: it must be UTF-8 of 1 to %d bytes", s, maxToken)
		}
		if _, twice := l.ids[s]; twice {
			return nil, fmt.Errorf("special token %.40q is given twice", s)
		}
		l.add(s, s)
	}
	if o.EOS != "" && !slices.Contains(o.Specials, o.EOS) {
		return nil, fmt.Errorf("%.40q is to end a text, but is not among the special tokens %.200q", o.EOS, o.Specials)
	}
	for _, b := range byteByID {
		text := string([]byte{b})
		if _, taken := l.ids[spell(text)]; taken {
			return nil, l.errSpecial(spell(text))
		}
		l.add(text, spell(text))
	}
	return l, nil
}

func validText(s string) bool { return firstBadByte([]byte(s)) < 0 }

func (l *learner) add(text, spelling string) int32 {
	id := int32(len(l.text))
	l.text, l.ids[spelling] = append(l.text, text), id
	return id
}

func (l *learner) errSpecial(s string) error {
	return fmt.Errorf("special token %.40q is also what a token of the text is written as: choose a name that no word has, such as <|%s|>", s, strings.Trim(s, "<|>"))
}

// count counts the words of a text.
func (l *learner) count(text string) {
	if l.prefixSpace && text != "" && text[0] != ' ' {
		text = " " + text
	}
	c := classes()
	for i := 0; i < len(text); {
		end := c.wordEnd(text, i)
		at, known := l.index[text[i:end]]
		if !known {
			at = int32(len(l.words))
			l.index[strings.Clone(text[i:end])] = at
			word := make([]int32, end-i)
			for j := range word {
				word[j] = l.ids[spell(text[i+j:i+j+1])]
			}
			l.words, l.counts = append(l.words, word), append(l.counts, 0)
		}
		l.counts[at]++
		i = end
	}
}

// tokenizer is what was learnt.
func (l *learner) tokenizer(o Learning) (*Tokenizer, error) {
	if len(l.merges) == 0 {
		return nil, fmt.Errorf("train a tokenizer: no two neighbours occur %d times in %d different words: give more text, or fewer occurrences", max(o.MinCount, 1), len(l.words))
	}
	b, added, eos := &bpe{prefixSpace: o.PrefixSpace}, []Added{}, int32(none)
	for id, s := range o.Specials {
		added = append(added, Added{ID: int32(id), Text: s, Special: true})
		if s == o.EOS || o.EOS == "" && s == endOfText {
			eos = int32(id)
		}
	}
	return newBPE(l.text, l.merges, added, eos, b)
}
