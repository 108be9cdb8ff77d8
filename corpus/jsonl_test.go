package corpus

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/token"
)

func readAll(path string, format Format, separator string) (rs []Record, err error) {
	err = ReadRecords(path, format, separator, func(r Record) error {
		rs = append(rs, r)
		return nil
	})
	return rs, err
}

// TestJSONL reads every kind of line that is allowed.
func TestJSONL(t *testing.T) {
	ms := []Message{{System, "Be kind."}, {User, "Hi"}, {Assistant, "Hello!"}}
	for text, want := range map[string][]Record{
		`{"text": "one"}` + "\n" + `{"text": "two\nlines"}`: {{Kind: KindText, Text: "one"}, {Kind: KindText, Text: "two\nlines"}},
		"\xef\xbb\xbf" + `{"text":"é","id":7,"tags":["a",{"b":null}]}` + "\r\n\r\n  \n" + `{"text":"\u00e9 \ud83d\ude00 \\ud800"}` + "\r\n": {
			{Kind: KindText, Text: "é", ignored: []string{"id", "tags"}}, {Kind: KindText, Text: "é 😀 \\ud800", Place: Place{"", 4}}},
		`{"prompt":"2+2=","completion":"4"}`: {{Kind: KindPrompt, Prompt: "2+2=", Completion: "4"}},
		`{"completion":[{"role":"assistant","content":"Hello!"}],"prompt":[{"role":"system","content":"Be kind."},{"content":"Hi","role":"user"}]}`: {
			{Kind: KindPrompt, Messages: ms, Given: 2}},
		`{"messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello!"}]}`: {{Kind: KindMessages, Messages: ms}},
		`{"text":"x","label":1}`: {{Kind: KindText, Text: "x", ignored: []string{"label"}}},
	} {
		path := filepath.Join(t.TempDir(), "a.jsonl")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := readAll(path, FormatAuto, "")
		for i := range got {
			got[i].layout, got[i].used = nil, nil // TestLayouts
		}
		for i := range want {
			if want[i].Place.File = path; want[i].Place.Line == 0 {
				want[i].Place.Line = i + 1
			}
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%+v, %v, want\n%+v", text, got, err, want)
		}
	}
}

