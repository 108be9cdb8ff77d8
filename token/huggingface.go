package token

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// A huggingFace is what a tokenizer.json of Hugging Face says, as far as it decides
// how text is cut. Truncation, padding and the trimming of offsets do not.
type huggingFace struct {
	vocab  map[string]int32 // by spelling
	names  []string         // of vocab, in the order of the file
	merges [][2]string      // spelt
	added  []Added
	eos    string // the added token that ends a text, if the file says so
	bos    string // that which begins one
	chat   string // the template of chats, if the file has one

	prefixSpace, oneWord, ignoreMerges bool
}

// Bounds of what a file may ask for.
const (
	maxTokens = 1 << 20 // tokens of a vocabulary, and merges
	maxToken  = 4096    // bytes of a token as it is spelt
)

// isHuggingFace reports whether data, which is valid JSON, is to be read as theirs.
func isHuggingFace(data []byte) bool {
	var top map[string]json.RawMessage
	if json.Unmarshal(data, &top) != nil {
		return false
	}
	_, model := top["model"]
	_, ours := top["format"]
	return model && !ours
}

// parseHuggingFace reads a tokenizer.json of Hugging Face as far as it decides how
// text is cut.
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
			return refuse(d, "normalizer", "text is cut as it is")
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

// A part is a component of the file: its type and its other fields.
type part struct {
	kind   string
	fields map[string]json.RawMessage
}

// readPart reads a component: an object, or null, which gives nil.
func readPart(d *json.Decoder, what string) (*part, error) {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	if string(raw) == "null" {
		return nil, nil
	}
	p := &part{fields: map[string]json.RawMessage{}}
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

// refuse reads a component that must be null.
func refuse(d *json.Decoder, what, because string) error {
	p, err := readPart(d, what)
	if err == nil && p != nil {
		err = fmt.Errorf("%s %.40q is not supported: %s", what, p.kind, because)
	}
	return err
}

// flags reads the boolean fields of p; a name that is not among them is refused.
func (p *part) flags(what string, into map[string]*bool) error {
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
	p, err := readPart(d, "pre_tokenizer")
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
	p, err := readPart(d, "decoder")
	switch {
	case err != nil:
		return err
	case p == nil:
		return errNotByteLevel("decoder is null")
	case p.kind != "ByteLevel":
		return errNotByteLevel(fmt.Sprintf("decoder %.40q is not supported", p.kind))
	}
	return nil // what it may be set to changes nothing about its work
}

// readPostProcessor lets pass what adds no tokens to a text.
func readPostProcessor(d *json.Decoder) error {
	p, err := readPart(d, "post_processor")
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
