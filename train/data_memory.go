package train

import (
	"errors"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

// memorySource is the Data.Source of data from memory.
const memorySource = "memory"

var errNoTokenizer = errors.New("data in memory: there is no tokenizer: give one of package token, or that of the base")

// TextData returns the tokens of a text in memory, encoded by tok, for training on windows. The
// fraction o.ValFraction at its end is kept for validation; 0 = none. If tok has a token that
// ends a text, its mark in text separates documents. o.Begin and o.Align are also used; Data,
// Val, Tokenizer and StoryChars are not.
//
// To resume a run, give the same text and the checkpoint's tokenizer.
func TextData(o Options, tok *token.Tokenizer, text string) (*Data, error) {
	if tok == nil {
		return nil, errNoTokenizer
	}
	o = o.withoutSources()
	begin, err := o.begin(tok)
	if err != nil {
		return nil, err
	}
	t, err := corpus.NewText(tok, begin, text)
	if err != nil {
		return nil, err
	}
	d := &Data{Source: memorySource, Tokenizer: tok, memory: true}
	return d, d.encode(o, begin, t, nil)
}

// ExampleData returns documents in memory as tokens. o.Tuning.Loss says which tokens are learnt:
// by default the answers of a document with a prompt or messages, and all of any other.
// Conversations are written in o.Tuning.Template, and o.Tuning.End ends a document. For
// validation and other options see [TextData].
func ExampleData(o Options, tok *token.Tokenizer, examples []corpus.Record) (*Data, error) {
	if tok == nil {
		return nil, errNoTokenizer
	}
	o = o.withoutSources()
	e, err := o.exampleOptions(tok)
	if err != nil {
		return nil, err
	}
	x, report, err := corpus.NewExamples(examples, tok, e)
	if err != nil {
		return nil, err
	}
	d := &Data{Source: memorySource, Tokenizer: tok, memory: true, Begin: e.Begin, Report: report}
	return d, d.split(x, o)
}

// withBase returns d for a run with a base, which already knows the token that begins a document.
func (d *Data) withBase(o Options) *Data {
	if begin, err := o.withoutSources().begin(d.Tokenizer); err == nil && d.Examples == nil && len(d.Begin) == 0 && len(begin) > 0 {
		known := *d
		known.Begin, known.info = begin, DataInfo{}
		return &known
	}
	return d
}
