package token

import (
	"runtime"
	"slices"
	"strings"
	"sync"
)

// An encoder turns text into tokens, for one goroutine at a time. It caches the tokens of
// words, because most words of a text occur often.
type encoder struct {
	b       *bpe
	classes *classTable
	merger  merger
	cache   map[string]span
	tokens  []int32 // of the words in cache
}

// A span is a part of encoder.tokens.
type span struct{ from, to int32 }

// Limits of the cache of an encoder: about 12 MB, when no two bytes are merged. A full cache
// is cleared.
const (
	cachedWords = 1 << 15 // number of words
	cachedWord  = 64      // bytes of the longest cached word
)

// append appends the tokens of text to ids.
func (e *encoder) append(ids []int32, text string) []int32 {
	for i := 0; i < len(text); {
		end := e.end(text, i)
		ids = e.word(ids, text[i:end])
		i = end
	}
	return ids
}

// end is the end of the word that begins at text[i].
func (e *encoder) end(text string, i int) int {
	if e.b.pieces != nil {
		return e.b.pieces.end(text, i)
	}
	return e.b.split.end(e.classes, text, i)
}

// word appends the tokens of a word to ids.
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

// chunkBytes is the approximate size of a unit of parallel encoding. The places of the cuts
// depend on the text only.
const chunkBytes = 128 << 10

// append appends the tokens of a text without added tokens to ids. It cuts long texts before
// blanks, where a word begins in any context, and encodes the chunks with as many goroutines
// as there are processors.
func (b *bpe) append(ids []int32, text string) []int32 {
	if b.prefixSpace && text != "" && text[0] != ' ' {
		text = " " + text
	}
	var chunks []string
	for rest := text; rest != ""; {
		end := len(rest)
		if len(rest) > 2*chunkBytes {
			end = b.safeCut(rest, chunkBytes)
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

// safeCut returns the first position from i on where cutting text changes no token, or
// len(text).
func (b *bpe) safeCut(text string, i int) int {
	if b.pieces != nil {
		return b.pieces.safeCut(text, i)
	}
	return b.split.safeCut(text, i)
}
