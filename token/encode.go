package token

import (
	"runtime"
	"slices"
	"sync"
)

// An encoder turns text into tokens, for one goroutine at a time. It caches the tokens of
// words, because most words of a text occur often.
type encoder struct {
	b       *bpe
	classes *classTable
	merger  merger
	cache   wordCache
}

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
	if len(word) > cachedWord {
		return e.merge(ids, word)
	}
	known, hash, ok := e.cache.get(word)
	if ok {
		return append(ids, known...)
	}
	from := len(ids)
	ids = e.merge(ids, word)
	e.cache.put(word, hash, ids[from:])
	return ids
}

// merge appends the tokens of a word that is not in the cache.
func (e *encoder) merge(ids []int32, word string) []int32 {
	if id, ok := e.b.wholeWords[word]; ok {
		return append(ids, id)
	}
	return e.merger.append(ids, e.b, word)
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
