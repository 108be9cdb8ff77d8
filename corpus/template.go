package corpus

import (
	"embed"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
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
//	default   "content of the system message where a conversation has none"
//	first     "[{system}] {content}"
//
// In the text of a role, {content} is replaced by the content of the message, {trimmed} by
// the same without white space around it, {end_trimmed} without any at its end. In the text of the assistant, {learn} and {/learn}
// enclose the part that is learnt: the content, and the end of the answer; {no_think} before
// them is an empty block of thoughts, <think>\n\n</think>\n\n, unless the content begins with
// <think>. {eos} and {bos} are the tokenizer's end-of-text and beginning-of-text tokens; {{
// and }} are braces. The text of a template may contain special tokens; the same text in a
// message is ordinary text. The keys user and assistant are required. Without the key
// developer, messages of the developer are written with the text of system. Without the key
// system, the key first is the text of the user's first message together with the system
// message before it. With begin "", or one that begins with {bos}, the template alone says
// how a conversation begins: [EncodeOptions].Begin does not stand before it.
//
// A template may also be a chat template in Jinja, as it comes with a model ([ParseTemplate]
// with the key jinja, a file called NAME.jinja, [DefaultTemplate]). What is learnt of it is
// found by rendering the conversation up to an answer and with the answer.
type Template struct {
	Name string // built-in name, or path of the file

	begin, end []fragment
	whole      bool    // the template says how a conversation begins
	fallback   *string // content of the system message where there is none; nil = none is written
	roles      map[string][]fragment
	program    *program // a chat template in Jinja, in place of all the others; or nil
}

// A fragment is a piece of a template: text, or a place.
type fragment struct {
	kind  fragmentKind
	text  string
	learn bool
}

type fragmentKind int

const (
	textFragment fragmentKind = iota
	contentFragment
	trimmedFragment
	endTrimmedFragment
	systemFragment
	noThinkFragment
	bosFragment
	eosFragment
)

// first is the key of the user's first message together with the system message.
const first = "first"

// places are the names of the fragments that are no text.
var places = map[fragmentKind]string{
	contentFragment: "{content}", trimmedFragment: "{trimmed}", endTrimmedFragment: "{end_trimmed}", systemFragment: "{system}", noThinkFragment: "{no_think}", bosFragment: "{bos}", eosFragment: "{eos}",
}

// noThoughts is an empty block of thoughts, as Qwen3 has it before an answer without any.
const thoughts, noThoughts = "<think>", "<think>\n\n</think>\n\n"

// isContent reports whether the content of the message stands at f.
func (f fragment) isContent() bool {
	return f.kind == contentFragment || f.kind == trimmedFragment || f.kind == endTrimmedFragment
}

// templateNames are the names of the built-in templates, the default first.
var templateNames = []string{
	"plain", "chatml", "instruction",
	"qwen2", "qwen2.5", "qwen3", "smollm2", "llama2", "llama3", "llama3.1", "mistral", "mistral-v1", "mistral-v3", "mistral-nemo", "mistral-v7", "zephyr", "gemma", "gemma3",
}

//go:embed templates
var templateFiles embed.FS

// Templates lists the names of the built-in templates; the first is the default.
func Templates() []string { return slices.Clone(templateNames) }

// llamaDate is the date in the template llama3.1, that of Llama's own.
const llamaDate = "26 Jul 2024"

// LoadTemplate returns a built-in template by its name, or reads a template from a file; one
// called NAME.jinja is a program in Jinja. "llama3.1:DATE" is llama3.1 with another date in
// its system text, such as "llama3.1:02 Jan 2026".
func LoadTemplate(nameOrPath string) (*Template, error) {
	if slices.Contains(templateNames, nameOrPath) {
		return builtin(nameOrPath), nil
	}
	if date, ok := strings.CutPrefix(nameOrPath, "llama3.1:"); ok {
		if _, err := time.Parse("02 Jan 2006", date); err != nil {
			return nil, fmt.Errorf("load template %q: the date must be as in llama3.1:%s", nameOrPath, llamaDate)
		}
		source, _ := TemplateSource("llama3.1")
		t, err := ParseTemplate(strings.Replace(source, llamaDate, date, 1))
		if err == nil {
			t.Name = nameOrPath
		}
		return t, err
	}
	data, err := readSmall(nameOrPath, maxTemplate)
	if err != nil {
		return nil, fmt.Errorf("load template %q: it is neither one of %s nor a file: %w", nameOrPath, strings.Join(templateNames, ", "), withoutPath(err))
	}
	var t *Template
	if strings.HasSuffix(nameOrPath, ".jinja") {
		t, err = newProgram(string(data))
	} else {
		t, err = ParseTemplate(string(data))
	}
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
	if t.program != nil {
		return t.program.stop
	}
	var b strings.Builder
	after := false
	for _, f := range t.roles[Assistant] {
		if f.isContent() {
			after = true
		} else if after && f.learn && f.kind == eosFragment {
			return ""
		} else if after && f.learn {
			b.WriteString(f.text)
		}
	}
	return b.String()
}

// Answer is the content of the assistant's message of which a network wrote text after a
// prompt: without what the template itself writes before the content, also while the network
// has written a part of that alone.
func (t *Template) Answer(text string) string {
	lead := ""
	if t.program != nil {
		lead = t.program.lead
	} else {
		for _, f := range t.roles[Assistant] {
			if f.isContent() {
				break
			}
			if f.learn {
				lead += f.text
			}
		}
	}
	if strings.HasPrefix(lead, text) {
		return ""
	}
	return strings.TrimPrefix(text, lead)
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
		if key == "jinja" {
			foreign, err := newProgram(literal)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			t.program, t.whole = foreign.program, true
			continue
		}
		if key == "default" {
			t.fallback = &literal
			continue
		}
		fs, err := parseFragments(literal)
		if err == nil {
			err = t.set(key, fs)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", n, shorten(key), err)
		}
	}
	switch {
	case seen["jinja"] && len(seen) > 1:
		return nil, fmt.Errorf("beside the key jinja there is no other")
	case seen["jinja"]:
		return t, nil
	case t.fallback != nil && !seen[System]:
		return nil, fmt.Errorf("the key default is there, and the key system is missing")
	case seen[first] && seen[System]:
		return nil, fmt.Errorf("the keys first and system are there: a system message is written by one of them")
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
	contents, systems, learnt := 0, 0, false
	for _, f := range fs {
		switch {
		case f.isContent():
			contents++
			learnt = learnt || f.learn
		case f.kind == noThinkFragment && (key != Assistant || f.learn):
			return fmt.Errorf("{no_think} belongs into the text of the assistant, before {learn}")
		case f.kind == systemFragment:
			systems++
		case f.learn && key != Assistant:
			return fmt.Errorf("{learn} belongs into the text of the assistant")
		}
	}
	if (systems > 0) != (key == first) {
		return fmt.Errorf("{system} belongs into the text of first, and is there %d times", systems)
	}
	switch key {
	case "begin", "end":
		if contents > 0 {
			return fmt.Errorf("{content} belongs into the text of a role")
		}
		if key == "begin" {
			t.begin, t.whole = fs, len(fs) == 0 || fs[0].kind == bosFragment
		} else {
			t.end = fs
		}
		return nil
	case System, Developer, User, Assistant, first:
		if contents != 1 {
			return fmt.Errorf("{content} is there %d times: it must be once", contents)
		}
		if learnt != (key == Assistant) {
			return fmt.Errorf("what the assistant writes must be between {learn} and {/learn}, and nothing else")
		}
		t.roles[key] = fs
		return nil
	}
	return fmt.Errorf("there is no such key: choose begin, default, system, developer, first, user, assistant or end")
}

// parseFragments divides a text at its places, {learn} and {/learn}.
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
		place := textFragment
		for kind, known := range places {
			if known == name {
				place = kind
			}
		}
		switch {
		case place != textFragment:
			fs = append(fs, fragment{place, "", learn})
		case name == "{learn}" && !learn && !closed:
			learn = true
		case name == "{/learn}" && learn:
			learn, closed = false, true
		case name == "{learn}" || name == "{/learn}":
			return nil, fmt.Errorf("%s is out of place: there is one {learn}, and one {/learn} after it", name)
		default:
			return nil, fmt.Errorf("%.20q is not a place: there are {content}, {trimmed}, {end_trimmed}, {system}, {no_think}, {learn}, {/learn}, {bos} and {eos}", name)
		}
	}
	flush()
	if learn {
		return nil, fmt.Errorf("{learn} without {/learn}")
	}
	return fs, nil
}
