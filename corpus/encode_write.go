package corpus

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// record encodes one record.
func (e *Encoder) record(r Record) error {
	ms, given := r.Messages, r.Given
	if r.Kind == KindPrompt && ms == nil && e.template != nil {
		ms, given = []Message{{User, r.Prompt}, {Assistant, r.Completion}}, 1
	}
	if ms != nil {
		if e.template == nil {
			return fmt.Errorf("a conversation needs a template: choose one of %s, or a file", strings.Join(templateNames, ", "))
		}
		if e.o.Template.program != nil {
			return e.rendered(ms, given, false, r.Unlearnt...)
		}
		if err := e.conversation(ms, given, r.Unlearnt...); err != nil {
			return err
		}
		for _, a := range e.template.end {
			if err := e.atom(a, "", false); err != nil {
				return err
			}
		}
		return e.flush()
	}
	learnFirst, text, second := true, r.Text, ""
	if r.Kind == KindPrompt {
		learnFirst, text, second = false, r.Prompt, r.Completion
	}
	for _, part := range []struct {
		text  string
		learn bool
	}{{text, learnFirst}, {second, true}} {
		if err := e.text(part.text, part.learn); err != nil {
			return err
		}
	}
	return e.writeEnd(true)
}

// conversation encodes messages. Messages before given, and those whose index is in
// unlearnt, are not learnt.
func (e *Encoder) conversation(ms []Message, given int, unlearnt ...int) error {
	t := e.o.Template
	if t.whole {
		e.tokens, e.learn = e.tokens[:0], e.learn[:0]
	}
	for _, a := range e.template.begin {
		if err := e.atom(a, "", false); err != nil {
			return err
		}
	}
	if t.fallback != nil && (len(ms) == 0 || !isSystem(ms[0])) {
		for _, a := range e.template.roles[System] {
			if err := e.atom(a, *t.fallback, false); err != nil {
				return err
			}
		}
	}
	for i, m := range ms {
		as, ok := e.template.roles[m.Role]
		if !ok && m.Role == Developer {
			as, ok = e.template.roles[System]
		}
		if withSystem := e.template.roles[first]; withSystem != nil && isSystem(ms[0]) {
			switch {
			case i == 0 && len(ms) > 1 && ms[1].Role == User:
				e.system = m.Content
				continue
			case i == 0:
				return fmt.Errorf("message 0 is the system's, and template %s writes it with a message of the user after it, which is missing", t.Name)
			case i == 1:
				as = withSystem
			}
		}
		if !ok {
			return fmt.Errorf("message %d has the role %s, and template %s has no text for it: add the key %s", i, m.Role, e.o.Template.Name, m.Role)
		}
		e.noLearn = slices.Contains(unlearnt, i)
		for j, a := range as {
			if t.whole && j > 0 && a.learn != as[j-1].learn {
				if err := e.flush(); err != nil { // an answer has its tokens whether it is learnt or not
					return err
				}
			}
			if err := e.atom(a, m.Content, i >= given); err != nil {
				return err
			}
		}
		e.noLearn = false
		if t.whole && as[len(as)-1].learn {
			if err := e.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// isSystem reports whether m is written before the messages of users.
func isSystem(m Message) bool { return m.Role == System || m.Role == Developer }

// atom encodes one atom of a template. learn says whether the message may be learnt.
func (e *Encoder) atom(a atom, content string, learn bool) error {
	learn = learn && a.learn
	switch {
	case a.kind == eosFragment:
		return e.writeEnd(learn)
	case a.kind == contentFragment:
		return e.text(content, learn)
	case a.kind == trimmedFragment:
		return e.text(strings.TrimSpace(content), learn)
	case a.kind == endTrimmedFragment:
		return e.text(strings.TrimRightFunc(content, unicode.IsSpace), learn)
	case a.kind == systemFragment:
		return e.text(e.system, false)
	case a.kind == noThinkFragment:
		if strings.HasPrefix(content, thoughts) {
			return nil
		}
		return e.text(noThoughts, false)
	case a.id < 0:
		return e.text(a.text, learn)
	}
	err := e.flush()
	e.marked = true
	if slices.Equal(e.tokens, []int32{a.id}) && slices.Equal(e.o.Begin, e.tokens) {
		return err // the document began with this token already
	}
	e.append(e.isLearnt(learn), a.id)
	return err
}

// text adds s to the run, or begins a new run if learn changes.
func (e *Encoder) text(s string, learn bool) error {
	if s == "" {
		return nil
	}
	var err error
	if learn = e.isLearnt(learn); learn != e.runLearn {
		err = e.flush()
	}
	e.runLearn = learn
	e.run.WriteString(s)
	return err
}

// writeEnd ends the run and appends the end of a document.
func (e *Encoder) writeEnd(learn bool) error {
	err := e.flush()
	e.append(e.isLearnt(learn), e.end...)
	return err
}

// flush encodes the run.
func (e *Encoder) flush() error {
	if e.run.Len() == 0 {
		return nil
	}
	before := e.tokens
	if !e.marked && slices.Equal(before, e.o.Begin) {
		before = nil // Begin is not part of the text: this is its beginning
	}
	ids, err := e.tok.EncodeAfter(before, e.run.String())
	e.run.Reset()
	e.append(e.runLearn, ids...)
	return err
}

func (e *Encoder) append(learn bool, ids ...int32) {
	e.tokens = append(e.tokens, ids...)
	for range ids {
		e.learn = append(e.learn, learn)
	}
}

// isLearnt reports whether the next text is learnt; may says whether it is part of an
// answer.
func (e *Encoder) isLearnt(may bool) bool { return (may || e.o.All) && !e.noLearn }
