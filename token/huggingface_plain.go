package token

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// Characters and bytes in the form of Hugging Face's library: bytes are a BPE without merges
// after ByteLevel, characters a WordLevel after a Split at each character. A character that
// is not in the vocabulary is an error there, too, because there is no token for unknown
// text.
const (
	anyCharacter = `[\s\S]`
	unusedName   = "<unk>" // WordLevel requires a name; no token has it
)

// marshalPlain writes Hugging Face's tokenizer.json for characters and bytes.
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
	writeJSON(&o, part{
		"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": []any{}, "normalizer": nil, "post_processor": nil,
		"pre_tokenizer": part{"type": "Split", "pattern": part{"Regex": anyCharacter}, "behavior": "Isolated", "invert": false},
		"decoder":       part{"type": "Fuse"},
		"model":         part{"type": "WordLevel", "vocab": vocab, "unk_token": unusedName},
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

// parseCharacters reads the characters that marshalPlain writes. Any other WordLevel is an
// error, because it divides texts in another way.
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
	for _, name := range []string{"truncation", "padding"} { // they do not change how text is tokenized
		delete(theirs, name)
		delete(ours, name)
	}
	if len(runes) == 0 || !reflect.DeepEqual(theirs, ours) {
		return nil, fmt.Errorf("model WordLevel is read only as pedestrian writes the characters of a text: each alone, in the order of code points; any other cuts texts into words")
	}
	return t, nil
}
