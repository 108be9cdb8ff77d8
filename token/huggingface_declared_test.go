package token

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// What tokenizer_config.json alone declares is a token, and gets the id that
// transformers gives it. The answers are transformers', by testdata/declared.py.
func TestDeclaredTokens(t *testing.T) {
	data, err := os.ReadFile("testdata/declared.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Tokenizer json.RawMessage `json:"tokenizer"`
		Cases     []struct {
			Name   string          `json:"name"`
			Config json.RawMessage `json:"config"`
			Vocab  int             `json:"vocab"`
			Text   string          `json:"text"`
			IDs    []int32         `json:"ids"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	for _, c := range golden.Cases {
		tok, err := LoadFS(fstest.MapFS{tokenizerFile: {Data: golden.Tokenizer}, configFile: {Data: c.Config}})
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		ids, err := tok.EncodeMarkup(c.Text)
		if err != nil || !slices.Equal(ids, c.IDs) || tok.Vocab() != c.Vocab {
			t.Errorf("%s: %v of %d tokens, %v; transformers has %v of %d", c.Name, ids, tok.Vocab(), err, c.IDs, c.Vocab)
		}
		// In a stranger's text the marks are text, and what was written loads again.
		if plain, err := tok.Encode(c.Text); err != nil || slices.Equal(plain, ids) || tok.Decode(plain) != c.Text {
			t.Errorf("%s: as text %v, %v", c.Name, plain, err)
		}
		files, err := tok.HuggingFace()
		if err != nil {
			t.Fatal(err)
		}
		again, err := LoadFS(fstest.MapFS{tokenizerFile: {Data: files[tokenizerFile]}, configFile: {Data: files[configFile]}})
		if err != nil {
			t.Fatal(err)
		}
		if ids, err := again.EncodeMarkup(c.Text); err != nil || !slices.Equal(ids, c.IDs) {
			t.Errorf("%s: written and read again %v, %v", c.Name, ids, err)
		}
	}
	for config, says := range map[string]string{
		`{"additional_special_tokens":"<a>"}`:                                  "additional_special_tokens",
		`{"extra_special_tokens":[3]}`:                                         "extra_special_tokens",
		`{"extra_special_tokens":[{"content":"<a>","lstrip":1}]}`:              "lstrip",
		`{"added_tokens_decoder":{"999":{"content":"<far>","special":true}}}`:  "the next one that is free",
		`{"added_tokens_decoder":{"near":{"content":"<far>","special":true}}}`: "it must be an id",
		`{"extra_special_tokens":["<a>"],"added_tokens_decoder":["<a>"]}`:      "added_tokens_decoder",
		`{"eos_token":"</s>"}`:                                                 "is no added token",
		`{"additional_special_tokens":["<a>"],"add_bos_token":1}`:              "add_bos_token",
	} {
		_, err := LoadFS(fstest.MapFS{tokenizerFile: {Data: golden.Tokenizer}, configFile: {Data: []byte(config)}})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v does not say %q", config, err, says)
		}
	}
}

// Characters and bytes have the ids in Hugging Face's library that they have here.
// testdata/plain.py loaded the files with AutoTokenizer.
func TestPlainAsTheReference(t *testing.T) {
	type answer struct {
		Kind  string            `json:"kind"`
		Files map[string]string `json:"files"`
		Texts []struct {
			Text string  `json:"text"`
			IDs  []int32 `json:"ids"`
			Back string  `json:"back"`
		} `json:"texts"`
		Refused string `json:"refused"` // a text that the reference refuses, "" = none
	}
	if os.Getenv("PLAIN") == "write" { // for the script
		var shown []answer
		for _, kind := range []string{Bytes, Chars} {
			files, err := plainTokenizer(t, kind).HuggingFace()
			if err != nil {
				t.Fatal(err)
			}
			a := answer{Kind: kind, Files: map[string]string{}}
			for name, data := range files {
				a.Files[name] = string(data)
			}
			shown = append(shown, a)
		}
		out, err := json.Marshal(shown)
		if err == nil {
			err = os.WriteFile("testdata/plain.json", out, 0o644)
		}
		t.Fatal("written, to be answered by testdata/plain.py: ", err)
	}
	data, err := os.ReadFile("testdata/plain.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden []answer
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	for _, g := range golden {
		tok := plainTokenizer(t, g.Kind)
		files, err := tok.HuggingFace()
		if err != nil || len(files) != len(g.Files) {
			t.Fatalf("%s: %d files, %v; the reference was shown %d", g.Kind, len(files), err, len(g.Files))
		}
		fsys := fstest.MapFS{}
		for name, data := range files {
			if string(data) != g.Files[name] {
				t.Errorf("%s: %s is not what the reference was shown:\n%s", g.Kind, name, data)
			}
			fsys[name] = &fstest.MapFile{Data: data}
		}
		again, err := LoadFS(fsys)
		if err != nil || again.Kind() != tok.Kind() || again.Vocab() != tok.Vocab() || again.ChatTemplate() != tok.ChatTemplate() {
			t.Fatalf("%s: read again: %v", g.Kind, err)
		}
		for _, x := range g.Texts {
			for _, tok := range []*Tokenizer{tok, again} {
				if ids, err := tok.Encode(x.Text); err != nil || !slices.Equal(ids, x.IDs) || x.Back != x.Text {
					t.Errorf("%s: %q is %v, %v; in the reference %v, and back %q", g.Kind, x.Text, ids, err, x.IDs, x.Back)
				}
			}
		}
		if g.Refused != "" {
			if _, err := tok.Encode(g.Refused); err == nil {
				t.Errorf("%s: %q is encoded, and the reference refuses it", g.Kind, g.Refused)
			}
		}
	}
}

// plainTokenizer is the tokenizer of each kind that testdata/plain.json holds.
func plainTokenizer(t *testing.T, kind string) *Tokenizer {
	if kind == Bytes {
		return NewBytes().WithChat("{{ messages[0]['content'] }}")
	}
	tok, err := NewChars("\t\n\r !\"'.<>ABCabc\\{}éàß漢字🙂\u0301\u00a0\u2028")
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// Any other WordLevel cuts texts otherwise, and is refused.
func TestWordLevelRefused(t *testing.T) {
	files, err := plainTokenizer(t, Chars).HuggingFace()
	if err != nil {
		t.Fatal(err)
	}
	good := string(files[tokenizerFile])
	for from, to := range map[string]string{
		`[\\s\\S]`: `\\w+`, `"Isolated"`: `"Removed"`, `"a":14`: `"ab":14`, `"Fuse"`: `"WordPiece"`, `"normalizer":null`: `"normalizer":{"type":"Lowercase"}`,
		`"invert":false`: `"invert":true`, `"b":15`: `"b":14`, `"c":16`: `"c":1.5`, `"added_tokens":[]`: `"added_tokens":[{"id":0}]`,
	} {
		bad := strings.Replace(good, from, to, 1)
		if bad == good {
			t.Fatalf("%s is not in\n%s", from, good)
		}
		if err := new(Tokenizer).UnmarshalJSON([]byte(bad)); err == nil || !strings.Contains(err.Error(), "WordLevel") {
			t.Errorf("%s: %v", to, err)
		}
	}
}
