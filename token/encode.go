package token

import (
	"runtime"
	"slices"
	"strings"
	"sync"
)

// An encoder turns text into tokens, one goroutine at a time. It remembers words
// that it has cut, because most words of a text occur often.
type encoder struct {
	b       *bpe
	classes *classTable
	merger  merger
	cache   map[string]span
	tokens  []int32 // of the words in cache
}

// A span is a part of encoder.tokens.
type span struct{ from, to int32 }

// Bounds of the memory of an encoder: at most about 12 MB, of words in which no two
// bytes are joined; then it forgets all.
const (
	cachedWords = 1 << 15
	cachedWord  = 64 // bytes of the longest word that is remembered
)

// append adds the tokens of text to ids.
func (e *encoder) append(ids []int32, text string) []int32 {
	for i := 0; i < len(text); {
		end := len(text)
		if !e.b.oneWord {
			end = e.classes.wordEnd(text, i)
		}
		ids = e.word(ids, text[i:end])
		i = end
	}
	return ids
}

// word adds the tokens of a word to ids.
func (e *encoder) word(ids []int32, word string) []int32 {
	if s, ok := e.cache[word]; ok {
		return append(ids, e.tokens[s.from:s.to]...)
	}
	from := len(ids)
	if id, ok := e.b.wholeWords[word]; ok {
		ids = append(ids, id)
	} else {
		ids = e.merger.append(ids, e.b, word)
	}
	if len(word) > cachedWord {
		return ids
	}
	if len(e.cache) == cachedWords {
		clear(e.cache)
		e.tokens = e.tokens[:0]
	}
	at := int32(len(e.tokens))
	e.tokens = append(e.tokens, ids[from:]...)
	e.cache[strings.Clone(word)] = span{at, int32(len(e.tokens))}
	return ids
}

// chunkBytes is about how much text is encoded as one unit of parallel work. Where
// a text is cut depends on the text alone.
const chunkBytes = 128 << 10

// append adds the tokens of a text without added tokens to ids. Long texts are cut
// before blanks, where words begin whatever stands before them, and the chunks are
// encoded by as many goroutines as there are processors.
func (b *bpe) append(ids []int32, text string) []int32 {
	if b.prefixSpace && text != "" && text[0] != ' ' {
		text = " " + text
	}
	var chunks []string
	for rest := text; rest != ""; {
		end := len(rest)
		if !b.oneWord && len(rest) > 2*chunkBytes {
			end = classes().safeCut(rest, chunkBytes)
		}
		chunks = append(chunks, rest[:end])
		rest = rest[end:]
	}
	if len(chunks) < 2 {
		e := b.encoders.Get().(*encoder)
		defer b.encoders.Put(e)
		return e.append(slices.Grow(ids, len(text)/4+1), text)
	}
	parts := make([][]int32, len(chunks))
	next := make(chan int, len(chunks))
	for i := range chunks {
		next <- i
	}
	close(next)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(chunks)) {
		workers.Go(func() {
			e := b.encoders.Get().(*encoder)
			defer b.encoders.Put(e)
			for i := range next {
				parts[i] = e.append(make([]int32, 0, len(chunks[i])/3), chunks[i])
			}
		})
	}
	workers.Wait()
	total := 0
	for _, p := range parts {
		total += len(p)
	}
	ids = slices.Grow(ids, total)
	for _, p := range parts {
		ids = append(ids, p...)
	}
	return ids
}
