package token

import "fmt"

// Parts are the lists that define a byte-level BPE in files without JSON, such as GGUF.
type Parts struct {
	Tokens []string // spelling of each id
	Merges []string // in the order of rank: two spellings with a space in between
	Added  []Added  // tokens that are not made by merges
	EOS    string   // the end-of-text token; "" = <|endoftext|> if it is an added token
	Chat   string   // the chat template
}

// NewBPE makes a tokenizer of p. It is as strict as [Tokenizer.UnmarshalJSON]. Texts are
// split into words as in GPT-2. The 256 bytes in their order, without merges and added
// tokens, give [NewBytes].
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
