package token

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"unicode/utf8"
)

// tokenizer.json holds one object:
//
//	{"format": "pedestrian-tokenizer", "version": 1, "kind": "chars", "vocab": ["\n", " ", "!"]}
//
// vocab[i] is the character with id i, in the order of code points; kind
// "bytes" has no vocab. Another kind brings fields of its own.
const (
	format  = "pedestrian-tokenizer"
	version = 1
	maxFile = 64 << 20 // bytes: more than all characters of Unicode need
)

// Load reads a tokenizer from a file; the error names the file and what is wrong.
func Load(path string) (*Tokenizer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load the tokenizer: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("load the tokenizer: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("load the tokenizer: %s has more than %d bytes: no vocabulary needs so many", path, maxFile)
	}
	t, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("load the tokenizer: %s: %w", path, err)
	}
	return t, nil
}

// Save writes t to a file that [Load] reads. It is one plain write: who must
// survive a power cut writes the bytes of MarshalJSON with more care.
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

// MarshalJSON returns tokenizer.json on one line. Equal tokenizers give equal
// bytes, so these bytes also tell whether two runs have the same tokenizer.
func (t *Tokenizer) MarshalJSON() ([]byte, error) {
	if t.bpe != nil {
		return t.marshalBPE()
	}
	file := struct {
		Format  string   `json:"format"`
		Version int      `json:"version"`
		Kind    string   `json:"kind"`
		Vocab   []string `json:"vocab,omitempty"`
	}{Format: format, Version: version, Kind: t.kind}
	if t.kind == Chars {
		file.Vocab = t.text
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(file); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// UnmarshalJSON reads tokenizer.json. It refuses what a lenient reader would
// pass over or repair: unknown, repeated, missing and misspelt fields (case
// counts), text after the object, bad UTF-8, lone surrogates, and a vocabulary
// whose entries are not single characters in ascending order.
func (t *Tokenizer) UnmarshalJSON(data []byte) error {
	read, err := parse(data)
	if err != nil {
		return err
	}
	*t = *read
	return nil
}

func parse(data []byte) (*Tokenizer, error) {
	if err := strictJSON(data); err != nil {
		return nil, err
	}
	f, err := fields(json.NewDecoder(bytes.NewReader(data)))
	if err != nil {
		return nil, err
	}
	return f.tokenizer()
}

// A fileFields is what tokenizer.json said; nil where it said nothing.
type fileFields struct {
	format, kind *string
	version      *float64
	vocab        []string // not nil if present
}

// fields reads the object that a file holds, which is known to be valid JSON.
func fields(d *json.Decoder) (f fileFields, err error) {
	if err := expect(d, json.Delim('{'), "an object"); err != nil {
		return f, err
	}
	for d.More() {
		key, err := value[string](d, "a field's name")
		if err != nil {
			return f, err
		}
		repeated := false
		switch *key {
		case "format":
			repeated = f.format != nil
			f.format, err = value[string](d, "format, a string")
		case "kind":
			repeated = f.kind != nil
			f.kind, err = value[string](d, "kind, a string")
		case "version":
			repeated = f.version != nil
			f.version, err = value[float64](d, "version, a number")
		case "vocab":
			repeated = f.vocab != nil
			f.vocab, err = list(d)
		default:
			return f, fmt.Errorf("unknown field %.40q before offset %d: the fields are format, version, kind and vocab", *key, d.InputOffset())
		}
		if err != nil {
			return f, err
		}
		if repeated {
			return f, fmt.Errorf("field %q occurs twice, the second time before offset %d", *key, d.InputOffset())
		}
	}
	return f, expect(d, json.Delim('}'), "the end of the object")
}

// list reads an array of strings.
func list(d *json.Decoder) ([]string, error) {
	if err := expect(d, json.Delim('['), "vocab, an array"); err != nil {
		return nil, err
	}
	out := []string{}
	for d.More() {
		s, err := value[string](d, "an entry of vocab, a string")
		if err != nil {
			return nil, err
		}
		out = append(out, *s)
	}
	return out, expect(d, json.Delim(']'), "the end of vocab")
}

// value reads a token of type T; what says which one was due.
func value[T string | float64 | json.Delim](d *json.Decoder, what string) (*T, error) {
	tok, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("read %s at offset %d: %w", what, d.InputOffset(), err)
	}
	v, ok := tok.(T)
	if !ok {
		return nil, fmt.Errorf("read %s: found %.40q before offset %d", what, fmt.Sprint(tok), d.InputOffset())
	}
	return &v, nil
}

func expect(d *json.Decoder, want json.Delim, what string) error {
	got, err := value[json.Delim](d, what)
	if err == nil && *got != want {
		err = fmt.Errorf("read %s: found %.40q before offset %d", what, got.String(), d.InputOffset())
	}
	return err
}

// tokenizer checks what the fields say and makes it.
func (f fileFields) tokenizer() (*Tokenizer, error) {
	switch {
	case f.format == nil:
		return nil, fmt.Errorf("field \"format\" is missing: this is not a tokenizer that pedestrian wrote")
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
