package corpus

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/token"
)

// A Chat is what others have to know of a network that was trained on conversations:
// how to write one, and where an answer ends.
type Chat struct {
	// Template is a chat template of Hugging Face's form: a program in Jinja that
	// writes what training wrote, with special tokens by their texts.
	Template string

	// End is the token by which an answer ends, -1 where it is not one token.
	End int32

	// Stop is the text by which an answer ends, whether it is one token or not; ""
	// where training taught no end.
	Stop string
}

// Chat is what others have to know of a network that was trained with tok on
// conversations in t, where end is [EncodeOptions].End and begin the special token
// that stood before each conversation, "" for none.
func (t *Template) Chat(tok *token.Tokenizer, begin, end string) Chat {
	if id, ok := tok.EOS(); ok && end == "" {
		end = tok.Token(id)
	}
	t = t.spelled(end)
	c := Chat{Template: t.jinja(begin), End: -1, Stop: t.Stop()}
	e := &Encoder{tok: tok}
	after := false
	for _, a := range e.bind(t.roles[Assistant]) {
		if after = after || a.is == isContent; after && a.learn && a.id >= 0 {
			c.End = a.id
			break
		}
	}
	if tok.Kind() == token.BPE { // which joins what stands at the end of an answer with its end
		return c
	}
	if ids, err := tok.Encode(c.Stop); err == nil && len(ids) == 1 {
		c.End = ids[0]
	}
	return c
}

// spelled is t with end in the place of {eos}.
func (t *Template) spelled(end string) *Template {
	replace := func(fs []fragment) (out []fragment) {
		for _, f := range fs {
			if f.is == isEOS {
				f = fragment{isText, end, f.learn}
			}
			last := len(out) - 1
			switch {
			case f.is == isText && f.text == "":
			case f.is == isText && last >= 0 && out[last].is == isText && out[last].learn == f.learn:
				out[last].text += f.text
			default:
				out = append(out, f)
			}
		}
		return out
	}
	s := &Template{Name: t.Name, begin: replace(t.begin), end: replace(t.end), roles: map[string][]fragment{}}
	for role, fs := range t.roles {
		s.roles[role] = replace(fs)
	}
	return s
}

// Source is a text from which [ParseTemplate] makes t, a line a key.
func (t *Template) Source() string {
	var b strings.Builder
	for _, part := range []struct {
		key string
		fs  []fragment
	}{{"begin", t.begin}, {System, t.roles[System]}, {Developer, t.roles[Developer]}, {User, t.roles[User]}, {Assistant, t.roles[Assistant]}, {"end", t.end}} {
		if len(part.fs) == 0 {
			continue
		}
		var text strings.Builder
		learn := false
		for _, f := range part.fs {
			if f.learn != learn {
				text.WriteString(map[bool]string{true: "{learn}", false: "{/learn}"}[f.learn])
				learn = f.learn
			}
			text.WriteString(map[fragmentKind]string{isText: strings.NewReplacer("{", "{{", "}", "}}").Replace(f.text), isContent: "{content}", isEOS: "{eos}"}[f.is])
		}
		if learn {
			text.WriteString("{/learn}")
		}
		fmt.Fprintf(&b, "%s %s\n", part.key, strconv.Quote(text.String()))
	}
	return b.String()
}

// The comment that a template of ours begins with in Jinja; between its marks stands
// Source, so that the template is known again.
const jinjaMark, jinjaMarkEnd = "{# pedestrian\n", "#}"

