package hub

import (
	"compress/gzip"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gguf"
	"github.com/pedestrian-ml/pedestrian/token"
)

// familiesOut is a directory: the test writes its GGUF files there, for
// testdata/gguf/families.py.
var familiesOut = flag.String("families", "", "write the files of TestGGUFFamilies to this directory")

// TestGGUFFamilies writes the tokenizers of the families of the Llamas into GGUF and reads
// them again: the same tokens of texts, the same around a text. What llama.cpp does in
// another way is said, or it gets no tokenizer.
func TestGGUFFamilies(t *testing.T) {
	f, err := os.Open("../token/testdata/families.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Families []struct {
			Name      string
			Tokenizer json.RawMessage
		}
	}
	if err := json.NewDecoder(z).Decode(&golden); err != nil {
		t.Fatal(err)
	}
	var cases [][2]json.RawMessage
	data, err := os.ReadFile("../token/testdata/families_ids.json")
	if err == nil {
		err = json.Unmarshal(data, &cases)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if *familiesOut != "" {
		dir = *familiesOut
	}
	for name, want := range map[string]struct{ model, pre, note string }{
		"llama3": {"gpt2", "llama-bpe", ""}, "qwen2": {"gpt2", "qwen2", "does not compose characters (NFC)"}, "smollm2": {"gpt2", "smollm", ""},
		"llama2": {"llama", "default", ""}, "mistral": {"llama", "default", "behind each special token"},
	} {
		tok := new(token.Tokenizer)
		for _, f := range golden.Families {
			if f.Name == name {
				if err := tok.UnmarshalJSON(f.Tokenizer); err != nil {
					t.Fatal(err)
				}
			}
		}
		p := pedestrian.NewParams[float32](pedestrian.Config{Vocab: tok.Vocab() + 3, Context: 4, Width: 4, Heads: 1, Blocks: 1, Activation: pedestrian.GELUTanh, Tied: true})
		path := filepath.Join(dir, name+".gguf")
		notes, err := SaveGGUF(path, &Model[float32]{Params: p, Tokenizer: tok}, gguf.F32)
		if err != nil || (want.note == "") != (len(notes) == 0) || !strings.Contains(strings.Join(notes, "; "), want.note) {
			t.Errorf("%s: %q, %v", name, notes, err)
		}
		m, err := OpenGGUF(path)
		if err != nil || m.Tokenizer == nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer m.Close()
		for key, value := range map[string]any{"tokenizer.ggml.model": want.model, "tokenizer.ggml.pre": want.pre} {
			if got, _ := m.in.Lookup(key); got != value {
				t.Errorf("%s: %s is %v, not %v", name, key, got, value)
			}
		}
		before, _ := tok.Around()
		if again, _ := m.Tokenizer.Around(); !slices.Equal(before, again) || tok.Vocab() != m.Tokenizer.Vocab() {
			t.Errorf("%s: %v before a text of %d tokens, and was %v of %d", name, again, m.Tokenizer.Vocab(), before, tok.Vocab())
		}
		for _, c := range cases {
			var s string
			if err := json.Unmarshal(c[0], &s); err != nil {
				t.Fatal(err)
			}
			if name == "mistral" {
				s = strings.TrimLeft(strings.NewReplacer("<s>", "", "</s>", "", "<unk>", "", "[INST]", "", "[/INST]", "", "▁", "").Replace(s), " ")
			}
			a, _ := tok.EncodeMarkup(s)
			if b, _ := m.Tokenizer.EncodeMarkup(s); !slices.Equal(a, b) || tok.Decode(a) != m.Tokenizer.Decode(b) {
				t.Errorf("%s: %q is %v, and was %v", name, s, b, a)
			}
		}
	}
}
