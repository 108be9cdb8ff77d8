package token

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// A huggingFace is the content of a tokenizer.json of Hugging Face that decides how text is
// tokenized. Truncation, padding and trimmed offsets do not.
type huggingFace struct {
	vocab  map[string]int32 // id by spelling
	names  []string         // spellings, in the order of the file
	merges [][2]string      // pairs of spellings
	added  []Added
	eos    string // the end-of-text token, if the file names it
	bos    string // the beginning-of-text token, if the file names it
	chat   string // the chat template, if the file has one

	prefixSpace, oneWord, ignoreMerges bool
}

// Limits for files.
const (
	maxTokens = 1 << 20 // number of tokens, and of merges
	maxToken  = 4096    // bytes of the spelling of a token
)

// isHuggingFace reports whether data, which is valid JSON, has the format of Hugging Face.
func isHuggingFace(data []byte) bool {
	var top map[string]json.RawMessage
	if json.Unmarshal(data, &top) != nil {
		return false
	}
	_, model := top["model"]
	_, ours := top["format"]
	return model && !ours
}

// parseHuggingFace reads a tokenizer.json of Hugging Face.
func parseHuggingFace(data []byte) (*huggingFace, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	h := &huggingFace{}
	seen := map[string]bool{}
	err := object(d, "an object", func(name string) error {
		seen[name] = true
		switch name {
		case "version":
			v, err := value[string](d, "version, a string")
			if err == nil && *v != "1.0" {
				err = fmt.Errorf("version is %.40q: this program reads version \"1.0\" of Hugging Face's tokenizer.json", *v)
			}
			return err
		case "truncation", "padding":
			return d.Decode(new(json.RawMessage))
		case "added_tokens":
			return h.readAdded(d)
		case "normalizer":
			return expectNull(d, "normalizer", "text is cut as it is")
		case "pre_tokenizer":
			return h.readPreTokenizer(d)
		case "post_processor":
			return readPostProcessor(d)
		case "decoder":
			return readDecoder(d)
		case "model":
			return h.readModel(d)
		}
		return fmt.Errorf("unknown field %.40q before offset %d: it may change how text is cut, so the file is refused", name, d.InputOffset())
	})
	switch {
	case err != nil:
		return nil, err
	case !seen["pre_tokenizer"]:
		return nil, errNotByteLevel("pre_tokenizer is missing")
	case !seen["decoder"]:
		return nil, errNotByteLevel("decoder is missing")
	}
	return h, nil
}

func errNotByteLevel(what string) error {
	return fmt.Errorf("%s: only byte-level BPE can be read, as GPT-2's, with pre_tokenizer and decoder of type ByteLevel", what)
}

// A component is a part of the file: its type and its other fields.
type component struct {
	kind   string
	fields map[string]json.RawMessage
}

// readComponent reads a component: an object, or null, for which it returns nil.
func readComponent(d *json.Decoder, what string) (*component, error) {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	if string(raw) == "null" {
		return nil, nil
	}
	p := &component{fields: map[string]json.RawMessage{}}
	in := json.NewDecoder(bytes.NewReader(raw))
	err := object(in, what+", an object or null", func(name string) error {
		if name == "type" {
			kind, err := value[string](in, "the type of "+what+", a string")
			if err == nil {
				p.kind = *kind
			}
			return err
		}
		var v json.RawMessage
		err := in.Decode(&v)
		p.fields[name] = v
		return err
	})
	if err == nil && p.kind == "" {
		err = fmt.Errorf("%s has no type", what)
	}
	return p, err
}

// expectNull returns an error if a component is not null.
func expectNull(d *json.Decoder, what, because string) error {
	p, err := readComponent(d, what)
	if err == nil && p != nil {
		err = fmt.Errorf("%s %.40q is not supported: %s", what, p.kind, because)
	}
	return err
}

// flags reads the boolean fields of p. A name that is not in into is an error.
func (p *component) flags(what string, into map[string]*bool) error {
	for name, raw := range p.fields {
		at, known := into[name]
		if !known {
			return fmt.Errorf("unknown field %.40q of %s %s: it may change how text is cut, so the file is refused", name, what, p.kind)
		}
		switch string(raw) {
		case "true":
			*at = true
		case "false":
			*at = false
		default:
			return fmt.Errorf("%s of %s %s is %.40q: it must be true or false", name, what, p.kind, raw)
		}
	}
	return nil
}

func (h *huggingFace) readPreTokenizer(d *json.Decoder) error {
	p, err := readComponent(d, "pre_tokenizer")
	switch {
	case err != nil:
		return err
	case p == nil:
		return errNotByteLevel("pre_tokenizer is null")
	case p.kind != "ByteLevel":
		return errNotByteLevel(fmt.Sprintf("pre_tokenizer %.40q is not supported", p.kind))
	}
	if _, ok := p.fields["add_prefix_space"]; !ok {
		return fmt.Errorf("pre_tokenizer ByteLevel has no add_prefix_space")
	}
	regex := true
	err = p.flags("pre_tokenizer", map[string]*bool{"add_prefix_space": &h.prefixSpace, "trim_offsets": new(bool), "use_regex": &regex})
	h.oneWord = !regex
	return err
}

func readDecoder(d *json.Decoder) error {
	p, err := readComponent(d, "decoder")
	switch {
	case err != nil:
		return err
	case p == nil:
		return errNotByteLevel("decoder is null")
	case p.kind != "ByteLevel":
		return errNotByteLevel(fmt.Sprintf("decoder %.40q is not supported", p.kind))
	}
	return nil // its settings do not change the result
}

// readPostProcessor returns an error if the post-processor adds tokens to a text.
func readPostProcessor(d *json.Decoder) error {
	p, err := readComponent(d, "post_processor")
	if err != nil || p == nil || p.kind == "ByteLevel" {
		return err
	}
	if p.kind != "TemplateProcessing" {
		return fmt.Errorf("post_processor %.40q is not supported: it may put tokens around a text", p.kind)
	}
	var special map[string]json.RawMessage
	if err := json.Unmarshal(p.fields["special_tokens"], &special); err != nil || len(special) > 0 {
		return fmt.Errorf("post_processor TemplateProcessing puts tokens around every text: that is not supported")
	}
	return nil
}
