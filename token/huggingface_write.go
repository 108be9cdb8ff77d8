package token

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// A part is an object of tokenizer.json whose fields have the order of the slice.
type part []field

// A field is the name and the value of a field.
type field struct {
	name  string
	value any
}

// MarshalJSON writes the fields in their order.
func (p part) MarshalJSON() ([]byte, error) {
	var o bytes.Buffer
	o.WriteByte('{')
	for i, f := range p {
		if i > 0 {
			o.WriteByte(',')
		}
		writeJSON(&o, f.name)
		o.WriteByte(':')
		writeJSON(&o, f.value)
	}
	o.WriteByte('}')
	return o.Bytes(), nil
}

// sequence writes one component as itself, several as a Sequence, none as null.
func sequence(list string, parts ...part) any {
	switch len(parts) {
	case 0:
		return nil
	case 1:
		return parts[0]
	}
	return part{{"type", "Sequence"}, {list, parts}}
}

func byteLevelPart(prefix, trim, regex bool) part {
	return part{{"type", "ByteLevel"}, {"add_prefix_space", prefix}, {"trim_offsets", trim}, {"use_regex", regex}}
}

func replacePart(from, to string) part {
	return part{{"type", "Replace"}, {"pattern", part{{"String", from}}}, {"content", to}}
}

// marshalBPE writes tokenizer.json for Hugging Face's library. Merges have the older form
// "a b", which all versions read. The model gets three more fields, which the library
// ignores; so a checkpoint needs no second file: "eos_token" if it is not <|endoftext|>,
// "bos_token" if it is not the end-of-text token, and "chat_template" if there is one.
func (t *Tokenizer) marshalBPE() []byte {
	b := t.bpe
	var o bytes.Buffer
	o.WriteString(`{"version":"1.0","truncation":null,"padding":null,"added_tokens":[`)
	for i, a := range b.added {
		if i > 0 {
			o.WriteByte(',')
		}
		writeJSON(&o, a.entry(true))
	}
	o.WriteString(`]`)
	for _, f := range t.components() {
		o.WriteString(`,"` + f.name + `":`)
		writeJSON(&o, f.value)
	}
	o.WriteString(`,"model":{"type":"BPE","dropout":null,"unk_token":`)
	var unk any
	if p := b.pieces; p != nil && p.unk != "" {
		unk = p.unk
	}
	writeJSON(&o, unk)
	o.WriteString(`,"continuing_subword_prefix":"","end_of_word_suffix":"","fuse_unk":`)
	writeJSON(&o, b.pieces != nil)
	o.WriteString(`,"byte_fallback":`)
	writeJSON(&o, b.pieces != nil)
	o.WriteString(`,"ignore_merges":`)
	writeJSON(&o, b.wholeWords != nil)
	if t.eos != none && t.text[t.eos] != endOfText {
		o.WriteString(`,"eos_token":`)
		writeJSON(&o, t.text[t.eos])
	}
	if t.bos != nil {
		o.WriteString(`,"bos_token":`)
		writeJSON(&o, t.text[*t.bos])
	}
	if t.chat != "" {
		o.WriteString(`,"chat_template":`)
		writeJSON(&o, t.chat)
	}
	o.WriteString(`,"vocab":`)
	t.writeVocab(&o)
	o.WriteString(`,"merges":`)
	writeJSON(&o, t.Merges())
	o.WriteString(`}}`)
	return o.Bytes()
}

