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

// A Text is documents that are read one after the other, as windows are drawn from
// them: the files of a directory, and what stands between end-of-text marks. Of a
// tokenizer without such a token the whole is one document.
type Text struct {
	Spelt string // the mark that is in the text and is no token of the tokenizer, or ""
	Marks int    // how often it is there, as text

	raw       string // a warning: it is examples, read as they stand
	documents []string
	begins    bool // the first from its beginning, which a split may take away
	ends      bool // the last to its end
	tok       *token.Tokenizer
	begin     []int32
	end       []int32
}

// LoadText reads the text at paths, as [Load] does, for tok. The end-of-text mark,
// tok's token as it is written, ends a document and belongs to none, as do line ends
// behind it; what is white space only is no document. begin stands before every
// document, as [EncodeOptions] has it, whether its mark is written there or not.
//
// Who goes on to take so many bytes beside each of the text's is refused if there is no
// room for both, as in [LoadBeside].
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
	t.raw = rawExamples(paths)
	return t, nil
}

// NewText is the text of which parts are the files, as [LoadText] has it.
func NewText(tok *token.Tokenizer, begin []int32, parts ...string) (*Text, error) {
	return newText(tok, begin, parts, parts)
}

// newText is the text that all make together, one after the other, of which texts are the
// parts where documents end.
func newText(tok *token.Tokenizer, begin []int32, all, texts []string) (*Text, error) {
	t := &Text{tok: tok, begins: true, begin: begin}
	id, ok := tok.EOS()
	if !ok {
		t.documents = []string{strings.Join(all, "")}
		t.note("")
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
	t.note(mark)
	return t, nil
}

// note counts the marks that are no token: GPT-2's, where mark is another or none.
func (t *Text) note(mark string) {
	if mark == endOfText {
		return
	}
	for _, doc := range t.documents {
		t.Marks += strings.Count(doc, endOfText)
	}
	if t.Marks > 0 {
		t.Spelt = endOfText
	}
}

// Warnings says in one line each what may be wrong with t: marks that are text.
func (t *Text) Warnings() []string {
	warnings := []string{}
	if t.Marks > 0 {
		warnings = append(warnings, spelt(t.Spelt, t.Marks, t.tok))
	}
	if t.raw != "" {
		warnings = append(warnings, t.raw)
	}
	return warnings
}

// rawExamples says of the first of paths that holds examples that they are read as a text,
// or "".
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

// spelt says that a mark occurs n times and is no token of tok.
func spelt(mark string, n int, tok *token.Tokenizer) string {
	has := "the tokenizer has no token that ends a text"
	if id, ok := tok.EOS(); ok {
		has = fmt.Sprintf("the tokenizer ends a text with %s", tok.Token(id))
	}
	return fmt.Sprintf("%s is there %d times and is read as ordinary text: %s", mark, n, has)
}

// Bytes is the length of the documents.
func (t *Text) Bytes() (n int) {
	for _, doc := range t.documents {
		n += len(doc)
	}
	return n
}

// Documents is their number.
func (t *Text) Documents() int { return len(t.documents) }

// Split divides t into a beginning to train on and an end to validate on. Where there
// are several documents, whole ones are kept if that leaves between fraction and twice
// as much of the bytes for validation; otherwise one is divided, where [Split] divides a text.
func (t *Text) Split(fraction float64, a Align) (train, val *Text, err error) {
	if !(fraction > 0 && fraction < 1) || len(t.documents) == 1 {
		before, after, err := Split(t.documents[0], fraction, a)
		return t.part([]string{before}, t.begins, false), t.part([]string{after}, false, t.ends), err
	}
	total := t.Bytes()
	first := int((1 - fraction) * float64(total)) // byte of validation, at the latest
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

// part is some documents of t.
func (t *Text) part(documents []string, begins, ends bool) *Text {
	return &Text{documents: documents, begins: begins, ends: ends, tok: t.tok, begin: t.begin, end: t.end}
}

// Encode appends the tokens of t to ids: before each document what begins one, after
// each what ends it; where that is the same token it stands between two documents
// once. The error says which character the tokenizer lacks.
func (t *Text) Encode(ids []int32) ([]int32, error) {
	parts, err := t.encodeAll()
	if err != nil {
		return nil, err
	}
	for i, part := range parts {
		if begun := i > 0 || t.begins; begun && !(slices.Equal(t.begin, t.end) && ended(ids, t.end)) {
			ids = append(ids, t.begin...)
		}
		ids = append(ids, part...)
		if i < len(parts)-1 || t.ends {
			ids = append(ids, t.end...)
		}
	}
	return ids, nil
}

// ended says whether ids end with end.
func ended(ids, end []int32) bool {
	return len(ids) >= len(end) && slices.Equal(ids[len(ids)-len(end):], end)
}

// encodeAll encodes the documents, several at the same time.
func (t *Text) encodeAll() ([][]int32, error) {
	parts, errs := make([][]int32, len(t.documents)), make([]error, len(t.documents))
	if len(parts) == 1 { // the tokenizer divides a long one
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

// Begin is the tokens that stand before every document of tok's, one or none: of "",
// the token that begins a text, or else that which ends one, as GPT-2 was trained; of
// [BeginNone], nothing; otherwise the special token of that name.
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

// BeginNone is the name of no beginning.
const BeginNone = "none"

// named is the special token that is written as text, or else the tokens of that.
func named(tok *token.Tokenizer, text string) ([]int32, error) {
	if id, ok := tok.Special(text); ok {
		return []int32{id}, nil
	}
	return tok.Encode(text)
}
