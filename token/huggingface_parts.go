package token

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// sequences are the names of the lists of components in a Sequence.
var sequences = map[string]string{
	"normalizer": "normalizers", "pre_tokenizer": "pretokenizers", "post_processor": "processors", "decoder": "decoders",
}

// readComponents reads a component, or those of a Sequence; none for null.
func readComponents(d *json.Decoder, what string) ([]*component, error) {
	p, err := readComponent(d, what)
	if err != nil || p == nil {
		return nil, err
	}
	if p.kind != "Sequence" {
		return []*component{p}, nil
	}
	list := sequences[what]
	in := json.NewDecoder(bytes.NewReader(p.fields[list]))
	var all []*component
	err = array(in, list+" of "+what, func() error {
		one, err := readComponent(in, what)
		switch {
		case err != nil:
			return err
		case one == nil || one.kind == "Sequence":
			return fmt.Errorf("%s is a Sequence of another Sequence or of null: that is not supported", what)
		}
		all = append(all, one)
		return nil
	})
	if err == nil && len(p.fields) > 1 {
		err = fmt.Errorf("%s Sequence has other fields than %s", what, list)
	}
	return all, err
}

// is reports whether p is of a kind and has these fields, and no others but those of
// optional.
func (p *component) is(kind string, fields map[string]any, optional ...string) bool {
	if p.kind != kind {
		return false
	}
	seen := 0
	for name, raw := range p.fields {
		want, known := fields[name]
		if !known {
			if !slices.Contains(optional, name) {
				return false
			}
			continue
		}
		var got any
		if json.Unmarshal(raw, &got) != nil || !reflect.DeepEqual(got, want) {
			return false
		}
		seen++
	}
	return seen == len(fields)
}

// unsupported says that the components are none of those that are read.
func unsupported(what string, list []*component, read string) error {
	if len(list) == 0 {
		return fmt.Errorf("%s is missing or null: %s", what, read)
	}
	kinds := list[0].kind
	for _, p := range list[1:] {
		kinds += ", " + p.kind
	}
	return fmt.Errorf("%s %.80q is not supported: %s", what, kinds, read)
}

// configure makes the settings of the components.
func (h *huggingFace) configure(parts map[string][]*component) error {
	configure := h.configureBytes
	if h.byteFallback {
		configure = h.configurePieces
	}
	if err := configure(parts["normalizer"], parts["pre_tokenizer"], parts["decoder"]); err != nil {
		return err
	}
	for _, p := range parts["post_processor"] {
		switch p.kind {
		case "ByteLevel": // it changes offsets only
		case "TemplateProcessing":
			if err := h.readTemplate(p); err != nil {
				return err
			}
		default:
			return fmt.Errorf("post_processor %.40q is not supported: it may put tokens around a text; TemplateProcessing is read", p.kind)
		}
	}
	return nil
}

// configureBytes makes the settings of byte-level BPE.
func (h *huggingFace) configureBytes(normalizer, pre, decoder []*component) error {
	for _, p := range normalizer {
		if !p.is("NFC", nil) {
			return unsupported("normalizer", normalizer, "of byte-level BPE, none or NFC is read")
		}
		h.nfc = true
	}
	const read = "only byte-level BPE can be read, as GPT-2's, with pre_tokenizer and decoder of type ByteLevel, and BPE with byte_fallback, as Llama 2's"
	if len(pre) == 0 || pre[len(pre)-1].kind != "ByteLevel" || len(pre) > 2 {
		return unsupported("pre_tokenizer", pre, read)
	}
	level, regex := pre[len(pre)-1], true
	if _, ok := level.fields["add_prefix_space"]; !ok {
		return fmt.Errorf("pre_tokenizer ByteLevel has no add_prefix_space")
	}
	if err := level.flags("pre_tokenizer", map[string]*bool{"add_prefix_space": &h.prefixSpace, "trim_offsets": new(bool), "use_regex": &regex}); err != nil {
		return err
	}
	if len(pre) == 1 {
		if !regex {
			h.split = SplitNone
		}
	} else if err := h.readSplit(pre[0], regex); err != nil {
		return err
	}
	if len(decoder) != 1 || decoder[0].kind != "ByteLevel" { // its settings do not change the result
		return unsupported("decoder", decoder, read)
	}
	return nil
}