// badLines are lines that are refused, each with what must be said beside file and line.
var badLines = map[string]string{
	``:                                     "",
	`{"text": "caf` + "\xe9" + `"}`:        "byte 0xe9 at column 14 is not UTF-8: convert the file",
	`{"text": "a` + "\x00" + `"}`:          "a NUL byte at column 12",
	`{"text": "a\u0000b"}`:                 `field "text" has a NUL character at offset 1`,
	`{"text": "\ud83d"}`:                   `\ud83d at column 11 is half a character`,
	`{"text": "\ude00\ud83d"}`:             `\ude00 at column 11 is half a character`,
	`{"\ud83d": 1}`:                        `\ud83d at column 3 is half a character`,
	`{"text": "a"`:                         "the line ends inside of a value",
	`{"text": "a`:                          "the line ends inside of a value",
	`{"text": `:                            "the line ends inside of a value",
	`{"a": [1, {"b": `:                     "the line ends inside of a value",
	`Once upon a time`:                     "not JSON at column",
	`{'text': 'a'}`:                        "not JSON at column 2",
	`{"text": "a",}`:                       "not JSON at column 14",
	`{"text" "a"}`:                         "not JSON at column 9",
	`{"text": NaN}`:                        "not JSON at column 10",
	`{"x": {"y": nil}}`:                    "not JSON at column 14",
	`{"x": [1 2]}`:                         "not JSON at column 10",
	`{1: 2}`:                               "not JSON at column 2",
	`{"text": "a	b"}`:                      "not JSON at column 12",
	`{"text": "a"} {"text": "b"}`:          "something follows the object, at column 15",
	`{"text": "a"} x`:                      "something follows the object, at column 15",
	`"text"`:                               "the line is a string: it must be an object",
	`12`:                                   "the line is the number 12: it must be an object",
	`true`:                                 "the line is true: it must be an object",
	`null`:                                 "the line is missing or null: it must be an object",
	`{"text": "a", "text": "b"}`:           `field "text" is there twice (column 20)`,
	`{"text": "a", "x": {"y": 1, "y": 1}}`: `field "y" is there twice (column 31)`,
	`{}`:                                   `the fields are none: there must be "text"`,
	`{"content": "a", "n": 1}`:             `the fields are "content", "n": there must be "text"`,
	`{"text": "a", "messages": [1]}`:       `there must be only one of "text"`,
	`{"text": "a", "prompt": "b"}`:         `there must be only one of "text"`,
	`{"text": 7}`:                          `field "text" is the number 7: it must be a string`,
	`{"text": null}`:                       `field "text" is missing or null: it must be a string`,
	`{"text": ["a"]}`:                      `field "text" is a list: it must be a string`,
	`{"text": {}}`:                         `field "text" is an object: it must be a string`,
	`{"text": false}`:                      `field "text" is false: it must be a string`,
	`{"text": ""}`:                         `field "text" is "": there is nothing to read in it`,
	`{"text": " \n"}`:                      `field "text" is " \n": there is nothing to read in it`,

	`{"prompt": "a"}`:                                                                              `field "completion" is missing or null beside "prompt"`,
	`{"completion": "a"}`:                                                                          `field "prompt" is missing or null beside "completion"`,
	`{"prompt": "a", "completion": 3}`:                                                             `field "completion" is the number 3`,
	`{"prompt": 3, "completion": "a"}`:                                                             `field "prompt" is the number 3`,
	`{"prompt": "a", "completion": ""}`:                                                            `field "completion" is "": there is nothing`,
	`{"prompt": "a", "completion": []}`:                                                            `field "completion" is a list: it must be a string`,
	`{"prompt": [{"role":"user","content":"a"}], "completion": "b"}`:                               `field "completion" is a string and "prompt" a list`,
	`{"prompt": [], "completion": [{"role":"assistant","content":"a"}]}`:                           `field "prompt" has no messages`,
	`{"prompt": [{"role":"user","content":"a"}], "completion": [7]}`:                               `field "completion[0]" is the number 7`,
	`{"prompt": [{"role":"user","content":"a"}], "completion": [{"role":"user","content":"b"}]}`:   `field "completion": no message has the role "assistant"`,
	`{"prompt": [{"role":"user","content":"a"}], "completion": [{"role":"system","content":"b"}]}`: `field "completion[0].role": a system message belongs into the prompt`,
	`{"prompt": "a", "completion": "b", "label": false}`:                                           `field "label": judged answers are not supported`,
	`{"prompt": "a", "chosen": "b", "rejected": "c"}`:                                              `field "chosen": preferences between two answers are not supported`,
	`{"rejected": "c"}`:                                                                            `field "rejected": preferences`,
	`{"messages": [], "tools": [1]}`:                                                               `field "tools": calls of tools are not supported`,
	`{"text": "a", "functions": [1]}`:                                                              `field "functions": calls of functions`,
	`{"text": "a", "images": [1]}`:                                                                 `field "images": images are not supported`,
	`{"messages": "a"}`:                                                                            `field "messages" is a string: it must be a list of messages`,
	`{"messages": []}`:                                                                             `field "messages" has no messages`,
	`{"messages": ["a"]}`:                                                                          `field "messages[0]" is a string: a message is an object`,
	`{"messages": [{"role":"user"}]}`:                                                              `field "messages[0].content" is missing or null`,
	`{"messages": [{"content":"a"}]}`:                                                              `field "messages[0].role" is missing or null`,
	`{"messages": [{"role":"user","content":null}]}`:                                               `field "messages[0].content" is missing or null`,
	`{"messages": [{"role":"user","content":[{"type":"text"}]}]}`:                                  `field "messages[0].content" is a list: it must be a string`,
	`{"messages": [{"role":"user","content":" "}]}`:                                                `field "messages[0].content" is " ": there is nothing`,
	`{"messages": [{"role":"user","content":"\u0000"}]}`:                                           `field "messages[0].content" has a NUL character`,
	`{"messages": [{"role":"bot","content":"a"}]}`:                                                 `field "messages[0].role" is "bot": it must be system, developer, user or assistant`,
	`{"messages": [{"role":"user","content":"a","name":"Ann"}]}`:                                   `field "messages[0].name": a message has role, content and weight only`,
	`{"messages": [{"role":"assistant","tool_calls":[1]}]}`:                                        `field "messages[0].tool_calls": a message has role, content and weight only`,
	`{"messages": [{"role":"user","content":"a"}]}`:                                                `field "messages": no message has the role "assistant"`,
	`{"messages": [{"role":"user","content":"a"},{"role":"system","content":"b"}]}`:                `field "messages[1].role": a system message must be the first`,
}

func TestJSONLRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	good := map[string]string{"text": `{"text":"fine"}`, "prompt": `{"prompt":"a","completion":"b"}`, "messages": `{"messages":[{"role":"assistant","content":"a"}]}`}
	for line, says := range badLines {
		if line == "" {
			continue
		}
		for _, first := range good {
			if err := os.WriteFile(path, []byte(first+"\n\n"+line+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := readAll(path, FormatJSONL, "")
			if err == nil || !strings.Contains(err.Error(), says) || !strings.HasPrefix(err.Error(), "read examples: "+path+":3: ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s:\n%v, want %q", line, err, says)
			}
		}
	}
}

