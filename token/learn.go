package token

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// TrainOptions say which vocabulary [TrainBPE] learns.
type TrainOptions struct {
	Vocab    int      // number of tokens: special tokens, 256 bytes, and merges
	MinCount int      // smallest count of a pair that is merged; 0 means 1
	Specials []string // special tokens; their ids are 0, 1, 2 …
	EOS      string   // the end-of-text token among Specials; "" means <|endoftext|> if it is one of them

	PrefixSpace bool // add a space before a text that does not begin with one
}

// TrainBPE learns a byte-level BPE vocabulary. The texts are split into words as in GPT-2.
// Then the most frequent pair of neighbouring tokens is merged to a new token, until there
// are o.Vocab tokens or no pair occurs o.MinCount times. Of equally frequent pairs the one
// with the lower left id, then the lower right id, is merged. So the result depends on the
// texts only. It equals that of Hugging Face's BpeTrainer with the same settings and the
// alphabet of all bytes.
//
// A special token that is written in the texts is ordinary text there. The texts are read
// once; after that the time depends on the number of different words.
func TrainBPE(texts iter.Seq[string], o TrainOptions) (*Tokenizer, error) {
	l, err := newLearner(o)
	if err != nil {
		return nil, fmt.Errorf("train a tokenizer: %w", err)
	}
	for text := range texts {
		l.count(text)
	}
	l.countPairs()
	if err := l.makeMerges(o); err != nil {
		return nil, fmt.Errorf("train a tokenizer: %w", err)
	}
	return l.tokenizer(o)
}

// A learner holds the words of the texts, divided into the tokens known so far.
type learner struct {
	prefixSpace bool
	text        []string         // text of each token
	ids         map[string]int32 // id by spelling, with special tokens
	specials    int              // number of special tokens, which have the first ids

	index  map[string]int32 // index of a word in words
	words  [][]int32
	counts []int64 // how often each word occurs

	stats  map[pair]*pairStat
	queue  pairQueue
	merges []merge
}

// newLearner checks o and makes the initial tokens.
func newLearner(o TrainOptions) (*learner, error) {
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
		if _, taken := l.ids[toByteLevel(text)]; taken {
			return nil, l.specialError(toByteLevel(text))
		}
		l.add(text, toByteLevel(text))
	}
	return l, nil
}

func validText(s string) bool { return firstBadByte([]byte(s)) < 0 }

func (l *learner) add(text, spelling string) int32 {
	id := int32(len(l.text))
	l.text, l.ids[spelling] = append(l.text, text), id
	return id
}

func (l *learner) specialError(s string) error {
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
				word[j] = l.ids[toByteLevel(text[i+j:i+j+1])]
			}
			l.words, l.counts = append(l.words, word), append(l.counts, 0)
		}
		l.counts[at]++
		i = end
	}
}

// tokenizer makes the tokenizer that was learnt.
func (l *learner) tokenizer(o TrainOptions) (*Tokenizer, error) {
	if len(l.merges) == 0 {
		return nil, fmt.Errorf("train a tokenizer: no two neighbours occur %d times in %d different words: give more text, or fewer occurrences", max(o.MinCount, 1), len(l.words))
	}
	added, eos := []Added{}, int32(none)
	for id, s := range o.Specials {
		added = append(added, Added{ID: int32(id), Text: s, Special: true})
		if s == o.EOS || o.EOS == "" && s == endOfText {
			eos = int32(id)
		}
	}
	return newBPE(l.text, l.merges, added, eos, settings{prefixSpace: o.PrefixSpace})
}
