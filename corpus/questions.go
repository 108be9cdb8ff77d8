package corpus

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Question is a context with several continuations, of which one is right (multiple
// choice).
type Question struct {
	Context string   // text before each choice
	Choices []string // continuations, at least two
	Answer  int      // index of the right choice
	Place   Place    // where it was read
}

// Field names of the parts of a question in data sets. The first one that is present counts.
var (
	contextNames = []string{"query", "context", "ctx", "question", "prompt", "goal"}
	choiceNames  = []string{"choices", "endings", "options"}
	answerNames  = []string{"gold", "answer", "answerKey", "label", "target"}
)

// errNoQuestion says that an object is not a question.
var errNoQuestion = errors.New(`there must be a context ("query", "context", "ctx", "question" or "prompt"), its "choices" (or "endings", "options"), and which is right ("gold", "answer", "answerKey", "label")`)

// firstOf returns the first of names that o has, and its value.
func (o object) firstOf(names []string) (name string, value any) {
	for _, name := range names {
		if v := o.get(name); v != nil {
			return name, v
		}
	}
	return "", nil
}

// isQuestion reports whether o has a field for choices.
func (o object) isQuestion() bool {
	name, _ := o.firstOf(choiceNames)
	return name != ""
}

// question converts an object to a question.
func (o object) question() (q Question, err error) {
	contextName, context := o.firstOf(contextNames)
	choicesName, choices := o.firstOf(choiceNames)
	answerName, answer := o.firstOf(answerNames)
	if context == nil || choices == nil || answer == nil {
		return q, fmt.Errorf("the fields are %s: %w", o.names(), errNoQuestion)
	}
	var ok bool
	if q.Context, ok = context.(string); !ok {
		return q, fmt.Errorf("field %q is %s: it must be a string", contextName, describe(context))
	}
	var labels []string
	if both, is := choices.(object); is { // {"text": […], "label": […]}
		if labels, err = stringsOf(choicesName+".label", both.get("label")); err != nil {
			return q, err
		}
		choicesName, choices = choicesName+".text", both.get("text")
	}
	if q.Choices, err = stringsOf(choicesName, choices); err != nil {
		return q, err
	}
	switch {
	case len(q.Choices) < 2:
		return q, fmt.Errorf("field %q has %d choices: there must be at least two", choicesName, len(q.Choices))
	case labels != nil && len(labels) != len(q.Choices):
		return q, fmt.Errorf("field %q has %d choices, and there are %d labels", choicesName, len(q.Choices), len(labels))
	}
	for i, c := range q.Choices {
		if c == "" {
			return q, fmt.Errorf("field %q: choice %d is empty", choicesName, i)
		}
	}
	q.Answer, err = choiceIndex(answer, q.Choices, labels)
	if err != nil {
		err = fmt.Errorf("field %q is %w", answerName, err)
	}
	return q, err
}

// choiceIndex is the index of the choice that answer names: by its label, its number from 0,
// its letter from A, or its text.
func choiceIndex(answer any, choices, labels []string) (int, error) {
	text, ok := answer.(string)
	if n, is := answer.(json.Number); is {
		text, ok = n.String(), true
	}
	if !ok {
		return 0, fmt.Errorf("%s: it must be a choice's number from 0, its label or its text", describe(answer))
	}
	at := slices.Index(labels, text)
	if at < 0 && labels == nil {
		if n, err := strconv.Atoi(text); err == nil {
			at = n
		} else if len(text) == 1 && text[0] >= 'A' && text[0] <= 'Z' {
			at = int(text[0] - 'A')
		}
	}
	if at < 0 || at >= len(choices) {
		at = slices.Index(choices, text)
	}
	if at < 0 {
		return 0, fmt.Errorf("%.20q, which names none of the %d choices", text, len(choices))
	}
	return at, nil
}

// stringsOf reads a field that must be a list of strings.
func stringsOf(name string, v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("field %q is %s: it must be a list of strings", name, describe(v))
	}
	out := make([]string, len(list))
	for i, v := range list {
		if out[i], ok = v.(string); !ok {
			return nil, fmt.Errorf("field \"%s[%d]\" is %s: it must be a string", name, i, describe(v))
		}
		if strings.Contains(out[i], "\x00") {
			return nil, fmt.Errorf("field \"%s[%d]\" has a NUL character: this is no text", name, i)
		}
	}
	return out, nil
}

// ReadQuestions reads the questions of a file in JSON Lines, a JSON list, CSV, TSV or
// Parquet. The error is one line with the file, the line, the field and what to do.
func ReadQuestions(path string) (qs []Question, err error) {
	err = readObjects(path, func(o object, at Place) error {
		q, err := o.question()
		q.Place = at
		qs = append(qs, q)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read questions: %w", err)
	}
	return qs, nil
}

// IsQuestions reports whether the first object of the file at path is a question.
func IsQuestions(path string) bool {
	is, done := false, errors.New("enough")
	err := readObjects(path, func(o object, _ Place) error {
		is = o.isQuestion()
		return done
	})
	return is && errors.Is(err, done)
}

// readObjects calls each for every object of a file.
func readObjects(path string, each func(object, Place) error) error {
	in, err := open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	format, err := in.recognize(nil)
	switch {
	case err != nil:
		return err
	case format == FormatText:
		return fmt.Errorf("%s is a text: questions are objects, one a line, in a file whose name ends in .jsonl", path)
	}
	return (&collector{objects: each}).read(in, path, format)
}
