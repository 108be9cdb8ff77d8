package hub

import (
	"fmt"
	"slices"

	"github.com/pedestrian-ml/pedestrian/gguf"
	"github.com/pedestrian-ml/pedestrian/token"
)

// The types of tokens, as ggml numbers them.
const (
	ggufNormal      = int32(1)
	ggufUnknown     = int32(2)
	ggufControl     = int32(3)
	ggufUserDefined = int32(4)
	ggufUnused      = int32(5)
	ggufByte        = int32(6)
)

// ggufTokenizer returns the key-value pairs of the tokenizer. If llama.cpp cuts texts in
// another way, the file gets no tokenizer, and note says so; where it differs in little, note
// says in what.
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
	}
	p, exact, isBPE := t.Parts()
	if !isBPE { // bytes
		for b := range 256 {
			p.Tokens = append(p.Tokens, token.GPT2().Spelling(byteToken(byte(b))))
		}
	} else if note, err = llamaCppTokenizes(p, exact); err != nil {
		return none, fmt.Sprintf("%v: the file has no tokenizer, and takes numbers of tokens alone", err), nil
	}
	kinds := make([]int32, vocab)
	for id := range kinds {
		if kinds[id] = ggufNormal; id >= len(p.Tokens) {
			kinds[id] = ggufUnused
			p.Tokens = append(p.Tokens, fmt.Sprintf("[PAD%d]", id))
		} else if p.SentencePiece && t.IsByte(int32(id)) {
			kinds[id] = ggufByte
		}
	}
	add := func(key string, value any) { pairs = append(pairs, gguf.Pair{Key: key, Value: value}) }
	if p.SentencePiece {
		add("tokenizer.ggml.model", "llama")
		add("tokenizer.ggml.pre", "default")
	} else {
		add("tokenizer.ggml.model", "gpt2")
		add("tokenizer.ggml.pre", p.Split.String())
	}
	for _, a := range p.Added {
		switch kinds[a.ID] = ggufUserDefined; {
		case p.SentencePiece && a.Text == p.Unknown:
			kinds[a.ID] = ggufUnknown
		case a.Special:
			kinds[a.ID] = ggufControl
		}
	}
	add("tokenizer.ggml.tokens", p.Tokens)
	if p.SentencePiece {
		add("tokenizer.ggml.scores", append(p.Scores, make([]float32, vocab-len(p.Scores))...))
	}
	add("tokenizer.ggml.token_type", kinds)
	if !p.SentencePiece {
		if p.Merges == nil {
			p.Merges = []string{}
		}
		add("tokenizer.ggml.merges", p.Merges)
	}
	if eos, eot := endTokens(m); len(eos) > 0 {
		bos := eos
		if len(m.BOS) > 0 {
			bos = m.BOS
		}
		if len(p.Before) > 0 {
			bos = p.Before
		}
		add("tokenizer.ggml.bos_token_id", uint32(bos[0]))
		add("tokenizer.ggml.eos_token_id", uint32(eos[0]))
		if len(eot) > 0 {
			add("tokenizer.ggml.eot_token_id", uint32(eot[0]))
		}
	} else if len(p.Before) > 0 {
		add("tokenizer.ggml.bos_token_id", uint32(p.Before[0]))
	}
	if id, ok := t.Special(p.Unknown); ok && p.SentencePiece {
		add("tokenizer.ggml.unknown_token_id", uint32(id))
	}
	add("tokenizer.ggml.add_bos_token", len(p.Before) > 0)
	if p.SentencePiece {
		add("tokenizer.ggml.add_eos_token", false)
		add("tokenizer.ggml.add_space_prefix", p.SpacePrefix != token.PrefixNever)
	}
	if chat := t.ChatTemplate(); chat != "" {
		add("tokenizer.chat_template", chat)
	}
	return pairs, note, nil
}

// llamaCppTokenizes returns an error if llama.cpp cuts texts in another way than the
// tokenizer of p, and a note where it does so in rare cases. exact is that of
// [token.Tokenizer.Parts].
func llamaCppTokenizes(p token.Parts, exact bool) (note string, err error) {
	switch {
	case len(p.Before) > 1 || len(p.After) > 0:
		return "", fmt.Errorf("the tokenizer puts tokens around every text, and llama.cpp can be told of one before it")
	case p.SentencePiece && !exact:
		return "llama.cpp merges by the scores of tokens, which cannot say all that the tokenizer's merges do: it may cut some words in another way", nil
	case p.SentencePiece && (p.SpacePrefix == token.PrefixFirst || p.SpacePrefix == token.PrefixAlways):
		return "llama.cpp puts a space before every text and behind each special token, also where the tokenizer puts none", nil
	case p.SentencePiece:
		return "", nil
	case p.Split == token.SplitNone:
		return "", fmt.Errorf("the tokenizer does not cut texts into words, which llama.cpp's \"gpt-2\" does")
	case p.PrefixSpace:
		return "", fmt.Errorf("the tokenizer puts a space before a text (add_prefix_space), which llama.cpp's \"%v\" does not", p.Split)
	case p.WholeWords && p.Split != token.SplitLlama3:
		return "", fmt.Errorf("the tokenizer takes whole words before merges (ignore_merges), which llama.cpp's \"%v\" does not", p.Split)
	case !p.WholeWords && p.Split == token.SplitLlama3:
		return "", fmt.Errorf("the tokenizer merges every word, and llama.cpp's \"%v\" takes whole words before merges (ignore_merges)", p.Split)
	case p.NFC:
		return "llama.cpp does not compose characters (NFC): it cuts a text with separate accents in another way", nil
	}
	return "", nil
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
