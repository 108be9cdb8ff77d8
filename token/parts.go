package token

import "fmt"

// Parts is a byte-level BPE as files list it that are not JSON.
type Parts struct {
	Tokens []string // by id, as files spell them
	Merges []string // in the order of their ranks: two spellings with a space between
	Added  []Added  // the tokens outside the merges
	EOS    string   // the added token that ends a text; "" = <|endoftext|>, where it is one
	Chat   string   // the template of chats
}

// NewBPE makes the tokenizer of p, with the strictness of [Tokenizer.UnmarshalJSON]:
// texts are cut into words as GPT-2 cuts them. The 256 bytes in their order, without
// merges and added tokens, are [NewBytes].
func NewBPE(p Parts) (*Tokenizer, error) {
	if len(p.Tokens) > maxTokens || len(p.Merges) > maxTokens {
		return nil, fmt.Errorf("%d tokens and %d merges: at most %d of each are read", len(p.Tokens), len(p.Merges), maxTokens)
	}
	h := &huggingFace{vocab: make(map[string]int32, len(p.Tokens)), names: p.Tokens, added: p.Added, eos: p.EOS, chat: p.Chat}
	for id, name := range p.Tokens {
		if name == "" || len(name) > maxToken {
			return nil, fmt.Errorf("token %d has %d bytes: it has from 1 to %d", id, len(name), maxToken)
		}
		if first, twice := h.vocab[name]; twice {
			return nil, fmt.Errorf("tokens %d and %d are both %.40q", first, id, name)
		}
		h.vocab[name] = int32(id)
	}
	for _, line := range p.Merges {
		if err := h.addMerge(line); err != nil {
			return nil, err
		}
	}
	return h.tokenizer()
}
