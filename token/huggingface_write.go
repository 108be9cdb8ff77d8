package token

import (
	"bytes"
	"encoding/json"
)

// marshalBPE writes tokenizer.json as Hugging Face's library reads it: a BPE model
// behind a ByteLevel pre-tokenizer. Merges are written in the older spelling, "a b",
// which all its versions read. A token of ours beside theirs: "eos" marks the added
// token that ends a text, if it is not <|endoftext|>; the library passes over it.
func (t *Tokenizer) marshalBPE() ([]byte, error) {
	b := t.bpe
	var o bytes.Buffer
	o.WriteString(`{"version":"1.0","truncation":null,"padding":null,"added_tokens":[`)
	for i, a := range b.added {
		if i > 0 {
			o.WriteByte(',')
		}
		entry := struct {
			ID         int32  `json:"id"`
			Content    string `json:"content"`
			SingleWord bool   `json:"single_word"`
			LStrip     bool   `json:"lstrip"`
			RStrip     bool   `json:"rstrip"`
			Normalized bool   `json:"normalized"`
			Special    bool   `json:"special"`
			EOS        bool   `json:"eos,omitempty"`
		}{ID: a.ID, Content: a.Text, Normalized: a.normalized, Special: a.Special, EOS: a.ID == b.eos && a.Text != endOfText}
		if err := put(&o, entry); err != nil {
			return nil, err
		}
	}
	o.WriteString(`],"normalizer":null,"pre_tokenizer":`)
	type byteLevel struct {
		Type           string `json:"type"`
		AddPrefixSpace bool   `json:"add_prefix_space"`
		TrimOffsets    bool   `json:"trim_offsets"`
		UseRegex       bool   `json:"use_regex"`
	}
	if err := put(&o, byteLevel{"ByteLevel", b.prefixSpace, true, !b.oneWord}); err != nil {
		return nil, err
	}
	for _, name := range []string{"post_processor", "decoder"} {
		o.WriteString(`,"` + name + `":`)
		if err := put(&o, byteLevel{"ByteLevel", true, true, true}); err != nil {
			return nil, err
		}
	}
	o.WriteString(`,"model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":"","end_of_word_suffix":"","fuse_unk":false,"byte_fallback":false,"ignore_merges":`)
	if err := put(&o, b.wholeWords != nil); err != nil {
		return nil, err
	}
	o.WriteString(`,"vocab":{`)
	for id := range t.text {
		if id > 0 {
			o.WriteByte(',')
		}
		if err := put(&o, t.spelling(int32(id))); err != nil {
			return nil, err
		}
		o.WriteByte(':')
		if err := put(&o, id); err != nil {
			return nil, err
		}
	}
	o.WriteString(`},"merges":[`)
	for i, m := range b.merges {
		if i > 0 {
			o.WriteByte(',')
		}
		if err := put(&o, spell(t.text[m.left])+" "+spell(t.text[m.right])); err != nil {
			return nil, err
		}
	}
	o.WriteString(`]}}`)
	return o.Bytes(), nil
}

// spelling is how a file writes the token: an added one as it is, another one with a
// character for each byte.
func (t *Tokenizer) spelling(id int32) string {
	if _, added := t.bpe.isAdded[id]; added {
		return t.text[id]
	}
	return spell(t.text[id])
}

// put writes v as JSON with characters as they are.
func put(o *bytes.Buffer, v any) error {
	e := json.NewEncoder(o)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	o.Truncate(o.Len() - 1) // the line's end
	return nil
}
