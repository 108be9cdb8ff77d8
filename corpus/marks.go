package corpus

import (
	"strings"

	"github.com/pedestrian-ml/pedestrian/token"
)

// finds are the places in records where a mark is written, and where none is.
type finds struct {
	whole, divided int  // text files that are one document, and those that are more
	undivided      bool // the file that is being read
	spelt          map[string]int
}

// look counts what r has.
func (f *finds) look(r Record, tok *token.Tokenizer) {
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
		if n > 0 && f.spelt == nil {
			f.spelt = map[string]int{}
		}
		if n > 0 {
			f.spelt[mark] += n
		}
		if mark == endOfText {
			break
		}
	}
}

// read counts a file whose records were looked at.
func (f *finds) read(s Source) {
	switch {
	case s.Format != FormatText:
	case f.undivided:
		f.whole++
	default:
		f.divided++
	}
}

// warn tells r of marks that are text, and of texts that no separator divides.
func (f *finds) warn(r *Report, separator string, tok *token.Tokenizer) {
	for _, mark := range []string{Mark(tok), endOfText} {
		n := f.spelt[mark]
		if n == 0 {
			continue
		}
		if id, ok := tok.EOS(); ok && mark == tok.Token(id) {
			r.warn("%s is written %d times in the examples, and is read as ordinary text there: leave it out, since the end of a document is added", mark, n)
		} else {
			r.warn("%s", spelt(mark, n, tok))
		}
		delete(f.spelt, mark)
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
