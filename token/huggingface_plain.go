package token

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// Characters and bytes as Hugging Face's library loads them: bytes are a BPE behind
// ByteLevel that has no merges, characters a WordLevel behind a Split at each of them.
// A character that the vocabulary lacks is an error there, too, because no token
// stands for what is unknown.
const (
	eachCharacter = `[\s\S]`
	noUnknown     = "<unk>" // WordLevel wants a name; no token has it
)

// marshalPlain is tokenizer.json of Hugging Face for characters and bytes.
func (t *Tokenizer) marshalPlain() []byte {
	if t.kind == Bytes {
		b := &Tokenizer{kind: BPE, text: t.text, bpe: &bpe{}, eos: none, chat: t.chat}
		return b.marshalBPE()
	}
	vocab := make(map[string]int, len(t.text))
	for id, s := range t.text {
		vocab[s] = id
	}
	type part map[string]any
	var o bytes.Buffer
	put(&o, part{
		"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": []any{}, "normalizer": nil, "post_processor": nil,
		"pre_tokenizer": part{"type": "Split", "pattern": part{"Regex": eachCharacter}, "behavior": "Isolated", "invert": false},
		"decoder":       part{"type": "Fuse"},
		"model":         part{"type": "WordLevel", "vocab": vocab, "unk_token": noUnknown},
	})
	return o.Bytes()
}

// isWordLevel reports whether the model of data, which is valid JSON, is WordLevel.
func isWordLevel(data []byte) bool {
	var file struct {
		Model struct {
			Type string `json:"type"`
		} `json:"model"`
	}
	return json.Unmarshal(data, &file) == nil && file.Model.Type == "WordLevel"
}

// parseCharacters reads what marshalPlain writes of characters, and nothing else,
// because any other WordLevel cuts texts in another way.
func parseCharacters(data []byte) (*Tokenizer, error) {
	var file struct {
		Model struct {
			Vocab map[string]int `json:"vocab"`
		} `json:"model"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("model WordLevel: vocab gives tokens no whole numbers")
	}
	runes := make([]rune, 0, len(file.Model.Vocab))
	for s := range file.Model.Vocab {
		if r := []rune(s); len(r) == 1 {
			runes = append(runes, r[0])
		}
	}
	slices.Sort(runes)
	t := newChars(runes)
	var theirs, ours map[string]any
	if json.Unmarshal(data, &theirs) != nil || json.Unmarshal(t.marshalPlain(), &ours) != nil {
		return nil, fmt.Errorf("model WordLevel: it cannot be read")
	}
	for _, name := range []string{"truncation", "padding"} { // they say nothing about how a text is cut
		delete(theirs, name)
		delete(ours, name)
	}
	if len(runes) == 0 || !reflect.DeepEqual(theirs, ours) {
		return nil, fmt.Errorf("model WordLevel is read only as pedestrian writes the characters of a text: each alone, in the order of code points; any other cuts texts into words")
	}
	return t, nil
}
