package token

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"
)

// TestFileRoundTrip saves and loads: the tokenizer that comes back has the same
// kind and vocabulary, and saving it again gives the same bytes.
func TestFileRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokenizer.json")
	check := func(t interface{ Fatal(...any) }, tok *Tokenizer) {
		if err := tok.Save(path); err != nil {
			t.Fatal(err)
		}
		got, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		a, errA := json.Marshal(tok)
		b, errB := json.Marshal(got)
		if errA != nil || errB != nil || !bytes.Equal(a, b) || got.Kind() != tok.Kind() || got.Vocab() != tok.Vocab() {
			t.Fatal("another tokenizer came back", string(a), string(b), errA, errB)
		}
		var inner struct{ Tokenizer Tokenizer }
		if err := json.Unmarshal([]byte(`{"Tokenizer":`+string(a)+`}`), &inner); err != nil || inner.Tokenizer.Vocab() != tok.Vocab() {
			t.Fatal("inside another object", err)
		}
	}
	check(t, NewBytes())
	rapid.Check(t, func(t *rapid.T) {
		tok, err := NewChars(rapid.StringN(1, 40, -1).Draw(t, "text"))
		if err != nil {
			t.Fatal(err)
		}
		check(t, tok)
	})
}

// TestFileRefused has one file for each thing that the reader refuses, and a
// piece of the message that must say so.
func TestFileRefused(t *testing.T) {
	const head = `"format":"pedestrian-tokenizer","version":1`
	for _, c := range []struct{ file, says string }{
		{``, "not JSON"},
		{`{` + head + `,"kind":"bytes"`, "not JSON at offset"},
		{`{` + head + `,"kind":"bytes"} x`, "not JSON at offset"},
		{`{` + head + `,"kind":"bytes",}`, "not JSON at offset"},
		{"\xef\xbb\xbf{" + head + `,"kind":"bytes"}`, "not JSON"},
		{`{` + head + `,"kind":"chars","vocab":["` + "\xff" + `"]}`, "is not UTF-8"},
		{`{` + head + `,"kind":"chars","vocab":["\ud800"]}`, "half of a surrogate pair"},
		{`{` + head + `,"kind":"chars","vocab":["\udc00\ud800"]}`, "half of a surrogate pair"},
		{`{` + head + `,"kind":"chars","vocab":["\ud83d\u0041"]}`, "half of a surrogate pair"},
		{`[` + `]`, "read an object"},
		{`1e999`, "read an object"},
		{`{` + head + `,"kind":"bytes","Kind":"bytes"}`, `unknown field "Kind"`},
		{`{` + head + `,"kind":"bytes","merges":[]}`, `unknown field "merges"`},
		{`{` + head + `,"kind":"bytes","k\u0069nd":"bytes"}`, `field "kind" occurs twice`},
		{`{"format":"x",` + head + `,"kind":"bytes"}`, `field "format" occurs twice`},
		{`{` + head + `,"version":1,"kind":"bytes"}`, `field "version" occurs twice`},
		{`{` + head + `,"kind":"chars","vocab":[],"vocab":["a"]}`, `field "vocab" occurs twice`},
		{`{"version":1,"kind":"bytes"}`, `"format" is missing`},
		{`{"format":"gpt2","version":1,"kind":"bytes"}`, `format is "gpt2"`},
		{`{"format":"pedestrian-tokenizer","kind":"bytes"}`, `"version" is missing`},
		{`{"format":"pedestrian-tokenizer","version":2,"kind":"bytes"}`, "version is 2"},
		{`{"format":"pedestrian-tokenizer","version":"1","kind":"bytes"}`, "read version"},
		{`{"format":null,"version":1,"kind":"bytes"}`, "read format"},
		{`{` + head + `,"kind":7}`, "read kind"},
		{`{` + head + `}`, `"kind" is missing`},
		{`{` + head + `,"kind":"words"}`, `unknown kind "words"`},
		{`{` + head + `,"kind":"bytes","vocab":["a"]}`, "has no vocab"},
		{`{` + head + `,"kind":"chars"}`, "vocab is missing or empty"},
		{`{` + head + `,"kind":"chars","vocab":[]}`, "vocab is missing or empty"},
		{`{` + head + `,"kind":"chars","vocab":{}}`, "read vocab, an array"},
		{`{` + head + `,"kind":"chars","vocab":[1]}`, "read an entry of vocab"},
		{`{` + head + `,"kind":"chars","vocab":[["a"]]}`, "read an entry of vocab"},
		{`{` + head + `,"kind":"chars","vocab":[""]}`, `vocab[0] is ""`},
		{`{` + head + `,"kind":"chars","vocab":["a","bc"]}`, `vocab[1] is "bc"`},
		{`{` + head + `,"kind":"chars","vocab":["a","\u0061"]}`, `vocab[1] is "a", which is vocab[0] too`},
		{`{` + head + `,"kind":"chars","vocab":["b","a"]}`, `vocab[1] is "a" and comes after "b"`},
		{strings.Repeat("[", 20000), "not JSON"},
	} {
		path := filepath.Join(t.TempDir(), "tokenizer.json")
		if err := os.WriteFile(path, []byte(c.file), 0o644); err != nil {
			t.Fatal(err)
		}
		tok, err := Load(path)
		if err == nil {
			t.Errorf("%.80s: accepted as %s of %d", c.file, tok.Kind(), tok.Vocab())
			continue
		}
		if m := err.Error(); !strings.Contains(m, c.says) || !strings.Contains(m, path) || strings.Contains(m, "\n") {
			t.Errorf("%.80s: %q does not say %q and the file on one line", c.file, m, c.says)
		}
		if err := json.Unmarshal([]byte(c.file), &Tokenizer{}); err == nil {
			t.Errorf("%.80s: accepted by Unmarshal", c.file)
		}
	}
	for _, file := range []string{
		`{` + head + `,"kind":"chars","vocab":["\\","\ufffd","\ud83d\ude00"]}`,
		"\n{ \"kind\":\"bytes\", " + head + "}\n",
	} {
		if err := json.Unmarshal([]byte(file), &Tokenizer{}); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestLoadRefusesFiles(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "absent.json")); !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Load(dir); err == nil {
		t.Error("a directory was accepted")
	}
	big := filepath.Join(dir, "big.json")
	if err := os.WriteFile(big, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, maxFile+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(big); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a file of %d bytes: %v", maxFile+1, err)
	}
	if err := NewBytes().Save(filepath.Join(dir, "absent", "t.json")); err == nil {
		t.Error("saved into a directory that is not there")
	}
}

