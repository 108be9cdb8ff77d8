package token

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"unicode/utf8"
)

// The tokenizer.json of characters and bytes is one object:
//
//	{"format": "pedestrian-tokenizer", "version": 1, "kind": "chars", "vocab": ["\n", " ", "!"]}
//
// vocab[i] is the character with id i, in the order of code points; kind "bytes" has no
// vocab. "chat_template" is optional. Byte-level BPE has the format of Hugging Face.
const (
	format  = "pedestrian-tokenizer"
	version = 1
)

// Save writes t to a file that [Load] reads. It does not protect against a power failure; a
// caller that must survive one writes the bytes of MarshalJSON itself.
func (t *Tokenizer) Save(path string) error {
	data, err := t.MarshalJSON()
	if err != nil {
		return fmt.Errorf("save the tokenizer: %w", err)
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("save the tokenizer: %w", err)
	}
	return nil
}

// MarshalJSON returns tokenizer.json on one line; for BPE in the format of Hugging Face,
// whose library then tokenizes text in the same way. Equal tokenizers give equal bytes:
// compare these to compare the tokenizers of two runs.
func (t *Tokenizer) MarshalJSON() ([]byte, error) {
	if t.bpe != nil {
		return t.marshalBPE(), nil
	}
	file := struct {
		Format  string   `json:"format"`
		Version int      `json:"version"`
		Kind    string   `json:"kind"`
		Chat    string   `json:"chat_template,omitempty"`
		Vocab   []string `json:"vocab,omitempty"`
	}{Format: format, Version: version, Kind: t.kind, Chat: t.chat}
	if t.kind == Chars {
		file.Vocab = t.text
	}
	var o bytes.Buffer
	writeJSON(&o, file)
	return o.Bytes(), nil
}

// UnmarshalJSON reads tokenizer.json: characters and bytes in the format of this package, or
// byte-level BPE in that of Hugging Face. It is strict. It refuses unknown, repeated,
// missing and misspelt fields (upper and lower case differ), text after the object, invalid
// UTF-8, unpaired surrogates, characters that are not in ascending order, repeated or
// missing ids, merges without a token, and every setting of Hugging Face's that would
// tokenize text in another way.
func (t *Tokenizer) UnmarshalJSON(data []byte) error {
	read, err := parse(data)
	if err != nil {
		return err
	}
	*t = *read
	return nil
}

func parse(data []byte) (*Tokenizer, error) { return parseWith(data, nil) }

// parseWith reads a tokenizer.json, and adds the tokens of the configuration c if it is not
// nil.
func parseWith(data []byte, c *config) (*Tokenizer, error) {
	if err := strictJSON(data); err != nil {
		return nil, err
	}
	switch theirs := isHuggingFace(data); {
	case theirs && isWordLevel(data):
		return parseCharacters(data)
	case theirs:
		h, err := parseHuggingFace(data)
		if err != nil {
			return nil, err
		}
		if c != nil {
			c.addTokens(h)
		}
		return h.tokenizer()
	}
	f, err := readFields(json.NewDecoder(bytes.NewReader(data)))
	if err != nil {
		return nil, err
	}
	t, err := f.tokenizer()
	if err == nil && f.chat != nil {
		t.chat = *f.chat
	}
	return t, err
}

// fileFields are the fields of tokenizer.json; nil if missing.
type fileFields struct {
	format, kind, chat *string
	version            *float64
	vocab              []string // not nil if present
}

// readFields reads the object of a file that is valid JSON.
func readFields(d *json.Decoder) (f fileFields, err error) {
	err = object(d, "an object", func(name string) error {
		switch name {
		case "format":
			f.format, err = value[string](d, "format, a string")
		case "kind":
			f.kind, err = value[string](d, "kind, a string")
		case "chat_template":
			f.chat, err = value[string](d, "chat_template, a string")
		case "version":
			f.version, err = value[float64](d, "version, a number")
		case "vocab":
			f.vocab, err = readStrings(d)
		default:
			return fmt.Errorf("unknown field %.40q before offset %d: the fields are format, version, kind, chat_template and vocab", name, d.InputOffset())
		}
		return err
	})
	return f, err
}

// readStrings reads an array of strings.
func readStrings(d *json.Decoder) ([]string, error) {
	out := []string{}
	err := array(d, "vocab", func() error {
		s, err := value[string](d, "an entry of vocab, a string")
		if err == nil {
			out = append(out, *s)
		}
		return err
	})
	return out, err
}

// tokenizer checks the fields and makes the tokenizer.
func (f fileFields) tokenizer() (*Tokenizer, error) {
	switch {
	case f.format == nil:
		return nil, fmt.Errorf("field \"format\" is missing: this is neither a tokenizer that pedestrian wrote nor one of Hugging Face, which has a model")
	case *f.format != format:
		return nil, fmt.Errorf("format is %.40q, not %q: this is not a tokenizer that pedestrian wrote", *f.format, format)
	case f.version == nil:
		return nil, fmt.Errorf("field \"version\" is missing")
	case *f.version != version:
		return nil, fmt.Errorf("version is %v: this program reads version %d", *f.version, version)
	case f.kind == nil:
		return nil, fmt.Errorf("field \"kind\" is missing: it is %q or %q", Chars, Bytes)
	case *f.kind == Bytes && f.vocab != nil:
		return nil, fmt.Errorf("kind %q has no vocab: its tokens are the 256 bytes", Bytes)
	case *f.kind == Bytes:
		return NewBytes(), nil
	case *f.kind != Chars:
		return nil, fmt.Errorf("unknown kind %.40q: it is %q or %q", *f.kind, Chars, Bytes)
	case len(f.vocab) == 0:
		return nil, fmt.Errorf("vocab is missing or empty: kind %q needs at least one character", Chars)
	}
	runes := make([]rune, len(f.vocab))
	for i, s := range f.vocab {
		r, size := utf8.DecodeRuneInString(s)
		if size == 0 || size != len(s) {
			return nil, fmt.Errorf("vocab[%d] is %.40q: it must be one character", i, s)
		}
		if i > 0 && r == runes[i-1] {
			return nil, fmt.Errorf("vocab[%d] is %q, which is vocab[%d] too: each character has one id", i, s, i-1)
		}
		if i > 0 && r < runes[i-1] {
			return nil, fmt.Errorf("vocab[%d] is %q and comes after %q: characters are in the order of code points", i, s, f.vocab[i-1])
		}
		runes[i] = r
	}
	return newChars(runes), nil
}
