package token

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// readModel reads the model of a tokenizer.json.
func (h *huggingFace) readModel(d *json.Decoder) error {
	seen := map[string]bool{}
	err := object(d, "model, an object", func(name string) error {
		seen[name] = true
		switch name {
		case "type":
			v, err := value[string](d, "the type of the model, a string")
			if err == nil && *v != "BPE" {
				err = fmt.Errorf("model %.40q is not supported: it must be BPE", *v)
			}
			return err
		case "dropout":
			return empty(d, name, "null", "0.0", "0")
		case "continuing_subword_prefix", "end_of_word_suffix":
			return empty(d, name, "null", `""`)
		case "byte_fallback":
			return empty(d, name, "false")
		case "unk_token", "fuse_unk": // every byte has a token, so nothing is unknown
			return d.Decode(new(json.RawMessage))
		case "ignore_merges":
			v, err := value[bool](d, "ignore_merges, true or false")
			if err == nil {
				h.ignoreMerges = *v
			}
			return err
		case "eos_token", "chat_template": // ours alone
			v, err := value[string](d, name+", a string")
			if err == nil && name == "eos_token" {
				h.eos = *v
			} else if err == nil {
				h.chat = *v
			}
			return err
		case "vocab":
			return h.readVocab(d)
		case "merges":
			return h.readMerges(d)
		}
		return fmt.Errorf("unknown field %.40q of the model before offset %d: it may change how text is cut, so the file is refused", name, d.InputOffset())
	})
	if err == nil && !seen["vocab"] {
		err = fmt.Errorf("the model has no vocab")
	}
	return err
}

// empty reads a value that must be one of those given, because others are not supported.
func empty(d *json.Decoder, name string, allowed ...string) error {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if !slices.Contains(allowed, string(raw)) {
		return fmt.Errorf("%s is %.40s: that is not supported, it must be %s", name, raw, allowed[0])
	}
	return nil
}

func (h *huggingFace) readVocab(d *json.Decoder) error {
	h.vocab = map[string]int32{}
	return object(d, "vocab, an object", func(name string) error {
		id, err := readID(d, fmt.Sprintf("the id of token %.40q", name))
		switch {
		case err != nil:
			return err
		case name == "":
			return fmt.Errorf("token %d is empty: it could not be told from nothing", id)
		case len(name) > maxToken:
			return fmt.Errorf("token %d has %d bytes, more than %d", id, len(name), maxToken)
		case len(h.names) == maxTokens:
			return fmt.Errorf("vocab has more than %d tokens", maxTokens)
		}
		h.vocab[name] = int32(id)
		h.names = append(h.names, name)
		return nil
	})
}

// readMerges reads merges in either spelling: "a b", or ["a","b"] since version 0.20
// of Hugging Face's library.
func (h *huggingFace) readMerges(d *json.Decoder) error {
	return array(d, "merges", func() error {
		if len(h.merges) == maxTokens {
			return fmt.Errorf("more than %d merges", maxTokens)
		}
		tok, err := d.Token()
		if err != nil {
			return fmt.Errorf("read merge %d: %w", len(h.merges), err)
		}
		if line, ok := tok.(string); ok {
			return h.addMerge(line)
		}
		if tok != json.Delim('[') {
			return fmt.Errorf("merge %d is %.40q: it must be a string \"a b\" or a pair [\"a\",\"b\"]", len(h.merges), fmt.Sprint(tok))
		}
		var pair [2]string
		for i := range pair {
			s, err := value[string](d, fmt.Sprintf("part %d of merge %d, a string", i+1, len(h.merges)))
			if err != nil {
				return err
			}
			pair[i] = *s
		}
		h.merges = append(h.merges, pair)
		return expect(d, json.Delim(']'), fmt.Sprintf("the end of merge %d, which has two parts", len(h.merges)-1))
	})
}

// addMerge adds the merge that a line of merges.txt writes: "a b".
func (h *huggingFace) addMerge(line string) error {
	left, right, ok := strings.Cut(line, " ")
	if !ok || strings.Contains(right, " ") {
		return fmt.Errorf("merge %d is %.40q: it must be two tokens with one space between", len(h.merges), line)
	}
	h.merges = append(h.merges, [2]string{left, right})
	return nil
}