// TestFilesRefused are files that are wrong as a whole.
func TestFilesRefused(t *testing.T) {
	for _, c := range []struct{ name, content, says string }{
		{"a.jsonl", "", "a.jsonl: the file is empty"},
		{"a.jsonl", "\n \n", "a.jsonl: the file holds no examples"},
		{"a.json", "[\n{\"text\":\"a\"}", "a.json:2: the file ends inside of the list: it was cut short"},
		{"a.json", "[{\"text\":\"a\"},\n7]", "a.json:2: element 1 of the list is the number 7"},
		{"a.json", "[{\"text\":\"a\"},\n]", "a.json:2: element 1 of the list is empty"},
		{"a.json", "[{\"text\":\"a\"}] x", "a.json:1: 'x' follows the list"},
		{"a.json", "[ ]", "a.json: the file holds no examples: the list is empty"},
		{"a.json", "[{\"text\":\"a\"},\n\n{\"text\":5}]", "a.json:3: field \"text\" is the number 5"},
		{"a.json", "[{\"text\":\"a\"},{\"text\":\"b]", "a.json:1: the file ends inside of the list"},
		{"a.csv", "prompt,answer\na,b\n", "a.csv:2: field \"completion\" is missing or null"},
		{"a.csv", "question,answer\na,b\n", "a.csv:2: the fields are \"question\", \"answer\": there must be"},
		{"a.csv", "prompt,completion\na,b\na,b,c\n", "a.csv:3: the row has another number of values than the 2 names of line 1"},
		{"a.csv", "prompt,completion\na,b\na \"b,c\n", "a.csv:3: a quotation mark inside of a value, at byte 3"},
		{"a.csv", "prompt,completion\na,b\na,\"c\nd,e\n", "a.csv:3: a quotation mark opens a value that ends nowhere"},
		{"a.csv", "prompt,completion\na,b\na,\xe9\n", "a.csv:3: the value at byte 3 of the line is not UTF-8"},
		{"a.csv", "prompt,completion,prompt\na,b,c\n", "a.csv:1: column \"prompt\" is there twice"},
		{"a.csv", "prompt,completion\n", "a.csv: the file holds no examples: there is nothing below"},
		{"a.csv", "prompt,completion\na,\n,b\n", "a.csv: of 2 examples none has anything"},
		{"a.csv", "prompt,completion\na,b\x00\n", "a.csv:2: field \"completion\" has a NUL character"},
		{"a.json", "{\n\"text\": \"a\"\n}", "a.json:1: an object over several lines"},
		{"a.jsonl", "\xff\xfe{\x00", "a.jsonl:1: the byte order mark of UTF-16"},
		{"a.jsonl", "\xfe\xff\x00{", "a.jsonl:1: the byte order mark of UTF-16"},
		{"a.jsonl", "\x1f\x8b\x08", "a.jsonl: the gzip file cannot be unpacked: unexpected EOF: fetch it again"},
		{"a.jsonl", "{\"text\":\"a\"}\n{\"prompt\":\"a\",\"completion\":\"b\"}", "a.jsonl:2: the example is of kind completion, and that of line 1 of kind text: put them into two files"},
		{"a.parquet", "PAR1", "a.parquet: the Parquet file"},
		{"a.txt", " \n\n", "a.txt: the file holds white space only"},
		{"a.txt", "a\x00", "a.txt: a NUL byte at offset 1"},
		{"a.txt", "caf\xe9", "a.txt: byte 0xe9 at offset 3"},
	} {
		path := filepath.Join(tree(t, [2]string{c.name, c.content}), c.name)
		_, err := readAll(path, FormatAuto, "<|endoftext|>")
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s %q: %v, want %q", c.name, c.content, err, c.says)
		}
	}
	dir := tree(t, [2]string{"a.jsonl", `{"text":"a"}`}, [2]string{"b.jsonl", "\n" + `{"prompt":"a","completion":"b"}`})
	if _, err := readAll(dir, FormatAuto, ""); err == nil || !strings.Contains(err.Error(), "b.jsonl:2: the example is of kind completion, and that of "+filepath.Join(dir, "a.jsonl")+":1 of kind text") {
		t.Errorf("two kinds in a directory: %v", err)
	}
	dir = tree(t, [2]string{"README.md", "Hello"}, [2]string{"b.jsonl", `{"messages":[{"role":"assistant","content":"a"}]}`})
	if _, err := readAll(dir, FormatAuto, ""); err == nil || !strings.Contains(err.Error(), "README.md of kind text: put them into two directories") {
		t.Errorf("a README beside: %v", err)
	}
	for path, says := range map[string]string{t.TempDir(): "holds no files", filepath.Join(t.TempDir(), "absent"): "no such file"} {
		if _, err := readAll(path, FormatAuto, ""); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := readAll(dir, "xml", ""); err == nil || !strings.Contains(err.Error(), `the format is "xml": choose one of [text`) {
		t.Errorf("an unknown format: %v", err)
	}
	stop := errors.New("stop")
	err := ReadRecords(filepath.Join(dir, "b.jsonl"), FormatAuto, "", func(Record) error { return stop })
	if !errors.Is(err, stop) || !strings.Contains(err.Error(), "b.jsonl:1: stop") {
		t.Errorf("an error of the receiver: %v", err)
	}
	err = ReadRecords(filepath.Join(dir, "README.md"), FormatAuto, "", func(Record) error { return stop })
	if !errors.Is(err, stop) || !strings.Contains(err.Error(), "README.md: stop") {
		t.Errorf("an error of the receiver: %v", err)
	}
}

