package corpus

import (
	"embed"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A Template says how a conversation is written as text, and which part of the text is
// learnt. It is data: a file of lines, each with a key and a Go string literal.
//
//	# a comment
//	begin     "before the first message"
//	system    "{content}\n\n"
//	user      "User: {content}\n"
//	assistant "Assistant:{learn} {content}{eos}{/learn}\n"
//	end       "after the last message"
//
// In the text of a role, {content} is replaced by the content of the message. In the text of
// the assistant, {learn} and {/learn} enclose the part that is learnt: the content, and the
// end of the answer. {eos} is the tokenizer's end-of-text token; {{ and }} are braces. The
// text of a template may contain special tokens; the same text in a message is ordinary
// text. The keys user and assistant are required. Without the key developer, messages of the
// developer are written with the text of system.
type Template struct {
	Name string // built-in name, or path of the file

	begin, end []fragment
	roles      map[string][]fragment
}

// A fragment is a piece of a template: text, {content} or {eos}.
type fragment struct {
	kind  fragmentKind
	text  string
	learn bool
}

type fragmentKind int

const (
	textFragment fragmentKind = iota
	contentFragment
	eosFragment
)

// templateNames are the names of the built-in templates, the default first.
var templateNames = []string{"plain", "chatml", "instruction"}

//go:embed templates
var templateFiles embed.FS

// Templates lists the names of the built-in templates; the first is the default.
func Templates() []string { return slices.Clone(templateNames) }

// LoadTemplate returns a built-in template by its name, or reads a template from a file.
func LoadTemplate(nameOrPath string) (*Template, error) {
	if slices.Contains(templateNames, nameOrPath) {
		return builtin(nameOrPath), nil
	}
	data, err := readSmall(nameOrPath, maxTemplate)
	if err != nil {
		return nil, fmt.Errorf("load template %q: it is neither one of %s nor a file: %w", nameOrPath, strings.Join(templateNames, ", "), withoutPath(err))
	}
	t, err := ParseTemplate(string(data))
	if err != nil {
		return nil, fmt.Errorf("load template %s: %w", nameOrPath, err)
	}
	t.Name = nameOrPath
	return t, nil
}

// maxTemplate is the largest size of a template in bytes; built-in ones have a few hundred.
const maxTemplate = 64 << 10

// readSmall reads a file of at most most bytes.
func readSmall(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("it has more than %d bytes", most)
	}
	return data, err
}

// builtin returns a built-in template.
func builtin(name string) *Template {
	data, err := templateFiles.ReadFile("templates/" + name + ".template")
	if err != nil {
		panic("corpus: " + err.Error())
	}
	t, err := ParseTemplate(string(data))
	if err != nil {
		panic("corpus: template " + name + ": " + err.Error())
	}
	t.Name = name
	return t
}

// TemplateSource is the text of a built-in template, for example as a start for another one.
func TemplateSource(name string) (string, bool) {
	data, err := templateFiles.ReadFile("templates/" + name + ".template")
	return string(data), err == nil
}

// Stop is the text that ends the assistant's message, at which a sampler stops; "" if the
// tokenizer's end-of-text token ends it.
func (t *Template) Stop() string {
	var b strings.Builder
	after := false
	for _, f := range t.roles[Assistant] {
		if f.kind == contentFragment {
			after = true
		} else if after && f.learn && f.kind == eosFragment {
			return ""
		} else if after && f.learn {
			b.WriteString(f.text)
		}
	}
	return b.String()
}

// recognizeTemplate finds the built-in template that has the marks of a chat template in
// Hugging Face's form. Such a template is a program in Jinja and is not executed here.
func recognizeTemplate(jinja string) (name string, ok bool) {
	if strings.Contains(jinja, "<|im_start|>") && strings.Contains(jinja, "<|im_end|>") {
		return "chatml", true
	}
	return "", false
}

// ParseTemplate reads the text of a template. The error names the line.
func ParseTemplate(text string) (*Template, error) {
	t := &Template{roles: map[string][]fragment{}}
	seen := map[string]bool{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, quoted, _ := strings.Cut(line, " ")
		literal, err := strconv.Unquote(strings.TrimSpace(quoted))
		if err != nil {
			return nil, fmt.Errorf("line %d: after the key %.20q there must be a text in double quotes, such as %s", n, key, `"User: {content}\n"`)
		}
		if seen[key] {
			return nil, fmt.Errorf("line %d: the key %.20q is there twice", n, key)
		}
		seen[key] = true
		fs, err := parseFragments(literal)
		if err == nil {
			err = t.set(key, fs)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", n, shorten(key), err)
		}
	}
	for _, key := range []string{User, Assistant} {
		if !seen[key] {
			return nil, fmt.Errorf("the key %s is missing", key)
		}
	}
	return t, nil
}

// set checks and stores the fragments of a key.
func (t *Template) set(key string, fs []fragment) error {
	contents, learnt := 0, false
	for _, f := range fs {
		if f.kind == contentFragment {
			contents++
			learnt = learnt || f.learn
		} else if f.learn && key != Assistant {
			return fmt.Errorf("{learn} belongs into the text of the assistant")
		}
	}
	switch key {
	case "begin", "end":
		if contents > 0 {
			return fmt.Errorf("{content} belongs into the text of a role")
		}
		if key == "begin" {
			t.begin = fs
		} else {
			t.end = fs
		}
		return nil
	case System, Developer, User, Assistant:
		if contents != 1 {
			return fmt.Errorf("{content} is there %d times: it must be once", contents)
		}
		if learnt != (key == Assistant) {
			return fmt.Errorf("what the assistant writes must be between {learn} and {/learn}, and nothing else")
		}
		t.roles[key] = fs
		return nil
	}
	return fmt.Errorf("there is no such key: choose begin, system, developer, user, assistant or end")
}

// parseFragments divides a text at {content}, {learn}, {/learn} and {eos}.
func parseFragments(text string) (fs []fragment, err error) {
	learn, closed := false, false
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			fs = append(fs, fragment{textFragment, plain.String(), learn})
			plain.Reset()
		}
	}
	for text != "" {
		i := strings.IndexAny(text, "{}")
		if i < 0 {
			i = len(text)
		}
		plain.WriteString(text[:i])
		if text = text[i:]; text == "" {
			break
		}
		if strings.HasPrefix(text, "{{") || strings.HasPrefix(text, "}}") {
			plain.WriteByte(text[0])
			text = text[2:]
			continue
		}
		j := strings.IndexByte(text, '}')
		if text[0] == '}' || j < 0 {
			return nil, fmt.Errorf("a brace %q without its other: write it twice if a brace is meant", text[0])
		}
		name := text[:j+1]
		text = text[j+1:]
		flush()
		switch {
		case name == "{content}":
			fs = append(fs, fragment{contentFragment, "", learn})
		case name == "{eos}":
			fs = append(fs, fragment{eosFragment, "", learn})
		case name == "{learn}" && !learn && !closed:
			learn = true
		case name == "{/learn}" && learn:
			learn, closed = false, true
		case name == "{learn}" || name == "{/learn}":
			return nil, fmt.Errorf("%s is out of place: there is one {learn}, and one {/learn} after it", name)
		default:
			return nil, fmt.Errorf("%.20q is not a place: there are {content}, {learn}, {/learn} and {eos}", name)
		}
	}
	flush()
	if learn {
		return nil, fmt.Errorf("{learn} without {/learn}")
	}
	return fs, nil
}
