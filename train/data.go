package train

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

// Data is a text or documents as tokens, divided into training and validation.
type Data struct {
	Source     string // Stories, or a path
	Bytes      int    // size of the text
	Tokenizer  *token.Tokenizer
	Train, Val []int32 // the tokens of a text; empty for documents

	Examples, ValExamples *corpus.Examples // documents, each with the tokens that are learnt
	Report                *corpus.Report   // on the documents; nil for a text

	Begin    []int32  // the token before a document, if training on d teaches it as the beginning of a document
	Warnings []string // about a text; those about documents are in Report

	memory bool     // from TextData or ExampleData
	former bool     // read as ReadingFormer says
	vocab  int      // of token shards; 0 = the tokenizer's
	floor  float64  // nats per token, on the windows of evaluations; 0 = unknown
	info   DataInfo // the result of Info, after its first call
}

// DataInfo identifies a text, and gives the losses of simple predictors on it.
type DataInfo struct {
	Source string `json:"source"`
	SHA256 string `json:"sha256"` // of the tokens of both splits and the tokenizer
	Train  int    `json:"train_tokens"`
	Val    int    `json:"val_tokens"`

	// Template is the text of the conversations' template, as corpus.ParseTemplate reads it;
	// "" without conversations.
	Template string `json:"template,omitempty"`

	Begin string `json:"begin,omitempty"` // the text of the special token in Data.Begin; "" if nothing is put before documents

	// Losses of predictors without a network, in nats per token on the validation split. For
	// documents, and without validation, only Uniform is set.
	Uniform float64 `json:"uniform"`         // ln of the number of tokens: each equally likely
	Unigram float64 `json:"unigram"`         // each as frequent as in the training split
	Bigram  float64 `json:"bigram"`          // each as frequent as after the token before it
	Floor   float64 `json:"floor,omitempty"` // the ideal predictor's, which no network can beat; 0 = unknown
}

// storySeed is the seed of the stories, so that all runs train on the same ones.
const storySeed = 1

// loadShards reads token shards. A shard has token ids without a text, so o names the tokenizer
// that made them. With bytes the size of the vocabulary is that of o, and generated text is
// shown as bytes.
func loadShards(o Options) (*Data, error) {
	if o.Tokenizer == token.Chars {
		return nil, fmt.Errorf("%s holds tokens, not text, and the tokenizer is %q: choose the tokenizer that made them (gpt2, or a path), or bytes, and give the vocabulary of the tokens with vocab", o.Data, o.Tokenizer)
	}
	tok, err := o.tokenizer("")
	if err != nil {
		return nil, err
	}
	d := &Data{Source: o.Data, Tokenizer: tok, vocab: o.Vocab, former: o.Reading == ReadingFormer}
	if d.vocab == 0 {
		d.vocab = tok.Vocab()
	}
	return d, d.readShards(o)
}

// readShards reads the splits of token shards.
func (d *Data) readShards(o Options) error {
	tokens, err := corpus.LoadShards(o.Data, d.vocab, o.Length())
	d.Bytes = 2 * len(tokens)
	d.Train, d.Val = corpus.SplitTokens(tokens, o.ValFraction)
	if begin, _ := o.begin(d.Tokenizer); err == nil {
		d.setBegin(begin, o.Tuning.hasBase())
	}
	if err == nil && o.Val != "" {
		if err := corpus.CheckDisjoint(o.Data, o.Val); err != nil {
			return err
		}
		if err := corpus.SameShards(o.Data, o.Val); err != nil {
			return err
		}
		d.Train = tokens
		d.Val, err = corpus.LoadShards(o.Val, d.vocab, o.Length())
	}
	return err
}

// errNoData is the error for options that name no data.
var errNoData = fmt.Errorf("data is empty: give %q or the path of a text; data in memory are of TextData and ExampleData", Stories)

// LoadData reads the text or the token shards that o names, or generates the stories, and makes
// the tokenizer and the two splits. For the stories it computes the floor on the windows that
// an evaluation with o uses.
func LoadData(o Options) (*Data, error) {
	if o.Data == "" {
		return nil, errNoData
	}
	o = o.withDefaults(false)
	if !TellsStories(o.Data) && corpus.IsShards(o.Data) {
		return loadShards(o)
	}
	return loadText(o, nil)
}

