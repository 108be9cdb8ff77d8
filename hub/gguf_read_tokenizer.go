package hub

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/token"
)

// tokens reads the tokenizer, the tokens that begin and end a text, and the chat template.
// A tokenizer of another kind than GPT-2's is left out, with a note.
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
	switch {
	case kind == "" || kind == "none":
		return nil
	case kind != "gpt2":
		g.Notes = append(g.Notes, fmt.Sprintf("Its tokenizer is of the kind %.40q, and only byte-level BPE as GPT-2's is read: it is left out.", kind))
		return nil
	case pre != "gpt-2" && pre != "gpt2" && pre != "":
		g.Notes = append(g.Notes, fmt.Sprintf("Its tokenizer cuts texts into words as %.40q, and only as \"gpt-2\" is read: it is left out.", pre))
		return nil
	}
	if v, ok := g.in.Lookup(at + "add_bos_token"); ok && v != false {
		return fmt.Errorf("%sadd_bos_token is %v: tokens around every text are not supported", at, v)
	}
	p := token.Parts{}
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
	for id, kind := range kinds {
		if kind != ggufNormal {
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
