package train

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

// TestTokenizers trains a step with each tokenizer that a run can name: the data is cut
// by it, the losses without a network are those of its vocabulary, the checkpoint
// brings it back, and a sample is written with it.
func TestTokenizers(t *testing.T) {
	dir := t.TempDir()
	text := strings.Repeat("The cat's hat doesn't fit the cat's head, said the hat.\n", 40)
	source := filepath.Join(dir, "text.txt")
	if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	learnt, err := token.TrainBPE(slices.Values([]string{text}), token.TrainOptions{Vocab: 290, Specials: []string{"<|endoftext|>"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := learnt.SaveDir(filepath.Join(dir, "tok")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		vocab int
	}{
		{"chars", 17}, {"bytes", 256}, {GPT2, 50257}, {filepath.Join(dir, "tok"), 283}, {filepath.Join(dir, "tok", "tokenizer.json"), 283},
	} {
		o := mini()
		o.Data, o.Tokenizer, o.Steps, o.Align, o.ValFraction = source, c.name, 1, corpus.AlignNone, 0.2
		o.Vocab, o.Context = 0, 8
		d, err := LoadData(o)
		if err != nil {
			t.Fatal(c.name, err)
		}
		info := d.Info()
		if d.Tokenizer.Vocab() != c.vocab || math.Abs(info.Uniform-math.Log(float64(c.vocab))) > 1e-12 || !(info.Bigram < info.Unigram) {
			t.Errorf("%s: %d tokens, losses %v", c.name, d.Tokenizer.Vocab(), info)
		}
		want := text
		if id, ok := d.Tokenizer.EOS(); ok { // what a document begins with
			want = d.Tokenizer.Token(id) + text
		}
		if got := d.Tokenizer.Decode(slices.Concat(d.Train, d.Val)); got != want {
			t.Errorf("%s: the splits are not the text", c.name)
		}
	}
	if _, err := LoadData(Options{Data: source, Tokenizer: filepath.Join(dir, "absent.json"), ValFraction: 0.2}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a tokenizer that is not there: %v", err)
	}
}
