package corpus

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/token"
)

// A Chat describes for other programs a network that was trained on conversations: how to
// write a conversation, and where an answer ends.
type Chat struct {
	// Template is a chat template in Hugging Face's form: a program in Jinja. It writes the
	// same text as training, with special tokens as their text.
	Template string

	// End is the token that ends an answer, -1 if the end is not one token.
	End int32

	// Stop is the text that ends an answer; "" if training taught no end.
	Stop string
}

// Chat describes a network that was trained with tok on conversations in the template t. end
// is [EncodeOptions].End, and begin the special token before each conversation, "" for none.
func (t *Template) Chat(tok *token.Tokenizer, begin, end string) Chat {
	if id, ok := tok.EOS(); ok && end == "" {
		end = tok.Token(id)
	}
	t = t.spelled(end)
	c := Chat{Template: t.jinja(begin), End: -1, Stop: t.Stop()}
	e := &Encoder{tok: tok}
	after := false
	for _, a := range e.bind(t.roles[Assistant]) {
		if after = after || a.kind == contentFragment; after && a.learn && a.id >= 0 {
			c.End = a.id
			break
		}
	}
	if tok.Kind() == token.BPE { // BPE may merge the end of an answer with the stop text
		return c
	}
	if ids, err := tok.Encode(c.Stop); err == nil && len(ids) == 1 {
		c.End = ids[0]
	}
	return c
}

// spelled replaces {eos} by the text end.
func (t *Template) spelled(end string) *Template {
	replace := func(fs []fragment) (out []fragment) {
		for _, f := range fs {
			if f.kind == eosFragment {
				f = fragment{textFragment, end, f.learn}
			}
			last := len(out) - 1
			switch {
			case f.kind == textFragment && f.text == "":
			case f.kind == textFragment && last >= 0 && out[last].kind == textFragment && out[last].learn == f.learn:
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

// Source is the text of t in the form that [ParseTemplate] reads, one line per key.
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
			text.WriteString(map[fragmentKind]string{textFragment: strings.NewReplacer("{", "{{", "}", "}}").Replace(f.text), contentFragment: "{content}", eosFragment: "{eos}"}[f.kind])
		}
		if learn {
			text.WriteString("{/learn}")
		}
		fmt.Fprintf(&b, "%s %s\n", part.key, strconv.Quote(text.String()))
	}
	return b.String()
}

// The comment at the beginning of the Jinja templates of this package. It contains
// Source, so that ownTemplate can read the template back.
const jinjaMark, jinjaMarkEnd = "{# pedestrian\n", "#}"

// jinja is a program in Jinja that writes what an Encoder writes with t, which has no {eos}.
// All its text is inside braces, so that Jinja's settings for white space do not change it.
func (t *Template) jinja(begin string) string {
	var b strings.Builder
	// "#}" in a text would end the comment.
	b.WriteString(jinjaMark + strings.ReplaceAll(t.Source(), "#}", `#\x7d`) + jinjaMarkEnd)
	hasBegin := func(fs []fragment) bool {
		return begin != "" && len(fs) > 0 && fs[0].kind == textFragment && strings.HasPrefix(fs[0].text, begin)
	}
	first := t.begin
	if begin != "" && !hasBegin(first) {
		first = append([]fragment{{textFragment, begin, false}}, first...)
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
		if len(t.begin) == 0 && hasBegin(fs) {
			b.WriteString("{% if not loop.first %}" + jinjaOutput([]fragment{{textFragment, begin, false}}) + "{% endif %}")
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

// jinjaOutput is a Jinja expression that writes fragments.
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
		if f.kind == contentFragment {
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

// ownTemplate reads the template back from the Jinja text that [Template.Chat] wrote for
// tok. ok is false if the text is another one or was changed. A built-in template gets its
// name.
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

// beginWith adds the special token that stood before conversations to the template, unless
// the template writes it already.
func (t *Template) beginWith(text string) {
	for _, fs := range append([][]fragment{t.begin}, slices.Collect(maps.Values(t.roles))...) {
		if text == "" || len(fs) > 0 && fs[0].kind == textFragment && strings.HasPrefix(fs[0].text, text) {
			return
		}
	}
	t.begin = append([]fragment{{textFragment, text, false}}, t.begin...)
}

// specials lists the texts of the special tokens of tok.
func specials(tok *token.Tokenizer) (texts []string) {
	for _, a := range tok.Added() {
		if a.Special {
			texts = append(texts, a.Text)
		}
	}
	return texts
}
