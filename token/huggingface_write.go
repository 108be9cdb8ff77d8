package token

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// marshalBPE writes tokenizer.json for Hugging Face's library: a BPE model after a ByteLevel
// pre-tokenizer. Merges have the older form "a b", which all versions read. The model gets
// three more fields, which the library ignores; so a checkpoint needs no second file:
// "eos_token" if it is not <|endoftext|>, "bos_token" if it is not the end-of-text token,
// and "chat_template" if there is one.
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
	o.WriteString(`],"normalizer":null`)
	type byteLevel struct {
		Type           string `json:"type"`
		AddPrefixSpace bool   `json:"add_prefix_space"`
		TrimOffsets    bool   `json:"trim_offsets"`
		UseRegex       bool   `json:"use_regex"`
	}
	for _, part := range []struct {
		name string
		byteLevel
	}{
		{"pre_tokenizer", byteLevel{"ByteLevel", b.prefixSpace, true, !b.oneWord}},
		{"post_processor", byteLevel{"ByteLevel", true, false, true}},
		{"decoder", byteLevel{"ByteLevel", true, true, true}},
	} {
		o.WriteString(`,"` + part.name + `":`)
		writeJSON(&o, part.byteLevel)
	}
	o.WriteString(`,"model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":"","end_of_word_suffix":"","fuse_unk":false,"byte_fallback":false,"ignore_merges":`)
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
	e := addedEntry{Content: a.Text, Normalized: a.normalized, Special: a.Special}
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
