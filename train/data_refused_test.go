package train

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

// dataFiles writes what the tests of data read, and returns the path of a name.
func dataFiles(t *testing.T) func(name string) string {
	t.Helper()
	dir := t.TempDir()
	var tokens []int32
	for i := range 400 {
		tokens = append(tokens, int32(i*i%251))
	}
	shard := func(n int) string { return string(corpus.AppendShard(nil, tokens[:n])) }
	other := []byte(shard(100))
	other[12] = 7 // the mark of another tokenizer
	document := `{"prompt": "say it:", "completion": " %"}` + "\n"
	documents := func(words ...string) (text string) {
		for _, w := range words {
			text += strings.Replace(document, "%", w, 1)
		}
		return text
	}
	for name, content := range map[string]string{
		"a.txt": strings.Repeat("the red hen had ten eggs\n", 40), "b.txt": strings.Repeat("the old cat had no eggs\n", 20), "same.txt": strings.Repeat("the red hen had ten eggs\n", 40),
		"empty.txt": "", "short.txt": "the", "lines.txt": "one\ntwo\nthree\nfour\nfive\nsix\n",
		"a.bin": shard(400), "b.bin": shard(100), "same.bin": shard(400), "short.bin": shard(8), "other.bin": string(other), "cut.bin": shard(400)[:1500],
		"a.jsonl": documents("one", "two", "three", "four", "five", "six"), "b.jsonl": documents("seven", "eight"), "broken.jsonl": "{\n",
		"one.jsonl": documents("one"), "no.template": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) string {
		if name == "" || TellsStories(name) {
			return name
		}
		return filepath.Join(dir, name)
	}
}

// Text, token shards and stories: what cannot be trained on is refused with what is
// wrong, and the rest is what the files say.
func TestLoadData(t *testing.T) {
	path := dataFiles(t)
	for _, c := range []struct{ data, val, tokenizer, says string }{
		{"none.txt", "", "chars", "no such file"},
		{"empty.txt", "", "chars", "the file is empty"},
		{"short.txt", "", "chars", ""}, // it is too short for a window, which newRun says
		{"a.txt", "none.txt", "chars", "no such file"},
		{"a.txt", "same.txt", "chars", "same.txt is for validation and holds the bytes of"},
		{"a.txt", "b.txt", "chars", ""},
		{"a.txt", "", "none.json", "none.json"},
		{"stories", "a.txt", "chars", ""},
		{"a.bin", "", "chars", `holds tokens, not text, and the tokenizer is "chars"`},
		{"a.bin", "", "none.json", "none.json"},
		{"a.bin", "", "bytes", ""},
		{"cut.bin", "", "bytes", "it was cut short"},
		{"short.bin", "", "bytes", "the shard has 8 tokens"},
		{"a.bin", "b.bin", "bytes", ""},
		{"a.bin", "same.bin", "bytes", "same.bin is for validation and holds the bytes of"},
		{"a.bin", "other.bin", "bytes", "the number at offset 12 is 7"},
		{"a.bin", "none.bin", "bytes", "no such file"},
		{"a.bin", "short.bin", "bytes", "the shard has 8 tokens"},
	} {
		o := mini()
		o.StoryChars = 20_000
		o.Data, o.Val, o.Tokenizer = path(c.data), path(c.val), c.tokenizer
		if strings.HasSuffix(c.tokenizer, ".json") {
			o.Tokenizer = path(c.tokenizer)
		}
		d, err := LoadData(o)
		refused(t, c.data+" "+c.val+" "+c.tokenizer, err, c.says)
		if err == nil && (d.Source != o.Data || len(d.Train) == 0 || d.Bytes == 0) {
			t.Errorf("%s, %s: %d tokens of %q, %d bytes", c.data, c.val, len(d.Train), d.Source, d.Bytes)
		}
	}
	o := mini()
	o.Data, o.Val, o.Tokenizer, o.Vocab = path("a.bin"), path("b.bin"), "bytes", 200
	if _, err := LoadData(o); err == nil || !strings.Contains(err.Error(), "is not in the vocabulary of 200") {
		t.Errorf("tokens above the vocabulary: %v", err)
	}
	o.Vocab = 0
	d, err := LoadData(o)
	if err != nil || len(d.Train) != 400 || len(d.Val) != 100 || d.Bytes != 800 || d.vocab != 256 || !slices.Equal(d.Val, d.Train[:100]) {
		t.Errorf("shards for training and validation: %d and %d tokens of %d, %v", len(d.Train), len(d.Val), d.vocab, err)
	}
}