// readSplit reads what divides a text before ByteLevel, which has the pattern of GPT-2 if
// regex is true.
func (h *huggingFace) readSplit(p *component, regex bool) error {
	pattern := func(regex string) map[string]any {
		return map[string]any{"pattern": map[string]any{"Regex": regex}, "behavior": "Isolated", "invert": false}
	}
	switch {
	case h.prefixSpace:
		return fmt.Errorf("add_prefix_space behind pre_tokenizer %.40q is true: a space before each of its words is not supported", p.kind)
	case p.is("Digits", map[string]any{"individual_digits": true}) && regex:
		h.split = SplitSmolLM
	case p.is("Split", pattern(llama3Pattern)) && !regex:
		h.split = SplitLlama3
	case p.is("Split", pattern(qwen2Pattern)) && !regex:
		h.split = SplitQwen2
	case p.kind == "Split":
		return fmt.Errorf("pre_tokenizer Split %.120s with use_regex %v behind it is not supported: the patterns of Llama 3 and of Qwen 2 are read, each match isolated, with use_regex false", p.fields["pattern"], regex)
	case p.kind == "Digits":
		return fmt.Errorf("pre_tokenizer Digits is read with individual_digits true and use_regex true of the ByteLevel behind it, as SmolLM's")
	default:
		return unsupported("pre_tokenizer", []*component{p}, "before ByteLevel, Split and Digits are read")
	}
	return nil
}

// configurePieces makes the settings of a BPE of SentencePiece.
func (h *huggingFace) configurePieces(normalizer, pre, decoder []*component) error {
	replace := func(from, to string) map[string]any {
		return map[string]any{"pattern": map[string]any{"String": from}, "content": to}
	}
	p := newPieces()
	h.pieces = p
	p.unk = h.unk
	rest := normalizer
	p.prefix = PrefixNever
	if len(rest) > 0 && rest[0].is("Prepend", map[string]any{"prepend": spaceMark}) {
		p.prefix = PrefixSections
		rest = rest[1:]
	}
	switch {
	case len(rest) == 1 && rest[0].is("Replace", replace(" ", spaceMark)) && len(pre) == 0:
		p.normalizes = true
	case len(normalizer) == 0 && len(pre) == 1 && pre[0].kind == "Metaspace":
		schemes := map[string]SpacePrefix{"never": PrefixNever, "first": PrefixFirst, "always": PrefixAlways}
		var scheme string
		if json.Unmarshal(pre[0].fields["prepend_scheme"], &scheme) != nil || !pre[0].is("Metaspace",
			map[string]any{"replacement": spaceMark, "prepend_scheme": scheme, "split": false}, "add_prefix_space", "str_rep") {
			return fmt.Errorf("pre_tokenizer Metaspace is read with replacement %q, prepend_scheme and split false", spaceMark)
		}
		var known bool
		if p.prefix, known = schemes[scheme]; !known {
			return fmt.Errorf("prepend_scheme of pre_tokenizer Metaspace is %.40q: it is never, first or always", scheme)
		}
		add := p.prefix != PrefixNever
		if err := readOptional(pre[0].fields, "add_prefix_space", &add); err != nil || add != (p.prefix != PrefixNever) {
			return fmt.Errorf("add_prefix_space of pre_tokenizer Metaspace is not what prepend_scheme %q means", scheme)
		}
	default:
		const read = "with byte_fallback, the normalizers Prepend and Replace that mark spaces with \"▁\" are read, or the pre_tokenizer Metaspace in their place"
		if len(normalizer) > 0 {
			return unsupported("normalizer", slices.Concat(normalizer, pre), read)
		}
		return unsupported("pre_tokenizer", pre, read)
	}
	steps := decoder
	if n := len(steps); n > 0 && steps[n-1].is("Strip", map[string]any{"content": " ", "start": 1.0, "stop": 0.0}) {
		p.trim = true
		steps = steps[:n-1]
	}
	if len(steps) != 3 || !steps[0].is("Replace", replace(spaceMark, " ")) || !steps[1].is("ByteFallback", nil) || !steps[2].is("Fuse", nil) {
		return unsupported("decoder", decoder, "with byte_fallback, Replace of \"▁\" by a space, ByteFallback, Fuse and one Strip of a space at the start are read")
	}
	return nil
}

// readTemplate reads TemplateProcessing: the tokens around a text.
func (h *huggingFace) readTemplate(p *component) error {
	type item struct {
		Sequence *struct {
			ID string `json:"id"`
		} `json:"Sequence"`
		SpecialToken *struct {
			ID string `json:"id"`
		} `json:"SpecialToken"`
	}
	var single []item
	special := map[string]struct {
		IDs []int32 `json:"ids"`
	}{}
	if json.Unmarshal(p.fields["single"], &single) != nil || json.Unmarshal(p.fields["special_tokens"], &special) != nil {
		return fmt.Errorf("post_processor TemplateProcessing has no single with its special_tokens")
	}
	h.before, h.after = nil, nil
	around, texts := &h.before, 0
	for _, i := range single {
		switch {
		case i.Sequence != nil && i.SpecialToken == nil && i.Sequence.ID == "A":
			around = &h.after
			texts++
		case i.SpecialToken != nil && i.Sequence == nil && len(special[i.SpecialToken.ID].IDs) > 0:
			*around = append(*around, special[i.SpecialToken.ID].IDs...)
		default:
			return fmt.Errorf("post_processor TemplateProcessing has a part of single that is neither the text A nor one of its special_tokens")
		}
	}
	if texts != 1 {
		return fmt.Errorf("post_processor TemplateProcessing has the text A %d times in single: it must be there once", texts)
	}
	return nil
}