// FuzzVocabMerges checks that no pair of files makes the older reader panic, and that
// what it accepts is written as files that mean the same.
func FuzzVocabMerges(f *testing.F) {
	tok, err := parse([]byte(small(f)))
	if err != nil {
		f.Fatal(err)
	}
	files, err := tok.Files()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(files[vocabFile], files[mergesFile], files[configFile])
	f.Add([]byte(`{"a":0}`), []byte("a a"), []byte(`{"eos_token":{"content":"a"}}`))
	f.Fuzz(func(t *testing.T, vocab, merges, config []byte) {
		tok, err := LoadFS(fstest.MapFS{vocabFile: {Data: vocab}, mergesFile: {Data: merges}, configFile: {Data: config}})
		if err != nil {
			if strings.Contains(err.Error(), "\n") || len(err.Error()) > 600 {
				t.Errorf("not one line: %q", err)
			}
			return
		}
		again, err := tok.Files()
		if err != nil {
			t.Fatal(err)
		}
		mapped := fstest.MapFS{}
		for name, data := range again {
			mapped[name] = &fstest.MapFile{Data: data}
		}
		back, err := LoadFS(mapped)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		a, _ := tok.MarshalJSON()
		b, _ := back.MarshalJSON()
		if !bytes.Equal(a, b) || tok.ChatTemplate() != back.ChatTemplate() {
			t.Fatalf("%s reads as %s", a, b)
		}
	})
}

