package token

import (
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
			return expectOneOf(d, name, "null", "0.0", "0")
		case "continuing_subword_prefix", "end_of_word_suffix":
			return expectOneOf(d, name, "null", `""`)
		case "unk_token": // every byte has a token, so no text is unknown
			return d.Decode(&h.unk)
		case "fuse_unk":
			return d.Decode(new(json.RawMessage))
		case "byte_fallback", "ignore_merges":
			v, err := value[bool](d, name+", true or false")
			if err == nil {
				*map[string]*bool{"byte_fallback": &h.byteFallback, "ignore_merges": &h.ignoreMerges}[name] = *v
			}
			return err
		case "eos_token", "bos_token", "chat_template": // only this package writes them
			v, err := value[string](d, name+", a string")
			if err == nil {
				*map[string]*string{"eos_token": &h.eos, "bos_token": &h.bos, "chat_template": &h.chat}[name] = *v
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

// expectOneOf reads a value and returns an error if it is not one of allowed.
func expectOneOf(d *json.Decoder, name string, allowed ...string) error {
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

// readMerges reads merges of both forms: "a b", or ["a","b"] since version 0.20 of Hugging
// Face's library.
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

// addMerge adds a merge in the form of merges.txt: "a b".
func (h *huggingFace) addMerge(line string) error {
	left, right, ok := strings.Cut(line, " ")
	if !ok || strings.Contains(right, " ") {
		return fmt.Errorf("merge %d is %.40q: it must be two tokens with one space between", len(h.merges), line)
	}
	h.merges = append(h.merges, [2]string{left, right})
	return nil
}