// jinja is a program in Jinja that writes what an Encoder writes with t, which has no
// {eos}. Nothing stands outside of its braces, so that no setting for white space
// changes it.
func (t *Template) jinja(begin string) string {
	var b strings.Builder
	// Within a text "#}" would end the comment.
	b.WriteString(jinjaMark + strings.ReplaceAll(t.Source(), "#}", `#\x7d`) + jinjaMarkEnd)
	own := func(fs []fragment) bool { // it writes begin itself
		return begin != "" && len(fs) > 0 && fs[0].is == isText && strings.HasPrefix(fs[0].text, begin)
	}
	first := t.begin
	if begin != "" && !own(first) {
		first = append([]fragment{{isText, begin, false}}, first...)
	}
	b.WriteString(jinjaOutput(first))
	b.WriteString("{% for message in messages %}")
	word := "if"
	for _, role := range []string{System, Developer, User, Assistant} {
		fs := t.roles[role]
		if len(fs) == 0 {
			continue
		}
		is := " == '" + role + "'"
		if role == System && len(t.roles[Developer]) == 0 {
			is = " in ['" + System + "', '" + Developer + "']"
		}
		fmt.Fprintf(&b, "{%% %s message['role']%s %%}", word, is)
		word = "elif"
		if len(t.begin) == 0 && own(fs) {
			b.WriteString("{% if not loop.first %}" + jinjaOutput([]fragment{{isText, begin, false}}) + "{% endif %}")
			fs = slices.Clone(fs)
			fs[0].text = strings.TrimPrefix(fs[0].text, begin)
		}
		b.WriteString(jinjaOutput(fs))
	}
	b.WriteString("{% else %}{{ raise_exception('the template has no text for the role ' + message['role']) }}{% endif %}{% endfor %}")
	b.WriteString("{% if add_generation_prompt %}")
	fs := t.roles[Assistant]
	b.WriteString(jinjaOutput(fs[:slices.IndexFunc(fs, func(f fragment) bool { return f.learn })]))
	if len(t.end) > 0 {
		b.WriteString("{% else %}" + jinjaOutput(t.end))
	}
	b.WriteString("{% endif %}")
	return b.String()
}

// jinjaOutput writes fragments.
func jinjaOutput(fs []fragment) string {
	var parts []string
	text := ""
	flush := func() {
		if text != "" {
			parts = append(parts, "'"+strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(text)+"'")
		}
		text = ""
	}
	for _, f := range fs {
		if f.is == isContent {
			flush()
			parts = append(parts, "message['content']")
		}
		text += f.text
	}
	if flush(); len(parts) == 0 {
		return ""
	}
	return "{{ " + strings.Join(parts, " + ") + " }}"
}

// ownTemplate is the template that jinja was made from, if [Template.Chat] made it for
// tok and nobody has changed it since. One that is built in has its name.
func ownTemplate(jinja string, tok *token.Tokenizer) (*Template, bool) {
	rest, ok := strings.CutPrefix(jinja, jinjaMark)
	source, program, cut := strings.Cut(rest, jinjaMarkEnd)
	if !ok || !cut {
		return nil, false
	}
	t, err := ParseTemplate(source)
	if err != nil {
		return nil, false
	}
	known, before := false, ""
	for _, begin := range append([]string{""}, specials(tok)...) {
		if strings.HasSuffix(t.jinja(begin), jinjaMarkEnd+program) {
			known, before = true, begin
			break
		}
	}
	if !known {
		return nil, false
	}
	t.Name = "of the tokenizer"
	end := ""
	if id, ok := tok.EOS(); ok {
		end = tok.Token(id)
	}
	for _, name := range templateNames {
		if builtin(name).spelled(end).Source() == t.Source() {
			t.Name = name
		}
	}
	t.beginWith(before)
	return t, true
}

// beginWith puts the special token that stood before conversations into the template,
// unless that writes it itself.
func (t *Template) beginWith(text string) {
	for _, fs := range append([][]fragment{t.begin}, slices.Collect(maps.Values(t.roles))...) {
		if text == "" || len(fs) > 0 && fs[0].is == isText && strings.HasPrefix(fs[0].text, text) {
			return
		}
	}
	t.begin = append([]fragment{{isText, text, false}}, t.begin...)
}

// specials are the texts of the special tokens of tok.
func specials(tok *token.Tokenizer) (texts []string) {
	for _, a := range tok.Added() {
		if a.Special {
			texts = append(texts, a.Text)
		}
	}
	return texts
}
