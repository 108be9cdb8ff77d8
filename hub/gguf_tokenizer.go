package hub

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/pedestrian-ml/pedestrian/gguf"
	"github.com/pedestrian-ml/pedestrian/token"
)

// The types of tokens, as ggml numbers them.
const (
	ggufNormal      = int32(1)
	ggufControl     = int32(3)
	ggufUserDefined = int32(4)
	ggufUnused      = int32(5)
)

// ggufTokenizer returns the key-value pairs of the tokenizer. If the tokenizer is not of
// GPT-2's kind, the file gets none, and note says so.
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
	add := func(key string, value any) { pairs = append(pairs, gguf.Pair{Key: key, Value: value}) }
	if eos, eot := endTokens(m); len(eos) > 0 {
		bos := eos
		if len(m.BOS) > 0 {
			bos = m.BOS
		}
		add("tokenizer.ggml.bos_token_id", uint32(bos[0]))
		add("tokenizer.ggml.eos_token_id", uint32(eos[0]))
		if len(eot) > 0 {
			add("tokenizer.ggml.eot_token_id", uint32(eot[0]))
		}
	}
	add("tokenizer.ggml.add_bos_token", false)
	if chat := t.ChatTemplate(); chat != "" {
		add("tokenizer.chat_template", chat)
	}
	return pairs, "", nil
}

// endTokens returns the tokens that end a text (eos) and those that end a turn of a
// conversation (eot). llama.cpp has one of each and stops at both; the caller writes the
// first of each list. With a chat template, the tokenizer's own EOS ends a turn.
func endTokens(m *Model[float32]) (eos, eot []int32) {
	eos = m.EOS
	own, has := m.Tokenizer.EOS()
	if len(eos) == 0 && has {
		eos = []int32{own}
	}
	if m.Tokenizer.ChatTemplate() == "" || len(eos) == 0 {
		return eos, nil
	}
	if eot = eos[len(eos)-1:]; has && slices.Contains(eos, own) {
		eot = []int32{own}
	}
	if i := slices.IndexFunc(eos, func(id int32) bool { return id != eot[0] }); i >= 0 {
		eos = eos[i:]
	}
	return eos, eot
}

// byteToken returns the token of the byte b in GPT-2's vocabulary.
func byteToken(b byte) int32 {
	t := token.GPT2()
	for id := range int32(256) { // its first 256 tokens are the bytes, in another order
		if t.Token(id) == string([]byte{b}) {
			return id
		}
	}
	panic("hub: a byte without a token")
}

// splitsAsGPT2 returns an error if t splits a text in another way than llama.cpp's "gpt-2".
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
