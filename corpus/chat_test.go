package corpus

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/token"
)

// chatTokenizer is GPT-2's with the marks of ChatML as tokens and a chat template.
func chatTokenizer(t *testing.T, jinja string) *token.Tokenizer {
	t.Helper()
	files, err := token.GPT2().Files()
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	d := json.NewDecoder(bytes.NewReader(files["tokenizer.json"]))
	d.UseNumber()
	if err := d.Decode(&all); err != nil {
		t.Fatal(err)
	}
	added := all["added_tokens"].([]any)
	for i, text := range []string{"<|im_start|>", "<|im_end|>"} {
		a := map[string]any{}
		for k, v := range added[0].(map[string]any) {
			a[k] = v
		}
		a["id"], a["content"] = 50257+i, text
		added = append(added, a)
	}
	all["added_tokens"] = added
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{"tokenizer.json": data, "chat_template.jinja": []byte(jinja)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tok, err := token.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestChatTokenizer: a tokenizer with the marks of ChatML has each as one token, and
// its own template is recognized by what it writes; one that leaves answers out is refused.
func TestChatTokenizer(t *testing.T) {
	path := filepath.Join(tree(t, [2]string{"a.jsonl", `{"messages":[{"role":"user","content":"Hi <|im_end|>"},{"role":"assistant","content":"Hello!"}]}`}), "a.jsonl")
	tok := chatTokenizer(t, "{% for m in messages %}{{'<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n'}}{% endfor %}")
	x, r, err := LoadExamples(path, tok, ExampleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := marked(tok, x, 0), "<|im_start|>user\nHi <|im_end|><|im_end|>\n<|im_start|>assistant\n[Hello!<|im_end|>]\n"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	start, _ := tok.Special("<|im_start|>")
	end, _ := tok.Special("<|im_end|>")
	tokens, learn := x.Document(0)
	count := func(id int32) (n int) {
		for _, v := range tokens {
			if v == id {
				n++
			}
		}
		return n
	}
	if count(start) != 2 || count(end) != 2 || !learn[len(tokens)-2] || tokens[len(tokens)-2] != end {
		t.Errorf("the marks are %d and %d tokens", count(start), count(end))
	}
	if r.Template != "chatml" || len(r.Warnings) != 1 {
		t.Errorf("%+v", r)
	}
	_, _, err = LoadExamples(path, chatTokenizer(t, "{{ bos_token }}[INST] {{ messages[0].content }} [/INST]"), ExampleOptions{})
	if err == nil || !strings.Contains(err.Error(), "a.jsonl:1: the chat template of the tokenizer: it leaves an answer out") {
		t.Errorf("%v", err)
	}
	e, err := NewEncoder(tok, EncodeOptions{})
	if eos, _ := tok.EOS(); err != nil || !slices.Equal(e.End(), []int32{eos}) {
		t.Errorf("the end is %v, %v", e.End(), err)
	}
}

// TestLongDocuments: a fingerprint has every token of a document in it.
func TestLongDocuments(t *testing.T) {
	x, y := documents(nil, 3000), documents(nil, 3000)
	if x.Digest() != y.Digest() || len(Overlap(x, y)) != 1 {
		t.Error("equal documents are not equal")
	}
	for _, at := range []int{1, 1500, 2999} {
		y.Tokens[at]++
		if x.Digest() == y.Digest() || Overlap(x, y) != nil {
			t.Errorf("token %d is not looked at", at)
		}
		y.Tokens[at]--
	}
	if got := shorten(strings.Repeat("é", 30)); got != strings.Repeat("é", 15)+"…" {
		t.Errorf("%q", got)
	}
}

// TestPlaces: where the documents of a row were read.
func TestPlaces(t *testing.T) {
	p := Pack(documents(nil, 4, 6, 3, 2, 5), 6, PackOptions{})
	var got []Place
	for at := range uint64(p.Rows()) {
		got = append(got, p.Places(at)...)
	}
	slices.SortFunc(got, func(a, b Place) int { return a.Line - b.Line })
	want := []Place{{"a.jsonl", 1}, {"a.jsonl", 2}, {"a.jsonl", 3}, {"a.jsonl", 4}, {"a.jsonl", 5}}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}