// endless gives the same bytes again and again.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	for i := range p[:n] {
		p[i] = 'x'
	}
	e.left -= n
	return n, nil
}

// TestHugeLine: a line of a gigabyte is refused after 64 MiB, a disk that fails is said.
func TestHugeLine(t *testing.T) {
	in := &endless{1 << 30}
	err := readJSONL(in, "a.jsonl", &collector{each: func(Record) error { return nil }})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("a.jsonl:1: the line has more than %d bytes: write one example a line", maxLine)) {
		t.Errorf("%v", err)
	}
	if read := 1<<30 - in.left; read > maxLine+1<<20 {
		t.Errorf("%d bytes were read", read)
	}
	broken := errors.New("input/output error")
	if err := readJSONL(io.MultiReader(strings.NewReader("{}"), failing{broken}), "a.jsonl", &collector{each: func(Record) error { return nil }}); !errors.Is(err, broken) || !strings.Contains(err.Error(), "a.jsonl:1: ") {
		t.Errorf("%v", err)
	}
}

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }

// TestDocuments divides text files.
func TestDocuments(t *testing.T) {
	for _, c := range []struct {
		text, separator string
		want            []Record
	}{
		{"One\nTwo\n", "<|endoftext|>", []Record{{Text: "One\nTwo\n"}}},
		{"One\n<|endoftext|>Two\n\n<|endoftext|>\n\n<|endoftext|>\n\nThree", "<|endoftext|>", []Record{
			{Text: "One\n", Place: Place{Line: 1}}, {Text: "Two\n\n", Place: Place{Line: 2}}, {Text: "\n\nThree", Place: Place{Line: 8}}}},
		{"One.\r\n\r\nTwo.\n\nThree.", "\n\n", []Record{{Text: "One.", Place: Place{Line: 1}}, {Text: "Two.", Place: Place{Line: 3}}, {Text: "Three.", Place: Place{Line: 5}}}},
		{"a<|endoftext|>b", "", []Record{{Text: "a<|endoftext|>b"}}},
		{`{"a":1}` + "\nb", "", []Record{{Text: `{"a":1}` + "\nb"}}},
	} {
		path := filepath.Join(tree(t, [2]string{"a.txt", c.text}), "a.txt")
		for i := range c.want {
			c.want[i].Kind, c.want[i].Place.File = KindText, path
		}
		got, err := readAll(path, FormatAuto, c.separator)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %+v, %v", c.text, got, err)
		}
	}
}

// TestIsExamples: JSON Lines, or a text with marks that the tokenizer knows.
func TestIsExamples(t *testing.T) {
	for text, want := range map[string][2]bool{`{"text":"a"}`: {true, true}, "a<|endoftext|>b": {true, false}, "a": {false, false}, "a\x00<|endoftext|>": {false, false}} {
		path := filepath.Join(tree(t, [2]string{"a", text}), "a")
		if got := [2]bool{IsExamples(path, Mark(token.GPT2()), nil), IsExamples(path, "", nil)}; got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if IsExamples(filepath.Join(t.TempDir(), "absent"), Mark(token.GPT2()), nil) {
		t.Error("a file that is not there")
	}
}

// TestDetect: the name decides, else the first line; the caller may say otherwise.
func TestDetect(t *testing.T) {
	line := `{"text":"a"}`
	for name, want := range map[string]string{"a.jsonl": "a", "a.ndjson": "a", "a.JSON": "a", "a.txt": "a", "plain": "a"} {
		path := filepath.Join(tree(t, [2]string{name, "\xef\xbb\xbf" + line + "\n"}), name)
		got, err := readAll(path, FormatAuto, "")
		if err != nil || len(got) != 1 || got[0].Text != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		got, err = readAll(path, FormatText, "")
		if err != nil || got[0].Text != line+"\n" {
			t.Errorf("%s as text: %+v, %v", name, got, err)
		}
	}
}
