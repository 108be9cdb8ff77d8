package token

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// marshalBPE writes tokenizer.json as Hugging Face's library reads it: a BPE model
// behind a ByteLevel pre-tokenizer. Merges are written in the older spelling, "a b",
// which all its versions read. Three fields of the model are ours, so that a checkpoint
// needs no second file: "eos_token", where it is not <|endoftext|>, "bos_token", where
// it is not that, and "chat_template", where there is one. The library passes over them.
func (t *Tokenizer) marshalBPE() []byte {
	b := t.bpe
	var o bytes.Buffer
	o.WriteString(`{"version":"1.0","truncation":null,"padding":null,"added_tokens":[`)
	for i, a := range b.added {
		if i > 0 {
			o.WriteByte(',')
		}
		put(&o, a.entry(true))
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
		put(&o, part.byteLevel)
	}
	o.WriteString(`,"model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":"","end_of_word_suffix":"","fuse_unk":false,"byte_fallback":false,"ignore_merges":`)
	put(&o, b.wholeWords != nil)
	if t.eos != none && t.text[t.eos] != endOfText {
		o.WriteString(`,"eos_token":`)
		put(&o, t.text[t.eos])
	}
	if t.bos != nil {
		o.WriteString(`,"bos_token":`)
		put(&o, t.text[*t.bos])
	}
	if t.chat != "" {
		o.WriteString(`,"chat_template":`)
		put(&o, t.chat)
	}
	o.WriteString(`,"vocab":`)
	t.writeVocab(&o)
	o.WriteString(`,"merges":`)
	put(&o, t.Merges())
	o.WriteString(`}}`)
	return o.Bytes()
}

// writeVocab writes the object of spellings and ids, in the order of ids.
func (t *Tokenizer) writeVocab(o *bytes.Buffer) {
	o.WriteByte('{')
	for id := range t.text {
		if id > 0 {
			o.WriteByte(',')
		}
		put(o, t.Spelling(int32(id)))
		fmt.Fprintf(o, ":%d", id)
	}
	o.WriteByte('}')
}

// An addedEntry is an added token in a file; in some files ids are the keys.
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

// put writes v as JSON on one line, with characters as they are.
func put(o *bytes.Buffer, v any) {
	e := json.NewEncoder(o)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("token: %T cannot be written as JSON: %v", v, err))
	}
	o.Truncate(o.Len() - 1) // the line's end
}
