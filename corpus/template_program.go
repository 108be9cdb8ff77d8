package corpus

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/internal/jinja"
	"github.com/pedestrian-ml/pedestrian/token"
)

// A program is a chat template in Jinja. It is rendered within limits; see package jinja.
type program struct {
	source   string
	template *jinja.Template

	opens string // what it writes before an answer and not where it asks for one, such as the mark of the role: it is asked for here
	lead  string // white space after that, which belongs to the answer
	trail string // what it writes after the content
	ends  int    // how much of trail is learnt: up to the end-of-text token, or without white space at its end
	stop  string // the same, "" if the end-of-text token is in it
}

// Stand-ins for special tokens, and for what a message says, in conversations that are
// rendered to learn how a program writes.
const standInBOS, standInEOS, standInAnswer = "\ufdd1<bos>", "\ufdd1<eos>", "An answer of 7 words, as a sample."

// guard is put into the text of a special token that a message contains, so that it is not
// taken for the token. It is no character of any text.
const guard = "\ufdd0"

// newProgram makes a template of a program. The error says what of it is not supported, that
// it refuses a conversation of a question and an answer, or that it does not say where an
// answer ends.
func newProgram(source string) (*Template, error) {
	template, err := jinja.Parse(source)
	if err != nil {
		return nil, err
	}
	p := &program{source: source, template: template}
	ms := []Message{{User, "A question?"}, {Assistant, standInAnswer}}
	asked, err := p.render(ms[:1], true, standInBOS, standInEOS)
	if err != nil {
		return nil, err
	}
	answered, err := p.render(ms, false, standInBOS, standInEOS)
	if err != nil {
		return nil, err
	}
	rest, ok := strings.CutPrefix(answered, asked)
	lead, trail, found := strings.Cut(rest, standInAnswer)
	switch {
	case !ok:
		return nil, errors.New("what it writes before an answer is not the beginning of what it writes with the answer: nobody can tell what is learnt")
	case !found:
		return nil, errors.New("it leaves an answer out, or writes it in other words")
	case trail == "":
		return nil, errors.New("it writes nothing after an answer: nothing would teach the network to stop")
	}
	if p.trail = trail; strings.TrimSpace(lead) != "" {
		p.opens = lead
	} else {
		p.lead = lead
	}
	if i := strings.Index(trail, standInEOS); i >= 0 {
		p.ends = i + len(standInEOS)
	} else {
		if p.stop = strings.TrimSpace(trail); p.stop == "" {
			p.stop = trail
		} else {
			p.stop = strings.TrimRight(trail, " \t\r\n")
		}
		p.ends = len(p.stop)
	}
	return &Template{Name: "jinja", whole: true, program: p}, nil
}

// render writes messages; ask says that an answer is asked for.
func (p *program) render(ms []Message, ask bool, bos, eos string) (string, error) {
	messages := make([]any, len(ms))
	for i, m := range ms {
		messages[i] = jinja.Dict{{Key: "role", Value: m.Role}, {Key: "content", Value: m.Content}}
	}
	text, err := p.template.Render(map[string]any{
		"messages": messages, "add_generation_prompt": ask, "bos_token": bos, "eos_token": eos,
		"tools": nil, "documents": nil, "enable_thinking": false,
	}, jinja.Options{})
	if raised := (*jinja.RaisedError)(nil); errors.As(err, &raised) {
		return "", fmt.Errorf("the template refuses the conversation: %.200s", raised.Message)
	}
	if err != nil {
		return "", fmt.Errorf("the template: %w", err)
	}
	return text, nil
}

// rendered encodes messages with the template's program; ask says that an answer is asked
// for after them. Messages before given, and those whose index is in unlearnt, are not
// learnt.
func (e *Encoder) rendered(ms []Message, given int, ask bool, unlearnt ...int) error {
	p := e.o.Template.program
	e.tokens, e.learn = e.tokens[:0], e.learn[:0] // the template says how a conversation begins
	bos, eos := "", ""
	if id, ok := e.tok.BOS(); ok {
		bos = e.tok.Token(id)
	}
	if id, ok := e.tok.EOS(); ok {
		eos = e.tok.Token(id)
	}
	ms, err := e.guarded(ms)
	if err != nil {
		return err
	}
	text, err := p.render(ms, ask, bos, eos)
	if err != nil {
		return err
	}
	if ask {
		text += p.opens
	}
	trail, learnt := strings.ReplaceAll(p.trail, standInEOS, eos), strings.ReplaceAll(p.trail[:p.ends], standInEOS, eos)
	at := 0
	for i, m := range ms {
		if m.Role != Assistant {
			continue
		}
		asked, err := p.render(ms[:i], true, bos, eos)
		if err != nil {
			return err
		}
		answered, err := p.render(ms[:i+1], false, bos, eos)
		if err != nil {
			return err
		}
		asked += p.opens
		from, to := len(asked), len(answered)-len(trail)+len(learnt)
		if !strings.HasPrefix(answered, asked) || !strings.HasPrefix(text, answered) || !strings.HasSuffix(answered, trail) || from < at || to < from {
			return fmt.Errorf("message %d: the template %s writes this answer, or what is before it, otherwise when more follows, so that training would not show what is asked later: choose another template, or give each answer as an example of its own", i, e.o.Template.Name)
		}
		if err := e.markup(text[at:from], false); err != nil {
			return err
		}
		e.noLearn = slices.Contains(unlearnt, i)
		err = e.markup(text[from:to], i >= given)
		if e.noLearn = false; err != nil {
			return err
		}
		at = to
	}
	return e.markup(text[at:], false)
}

