package train

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

// The values of Options.Reading: how the text of files becomes tokens. A resumed run reads its
// data in the same way as before.
const (
	// ReadingFormer is used by runs from older programs: "\r\n" in text files becomes "\n",
	// an end-of-text mark in a text is ordinary text, and nothing is put before a document.
	ReadingFormer = 0

	// ReadingDocuments does not change characters. A mark becomes the token that ends a text,
	// and Options.Begin is put before every document.
	ReadingDocuments = 1
)

// checkReading returns an error for a value of Reading from a later program.
func (o Options) checkReading() error {
	if o.Reading < ReadingFormer || o.Reading > ReadingDocuments {
		return fmt.Errorf("reading is %d: this program reads texts in the ways %d to %d, and a later one in others", o.Reading, ReadingFormer, ReadingDocuments)
	}
	return nil
}

// begin returns the tokens that are put before every document of a run with o.
func (o Options) begin(tok *token.Tokenizer) ([]int32, error) {
	if o.Reading == ReadingFormer {
		return nil, nil
	}
	return corpus.Begin(tok, o.Begin)
}

// loadMarked reads a text in which end-of-text marks are tokens. It uses the tokenizer tok, or
// makes one if tok is nil.
func loadMarked(o Options, tok *token.Tokenizer) (*Data, error) {
	if tok == nil {
		alphabet, err := o.alphabet()
		if err != nil {
			return nil, err
		}
		if tok, err = o.tokenizer(alphabet); err != nil {
			return nil, err
		}
	}
	begin, err := o.begin(tok)
	if err != nil {
		return nil, err
	}
	train, err := corpus.LoadText(tok, begin, o.tokenMemory(tok), o.Data)
	if err != nil {
		return nil, err
	}
	var val *corpus.Text
	if o.Val != "" {
		if err := corpus.CheckDisjoint(o.Data, o.Val); err != nil {
			return nil, err
		}
		if val, err = corpus.LoadText(tok, begin, o.tokenMemory(tok), o.Val); err != nil {
			return nil, err
		}
	}
	d := &Data{Source: o.Data, Tokenizer: tok}
	return d, d.encode(o, begin, train, val)
}

// encode sets d.Train and d.Val to the tokens of train and val. If val is nil, a part of train is
// kept for validation, as o.ValFraction says.
func (d *Data) encode(o Options, begin []int32, train, val *corpus.Text) (err error) {
	d.Bytes = train.Bytes()
	d.warn(train)
	if val != nil {
		d.Bytes += val.Bytes()
		d.warn(val)
	} else if o.Validates() {
		if train, val, err = train.Split(o.ValFraction, o.splitAlign()); err != nil {
			return fmt.Errorf("%s: %w%s", d.Source, err, o.alignAdvice())
		}
	}
	if d.Train, err = train.Encode(nil); err != nil {
		return err
	}
	if val != nil {
		if d.Val, err = val.Encode(nil); err != nil {
			return err
		}
	}
	d.setBegin(begin, o.Tuning.hasBase())
	return nil
}

// alphabet returns the text whose characters become the tokens of a character tokenizer; "" for
// other tokenizers.
func (o Options) alphabet() (string, error) {
	if o.Tokenizer != token.Chars {
		return "", nil
	}
	text, err := corpus.LoadReserving(o.Data, o.tokenMemory(nil))
	if err == nil && o.Val != "" {
		var val string
		val, err = corpus.LoadReserving(o.Val, o.tokenMemory(nil))
		text += val
	}
	return text, err
}

// warn adds the warnings about t.
func (d *Data) warn(t *corpus.Text) { d.Warnings = append(d.Warnings, t.Warnings()...) }

// setBegin sets d.Begin to begin if a network trained on d knows it as the beginning of a document:
// because its base does, or because it is put before more than one document.
func (d *Data) setBegin(begin []int32, base bool) {
	if n := len(begin); n > 0 && (base || len(corpus.Starts(d.Train, begin)) > 1) {
		d.Begin = begin
	}
}
