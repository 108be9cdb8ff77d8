package hub

import (
	"encoding/json"
	"fmt"

	"github.com/pedestrian-ml/pedestrian/gguf"
	"github.com/pedestrian-ml/pedestrian/token"
)

// The types of tokens.
const (
	ggufNormal      = int32(1)
	ggufControl     = int32(3)
	ggufUserDefined = int32(4)
	ggufUnused      = int32(5)
)

// ggufTokenizer are the pairs of the tokenizer: GPT-2's kind, where it is, and
// otherwise none, which a note tells.
func ggufTokenizer(m *Model[float32]) (pairs []gguf.Pair, note string, err error) {
	t, vocab := m.Tokenizer, m.Params.Config.Vocab
	none := []gguf.Pair{{Key: "tokenizer.ggml.model", Value: "none"}}
	switch {
	case t == nil:
		return none, "the file has no tokenizer: llama.cpp takes numbers of tokens alone", nil
	case t.Kind() == token.Chars:
		return none, "llama.cpp has no tokenizer of characters: the file has none, and takes numbers of tokens alone", nil
	case t.Vocab() > vocab:
		return nil, "", fmt.Errorf("the tokenizer has %d tokens, and the network %d", t.Vocab(), vocab)
	case t.Kind() != token.Bytes:
		if err := splitsAsGPT2(t); err != nil {
			return none, fmt.Sprintf("%v: the file has no tokenizer, and takes numbers of tokens alone", err), nil
		}
	}
	texts, kinds := make([]string, vocab), make([]int32, vocab)
	for id := range texts {
		switch {
		case id >= t.Vocab():
			texts[id], kinds[id] = fmt.Sprintf("[PAD%d]", id), ggufUnused
		case t.Kind() == token.Bytes:
			texts[id], kinds[id] = token.GPT2().Spelling(byteToken(byte(id))), ggufNormal
		default:
			texts[id], kinds[id] = t.Spelling(int32(id)), ggufNormal
		}
	}
	for _, a := range t.Added() {
		kinds[a.ID] = ggufUserDefined
		if a.Special {
			kinds[a.ID] = ggufControl
		}
	}
	merges := t.Merges()
	if merges == nil {
		merges = []string{}
	}
	pairs = []gguf.Pair{
		{Key: "tokenizer.ggml.model", Value: "gpt2"},
		{Key: "tokenizer.ggml.pre", Value: "gpt-2"},
		{Key: "tokenizer.ggml.tokens", Value: texts},
		{Key: "tokenizer.ggml.token_type", Value: kinds},
		{Key: "tokenizer.ggml.merges", Value: merges},
	}
	eos, has := t.EOS()
	if len(m.EOS) > 0 {
		eos, has = m.EOS[0], true
	}
	if has {
		bos := eos
		if len(m.BOS) > 0 {
			bos = m.BOS[0]
		}
		pairs = append(pairs, gguf.Pair{Key: "tokenizer.ggml.bos_token_id", Value: uint32(bos)}, gguf.Pair{Key: "tokenizer.ggml.eos_token_id", Value: uint32(eos)})
	}
	return append(pairs, gguf.Pair{Key: "tokenizer.ggml.add_bos_token", Value: false}), "", nil
}

// byteToken is the token of one byte in GPT-2's vocabulary.
func byteToken(b byte) int32 {
	t := token.GPT2()
	for id := range int32(256) { // its first 256 tokens are the bytes, in another order
		if t.Token(id) == string([]byte{b}) {
			return id
		}
	}
	panic("hub: a byte without a token")
}

// splitsAsGPT2 says why t cuts texts otherwise than llama.cpp's "gpt-2" does, or nil.
func splitsAsGPT2(t *token.Tokenizer) error {
	text, err := t.MarshalJSON()
	if err != nil {
		return err
	}
	var file struct {
		PreTokenizer struct {
			AddPrefixSpace bool `json:"add_prefix_space"`
			UseRegex       bool `json:"use_regex"`
		} `json:"pre_tokenizer"`
		Model struct {
			IgnoreMerges bool `json:"ignore_merges"`
		} `json:"model"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return err
	}
	switch {
	case !file.PreTokenizer.UseRegex:
		return fmt.Errorf("the tokenizer does not cut texts into words, which llama.cpp's \"gpt-2\" does")
	case file.PreTokenizer.AddPrefixSpace:
		return fmt.Errorf("the tokenizer puts a space before a text (add_prefix_space), which llama.cpp's \"gpt-2\" does not")
	case file.Model.IgnoreMerges:
		return fmt.Errorf("the tokenizer takes whole words before merges (ignore_merges), which llama.cpp's \"gpt-2\" does not")
	}
	return nil
}