// guarded is ms in which no special token stands.
func (e *Encoder) guarded(ms []Message) ([]Message, error) {
	out := slices.Clone(ms)
	for i, m := range out {
		if strings.ContainsAny(m.Content, guard+"\ufdd1") {
			return nil, fmt.Errorf("message %d has the character U+FDD0 or U+FDD1, which is none of a text", i)
		}
		var b strings.Builder
		for rest := m.Content; rest != ""; {
			at, mark := e.firstMark(rest)
			if b.WriteString(rest[:at]); mark.ID < 0 {
				break
			}
			r := []rune(mark.Text)
			b.WriteString(string(r[:1]) + guard + string(r[1:]))
			rest = rest[at+len(mark.Text):]
		}
		out[i].Content = b.String()
	}
	return out, nil
}

// markup encodes what a program wrote: special tokens, and text without guards. Its tokens
// end where it ends.
func (e *Encoder) markup(text string, learn bool) error {
	for text != "" {
		at, mark := e.firstMark(text)
		if err := e.text(strings.ReplaceAll(text[:at], guard, ""), learn); err != nil {
			return err
		}
		if mark.ID >= 0 {
			if err := e.flush(); err != nil {
				return err
			}
			e.append(e.isLearnt(learn), mark.ID)
		}
		text = text[at+len(mark.Text):]
	}
	return e.flush()
}

// chat describes a network that was trained with p.
func (p *program) chat(tok *token.Tokenizer, eos string) Chat {
	c := Chat{Template: p.source, End: -1, Stop: p.stop}
	learnt := strings.ReplaceAll(p.trail[:p.ends], standInEOS, eos)
	if c.Stop == "" {
		c.Stop = eos
	}
	e := &Encoder{tok: tok}
	if _, mark := e.firstMark(learnt); mark.ID >= 0 {
		c.End = mark.ID
	} else if ids, err := tok.Encode(learnt); err == nil && len(ids) == 1 && tok.Kind() != token.BPE {
		c.End = ids[0]
	}
	return c
}

// A probe is a conversation by which programs are recognized.
type probe struct {
	messages []Message
	several  bool // there is an answer before another message
	system   bool // and a system message
}

var probes = []probe{
	{messages: []Message{{User, "Who sat?"}}},
	{messages: []Message{{User, "Who sat?"}, {Assistant, "The hen."}}},
	{messages: []Message{{System, "Be short."}, {User, "Who sat?"}}, system: true},
	{messages: []Message{{System, "Be short."}, {User, "Who sat?"}, {Assistant, "The hen."}}, system: true},
	{messages: []Message{{User, "Who sat?"}, {Assistant, "The hen."}, {User, "Where?"}}, several: true},
	{messages: []Message{{User, "  Who sat? "}, {Assistant, " The hen.\n"}, {User, "\tWhere? "}, {Assistant, " There. "}}, several: true},
	{messages: []Message{{System, "Be short."}, {User, "Who sat?"}, {Assistant, "The hen."}, {User, "Where?"}, {Assistant, "There."}}, several: true, system: true},
}

// differs are the probes that a model's own template writes otherwise than the built-in one
// of its name; the file of the template says why.
var differs = map[string]func(p probe) bool{
	"qwen3":        func(p probe) bool { return p.several },
	"mistral-v3":   func(p probe) bool { return p.several && p.system },
	"mistral-nemo": func(p probe) bool { return p.several && p.system },
}

// recognize finds the built-in template that writes as p does.
func (p *program) recognize() (name string, ok bool) {
	for _, name := range templateNames {
		compared := probes
		if differs := differs[name]; differs != nil {
			compared = slices.DeleteFunc(slices.Clone(probes), differs)
		}
		if p.writes(builtin(name), compared) {
			return name, true
		}
	}
	return "", false
}

// writes reports whether p writes the conversations as t does; where one refuses, so does
// the other.
func (p *program) writes(t *Template, conversations []probe) bool {
	if t.program != nil {
		return false
	}
	e, err := NewEncoder(token.NewBytes(), EncodeOptions{Template: t.spelled(standInBOS, standInEOS)})
	if err != nil {
		return false
	}
	for _, c := range conversations {
		ask := c.messages[len(c.messages)-1].Role != Assistant
		got, wrong := p.render(c.messages, ask, standInBOS, standInEOS)
		var tokens []int32
		if ask {
			got += p.opens
			tokens, err = e.Prompt(c.messages)
		} else {
			x := &Examples{}
			if err = e.Add(x, Record{Kind: KindMessages, Messages: c.messages}); err == nil {
				tokens, _ = x.Document(0)
			}
		}
		if (err != nil) != (wrong != nil) || err == nil && e.tok.Decode(tokens) != got {
			return false
		}
	}
	return true
}
