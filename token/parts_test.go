package token

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func mapFS(files map[string][]byte) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, data := range files {
		fsys[name] = &fstest.MapFile{Data: data}
	}
	return fsys
}

// TestFamiliesAreWritten: what was read is written, and read again as the same: as
// tokenizer.json, in a directory, and by its parts.
func TestFamiliesAreWritten(t *testing.T) {
	for _, f := range families().Families {
		data, err := f.tok.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse(data)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		second, _ := again.MarshalJSON()
		if !bytes.Equal(data, second) {
			t.Errorf("%s: written again, it is another file", f.Name)
		}
		files, err := f.tok.HuggingFace()
		if err != nil {
			t.Fatal(err)
		}
		if dir := os.Getenv("FAMILIES"); dir != "" { // for testdata/families_auto.py
			if err := f.tok.SaveDir(filepath.Join(dir, f.Name)); err != nil {
				t.Fatal(err)
			}
		}
		if files[vocabFile] != nil || !bytes.Contains(files[configFile], []byte(`"tokenizer_class":"PreTrainedTokenizerFast"`)) {
			t.Errorf("%s: transformers would read it as GPT-2's", f.Name)
		}
		dir, err := LoadFS(mapFS(files))
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		parts, exact, ok := f.tok.Parts()
		if !ok || !exact && !strings.Contains(f.Name, "added") {
			t.Errorf("%s: parts %v, scores as the merges %v", f.Name, ok, exact)
		}
		made, err := NewBPE(parts)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		parts.Merges = nil
		scored := made
		if parts.SentencePiece {
			if scored, err = NewBPE(parts); err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			if f.Scores != nil { // as SentencePiece gave them: the same order
				parts.Scores = f.Scores
				trained, err := NewBPE(parts)
				if err != nil || !slices.Equal(trained.Merges(), f.tok.Merges()) {
					t.Errorf("%s: the scores of the trainer make other merges: %v", f.Name, err)
				}
			}
		}
		g := families()
		for i := g.Count - 1000; i < g.Count; i++ {
			s := g.string(i, []string{"<s>", "[INST]", "<mask> ", "cat", "<|im_end|>"})
			want, _ := f.tok.EncodeMarkup(s)
			for how, tok := range map[string]*Tokenizer{"tokenizer.json": again, "directory": dir, "parts": made, "scores": scored} {
				if got, _ := tok.EncodeMarkup(s); !slices.Equal(got, want) || tok.Decode(got) != f.tok.Decode(want) {
					t.Fatalf("%s by %s: %q is %s, not %s", f.Name, how, s, spelledOut(tok, got), spelledOut(f.tok, want))
				}
			}
		}
	}
}

// TestScores: the scores are in the order of the merges, whatever the ids are; and it is
// known where they cannot say what the merges do.
func TestScores(t *testing.T) {
	p, _, _ := familyOf("llama2").Parts()
	for i, j := 259, 500; i < j; i, j = i+1, j-1 {
		p.Tokens[i], p.Tokens[j] = p.Tokens[j], p.Tokens[i]
	}
	tok, err := NewBPE(p)
	if err != nil {
		t.Fatal(err)
	}
	scored, exact, _ := tok.Parts()
	merges := scored.Merges
	if scored.Merges = nil; !exact {
		t.Error("the scores are said to lose something")
	}
	again, err := NewBPE(scored)
	if err != nil || !slices.Equal(again.Merges(), merges) {
		t.Errorf("other merges: %v", err)
	}
	for what, merges := range map[string][]string{
		"a pair is no merge":       slices.DeleteFunc(slices.Clone(p.Merges), func(m string) bool { return m == "▁t he" }),
		"a token is in two places": append(slices.DeleteFunc(slices.Clone(p.Merges), func(m string) bool { return m == "▁t he" }), "▁t he"),
	} {
		p.Merges = merges
		tok, err := NewBPE(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, exact, _ := tok.Parts(); exact {
			t.Errorf("%s, and the scores are said to be the same", what)
		}
	}
}
