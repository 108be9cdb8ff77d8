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
	eos, bos := "", ""
	if id, ok := tok.EOS(); ok {
		eos = tok.Token(id)
	}
	if id, ok := tok.BOS(); ok {
		bos = tok.Token(id)
	}
	if t.program != nil {
		return t.program.chat(tok, eos)
	}
	if end == "" {
		end = eos
	}
	if t.whole {
		begin = ""
	}
	own := t
	t = t.spelled(bos, end)
	c := Chat{Template: t.jinja(begin), End: -1, Stop: t.Stop()}
	if p, err := newProgram(tok.ChatTemplate()); err == nil && begin == "" && end == eos && p.program.writes(own, probes) {
		c.Template = tok.ChatTemplate() // the model's own, which writes the same
	}
	e := &Encoder{tok: tok}
	after := false
	for _, a := range e.bind(t.roles[Assistant]) {
		if after = after || a.isContent(); after && a.learn && a.id >= 0 {
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

// spelled replaces {bos} and {eos} by the texts bos and end.
func (t *Template) spelled(bos, end string) *Template {
	replace := func(fs []fragment) (out []fragment) {
		for _, f := range fs {
			if f.kind == eosFragment {
				f = fragment{textFragment, end, f.learn}
			}
			if f.kind == bosFragment {
				f = fragment{textFragment, bos, f.learn}
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
	s := &Template{Name: t.Name, begin: replace(t.begin), end: replace(t.end), whole: t.whole, fallback: t.fallback, roles: map[string][]fragment{}}
	for role, fs := range t.roles {
		s.roles[role] = replace(fs)
	}
	return s
}

// Source is the text of t in the form that [ParseTemplate] reads, one line per key.
func (t *Template) Source() string {
	if t.program != nil {
		return "jinja " + strconv.Quote(t.program.source) + "\n"
	}
	var b strings.Builder
	for _, part := range []struct {
		key string
		fs  []fragment
	}{{"begin", t.begin}, {System, t.roles[System]}, {Developer, t.roles[Developer]}, {first, t.roles[first]}, {User, t.roles[User]}, {Assistant, t.roles[Assistant]}, {"end", t.end}} {
		if len(part.fs) == 0 && !(part.key == "begin" && t.whole) {
			continue
		}
		if part.key == System && t.fallback != nil {
			fmt.Fprintf(&b, "default %s\n", strconv.Quote(*t.fallback))
		}
		var text strings.Builder
		learn := false
		for _, f := range part.fs {
			if f.learn != learn {
				text.WriteString(map[bool]string{true: "{learn}", false: "{/learn}"}[f.learn])
				learn = f.learn
			}
			text.WriteString(places[f.kind] + strings.NewReplacer("{", "{{", "}", "}}").Replace(f.text))
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
	opening := t.begin
	if begin != "" && !hasBegin(opening) {
		opening = append([]fragment{{textFragment, begin, false}}, opening...)
	}
	b.WriteString(jinjaOutput(opening))
	if t.fallback != nil {
		fs := slices.Clone(t.roles[System])
		for i, f := range fs {
			switch f.kind {
			case contentFragment:
				fs[i] = fragment{textFragment, *t.fallback, false}
			case trimmedFragment:
				fs[i] = fragment{textFragment, strings.TrimSpace(*t.fallback), false}
			}
		}
		b.WriteString("{% if not messages or messages[0]['role'] not in ['system', 'developer'] %}" + jinjaOutput(fs) + "{% endif %}")
	}
	b.WriteString("{% for message in messages %}")
	word := "if"
	if fs := t.roles[first]; fs != nil {
		if len(t.begin) == 0 && hasBegin(fs) {
			fs = slices.Clone(fs)
			fs[0].text = strings.TrimPrefix(fs[0].text, begin)
		}
		b.WriteString("{% if loop.index0 == 1 and messages[0]['role'] in ['system', 'developer'] %}" + jinjaOutput(fs))
		b.WriteString("{% elif loop.first and message['role'] in ['system', 'developer'] and messages | length > 1 and messages[1]['role'] == 'user' %}")
		word = "elif"
	}
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
	prompt := slices.Clone(fs[:slices.IndexFunc(fs, func(f fragment) bool { return f.learn })])
	for i, f := range prompt {
		if f.kind == noThinkFragment { // the answer may think if the caller says so
			b.WriteString(jinjaOutput(prompt[:i]) + "{% if not (enable_thinking is defined and enable_thinking) %}" + jinjaOutput([]fragment{{textFragment, noThoughts, false}}) + "{% endif %}")
			prompt = prompt[i+1:]
			break
		}
	}
	b.WriteString(jinjaOutput(prompt))
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
		place := map[fragmentKind]string{
			contentFragment: "message['content']", trimmedFragment: "(message['content'] | trim)", endTrimmedFragment: "message['content'].rstrip()", systemFragment: "messages[0]['content']",
			noThinkFragment: "('' if message['content'].startswith('" + thoughts + "') else '" + strings.ReplaceAll(noThoughts, "\n", `\n`) + "')",
		}[f.kind]
		if place != "" {
			flush()
			parts = append(parts, place)
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
	end, bos := "", ""
	if id, ok := tok.EOS(); ok {
		end = tok.Token(id)
	}
	if id, ok := tok.BOS(); ok {
		bos = tok.Token(id)
	}
	for _, name := range templateNames {
		if builtin(name).spelled(bos, end).Source() == t.Source() {
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
