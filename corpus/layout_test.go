package corpus

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/token"
)

// said is a conversation in short: a letter for the role, and an exclamation mark where
// the assistant is not learnt.
func said(r Record) string {
	var b strings.Builder
	for i, m := range r.Messages {
		mark := ":"
		for _, u := range r.Unlearnt {
			if u == i {
				mark = "!:"
			}
		}
		fmt.Fprintf(&b, "%s%s%s|", m.Role[:1], mark, m.Content)
	}
	switch r.Kind {
	case KindText:
		return r.Text
	case KindPrompt:
		if r.Messages == nil {
			return r.Prompt + "→" + r.Completion
		}
		return fmt.Sprintf("%d %s", r.Given, b.String())
	}
	return b.String()
}

// TestLayouts are the layouts that people have, and what becomes of their columns.
func TestLayouts(t *testing.T) {
	for _, c := range []struct{ line, columns, layout, want, used, ignored string }{
		{`{"text":"a","prompt":null,"messages":[],"tools":null,"images":[],"chosen":""}`, "", "text", "a", "text", ""},
		{`{"text":"","prompt":"a","completion":"b","label":null,"conversations":null,"meta":{"x":null}}`, "", "prompt and completion", "a→b", "prompt completion", ""},
		{`{"prompt":"first said","prompt_id":"7","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`, "", "messages", "u:a|a:b|", "messages", "prompt prompt_id"},
		// What exports of datasets write where a message has no such field.
		{`{"messages":[{"role":"system","content":""},{"role":"user","content":"a","name":null,"tool_calls":[],"weight":null},{"role":"assistant","content":"b","name":"","tool_calls":null,"function_call":{},"weight":1.0,"prefix":false}]}`, "", "messages", "u:a|a:b|", "messages", ""},
		{`{"messages":[{"role":"system","content":null},{"role":"developer","content":"be kind"},{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":0},{"role":"user","content":"c","weight":0},{"role":"assistant","content":"d","weight":1}]}`, "", "messages", "d:be kind|u:a|a!:b|u:c|a:d|", "messages", ""},
		{`{"messages":[{"role":"system","content":"s"},{"role":"developer","content":"d"},{"role":"assistant","content":"b"}]}`, "", "messages", "s:s|d:d|a:b|", "messages", ""},
		{`{"prompt":[{"role":"system","content":" "},{"role":"user","content":"a"}],"completion":[{"role":"assistant","content":"b","weight":0},{"role":"assistant","content":"c"}]}`, "", "prompt and completion", "1 u:a|a!:b|a:c|", "prompt completion", ""},
		// Alpaca.
		{`{"instruction":"add","input":"1 2","output":"3","id":4}`, "", "Alpaca", "u:add\n1 2|a:3|", "instruction output input", "id"},
		{`{"instruction":"add","input":"","output":"3","text":"Below is an instruction. add 3"}`, "", "Alpaca", "u:add|a:3|", "instruction output input", "text"},
		{`{"instruction":"c","input":null,"output":"d","system":"s","history":[["a","b"]]}`, "", "Alpaca", "s:s|u:a|a:b|u:c|a:d|", "instruction output input system history", ""},
		{`{"instruction":"c","output":"d"}`, "", "Alpaca", "u:c|a:d|", "instruction output", ""},
		{`{"text":"a","output":"d"}`, "", "text", "a", "text", "output"},
		// ShareGPT.
		{`{"id":"x","conversations":[{"from":"human","value":"a","weight":null},{"from":"gpt","value":"b"},{"from":"human","value":"c"},{"from":"gpt","value":"d"}]}`, "", "ShareGPT", "u:a|a:b|u:c|a:d|", "conversations", "id"},
		{`{"conversations":[{"from":"system","value":""},{"from":"gpt","value":"b","weight":0},{"from":"gpt","value":"c","weight":1}],"system":"s"}`, "", "ShareGPT", "s:s|a!:b|a:c|", "conversations system", ""},
		{`{"conversations":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`, "", "ShareGPT", "u:a|a:b|", "conversations", ""},
		// Names of one's own.
		{`{"question":"a","answer":"b","context":"c"}`, "prompt=question,completion=answer", "prompt and completion", "a→b", "question answer", "context"},
		{`{"question":"a","answer":"b","context":"c"}`, "instruction=question,input=context,output=answer", "Alpaca", "u:a\nc|a:b|", "question answer context", ""},
		{`{"prompt":"a","chosen":"b","rejected":"c"}`, "completion=chosen", "prompt and completion", "a→b", "prompt chosen", "rejected"},
		{`{"text":"a","completion":"b"}`, "prompt=text", "prompt and completion", "a→b", "text completion", ""},
		{`{"text":"a","body":"b"}`, "text=body", "text", "b", "body", "text"},
		{`{"text":"a","prompt":"b","completion":"c"}`, "text=text", "text", "a", "text", "prompt completion"},
		{`{"dialog":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}`, "conversations=dialog", "ShareGPT", "u:a|a:b|", "dialog", ""},
	} {
		columns, err := Columns(nil).ParseColumns(c.columns)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(tree(t, [2]string{"a.jsonl", c.line}), "a.jsonl")
		var got []Record
		var source Source
		how := readOptions{columns: columns, source: func(s Source) { source = s }}
		err = how.records(path, func(r Record) error { got = append(got, r); return nil })
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %v", c.line, err)
			continue
		}
		if said(got[0]) != c.want || strings.Join(got[0].ignored, " ") != c.ignored || source.Layout != c.layout || strings.Join(source.Columns, " ") != c.used {
			t.Errorf("%s:\n%q by %s of %v, without %v", c.line, said(got[0]), source.Layout, source.Columns, got[0].ignored)
		}
	}
}

