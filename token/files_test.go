package token

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestFilesRoundTrip writes tokenizers of all sorts as a directory, and reads them from
// tokenizer.json as from vocab.json and merges.txt: the same bytes come back.
func TestFilesRoundTrip(t *testing.T) {
	texts := slices.Values([]string{"the cat and the hat, the cat's hat", "  a\n\n\tb é 今日 the the"})
	for name, o := range map[string]TrainOptions{
		"plain":        {Vocab: 270},
		"specials":     {Vocab: 280, Specials: []string{"<|endoftext|>", "<pad>"}},
		"another end":  {Vocab: 280, Specials: []string{"<|endoftext|>", "</s>"}, EOS: "</s>"},
		"prefix space": {Vocab: 280, PrefixSpace: true, Specials: []string{"<é 今>"}},
	} {
		tok, err := TrainBPE(texts, o)
		if err != nil {
			t.Fatal(err)
		}
		tok.chat = "{% for m in messages %}{{ m.content }}{% endfor %}"
		dir := filepath.Join(t.TempDir(), "a", "b")
		if err := tok.SaveDir(dir); err != nil {
			t.Fatal(err)
		}
		want, _ := tok.Files()
		alone := new(Tokenizer)
		if err := alone.UnmarshalJSON(want[tokenizerFile]); err != nil {
			t.Fatal(name, err)
		}
		id, ok := tok.EOS()
		if again, okAgain := alone.EOS(); again != id || okAgain != ok || alone.ChatTemplate() != tok.ChatTemplate() {
			t.Errorf("%s: tokenizer.json alone ends texts with %d, chats with %q", name, again, alone.ChatTemplate())
		}
		for _, drop := range []string{"", tokenizerFile} {
			if drop != "" {
				if err := os.Remove(filepath.Join(dir, drop)); err != nil {
					t.Fatal(err)
				}
			}
			got, err := Load(dir)
			if err != nil {
				t.Errorf("%s without %q: %v", name, drop, err)
				continue
			}
			files, _ := got.Files()
			for f, data := range want {
				if !bytes.Equal(data, files[f]) {
					t.Errorf("%s without %q: another %s:\n%.300s\n%.300s", name, drop, f, data, files[f])
				}
			}
		}
	}
}
