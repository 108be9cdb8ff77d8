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

// A Template says how a conversation is written as text, and which of the text is
// learnt. It is data: a file of lines, each a key and a Go string literal.
//
//	# a comment
//	begin     "before the first message"
//	system    "{content}\n\n"
//	user      "User: {content}\n"
//	assistant "Assistant:{learn} {content}{eos}{/learn}\n"
//	end       "after the last message"
//
// In the text of a role {content} stands for that of the message. In that of the
// assistant, {learn} and {/learn} enclose what is learnt: the content, and what shows
// that it has ended. {eos} is the tokenizer's token for the end of a text, {{ and }}
// are braces. What is written in the template may name special tokens; what is
// written in a message never does. The keys user and assistant are required; what a
// developer says is written as what the system says where there is no key developer.
type Template struct {
	Name string

	begin, end []fragment
	roles      map[string][]fragment
}

// A fragment is a piece of a template: text, or a place for something.
type fragment struct {
	is    fragmentKind
	text  string
	learn bool
}

type fragmentKind int

const (
	isText fragmentKind = iota
	isContent
	isEOS
)

// Names of the templates that are built in, the default first.
var templateNames = []string{"plain", "chatml", "instruction"}

//go:embed templates
var templateFiles embed.FS

// Templates are the names of the templates that are built in; the first is the one
// that conversations have when none is chosen.
func Templates() []string { return slices.Clone(templateNames) }

// LoadTemplate returns the template of a name that is built in, or reads the one in
// a file.
func LoadTemplate(nameOrPath string) (*Template, error) {
	if slices.Contains(templateNames, nameOrPath) {
		return builtin(nameOrPath), nil
	}
	data, err := readSmall(nameOrPath, maxTemplate)
	if err != nil {
		return nil, fmt.Errorf("load template %q: it is neither one of %s nor a file: %w", nameOrPath, strings.Join(templateNames, ", "), bare(err))
	}
	t, err := ParseTemplate(string(data))
	if err != nil {
		return nil, fmt.Errorf("load template %s: %w", nameOrPath, err)
	}
	t.Name = nameOrPath
	return t, nil
}

// maxTemplate is the most bytes of a template; those that are built in have a few hundred.
const maxTemplate = 64 << 10

// readSmall reads a file of at most so many bytes.
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

// builtin is a template that is known to be right.
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

// TemplateSource is the text of a template that is built in, to begin one's own with.
func TemplateSource(name string) (string, bool) {
	data, err := templateFiles.ReadFile("templates/" + name + ".template")
	return string(data), err == nil
}

// Stop is the text by which the assistant's turn ends, where a sampler can stop, or
// "" if it ends with the tokenizer's end-of-text token.
func (t *Template) Stop() string {
	var b strings.Builder
	after := false
	for _, f := range t.roles[Assistant] {
		if f.is == isContent {
			after = true
		} else if after && f.learn && f.is == isEOS {
			return ""
		} else if after && f.learn {
			b.WriteString(f.text)
		}
	}
	return b.String()
}

// RecognizeTemplate tells which of the built-in templates a chat template of Hugging
// Face's form looks like, by the marks in its text. Such templates are programs
// (Jinja); they are never executed here.
func RecognizeTemplate(jinja string) (name string, ok bool) {
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

// set stores what a key stands for.
func (t *Template) set(key string, fs []fragment) error {
	contents, learnt := 0, false
	for _, f := range fs {
		if f.is == isContent {
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

// parseFragments divides a text at its braces.
func parseFragments(text string) (fs []fragment, err error) {
	learn, closed := false, false
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			fs = append(fs, fragment{isText, plain.String(), learn})
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
			fs = append(fs, fragment{isContent, "", learn})
		case name == "{eos}":
			fs = append(fs, fragment{isEOS, "", learn})
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
