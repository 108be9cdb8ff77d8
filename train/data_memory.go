package train

import (
	"errors"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

// memorySource is the Data.Source of data that are not on a disk.
const memorySource = "memory"

var errNoTokenizer = errors.New("data in memory: there is no tokenizer: give one of package token, or that of the base")

// TextData is a text that is in memory, for windows of it: its tokens by tok, of which the
// end is kept for validation as o.ValFraction says; 0 = none. Where tok has a token that ends
// a text, its mark in text divides documents. Of o, Begin and Align count, too; Data, Val,
// Tokenizer and StoryChars do not.
//
// A run that is resumed needs the same text and the checkpoint's tokenizer.
func TextData(o Options, tok *token.Tokenizer, text string) (*Data, error) {
	if tok == nil {
		return nil, errNoTokenizer
	}
	o = o.forMemory()
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

// ExampleData is documents that are in memory, of which that is learnt which o.Tuning.Loss
// says: of each what answers, where it has a prompt or messages, or else all. Conversations
// are written in o.Tuning.Template, and what ends a document is o.Tuning.End. About
// validation and the rest it is as [TextData].
func ExampleData(o Options, tok *token.Tokenizer, examples []corpus.Record) (*Data, error) {
	if tok == nil {
		return nil, errNoTokenizer
	}
	o = o.forMemory()
	e, err := o.exampleOptions(tok)
	if err != nil {
		return nil, err
	}
	x, report, err := corpus.NewExamples(examples, tok, e)
	if err != nil {
		return nil, err
	}
	d := &Data{Source: memorySource, Tokenizer: tok, memory: true, Begin: e.Begin, Report: report}
	return d, d.divide(x, o)
}

// ofBase is d as a base reads it: that knows what begins a document.
func (d *Data) ofBase(o Options) *Data {
	if begin, err := o.forMemory().begin(d.Tokenizer); err == nil && d.Examples == nil && len(d.Begin) == 0 && len(begin) > 0 {
		known := *d
		known.Begin, known.info = begin, DataInfo{}
		return &known
	}
	return d
}
