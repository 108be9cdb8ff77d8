package corpus

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/pedestrian-ml/pedestrian/token"
)

// A Text is a sequence of documents for training on windows: the files of a directory,
// divided at end-of-text marks. If the tokenizer has no end-of-text token, all files are one
// document.
type Text struct {
	textMark  string // an end-of-text mark in the text that is no token of the tokenizer, or ""
	textMarks int    // how often it occurs

	rawWarning string // says that the files hold examples, but are read as text; or ""
	documents  []string
	begins     bool // the first document is complete at its beginning; a split may cut it
	ends       bool // the last document is complete at its end
	tok        *token.Tokenizer
	begin      []int32
	end        []int32
}

// LoadText reads the text at paths, as [Load] does, for tok. The text of tok's end-of-text
// token ends a document. It belongs to no document, and neither do line ends after it. A
// document of white space only is left out. begin stands before every document, as in
// [EncodeOptions]; where the text contains it already, it is not doubled.
//
// The text is refused if it does not fit into memory with beside bytes more for each of its
// bytes; see [LoadReserving].
func LoadText(tok *token.Tokenizer, begin []int32, beside int64, paths ...string) (*Text, error) {
	var all, texts []string
	for _, path := range paths {
		whole, parts, err := loadFiles(path, beside)
		if err != nil {
			return nil, fmt.Errorf("load text: %w", err)
		}
		all, texts = append(all, whole), append(texts, parts...)
	}
	t, err := newText(tok, begin, all, texts)
	if err != nil {
		return nil, fmt.Errorf("load text: %s: %w", strings.Join(paths, ", "), err)
	}
	t.rawWarning = rawExamples(paths)
	return t, nil
}

// NewText is [LoadText] for files in memory; each of parts is one file.
func NewText(tok *token.Tokenizer, begin []int32, parts ...string) (*Text, error) {
	return newText(tok, begin, parts, parts)
}

// newText makes a Text of texts, each of which ends a document. Without an end-of-text token
// it makes one document of all.
func newText(tok *token.Tokenizer, begin []int32, all, texts []string) (*Text, error) {
	t := &Text{tok: tok, begins: true, begin: begin}
	id, ok := tok.EOS()
	if !ok {
		t.documents = []string{strings.Join(all, "")}
		t.countMarks("")
		return t, nil
	}
	t.end = []int32{id}
	mark := tok.Token(id)
	for _, text := range texts {
		cut := cutter(text, "", mark)
		for rest, more := text, true; more; {
			var doc string
			doc, _, rest, more = cut(rest)
			doc = strings.TrimPrefix(doc, tok.Decode(begin))
			if strings.TrimSpace(doc) != "" {
				t.documents, t.ends = append(t.documents, doc), more
			}
		}
	}
	if len(t.documents) == 0 {
		return nil, errors.New("there is white space only: give a text with words in it")
	}
	t.countMarks(mark)
	return t, nil
}

// countMarks counts GPT-2's end-of-text marks in the documents, if mark is another or none.
func (t *Text) countMarks(mark string) {
	if mark == endOfText {
		return
	}
	for _, doc := range t.documents {
		t.textMarks += strings.Count(doc, endOfText)
	}
	if t.textMarks > 0 {
		t.textMark = endOfText
	}
}

// Warnings lists possible mistakes in t, one line each: end-of-text marks that are ordinary
// text, and examples that are read as text.
func (t *Text) Warnings() []string {
	warnings := []string{}
	if t.textMarks > 0 {
		warnings = append(warnings, textMarkWarning(t.textMark, t.textMarks, t.tok))
	}
	if t.rawWarning != "" {
		warnings = append(warnings, t.rawWarning)
	}
	return warnings
}

// rawExamples is a warning if one of paths holds examples, which are read as text here; or
// "".
func rawExamples(paths []string) string {
	for _, path := range paths {
		all, err := files(path)
		if err != nil {
			continue
		}
		in, err := open(all[0])
		if err != nil {
			continue
		}
		format, err := in.recognize(nil)
		in.Close()
		if err == nil && format != FormatText {
			return fmt.Sprintf("%s is %s, and is read as a text as it stands, with the names of its fields: finetune reads what is in them", all[0], format)
		}
	}
	return ""
}

// textMarkWarning says that a mark occurs n times and is no token of tok.
func textMarkWarning(mark string, n int, tok *token.Tokenizer) string {
	has := "the tokenizer has no token that ends a text"
	if id, ok := tok.EOS(); ok {
		has = fmt.Sprintf("the tokenizer ends a text with %s", tok.Token(id))
	}
	return fmt.Sprintf("%s is there %d times and is read as ordinary text: %s", mark, n, has)
}