// tokenizer checks that the parts of the file fit together, and makes the tokenizer.
func (h *huggingFace) tokenizer() (*Tokenizer, error) {
	if len(h.merges) == 0 {
		return nil, fmt.Errorf("the merge table is empty: every text would fall into single bytes")
	}
	text, err := h.place()
	if err != nil {
		return nil, err
	}
	merges, err := h.resolve()
	if err != nil {
		return nil, err
	}
	b := &bpe{prefixSpace: h.prefixSpace, oneWord: h.oneWord, eos: none, chat: h.chat}
	if err := h.spellAll(text, merges); err != nil {
		return nil, err
	}
	if h.ignoreMerges {
		b.wholeWords = make(map[string]int32, len(h.vocab))
		for _, id := range h.vocab {
			b.wholeWords[text[id]] = id
		}
	}
	end := cmp.Or(h.eos, endOfText)
	for _, a := range h.added {
		if a.Text == end {
			b.eos = a.ID
		}
	}
	if h.eos != "" && b.eos == none {
		return nil, fmt.Errorf("eos_token %.40q is no added token", h.eos)
	}
	return newBPE(text, merges, h.added, b)
}

// place puts the spelling of each token at its id, and takes the added ones out of
// h.vocab. Ids are 0, 1, 2 … without holes: first those of the vocabulary, then the
// added ones that are not in it, as Hugging Face's library numbers them.
func (h *huggingFace) place() ([]string, error) {
	n := len(h.names)
	text := make([]string, n, n+len(h.added))
	for _, name := range h.names {
		id := h.vocab[name]
		if int(id) >= n {
			return nil, fmt.Errorf("token %.40q has id %d, but vocab has %d tokens: ids go from 0 to %d, each once", name, id, n, n-1)
		}
		if text[id] != "" {
			return nil, fmt.Errorf("tokens %.40q and %.40q have the same id %d", text[id], name, id)
		}
		text[id] = name
	}
	taken := map[string]bool{}
	for _, a := range h.added {
		id, in := h.vocab[a.Text]
		switch {
		case taken[a.Text]:
			return nil, fmt.Errorf("added token %.40q occurs twice", a.Text)
		case in && id != a.ID:
			return nil, fmt.Errorf("added token %.40q has id %d, but the vocabulary gives it id %d", a.Text, a.ID, id)
		case in:
			delete(h.vocab, a.Text)
		case int(a.ID) != len(text):
			return nil, fmt.Errorf("added token %.40q has id %d, but the next one that is free is %d", a.Text, a.ID, len(text))
		default:
			text = append(text, a.Text)
		}
		taken[a.Text] = true
	}
	slices.SortFunc(h.added, func(a, b Added) int { return cmp.Compare(a.ID, b.ID) })
	return text, nil
}

// resolve turns the merges into ids.
func (h *huggingFace) resolve() ([]merge, error) {
	merges := make([]merge, len(h.merges))
	for i, m := range h.merges {
		for j, at := range []*int32{&merges[i].left, &merges[i].right} {
			id, ok := h.vocab[m[j]]
			if !ok {
				return nil, fmt.Errorf("merge %d joins %.40q and %.40q, but %.40q is no token of the vocabulary", i, m[0], m[1], m[j])
			}
			*at = id
		}
		id, ok := h.vocab[m[0]+m[1]]
		if !ok && slices.ContainsFunc(h.added, func(a Added) bool { return a.Text == m[0]+m[1] }) {
			return nil, fmt.Errorf("token %.40q is made by merge %d and is an added token, too: that is not supported", m[0]+m[1], i)
		}
		if !ok {
			return nil, fmt.Errorf("merge %d joins %.40q and %.40q, but the vocabulary has no token %.40q", i, m[0], m[1], m[0]+m[1])
		}
		merges[i].id = id
	}
	return merges, nil
}

// spellAll turns the spellings of all but the added tokens into bytes: each byte has
// a token, and each other token is made by a merge.
func (h *huggingFace) spellAll(text []string, merges []merge) error {
	made := make([]bool, len(text))
	for _, m := range merges {
		made[m.id] = true
	}
	added := make([]bool, len(text))
	for _, a := range h.added {
		added[a.ID] = true
	}
	var bytes [256]bool
	for id, name := range text {
		if added[id] {
			continue
		}
		s, ok := unspell(name)
		if !ok {
			return fmt.Errorf("token %.40q (id %d) is not spelt in byte-level characters, and is not an added token", name, id)
		}
		if text[id] = s; len(s) == 1 {
			bytes[s[0]] = true
		} else if !made[id] && !h.ignoreMerges {
			return fmt.Errorf("token %.40q (id %d) is made by no merge and is no added token: the merges are incomplete, or it belongs among added_tokens", name, id)
		}
	}
	for b, there := range bytes {
		if !there {
			return fmt.Errorf("byte 0x%02x, spelt %q, has no token: text that holds it could not be encoded", b, letterOf[b])
		}
	}
	return nil
}
