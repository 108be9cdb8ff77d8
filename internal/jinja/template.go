// Package jinja renders chat templates: programs in Jinja 3.1 that come with models and
// write a conversation as a text.
//
// It evaluates the part of the language that chat templates use, with the settings of
// Hugging Face's libraries (trim_blocks, lstrip_blocks, the tags generation, break and
// continue, the functions raise_exception and strftime_now). What it does not know, it
// refuses by name; it never guesses. A template is foreign input: it cannot read files,
// include others, change its arguments or see anything of Go, and steps, memory, depth and
// output are limited.
package jinja

import (
	"errors"
	"fmt"
	"time"
)

// A Template is a parsed template. Several goroutines may render it.
type Template struct {
	body []node
}

// Options limit a rendering. The zero value is right for conversations.
type Options struct {
	Now   time.Time // what strftime_now tells; zero = 26 July 2024, the date in templates of Llama 3
	Steps int       // operations, at most; 0 = 1,000,000
	Bytes int       // of all texts and lists that are made, at most; 0 = 16 MiB and 64 times the arguments
}

// A Dict is a mapping whose keys keep their order.
type Dict []Item

// An Item is an entry of a Dict.
type Item struct {
	Key   string // each once
	Value any    // as the arguments of Render
}

// A RaisedError is what a template says with raise_exception: it refuses the conversation.
type RaisedError struct{ Message string }

// Error is the template's message.
func (e *RaisedError) Error() string { return e.Message }

// maxSource is the largest template in bytes; those of models have at most some 50,000.
const maxSource = 1 << 20

// Parse reads a template. The error names the line, and what is not supported.
func Parse(source string) (*Template, error) {
	if len(source) > maxSource {
		return nil, fmt.Errorf("the template has %d bytes, and at most %d are read", len(source), maxSource)
	}
	tokens, err := lex(source)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	body, err := p.statements()
	if err == nil && p.peek().kind != endToken {
		err = p.errorf("%s without what it ends", p.peek())
	}
	if err != nil {
		return nil, err
	}
	return &Template{body}, nil
}

// Render runs the template with vars, whose values are nil, bool, int, float64, string,
// []any or Dict. The error is a [RaisedError] where the template refuses the conversation.
func (t *Template) Render(vars map[string]any, o Options) (string, error) {
	if o.Now.IsZero() {
		o.Now = time.Date(2024, time.July, 26, 0, 0, 0, 0, time.UTC)
	}
	if o.Steps == 0 {
		o.Steps = 1_000_000
	}
	e := &evaluator{now: o.Now, steps: o.Steps, stepLimit: o.Steps}
	top := &scope{vars: map[string]any{}}
	size := 0
	for name, v := range vars {
		value, n, err := argument(v)
		if err != nil {
			return "", fmt.Errorf("the argument %s: %w", name, err)
		}
		top.vars[name], size = value, size+n
	}
	if o.Bytes == 0 {
		o.Bytes = 16<<20 + 64*size
	}
	e.bytes, e.byteLimit = o.Bytes, o.Bytes
	f := &frame{scope: &scope{vars: map[string]any{}, parent: top}}
	err := e.run(t.body, f)
	if err == errBreak || err == errContinue {
		err = errors.New("break or continue outside of a loop")
	}
	if err != nil {
		return "", err
	}
	return f.out.String(), nil
}
