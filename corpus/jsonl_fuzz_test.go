package corpus

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pedestrian-ml/pedestrian/token"
)

// FuzzJSONL: no file makes the reader panic. What it accepts has something to learn,
// is text, and means to encoding/json what it means here; what it refuses is told on
// one line.
func FuzzJSONL(f *testing.F) {
	for line := range badLines {
		f.Add([]byte(line))
	}
	for _, s := range []string{
		`{"text":"a"}` + "\n" + `{"text":"b"}`, "\xef\xbb\xbf" + `{"prompt":"a","completion":"b","id":1}`, `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"\ud83d\ude00"}]}`,
		`{"prompt":[{"role":"system","content":"a"}],"completion":[{"role":"assistant","content":"b"}]}`, "[1]", "{",
	} {
		f.Add([]byte(s))
	}
	tok := token.NewBytes()
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := NewEncoder(tok, EncodeOptions{Template: builtin("plain")})
		if err != nil {
			t.Fatal(err)
		}
		x, lines := &Examples{}, bytes.Split(data, []byte("\n"))
		err = readJSONL(bytes.NewReader(data), "a.jsonl", &collector{each: func(r Record) error {
			var v map[string]any
			line := bytes.TrimPrefix(lines[r.Place.Line-1], []byte(bom))
			if err := json.Unmarshal(line, &v); r.Kind == KindText && (err != nil || v["text"] != r.Text) {
				t.Errorf("%q is read as %q (%v)", line, r.Text, err)
			}
			if ms, ok := v["messages"].([]any); ok && r.Kind == KindMessages && r.layout.name == "messages" && (len(ms) < len(r.Messages) || len(ms) > len(r.Messages)+2) {
				t.Errorf("%q is read as %d messages", line, len(r.Messages))
			}
			return e.Add(x, r)
		}})
		if err != nil {
			if strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "a.jsonl") {
				t.Errorf("%q", err)
			}
			return
		}
		for i := range x.Len() {
			tokens, learn := x.Document(i)
			if s := tok.Decode(tokens); !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
				t.Errorf("%q", s)
			}
			if n := len(Spans(tok, tokens, learn)); len(tokens) > 1 && n < 2 {
				t.Errorf("%q: nothing is learnt", tok.Decode(tokens))
			}
		}
	})
}
