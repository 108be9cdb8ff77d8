package corpus

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/token"
)

// badTemplates are templates with one thing wrong, and what must be said.
var badTemplates = map[string]string{
	"":                                                  "the key user is missing",
	"user \"{content}\"":                                "the key assistant is missing",
	"user {content}":                                    `line 1: after the key "user" there must be a text in double quotes`,
	"user":                                              `line 1: after the key "user" there must be`,
	"# \n\nuser \"{content}":                            `line 3: after the key "user"`,
	`user "\q{content}"`:                                `line 1: after the key "user"`,
	"tool \"{content}\"":                                "line 1: tool: there is no such key: choose begin, default, system, developer, first, user, assistant or end",
	"user \"{content}\"\nuser \"{content}\"":            `line 2: the key "user" is there twice`,
	"user \"User:\"":                                    "line 1: user: {content} is there 0 times",
	"user \"{content}{content}\"":                       "line 1: user: {content} is there 2 times",
	"begin \"{content}\"":                               "line 1: begin: {content} belongs into the text of a role",
	"end \"{learn}a{/learn}\"":                          "line 1: end: {learn} belongs into the text of the assistant",
	"user \"{learn}{content}{/learn}\"":                 "line 1: user: what the assistant writes must be between",
	"user \"{learn}a{/learn}{content}\"":                "line 1: user: {learn} belongs into the text of the assistant",
	"assistant \"{content}\"":                           "line 1: assistant: what the assistant writes must be between {learn} and {/learn}",
	"assistant \"{learn}a{/learn}{content}\"":           "line 1: assistant: what the assistant writes must be between",
	"assistant \"{learn}{content}\"":                    "line 1: assistant: {learn} without {/learn}",
	"assistant \"{content}{/learn}\"":                   "line 1: assistant: {/learn} is out of place",
	"assistant \"{learn}{learn}{content}\"":             "line 1: assistant: {learn} is out of place",
	"assistant \"{learn}{content}{/learn}{learn}\"":     "line 1: assistant: {learn} is out of place",
	"user \"{boss}{content}\"":                          `line 1: user: "{boss}" is not a place`,
	"user \"{system}{content}\"":                        "line 1: user: {system} belongs into the text of first",
	"first \"{content}\"":                               "line 1: first: {system} belongs into the text of first",
	"user \"{no_think}{content}\"":                      "line 1: user: {no_think} belongs into the text of the assistant",
	"assistant \"{learn}{no_think}{content}{/learn}\"":  "line 1: assistant: {no_think} belongs into the text of the assistant",
	"default \"x\"\nuser \"{content}\"":                 "the key default is there, and the key system is missing",
	"system \"{content}\"\nfirst \"{system}{content}\"": "the keys first and system are there",
	"jinja \"{{ x\"":                                    "line 1: line 1: a tag without its end }}",
	"jinja \"{% for m in messages %}{{ m.role }}: {{ m.content }}.{% endfor %}\"\nuser \"{content}\"": "beside the key jinja there is no other",
	"user \"{content\"":    "line 1: user: a brace '{' without its other",
	"user \"content}\"":    "line 1: user: a brace '}' without its other",
	"user \"{{content}}\"": "line 1: user: {content} is there 0 times",
}

func TestTemplatesRefused(t *testing.T) {
	for text, says := range badTemplates {
		got, err := ParseTemplate(text)
		if err == nil || !strings.HasPrefix(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %+v, %v, want %q", text, got, err, says)
		}
	}
	path := filepath.Join(t.TempDir(), "mine.template")
	if _, err := LoadTemplate(path); err == nil || !strings.Contains(err.Error(), "it is neither one of plain, chatml, instruction, qwen2") {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("user \"x\""), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadTemplate(path); err == nil || !strings.Contains(err.Error(), path+": line 1: user") {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("# mine\nuser `{content}`\nassistant \"{learn}{content}{/learn}\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := LoadTemplate(path); err != nil || got.Name != path {
		t.Error(got, err)
	}
}

func TestBuiltinTemplates(t *testing.T) {
	for _, name := range Templates() {
		got, err := LoadTemplate(name)
		source, ok := TemplateSource(name)
		if err != nil || got.Name != name || !ok || !strings.Contains(source, "{learn}") || got.roles[User] == nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	entries, err := templateFiles.ReadDir("templates")
	if err != nil || len(entries) != len(Templates()) {
		t.Errorf("%d files of templates for %d names, %v", len(entries), len(Templates()), err)
	}
	if _, ok := TemplateSource("absent"); ok {
		t.Error("a template that is not there")
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		builtin("absent")
	}()
}

func TestStop(t *testing.T) {
	for name, want := range map[string]string{"plain": "", "chatml": "<|im_end|>", "instruction": ""} {
		if got := builtin(name).Stop(); got != want {
			t.Errorf("%s stops at %q", name, got)
		}
	}
	for assistant, want := range map[string]string{
		"{eos}A{learn}{content}.{/learn}{eos}": ".",
		"A{learn}>{content}.{/learn}\n":        ".",
		"A{learn}{content}.{eos}{/learn}\n":    "",
	} {
		template, err := ParseTemplate("user \"{content}\"\nassistant " + strconv.Quote(assistant))
		if err != nil {
			t.Fatal(err)
		}
		if got := template.Stop(); got != want {
			t.Errorf("%s stops at %q", assistant, got)
		}
	}
}

// FuzzTemplate: a template that is accepted can write a conversation, in which
// something is learnt and nothing but what the assistant's text encloses.
func FuzzTemplate(f *testing.F) {
	for text := range badTemplates {
		f.Add(text)
	}
	for _, name := range Templates() {
		text, _ := TemplateSource(name)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		template, err := ParseTemplate(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		if template.program == nil { // a program may write of a conversation what it likes
			checkTemplate(t, template)
		}
	})
}

func checkTemplate(t *testing.T, template *Template) {
	x := encoded(t, token.NewBytes(), EncodeOptions{Template: template}, Record{Kind: KindMessages, Messages: []Message{{User, "question"}, {Assistant, "answer"}}})
	tokens, learn := x.Document(0)
	var learnt []byte
	for i, l := range learn {
		if l {
			learnt = append(learnt, byte(tokens[i]))
		}
	}
	all := token.NewBytes().Decode(tokens)
	if !strings.Contains(all, "question") || !strings.Contains(all, "answer") || !strings.Contains(string(learnt), "nswer") || strings.Contains(string(learnt), "question") {
		t.Errorf("%q, of which %q is learnt", all, learnt)
	}
}