func unwrapAll(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		err = u.Unwrap()
		if _, ok := err.(*os.PathError); ok {
			return err
		}
	}
}

// FuzzTokenizerJSON checks that no file makes the reader panic, and that what it
// accepts means the same after it was written again.
func FuzzTokenizerJSON(f *testing.F) {
	for _, tok := range []*Tokenizer{NewBytes(), newChars([]rune("\n !\"\\aé😀"))} {
		data, err := json.Marshal(tok)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"format":"pedestrian-tokenizer","version":1,"kind":"chars","vocab":["\ud83d\ude00","\ufffd"]}`))
	f.Add([]byte(`{"format":"pedestrian-tokenizer","version":1.0,"kind":"chars","vocab":["a","a"]}`))
	f.Add([]byte(small(f)))
	for _, p := range smallParts(f) {
		tok, err := NewBPE(p)
		if err != nil {
			f.Fatal(err)
		}
		data, err := tok.MarshalJSON()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	number := "2e" + strings.Repeat("8", 1000)
	f.Add([]byte(`{"version":` + number + "}"))
	f.Add([]byte(`{"format":"pedestrian-tokenizer","version":` + number + "}"))
	f.Add([]byte(`{"version":"1.0","model":{"type":"BPE","vocab":{"a":` + number + `},"merges":[]}}`))
	f.Add([]byte(strings.Replace(small(f), `["h e","he y"]`, `[["h","e"],["he","y"]]`, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := parse(data)
		if err != nil {
			if strings.Contains(err.Error(), "\n") || len(err.Error()) > 600 {
				t.Errorf("not one line: %q", err)
			}
			return
		}
		again, err := json.Marshal(tok)
		if err != nil {
			t.Fatal(err)
		}
		back, err := parse(again)
		if err != nil || back.Kind() != tok.Kind() || back.Vocab() != tok.Vocab() {
			t.Fatalf("%s reads as %s, which reads as %v, %v", data, again, back, err)
		}
		for id := range int32(tok.Vocab()) {
			if back.Token(id) != tok.Token(id) {
				t.Fatalf("token %d is %q, then %q", id, tok.Token(id), back.Token(id))
			}
			if a, errA := tok.EncodeMarkup(tok.Token(id)); errA == nil && tok.Kind() == BPE {
				if b, _ := back.EncodeMarkup(tok.Token(id)); !slices.Equal(a, b) {
					t.Fatalf("%q is %v, then %v", tok.Token(id), a, b)
				}
			}
		}
	})
}

// smallParts are parts of small tokenizers of each family.
func smallParts(t testing.TB) []Parts {
	tok, err := parse([]byte(small(t)))
	if err != nil {
		t.Fatal(err)
	}
	llama, _, _ := tok.Parts()
	llama.Split, llama.WholeWords, llama.Before = SplitLlama3, true, []int32{1}
	qwen, _, _ := tok.Parts()
	qwen.Split, qwen.NFC = SplitQwen2, true
	qwen.Added[1].lstrip, qwen.Added[1].normalized = true, true
	smol, _, _ := tok.Parts()
	smol.Split = SplitSmolLM
	pieces := Parts{
		SentencePiece: true, Added: []Added{{ID: 0, Text: "<unk>", Special: true}, {ID: 1, Text: "<s>", Special: true}}, Unknown: "<unk>", Before: []int32{1},
		Tokens: []string{"<unk>", "<s>"}, Merges: []string{"h e", "▁ he"},
	}
	for b := range 256 {
		pieces.Tokens = append(pieces.Tokens, byteSpelling(byte(b)))
	}
	pieces.Tokens = append(pieces.Tokens, "he", "▁he", "▁", "h", "e", "é")
	first := pieces
	first.SpacePrefix = PrefixFirst
	return []Parts{llama, qwen, smol, pieces, first}
}
