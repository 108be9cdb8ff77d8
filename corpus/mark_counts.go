package corpus

import (
	"strings"

	"github.com/pedestrian-ml/pedestrian/token"
)

// markCounts counts end-of-text marks in the texts of records, and text files with and
// without them.
type markCounts struct {
	whole, divided int            // number of text files with one document, and with several
	undivided      bool           // the current file is one document so far
	texts          map[string]int // number of each mark
}

// addRecord counts the marks in r.
func (f *markCounts) addRecord(r Record, tok *token.Tokenizer) {
	f.undivided = r.Place.Line == 0
	texts := []string{r.Text, r.Prompt, r.Completion}
	for _, m := range r.Messages {
		texts = append(texts, m.Content)
	}
	for _, mark := range []string{Mark(tok), endOfText} {
		n := 0
		for _, text := range texts {
			n += strings.Count(text, mark)
		}
		if n > 0 && f.texts == nil {
			f.texts = map[string]int{}
		}
		if n > 0 {
			f.texts[mark] += n
		}
		if mark == endOfText {
			break
		}
	}
}

// addFile counts a file after its records.
func (f *markCounts) addFile(s Source) {
	switch {
	case s.Format != FormatText:
	case f.undivided:
		f.whole++
	default:
		f.divided++
	}
}

// warn adds warnings to r: of marks that are ordinary text, and of texts without the
// separator.
func (f *markCounts) warn(r *Report, separator string, tok *token.Tokenizer) {
	for _, mark := range []string{Mark(tok), endOfText} {
		n := f.texts[mark]
		if n == 0 {
			continue
		}
		if id, ok := tok.EOS(); ok && mark == tok.Token(id) {
			r.warn("%s is written %d times in the examples, and is read as ordinary text there: leave it out, since the end of a document is added", mark, n)
		} else {
			r.warn("%s", textMarkWarning(mark, n, tok))
		}
		delete(f.texts, mark)
	}
	if f.divided > 0 || f.whole == 0 || f.whole > 1 && separator == Mark(tok) {
		return
	}
	what := "the text, which is one document"
	if f.whole > 1 {
		what = "the texts, of which each is one document"
	}
	r.warn("the separator %q is nowhere in %s", separator, what)
}