// TestLayoutsRefused are lines of the same layouts in which something is wrong.
func TestLayoutsRefused(t *testing.T) {
	for line, says := range map[string]string{
		`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":0.5}]}`:             `field "messages[1].weight" is the number 0.5: it must be 0`,
		`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":true}]}`:            `field "messages[1].weight" is true: it must be 0`,
		`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":0}]}`:               `every message of the assistant has the weight 0: there is nothing to learn`,
		`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":1}]}]}`: `field "messages[1].tool_calls": a message has role`,
		`{"messages":[{"role":"user","content":""},{"role":"assistant","content":"b"}]}`:                           `field "messages[0].content" is "": there is nothing`,
		`{"messages":[{"role":"user","content":"a"},{"role":"developer","content":"b"}]}`:                          `field "messages[1].role": a developer message must be the first`,
		`{"messages":[{"role":"developer","content":"a"},{"role":"system","content":"b"}]}`:                        `field "messages[1].role": a system message must be the first`,
		`{"messages":[{"role":"system","content":""}]}`:                                                            `field "messages" has no messages but an empty one of the system`,
		`{"messages":[{"role":"assistant","content":"b"}],"conversations":[{"from":"gpt","value":"b"}]}`:           `there must be only one of "text"`,
		`{"conversations":[{"from":"function_call","value":"f()"},{"from":"gpt","value":"b"}]}`:                    `field "conversations[0].from" is "function_call": it must be system, human or gpt`,
		`{"conversations":"hi"}`:                                     `field "conversations" is a string: it must be a list of messages`,
		`{"instruction":"a","output":5}`:                             `field "output" is the number 5: it must be a string`,
		`{"instruction":"a","output":"b","history":[["x"]]}`:         `field "history" is a list: it must be a list of pairs`,
		`{"instruction":"a","output":"b","history":[["x",3]]}`:       `field "history[0][1]" is the number 3`,
		`{"question":"a","answer":"b"}`:                              `the fields are "question", "answer": there must be "text"`,
		`{"prompt":"a","completion":"b","tools":[{"type":"x"}]}`:     `field "tools": calls of tools`,
		`{"prompt":"a","completion":"b","chosen":"b"}`:               `field "chosen": preferences`,
		`{"prompt":"a","completion":"b","text":"c"}`:                 `--map says which, such as --map text=text`,
		`{"instruction":"a","output":"b","messages":[{"role":"u"}]}`: `there must be only one of "text"`,
	} {
		path := filepath.Join(tree(t, [2]string{"a.jsonl", line}), "a.jsonl")
		if _, err := readAll(path, FormatAuto, ""); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "a.jsonl:1: ") {
			t.Errorf("%s:\n%v, want %q", line, err, says)
		}
	}
	for text, says := range map[string]string{
		"question":                 "write name=column",
		"prompt=":                  "write name=column",
		"question=prompt":          `"question" is no field of an example: choose text, prompt`,
		"text=a,prompt=b":          "prompt and text are fields of different layouts",
		"messages=a,instruction=b": "fields of different layouts",
	} {
		if _, err := Columns(nil).ParseColumns(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
	c, err := Columns{"prompt": "p"}.ParseColumns("completion= an answer ,prompt=q")
	if err != nil || !reflect.DeepEqual(c, Columns{"prompt": "q", "completion": " an answer "}) || c.String() != "prompt=q,completion= an answer " {
		t.Errorf("%v, %v", c, err)
	}
}

// TestLeftOut: of examples that others made, those with an empty answer are left out,
// counted and named; of one's own they are refused.
func TestLeftOut(t *testing.T) {
	dir := tree(t, [2]string{"a.jsonl", `{"instruction":"a","output":"b"}
{"instruction":"c","output":""}
{"instruction":"d","output":null}
{"instruction":"e","output":"f"}`}, [2]string{"b.jsonl", `{"conversations":[{"from":"human","value":"x"}]}
{"conversations":[]}
{"conversations":[{"from":"gpt","value":"y"}]}`})
	var got []string
	var sources []Source
	how := readOptions{source: func(s Source) { sources = append(sources, s) }}
	err := how.records(dir, func(r Record) error { got = append(got, said(r)); return nil })
	if err != nil || strings.Join(got, " ") != "u:a|a:b| u:e|a:f| a:y|" {
		t.Fatalf("%q, %v", got, err)
	}
	a, b := sources[0], sources[1]
	if a.Examples != 2 || a.LeftOut != 2 || a.LeftAt.Line != 2 || b.Examples != 1 || b.LeftOut != 2 || b.LeftAt.Line != 1 {
		t.Errorf("%+v", sources)
	}
}

// TestWeights: what has the weight 0 is never learnt, the end of its turn neither.
func TestWeights(t *testing.T) {
	path := filepath.Join(tree(t, [2]string{"a.jsonl", `{"messages":[{"role":"developer","content":"Be."},{"role":"user","content":"a"},{"role":"assistant","content":"bad","weight":0},{"role":"user","content":"c"},{"role":"assistant","content":"good","weight":1}]}`}), "a.jsonl")
	for _, c := range []struct {
		all  bool
		want string
	}{
		{false, "Be.\n\nUser: a\nAssistant: bad;\nUser: c\nAssistant:[ good;]\n"},
		{true, "[Be.\n\nUser: a\n]Assistant: bad;\n[User: c\nAssistant: good;\n]"},
	} {
		x, _, err := LoadExamples(path, token.NewBytes(), ExampleOptions{EncodeOptions: EncodeOptions{Template: builtin("plain"), End: ";", All: c.all}})
		if err != nil {
			t.Fatal(err)
		}
		tokens, learn := x.Document(0)
		var b strings.Builder
		for _, s := range Spans(token.NewBytes(), tokens, learn) {
			if s.Learn {
				s.Text = "[" + s.Text + "]"
			}
			b.WriteString(s.Text)
		}
		if got := strings.Replace(b.String(), "B[e.", "[Be.", 1); got != c.want {
			t.Errorf("all %v: %q, want %q", c.all, got, c.want)
		}
	}
	// A template that has a place for the developer.
	own, err := ParseTemplate("system \"S {content};\"\ndeveloper \"D {content};\"\nuser \"{content};\"\nassistant \"{learn}{content}{/learn}\"")
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewEncoder(token.NewBytes(), EncodeOptions{Template: own})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := e.Prompt([]Message{{System, "x"}, {Developer, "y"}, {User, "z"}})
	if got := token.NewBytes().Decode(tokens); err != nil || got != "S x;D y;z;" {
		t.Errorf("%q, %v", got, err)
	}
}