// Bytes is the total length of the documents.
func (t *Text) Bytes() (n int) {
	for _, doc := range t.documents {
		n += len(doc)
	}
	return n
}

// Documents is the number of documents.
func (t *Text) Documents() int { return len(t.documents) }

// Split divides t into a beginning for training and an end for validation. With several
// documents it moves whole documents, if validation then has between fraction and 2·fraction
// of the bytes. Otherwise it divides one document by [Split].
func (t *Text) Split(fraction float64, a Align) (train, val *Text, err error) {
	if !(fraction > 0 && fraction < 1) || len(t.documents) == 1 {
		before, after, err := Split(t.documents[0], fraction, a)
		return t.part([]string{before}, t.begins, false), t.part([]string{after}, false, t.ends), err
	}
	total := t.Bytes()
	first := int((1 - fraction) * float64(total)) // validation begins here or before
	k, at := 0, 0
	for k < len(t.documents)-1 && at+len(t.documents[k]) <= first {
		at += len(t.documents[k])
		k++
	}
	doc := t.documents[k]
	before, after, err := Split(doc, float64(at+len(doc)-first)/float64(len(doc)), a)
	if k > 0 && (err != nil || float64(total-at) <= 2*fraction*float64(total)) {
		return t.part(t.documents[:k], t.begins, true), t.part(t.documents[k:], true, t.ends), nil
	} else if err != nil {
		return nil, nil, err
	}
	train = t.part(append(slices.Clone(t.documents[:k]), before), t.begins, false)
	val = t.part(append([]string{after}, t.documents[k+1:]...), false, t.ends)
	return train, val, nil
}

// part makes a Text of some documents of t.
func (t *Text) part(documents []string, begins, ends bool) *Text {
	return &Text{documents: documents, begins: begins, ends: ends, tok: t.tok, begin: t.begin, end: t.end}
}

// Encode appends the tokens of t to ids: the beginning token before each document and the
// end token after it. If both are the same token, it stands once between two documents. The
// error names a character that the tokenizer lacks.
func (t *Text) Encode(ids []int32) ([]int32, error) {
	parts, err := t.encodeAll()
	if err != nil {
		return nil, err
	}
	for i, part := range parts {
		if begun := i > 0 || t.begins; begun && !(slices.Equal(t.begin, t.end) && endWith(ids, t.end)) {
			ids = append(ids, t.begin...)
		}
		ids = append(ids, part...)
		if i < len(parts)-1 || t.ends {
			ids = append(ids, t.end...)
		}
	}
	return ids, nil
}

// endWith reports whether ids end with end.
func endWith(ids, end []int32) bool {
	return len(ids) >= len(end) && slices.Equal(ids[len(ids)-len(end):], end)
}

// encodeAll encodes the documents in parallel.
func (t *Text) encodeAll() ([][]int32, error) {
	parts, errs := make([][]int32, len(t.documents)), make([]error, len(t.documents))
	if len(parts) == 1 { // the tokenizer encodes a long one in parallel
		parts[0], errs[0] = t.tok.Encode(t.documents[0])
		return parts, errs[0]
	}
	next := make(chan int, 64)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range next {
				parts[i], errs[i] = t.tok.Encode(t.documents[i])
			}
		})
	}
	for i := range parts {
		next <- i
	}
	close(next)
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// Begin is the tokens that stand before every document of tok, one or none. name "" means
// the beginning-of-text token, or the end-of-text token if there is none, as GPT-2 was
// trained; [BeginNone] means no token; any other name is a special token.
func Begin(tok *token.Tokenizer, name string) ([]int32, error) {
	id, ok := tok.BOS()
	if name != "" && name != BeginNone {
		if id, ok = tok.Special(name); !ok {
			return nil, fmt.Errorf("the beginning of a document is %.40q, which is no special token of the tokenizer: name one, or %s", name, BeginNone)
		}
	}
	if !ok || name == BeginNone {
		return nil, nil
	}
	return []int32{id}, nil
}

// BeginNone is the name that means no token before a document.
const BeginNone = "none"

// specialOrText is the special token called text, or the tokens of text if there is none.
func specialOrText(tok *token.Tokenizer, text string) ([]int32, error) {
	if id, ok := tok.Special(text); ok {
		return []int32{id}, nil
	}
	return tok.Encode(text)
}
