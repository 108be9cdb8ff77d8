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

	ignoreMerges, byteFallback bool
	unk                        string // unk_token of the model

	settings
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
	parts := map[string][]*component{}
	err := object(d, "an object", func(name string) error {
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
		case "normalizer", "pre_tokenizer", "post_processor", "decoder":
			list, err := readComponents(d, name)
			parts[name] = list
			return err
		case "model":
			return h.readModel(d)
		}
		return fmt.Errorf("unknown field %.40q before offset %d: it may change how text is cut, so the file is refused", name, d.InputOffset())
	})
	if err != nil {
		return nil, err
	}
	return h, h.configure(parts)
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
