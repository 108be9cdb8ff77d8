package corpus

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/token"
)

// What is in memory becomes the tokens that a file of the same becomes.
func TestMemoryIsAsFiles(t *testing.T) {
	tok, dir := token.GPT2(), t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const text = "One day.\n<|endoftext|>\nAnother day.\n"
	begin, err := Begin(tok, "")
	if err != nil {
		t.Fatal(err)
	}
	from, err := LoadText(tok, begin, 0, file("text.txt", text))
	if err != nil {
		t.Fatal(err)
	}
	want, err := from.Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	in, err := NewText(tok, begin, text)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := in.Encode(nil); err != nil || !slices.Equal(got, want) || in.Documents() != 2 {
		t.Errorf("a text: %v, %v; of a file %v", got, err, want)
	}
	for name, c := range map[string]struct {
		lines   string
		records []Record
	}{
		"texts":   {`{"text": "one two"}` + "\n" + `{"text": "three"}`, []Record{{Text: "one two"}, {Text: "three"}}},
		"prompts": {`{"prompt": "one", "completion": " two"}`, []Record{{Prompt: "one", Completion: " two"}}},
		"messages": {`{"messages": [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]}`,
			[]Record{{Messages: []Message{{User, "one"}, {Assistant, "two"}}}}},
	} {
		o := ExampleOptions{EncodeOptions: EncodeOptions{Begin: begin}}
		want, said, err := LoadExamples(file(name+".jsonl", c.lines), tok, o)
		if err != nil {
			t.Fatal(err)
		}
		got, report, err := NewExamples(c.records, tok, o)
		if err != nil || got.Digest() != want.Digest() || report.Kind != said.Kind || report.Targets != said.Targets {
			t.Errorf("%s: %v, %+v; of a file %+v", name, err, report, said)
		}
	}
}

func TestMemoryRefuses(t *testing.T) {
	for want, records := range map[string][]Record{
		"there are no examples":           nil,
		"examples:2 is of kind text":      {{Prompt: "a", Completion: "b"}, {Text: "c"}},
		"examples:1 has nothing to learn": {{Prompt: "a"}},
	} {
		if _, _, err := NewExamples(records, token.GPT2(), ExampleOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := NewText(token.GPT2(), nil, " \n"); err == nil || !strings.Contains(err.Error(), "white space only") {
		t.Errorf("white space: %v", err)
	}
}