// The same of a run that goes on from a base: documents besides, in what it is given
// and in what its settings say.
func TestLoadTuningData(t *testing.T) {
	path := dataFiles(t)
	bytes := token.NewBytes()
	for _, c := range []struct {
		data, val string
		change    func(*Options)
		says      string
	}{
		{"a.jsonl", "", nil, ""},
		{"a.jsonl", "b.jsonl", nil, ""},
		{"a.txt", "", nil, ""},
		{"a.bin", "", nil, ""},
		{"stories", "", nil, ""},
		{"lines.txt", "", func(o *Options) { o.Tuning.Separator = "\n" }, ""},
		{"lines.txt", "", func(o *Options) { o.Tuning.Format, o.Tuning.Separator = FormatDocuments, "\n" }, ""},
		{"none.jsonl", "", nil, "no such file"},
		{"broken.jsonl", "", nil, "broken.jsonl"},
		{"a.jsonl", "none.jsonl", nil, "no such file"},
		{"a.jsonl", "a.jsonl", nil, "is for validation and holds the bytes of"},
		{"a.jsonl", "broken.jsonl", nil, "broken.jsonl"},
		{"one.jsonl", "", nil, "one.jsonl: split the documents: 1 documents"},
		{"a.jsonl", "", func(o *Options) { o.Tuning.Template = "none.template" }, "none.template"},
		{"a.jsonl", "", func(o *Options) { o.Tuning.Template = path("no.template") }, "no.template"},
		{"cut.bin", "", nil, "it was cut short"},
		{"none.txt", "", nil, "no such file"},
	} {
		o := TuningOptions("base")
		o.StoryChars, o.Context, o.Width, o.Tuning.End = 20_000, 8, 16, "\x00"
		o.Data, o.Val = path(c.data), path(c.val)
		if c.change != nil {
			c.change(&o)
		}
		d, err := LoadTuningData(o, bytes, 256)
		refused(t, c.data+" "+c.val, err, c.says)
		if err != nil {
			continue
		}
		documents := strings.HasSuffix(c.data, ".jsonl") || c.change != nil
		if (d.Examples != nil) != documents || (d.ValExamples != nil) != documents || (d.Report != nil) != documents || (len(d.Train) > 0) == documents {
			t.Errorf("%s, %s: documents %v, validation %v, a report %v, %d tokens", c.data, c.val, d.Examples != nil, d.ValExamples != nil, d.Report != nil, len(d.Train))
		}
	}
	o := TuningOptions("the base")
	o.Data = path("a.txt")
	if _, err := LoadTuningData(o, nil, 256); err == nil || !strings.Contains(err.Error(), "the base comes without a tokenizer") {
		t.Errorf("a base without a tokenizer: %v", err)
	}
	if _, err := LoadTuningData(o, bytes, 255); err == nil || !strings.Contains(err.Error(), "the base has a vocabulary of 255, and its tokenizer has 256 tokens") {
		t.Errorf("a base with another tokenizer: %v", err)
	}
}

// refused wants an error of one line that contains says, or none where that is "".
func refused(t *testing.T, what string, err error, says string) {
	t.Helper()
	switch {
	case says == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case says != "" && (err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n")):
		t.Errorf("%s: got %v, want one line with %q", what, err, says)
	}
}
