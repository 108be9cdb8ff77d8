package train

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

// How the text of files becomes tokens, the values of Options.Reading. What a run has
// read it reads again in the same way when it goes on.
const (
	// ReadingFormer is that of runs which were begun before there was another: "\r\n"
	// in text files becomes "\n", an end-of-text mark in a text is ordinary text, and
	// nothing stands before a document.
	ReadingFormer = 0

	// ReadingDocuments leaves characters as they are; a mark is the token that ends a
	// text, and before every document stands Options.Begin.
	ReadingDocuments = 1
)

// checkReading reports what a later program has written.
func (o Options) checkReading() error {
	if o.Reading < ReadingFormer || o.Reading > ReadingDocuments {
		return fmt.Errorf("reading is %d: this program reads texts in the ways %d to %d, and a later one in others", o.Reading, ReadingFormer, ReadingDocuments)
	}
	return nil
}

// begin is the tokens that stand before every document of a run with o.
func (o Options) begin(tok *token.Tokenizer) ([]int32, error) {
	if o.Reading == ReadingFormer {
		return nil, nil
	}
	return corpus.Begin(tok, o.Begin)
}

// loadMarked reads a text for tok, or for a tokenizer that it makes, in which marks
// are tokens.
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
	train, err := corpus.LoadText(tok, begin, o.tokensBeside(tok), o.Data)
	if err != nil {
		return nil, err
	}
	var val *corpus.Text
	if o.Val != "" {
		if err := corpus.CheckDisjoint(o.Data, o.Val); err != nil {
			return nil, err
		}
		if val, err = corpus.LoadText(tok, begin, o.tokensBeside(tok), o.Val); err != nil {
			return nil, err
		}
	}
	d := &Data{Source: o.Data, Tokenizer: tok}
	return d, d.encode(o, begin, train, val)
}

// encode makes the tokens of d's two splits. Without a text for validation, a part of the
// other is kept, where o says so.
func (d *Data) encode(o Options, begin []int32, train, val *corpus.Text) (err error) {
	d.Bytes = train.Bytes()
	d.warn(train)
	if val != nil {
		d.Bytes += val.Bytes()
		d.warn(val)
	} else if o.Validates() {
		if train, val, err = train.Split(o.ValFraction, o.splitAlign()); err != nil {
			return fmt.Errorf("%s: %w%s", d.Source, err, o.loosened())
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
	d.known(begin, o.Tuning.on())
	return nil
}

// alphabet is the text whose characters are to be tokens; "" for other tokenizers.
func (o Options) alphabet() (string, error) {
	if o.Tokenizer != token.Chars {
		return "", nil
	}
	text, err := corpus.LoadReserving(o.Data, o.tokensBeside(nil))
	if err == nil && o.Val != "" {
		var val string
		val, err = corpus.LoadReserving(o.Val, o.tokensBeside(nil))
		text += val
	}
	return text, err
}

// warn notes what may be wrong with t.
func (d *Data) warn(t *corpus.Text) { d.Warnings = append(d.Warnings, t.Warnings()...) }

// known sets d.Begin where a network that is trained on d knows begin as the beginning
// of a document: a base did before, or it stands before more than one.
func (d *Data) known(begin []int32, base bool) {
	if n := len(begin); n > 0 && (base || len(corpus.Starts(d.Train, begin)) > 1) {
		d.Begin = begin
	}
}
