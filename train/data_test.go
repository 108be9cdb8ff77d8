package train

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/corpus"
)

func TestLoadStories(t *testing.T) {
	o, _ := PresetOptions("story")
	o.StoryChars = 60_000
	d, err := LoadData(o)
	if err != nil {
		t.Fatal(err)
	}
	text := corpus.Stories(corpus.AnyDialogue).Text(storySeed, o.StoryChars)
	if got := d.Tokenizer.Decode(d.Train) + d.Tokenizer.Decode(d.Val); got != text || d.Bytes != len(text) {
		t.Errorf("the splits are not the stories, told once")
	}
	if v := d.Tokenizer.Decode(d.Val); !strings.HasSuffix(d.Tokenizer.Decode(d.Train), "\n\n") || math.Abs(float64(len(v))/float64(len(text))-o.ValFraction) > 0.02 {
		t.Errorf("the validation split has %d of %d characters and begins %.40q", len(v), len(text), v)
	}
	i := d.Info()
	if !(i.Uniform > i.Unigram && i.Unigram > i.Bigram && i.Bigram > i.Floor && math.Abs(i.Floor/corpus.Stories(corpus.AnyDialogue).Rate()-1) < 0.5) {
		t.Errorf("baselines out of order: %+v", i)
	}
	// The floor is that of the windows which an evaluation takes, and no others.
	o.EvalBatches, o.Batch = 1, 2
	few, err := LoadData(o)
	if err != nil {
		t.Fatal(err)
	}
	sweep := corpus.NewSweepAt(d.Val, o.starts(d.Val, d.Tokenizer), o.Context)
	want, err := corpus.Stories(corpus.AnyDialogue).Floor(d.Tokenizer.Decode(d.Val), sweep, 0, sweep.Windows()/2)
	if err != nil || few.Info().Floor != want || few.Info().Floor == i.Floor {
		t.Errorf("floor of two windows %g, want %g; of all %g; %v", few.Info().Floor, want, i.Floor, err)
	}
}

func TestDigest(t *testing.T) {
	digest := func(text string, change func(*Options)) string {
		o := mini()
		if change != nil {
			change(&o)
		}
		return dataOf(t, text, o).Info().SHA256
	}
	text := sentences(t)
	same := digest(text, nil)
	if digest(text, nil) != same {
		t.Error("the same text: another digest")
	}
	for name, other := range map[string]string{
		"one character": digest(strings.Replace(text, "dogs", "dots", 1), nil),
		"one more":      digest(text+"x", nil),
		"tokens":        digest(text, func(o *Options) { o.Tokenizer = "bytes" }),
		"the split":     digest(text, func(o *Options) { o.ValFraction = 0.2 }),
	} {
		if other == same {
			t.Errorf("%s: the same digest", name)
		}
	}
}

func TestLoadDataRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	o := mini()
	for path, want := range map[string]string{
		filepath.Join(dir, "missing"):  "no such file",
		write("empty", ""):             "empty: the file is empty",
		write("nul", "a\x00b"):         "nul: a NUL byte at offset 1",
		write("latin", "caf\xe9 noir"): "latin: byte 0xe9 at offset 3 is not UTF-8",
		write("one", "x"):              "split the text: its 1 bytes",
	} {
		o.Data = path
		if _, err := LoadData(o); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
