package corpus

import (
	"fmt"
	"slices"
	"strings"
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
	for _, a := range e.template.begin {
		if err := e.atom(a, "", false); err != nil {
			return err
		}
	}
	for i, m := range ms {
		as, ok := e.template.roles[m.Role]
		if !ok && m.Role == Developer {
			as, ok = e.template.roles[System]
		}
		if !ok {
			return fmt.Errorf("message %d has the role %s, and template %s has no text for it: add the key %s", i, m.Role, e.o.Template.Name, m.Role)
		}
		e.noLearn = slices.Contains(unlearnt, i)
		for _, a := range as {
			if err := e.atom(a, m.Content, i >= given); err != nil {
				return err
			}
		}
		e.noLearn = false
	}
	return nil
}

// atom encodes one atom of a template. learn says whether the message may be learnt.
func (e *Encoder) atom(a atom, content string, learn bool) error {
	learn = learn && a.learn
	switch {
	case a.kind == eosFragment:
		return e.writeEnd(learn)
	case a.kind == contentFragment:
		return e.text(content, learn)
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
