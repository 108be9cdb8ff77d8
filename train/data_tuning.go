package train

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

// LoadTuningData reads the data that o names for a run with a base. tok is the tokenizer of the
// base, and vocab the size of its vocabulary. The result has documents, or a text or token
// shards for windows, as o.Tuning.Format says.
func LoadTuningData(o Options, tok *token.Tokenizer, vocab int) (*Data, error) {
	if tok == nil {
		return nil, fmt.Errorf("%s comes without a tokenizer, and what its tokens mean is not known: put its tokenizer.json beside it, or name one with tokenizer", o.Tuning.Base)
	}
	if tok.Vocab() > vocab {
		return nil, fmt.Errorf("%s has a vocabulary of %d, and its tokenizer has %d tokens: they do not belong together", o.Tuning.Base, vocab, tok.Vocab())
	}
	if o.Data == "" {
		return nil, errNoData
	}
	o = o.withDefaults(true)
	switch told := TellsStories(o.Data); {
	case !told && corpus.IsShards(o.Data):
		d := &Data{Source: o.Data, Tokenizer: tok, vocab: vocab, former: o.Reading == ReadingFormer}
		return d, d.readShards(o)
	case !told && (o.Tuning.Format == FormatDocuments || o.Tuning.Format == "" && (o.Tuning.Separator != "" || len(o.Tuning.Map) > 0 || corpus.IsExamples(o.Data, o.separator(tok), nil))):
		return loadExamples(o, tok)
	}
	return loadText(o, tok)
}

// separator returns the separator of documents in a text.
func (o Options) separator(tok *token.Tokenizer) string {
	if _, ok := tok.EOS(); !ok && o.Reading == ReadingFormer {
		return ""
	}
	return corpus.Mark(tok)
}

// loadExamples reads examples. Without a file for validation it keeps a part of them for it.
func loadExamples(o Options, tok *token.Tokenizer) (*Data, error) {
	d := &Data{Source: o.Data, Tokenizer: tok, former: o.Reading == ReadingFormer}
	e, err := o.exampleOptions(tok)
	if err != nil {
		return nil, err
	}
	d.Begin = e.Begin
	x, report, err := corpus.LoadExamples(o.Data, tok, e)
	if err != nil {
		return nil, err
	}
	d.Report = report
	if o.Val == "" {
		return d, d.split(x, o)
	}
	d.Examples = x
	if err := corpus.CheckDisjoint(o.Data, o.Val); err != nil {
		return nil, err
	}
	if d.ValExamples, _, err = corpus.LoadExamples(o.Val, tok, e); err == nil {
		report.Compare(x, d.ValExamples)
	}
	return d, err
}

// exampleOptions returns the options for reading examples.
func (o Options) exampleOptions(tok *token.Tokenizer) (e corpus.ExampleOptions, err error) {
	e = corpus.ExampleOptions{Columns: o.Tuning.Map, Separator: o.Tuning.Separator, EncodeOptions: corpus.EncodeOptions{All: o.Tuning.Loss == LossAll, End: o.Tuning.End, Legacy: o.Reading == ReadingFormer}}
	if e.Begin, err = o.begin(tok); err != nil {
		return e, err
	}
	if o.Tuning.Template != "" {
		e.Template, err = corpus.LoadTemplate(o.Tuning.Template)
	}
	return e, err
}

// split sets d.Examples and d.ValExamples to two parts of x, as o.ValFraction says.
func (d *Data) split(x *corpus.Examples, o Options) (err error) {
	if !o.Validates() {
		d.Examples, d.ValExamples = x, new(corpus.Examples)
		return nil
	}
	if d.Examples, d.ValExamples, err = x.Split(o.ValFraction, storySeed); err != nil {
		return fmt.Errorf("%s: %w, or none (--val-fraction 0)", d.Source, err)
	}
	return nil
}