// tokenMemory returns how many bytes of memory the tokens of one byte of text take while it is
// encoded, when they are held twice: nine if every byte is a token, otherwise about four.
func (o Options) tokenMemory(tok *token.Tokenizer) int64 {
	if kind := o.Tokenizer; tok == nil && (kind == token.Chars || kind == token.Bytes) || tok != nil && tok.Kind() != token.BPE {
		return 9
	}
	return 4
}

// loadText reads a text for the tokenizer tok, or makes the tokenizer if tok is nil.
func loadText(o Options, tok *token.Tokenizer) (*Data, error) {
	told := grammar(o.Data)
	if told == nil && o.Reading != ReadingFormer {
		return loadMarked(o, tok)
	}
	d := &Data{Source: o.Data, Tokenizer: tok, former: o.Reading == ReadingFormer}
	var train, val string
	var err error
	if told != nil {
		train = told.Text(storySeed, o.StoryChars)
	} else if train, err = corpus.LoadLF(o.Data, o.tokenMemory(tok)); err != nil {
		return nil, err
	}
	d.Bytes = len(train)
	alphabet := train
	if told != nil { // the two halves of the stories have the same characters
		alphabet = grammar(Stories).Characters()
	}
	if !o.Validates() {
		val = ""
	} else if o.Val == "" {
		if train, val, err = corpus.Split(train, o.ValFraction, o.splitAlign()); err != nil {
			err = fmt.Errorf("%s: %w%s", o.Data, err, o.alignAdvice())
		}
	} else if val, err = corpus.LoadLF(o.Val, o.tokenMemory(tok)); err == nil {
		d.Bytes += len(val)
		alphabet += val
	}
	if err == nil && o.Val != "" && told == nil {
		err = corpus.CheckDisjoint(o.Data, o.Val)
	}
	if err != nil {
		return nil, err
	}
	if tok == nil {
		if d.Tokenizer, err = o.tokenizer(alphabet); err != nil {
			return nil, err
		}
	}
	if d.Train, err = d.Tokenizer.Encode(train); err != nil {
		return nil, err
	}
	if d.Val, err = d.Tokenizer.Encode(val); err != nil {
		return nil, err
	}
	if told != nil && o.Val == "" && len(d.Val) > 1 && d.Tokenizer.Kind() != token.BPE { // a character is a token
		sweep := o.sweep(d)
		d.floor, err = told.Floor(val, sweep, o.evalWindows(sweep)...)
	}
	return d, err
}

// Info returns the identification and the simple losses of d.
func (d *Data) Info() DataInfo {
	if d.info.SHA256 == "" && d.Examples != nil {
		d.info = DataInfo{Source: d.Source, SHA256: d.digest(), Train: len(d.Examples.Tokens), Val: len(d.ValExamples.Tokens), Begin: d.Tokenizer.Decode(d.Begin), Uniform: math.Log(float64(d.Tokenizer.Vocab()))}
		if d.Report != nil {
			d.info.Template = d.Report.Written
		}
	}
	if d.info.SHA256 == "" {
		b := corpus.Baselines{Uniform: math.Log(float64(max(d.vocab, d.Tokenizer.Vocab())))}
		if len(d.Val) > 0 {
			b = corpus.Baseline(d.Train, d.Val, max(d.vocab, d.Tokenizer.Vocab()))
		}
		d.info = DataInfo{
			Source: d.Source, SHA256: d.digest(), Train: len(d.Train), Val: len(d.Val), Begin: d.Tokenizer.Decode(d.Begin),
			Uniform: b.Uniform, Unigram: b.Unigram, Bigram: b.Bigram, Floor: d.floor,
		}
	}
	return d.info
}

// digest returns the SHA-256 of the tokenizer and the tokens of both splits.
func (d *Data) digest() string {
	h := sha256.New()
	tokenizer := d.Tokenizer
	if d.former {
		tokenizer = tokenizer.WithBOS(-1) // older programs did not know this token
	}
	tok, err := tokenizer.MarshalJSON()
	if err != nil {
		panic(fmt.Sprintf("train.Data: a tokenizer that cannot be written: %v", err))
	}
	h.Write(tok)
	if d.Examples != nil {
		fmt.Fprintf(h, "%s %s", d.Examples.Digest(), d.ValExamples.Digest())
	}
	for _, split := range [][]int32{d.Train, d.Val} {
		buf := binary.LittleEndian.AppendUint64(nil, uint64(len(split)))
		for i, t := range split {
			buf = binary.LittleEndian.AppendUint32(buf, uint32(t))
			if len(buf) >= 1<<16 || i == len(split)-1 {
				h.Write(buf)
				buf = buf[:0]
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
