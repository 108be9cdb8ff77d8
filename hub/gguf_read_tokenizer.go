package hub

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/token"
)

// tokens reads the tokenizer, the tokens that begin and end a text, and the chat template.
// A tokenizer of a kind that package token has not is left out, with a note.
func (g *GGUF) tokens() error {
	const at = "tokenizer.ggml."
	kind, err := g.text(at + "model")
	if err != nil {
		return err
	}
	pre, err := g.text(at + "pre")
	if err != nil {
		return err
	}
	for _, f := range []struct {
		key string
		to  *[]int32
	}{{"eos_token_id", &g.EOS}, {"bos_token_id", &g.BOS}, {"eot_token_id", &g.EOS}} {
		if err := g.token(at+f.key, f.to); err != nil {
			return err
		}
	}
	p := token.Parts{}
	switch {
	case kind == "" || kind == "none":
		return nil
	case kind == "llama":
		p.SentencePiece = true
	case kind != "gpt2":
		g.Notes = append(g.Notes, fmt.Sprintf("Its tokenizer is of the kind %.40q, and only byte-level BPE (gpt2) and SentencePiece-BPE (llama) are read: it is left out.", kind))
		return nil
	default:
		known := false
		if p.Split, known = splitOf(pre); !known {
			g.Notes = append(g.Notes, fmt.Sprintf("Its tokenizer cuts texts into words as %.40q, and only as gpt-2, llama-bpe, qwen2 and smollm is read: it is left out.", pre))
			return nil
		}
		p.NFC = p.Split == token.SplitQwen2 // GGUF does not say so, but Qwen's tokenizers do
		p.WholeWords = p.Split == token.SplitLlama3
	}
	// What llama.cpp takes where the file says nothing.
	begins, err := g.flag(at+"add_bos_token", p.SentencePiece || p.Split == token.SplitLlama3)
	if err != nil {
		return err
	}
	ends, err := g.flag(at+"add_eos_token", false)
	if err != nil {
		return err
	}
	if begins && len(g.BOS) > 0 {
		p.Before = g.BOS[:1]
	}
	if ends {
		return fmt.Errorf("%sadd_eos_token is true: a token behind every text is not supported", at)
	}
	if p.SentencePiece {
		prefix, err := g.flag(at+"add_space_prefix", true)
		if err != nil {
			return err
		}
		if !prefix {
			p.SpacePrefix = token.PrefixNever
		}
		if p.Scores, err = list[float32](g, at+"scores"); err != nil {
			return err
		}
	}
	if p.Chat, err = g.text("tokenizer.chat_template"); err != nil {
		return err
	}
	if p.Tokens, err = list[string](g, at+"tokens"); err != nil {
		return err
	}
	if p.Merges, err = list[string](g, at+"merges"); err != nil {
		return err
	}
	kinds, err := list[int32](g, at+"token_type")
	switch {
	case err != nil:
		return err
	case len(p.Tokens) == 0 || len(p.Tokens) > g.Network.Vocab:
		return fmt.Errorf("%stokens has %d, and the network %d", at, len(p.Tokens), g.Network.Vocab)
	case len(kinds) > 0 && len(kinds) != len(p.Tokens):
		return fmt.Errorf("%stoken_type has %d, and there are %d tokens", at, len(kinds), len(p.Tokens))
	}
	for n := len(p.Tokens); n > 0 && len(kinds) > 0 && kinds[n-1] == ggufUnused && strings.HasPrefix(p.Tokens[n-1], "[PAD"); n-- {
		p.Tokens, kinds = p.Tokens[:n-1], kinds[:n-1] // rows of the embedding without a token
	}
	p.Scores = p.Scores[:min(len(p.Scores), len(p.Tokens))]
	for id, kind := range kinds {
		if kind == ggufUnknown && p.SentencePiece && p.Unknown == "" {
			p.Unknown = p.Tokens[id]
		}
		if kind != ggufNormal && (kind != ggufByte || !p.SentencePiece) {
			p.Added = append(p.Added, token.Added{ID: int32(id), Text: p.Tokens[id], Special: kind != ggufUserDefined})
		}
	}
	if g.Tokenizer, err = token.NewBPE(p); err != nil {
		return fmt.Errorf("the tokenizer: %w", err)
	}
	g.setEnds(p.Chat)
	return nil
}

// setEnds sets the tokens that begin and end a text in the tokenizer. With a chat template,
// the end is the token that ends a turn.
func (g *GGUF) setEnds(chat string) {
	if len(g.BOS) > 0 && g.Tokenizer.IsSpecial(g.BOS[0]) {
		defer func() { g.Tokenizer = g.Tokenizer.WithBOS(g.BOS[0]) }()
	}
	for _, id := range slices.Backward(g.EOS) {
		if g.Tokenizer.IsSpecial(id) {
			g.Tokenizer = g.Tokenizer.WithEOS(id)
			if chat != "" {
				return // the last one ends a turn
			}
		}
	}
}

// token appends the token of key to ids, if the file has the key.
func (g *GGUF) token(key string, ids *[]int32) error {
	if _, ok := g.in.Lookup(key); !ok {
		return nil
	}
	id, err := g.whole(key, -1)
	if err == nil && id >= int64(g.Network.Vocab) {
		err = fmt.Errorf("%s is %d, and there are %d tokens", key, id, g.Network.Vocab)
	}
	if err == nil && !slices.Contains(*ids, int32(id)) {
		*ids = append(*ids, int32(id))
	}
	return err
}

// splitOf returns the division into words that llama.cpp calls pre.
func splitOf(pre string) (s token.Split, known bool) {
	switch pre {
	case "", "gpt2":
		return token.SplitGPT2, true
	case "llama3", "llama-v3":
		return token.SplitLlama3, true
	}
	for _, s := range []token.Split{token.SplitGPT2, token.SplitLlama3, token.SplitQwen2, token.SplitSmolLM} {
		if pre == s.String() {
			return s, true
		}
	}
	return 0, false
}

// flag returns the truth value of key, or fallback if the key is absent.
func (g *GGUF) flag(key string, fallback bool) (bool, error) {
	v, ok := g.in.Lookup(key)
	if !ok {
		return fallback, nil
	}
	b, is := v.(bool)
	if !is {
		return false, fmt.Errorf("%s is %.40v: it must be true or false", key, v)
	}
	return b, nil
}
