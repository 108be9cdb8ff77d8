package hub

import (
	"fmt"
	"io"

	"github.com/pedestrian-ml/pedestrian/token"
)

// A tokenizer file of llm.c, which needs it to print samples: a header of 256 int32 (magic
// number, version, number of tokens, the token that ends a text), then for each token one
// byte with its length, and its bytes.
const (
	llmcTokenizerMagic   = 20240328
	llmcTokenizerVersion = 2
	llmcTokenizer        = "tokenizer.bin"
	llmcLongest          = 255 // bytes of a token
)

// writeLLMCTokenizer writes t. llm.c begins a sample with the token that ends a text; if t
// has none, the header has token 0.
func writeLLMCTokenizer(w io.Writer, t *token.Tokenizer) error {
	eos, _ := t.EOS()
	if err := writeInts(w, llmcTokenizerMagic, llmcTokenizerVersion, t.Vocab(), int(eos)); err != nil {
		return err
	}
	for id := range int32(t.Vocab()) {
		text := t.Token(id)
		if len(text) > llmcLongest {
			return fmt.Errorf("token %d has %d bytes: llm.c has at most %d", id, len(text), llmcLongest)
		}
		if _, err := w.Write(append([]byte{byte(len(text))}, text...)); err != nil {
			return err
		}
	}
	return nil
}