// components are the parts of the file that say how a text is cut.
func (t *Tokenizer) components() []field {
	if t.bpe.pieces != nil {
		return t.pieceComponents()
	}
	b := t.bpe
	var normalizer any
	if b.nfc {
		normalizer = part{{"type", "NFC"}}
	}
	pre := []part{byteLevelPart(b.prefixSpace, true, b.split == SplitGPT2 || b.split == SplitSmolLM)}
	split := func(pattern string) {
		pre = []part{{{"type", "Split"}, {"pattern", part{{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}}, pre[0]}
	}
	switch b.split {
	case SplitLlama3:
		split(llama3Pattern)
	case SplitQwen2:
		split(qwen2Pattern)
	case SplitSmolLM:
		pre = []part{{{"type", "Digits"}, {"individual_digits", true}}, pre[0]}
	}
	post := []part{byteLevelPart(true, false, true)}
	if around := t.template(); around != nil {
		post = append(post, around)
	}
	return []field{
		{"normalizer", normalizer}, {"pre_tokenizer", sequence("pretokenizers", pre...)},
		{"post_processor", sequence("processors", post...)}, {"decoder", byteLevelPart(true, true, true)},
	}
}

// pieceComponents are components for SentencePiece.
func (t *Tokenizer) pieceComponents() []field {
	p := t.bpe.pieces
	var normalizer, pre []part
	if p.normalizes {
		if p.prefix == PrefixSections {
			normalizer = []part{{{"type", "Prepend"}, {"prepend", spaceMark}}}
		}
		normalizer = append(normalizer, replacePart(" ", spaceMark))
	} else {
		scheme := map[SpacePrefix]string{PrefixNever: "never", PrefixFirst: "first", PrefixAlways: "always"}[p.prefix]
		pre = []part{{{"type", "Metaspace"}, {"replacement", spaceMark}, {"prepend_scheme", scheme}, {"split", false}}}
	}
	var post any
	if around := t.template(); around != nil {
		post = around
	}
	decoder := []part{replacePart(spaceMark, " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}}
	if p.trim {
		decoder = append(decoder, part{{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}})
	}
	return []field{
		{"normalizer", sequence("normalizers", normalizer...)}, {"pre_tokenizer", sequence("pretokenizers", pre...)},
		{"post_processor", post}, {"decoder", sequence("decoders", decoder...)},
	}
}

// template writes the tokens around a text, and around each of two; nil if there are none.
func (t *Tokenizer) template() part {
	before, after := t.Around()
	if len(before)+len(after) == 0 {
		return nil
	}
	special := part{}
	around := func(text string, typeID int) (items []part) {
		tokens := func(ids []int32) {
			for _, id := range ids {
				items = append(items, part{{"SpecialToken", part{{"id", t.text[id]}, {"type_id", typeID}}}})
			}
		}
		tokens(before)
		items = append(items, part{{"Sequence", part{{"id", text}, {"type_id", typeID}}}})
		tokens(after)
		return items
	}
	seen := map[int32]bool{}
	for _, id := range append(before[:len(before):len(before)], after...) {
		if !seen[id] {
			special = append(special, field{t.text[id], part{{"id", t.text[id]}, {"ids", []int32{id}}, {"tokens", []string{t.text[id]}}}})
			seen[id] = true
		}
	}
	single := around("A", 0)
	return part{{"type", "TemplateProcessing"}, {"single", single}, {"pair", append(single[:len(single):len(single)], around("B", 1)...)}, {"special_tokens", special}}
}

// writeVocab writes an object from spellings to ids, in the order of ids.
func (t *Tokenizer) writeVocab(o *bytes.Buffer) {
	o.WriteByte('{')
	for id := range t.text {
		if id > 0 {
			o.WriteByte(',')
		}
		writeJSON(o, t.Spelling(int32(id)))
		fmt.Fprintf(o, ":%d", id)
	}
	o.WriteByte('}')
}

// An addedEntry is an added token in a file; without ID where ids are the keys.
type addedEntry struct {
	ID         *int32 `json:"id,omitempty"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

func (a Added) entry(withID bool) addedEntry {
	e := addedEntry{Content: a.Text, SingleWord: a.singleWord, LStrip: a.lstrip, RStrip: a.rstrip, Normalized: a.normalized, Special: a.Special}
	if withID {
		e.ID = &a.ID
	}
	return e
}

// writeJSON writes v as JSON on one line, without escapes for HTML.
func writeJSON(o *bytes.Buffer, v any) {
	e := json.NewEncoder(o)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("token: %T cannot be written as JSON: %v", v, err))
	}
	o.Truncate(o.Len() - 1) // the line end
}
