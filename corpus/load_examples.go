package corpus

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/token"
)

// ExampleOptions say how examples are read and encoded.
type ExampleOptions struct {
	Format    Format
	Columns   Columns // of tables and objects
	Scored    bool    // the examples are for evaluation: the report has no warnings about learning, or about one text without marks
	Separator string  // divides documents in text files; "" means the text of the end-of-text token, or <|endoftext|>
	EncodeOptions
}

// endOfText divides documents in text files if the tokenizer has no end-of-text token.
const endOfText = "<|endoftext|>"

// A Report describes the result of LoadExamples.
type Report struct {
	Kind      Kind           `json:"kind"`               // of all records
	Documents int            `json:"documents"`          // their number
	Tokens    int            `json:"tokens"`             // their number
	Targets   int            `json:"targets"`            // number of tokens that are learnt
	Longest   int            `json:"longest"`            // tokens of the longest document
	LongestAt Place          `json:"longest_at"`         // place of the longest document
	Ends      int            `json:"ends"`               // documents whose end is learnt
	Template  string         `json:"template"`           // name of the template, or ""
	Begin     string         `json:"begin,omitempty"`    // text that stands before every document
	Written   string         `json:"-"`                  // text of the template, in the form that ParseTemplate reads
	Sources   []Source       `json:"sources"`            // the files, in the order of reading
	Ignored   map[string]int `json:"ignored,omitempty"`  // fields that were not used, and in how many examples they are not empty
	LeftOut   int            `json:"left_out,omitempty"` // examples without an answer or a text
	LeftAt    *Place         `json:"left_at,omitempty"`  // place of the first of those
	Warnings  []string       `json:"warnings,omitempty"` // one line each
}

// LoadExamples reads the examples at path, as [ReadRecords] does, and encodes them.
// Conversations without a template get the [DefaultTemplate]; the report names it.
func LoadExamples(path string, tok *token.Tokenizer, o ExampleOptions) (*Examples, *Report, error) {
	return examplesFrom(tok, o, func(how readOptions, each func(Record) error) error { return how.records(path, each) })
}

// NewExamples encodes records in memory, as LoadExamples does records of a file. A record
// without a Kind gets it from its fields: Text, or Prompt and Completion, or Messages.
// Errors and places call the first record examples:1.
func NewExamples(records []Record, tok *token.Tokenizer, o ExampleOptions) (*Examples, *Report, error) {
	return examplesFrom(tok, o, func(_ readOptions, each func(Record) error) error { return inMemory(records, each) })
}

// inMemory calls each for every record, with its kind and place set.
func inMemory(records []Record, each func(Record) error) error {
	if len(records) == 0 {
		return errors.New("there are no examples: give at least one")
	}
	var first Kind
	for i, r := range records {
		r.Place = Place{"examples", i + 1}
		switch {
		case r.Kind != "":
		case r.Messages != nil:
			r.Kind = KindMessages
		case r.Prompt != "" || r.Completion != "":
			r.Kind = KindPrompt
		default:
			r.Kind = KindText
		}
		if i == 0 {
			first = r.Kind
		}
		if r.Kind != first {
			return fmt.Errorf("%v is of kind %s, and the first of kind %s: give them apart", r.Place, r.Kind, first)
		}
		if r.Messages == nil && strings.TrimSpace(r.Text+r.Completion) == "" {
			return fmt.Errorf("%v has nothing to learn: set Text, or Prompt and Completion, or Messages", r.Place)
		}
		if err := each(r); err != nil {
			return fmt.Errorf("%v: %w", r.Place, err)
		}
	}
	return nil
}

// examplesFrom encodes the records for which source calls its function each.
func examplesFrom(tok *token.Tokenizer, o ExampleOptions, source func(how readOptions, each func(Record) error) error) (*Examples, *Report, error) {
	how := readOptions{format: o.Format, separator: o.Separator, columns: o.Columns, mark: Mark(tok), begin: tok.Decode(o.Begin), lf: o.Legacy}
	if o.Separator == "" {
		how.separator = how.mark
	}
	if o.Legacy {
		how.mark = ""
	}
	x, r := &Examples{}, &Report{Ignored: map[string]int{}, Begin: tok.Decode(o.Begin)}
	var e *Encoder
	var marks markCounts
	joined, limit := 0, 1<<20
	how.source = func(s Source) {
		r.Sources = append(r.Sources, s)
		marks.addFile(s)
	}
	err := source(how, func(rec Record) (err error) {
		marks.addRecord(rec, tok)
		if e == nil {
			r.Kind = rec.Kind
			if o.Template == nil && rec.Messages != nil {
				if o.Template, err = DefaultTemplate(tok); err != nil {
					return err
				}
			}
			if t := o.Template; t != nil && rec.Kind != KindText && t.whole {
				r.Begin = ""
			}
			if e, err = NewEncoder(tok, o.EncodeOptions); err != nil {
				return err
			}
		}
		if e.template == nil && rec.Kind == KindPrompt && wordsJoin(rec.Prompt, rec.Completion) {
			joined++
		}
		if err := e.Add(x, rec); err != nil {
			return err
		}
		return x.reserve(&limit)
	})
	if err != nil {
		return nil, nil, err
	}
	r.sumSources()
	r.count(x, e, o.Scored)
	if o.Template != nil && e.template != nil {
		r.Template, r.Written = o.Template.Name, o.Template.Source()
		r.warnMarks(e)
	}
	if o.Scored && o.Separator == "" {
		marks.whole = 0 // a text need not have marks
	}
	marks.warn(r, how.separator, tok)
	if 2*joined > x.Len() {
		r.warn("in %d of %d examples the prompt and the completion have no space or line end between them: the words run together", joined, x.Len())
	}
	if len(r.Ignored) > 0 {
		r.warn("fields that are not used: %s", strings.Join(slices.Sorted(maps.Keys(r.Ignored)), ", "))
	}
	if r.LeftOut > 0 {
		r.warn("left out: %d, in which the answer or the text is empty, first %v", r.LeftOut, *r.LeftAt)
	}
	return x, r, nil
}

// sumSources adds the counts of the sources.
func (r *Report) sumSources() {
	for _, s := range r.Sources {
		for name, n := range s.Ignored {
			if len(r.Ignored) < maxIgnored || r.Ignored[name] > 0 {
				r.Ignored[name] += n
			}
		}
		if r.LeftOut += s.LeftOut; r.LeftAt == nil {
			r.LeftAt = s.LeftAt
		}
	}
}

// Compare returns the places of documents of val that are in train too, and adds a warning.
func (r *Report) Compare(train, val *Examples) (both []Place) {
	for _, i := range Overlap(train, val) {
		both = append(both, val.Place(i))
	}
	if len(both) > 0 {
		r.warn("%d of %d documents for validation are in training too, first %v: a loss on them measures what was memorised", len(both), val.Len(), both[0])
	}
	return both
}

func (r *Report) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// DefaultTemplate is the template of conversations if none is chosen. It depends on the chat
// template of the tokenizer: if [Template.Chat] wrote it, the original; otherwise the
// built-in template that writes some conversations as it does; otherwise itself, rendered.
// If the tokenizer has no chat template, it is the first of [Templates]. The error says why
// the chat template cannot be used.
func DefaultTemplate(tok *token.Tokenizer) (*Template, error) {
	jinja := tok.ChatTemplate()
	if jinja == "" {
		return builtin(templateNames[0]), nil
	}
	if t, ok := ownTemplate(jinja, tok); ok {
		return t, nil
	}
	t, err := newProgram(jinja)
	if err != nil {
		return nil, fmt.Errorf("the chat template of the tokenizer: %w: choose one of %s, or write one as a file", err, strings.Join(templateNames, ", "))
	}
	if name, ok := t.program.recognize(); ok {
		known := builtin(name)
		known.whole = true // as the model's own, which was compared from its beginning on
		return known, nil
	}
	t.Name = "of the model"
	return t, nil
}

// wordsJoin reports whether prompt ends and completion begins with a letter or digit.
func wordsJoin(prompt, completion string) bool {
	word := func(c byte) bool {
		return c >= 0x80 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
	}
	return prompt != "" && completion != "" && word(prompt[len(prompt)-1]) && word(completion[0])
}

// count sets the counts of r and warns if the end of a document is never learnt.
func (r *Report) count(x *Examples, e *Encoder, scored bool) {
	r.Documents, r.Tokens, r.Targets = x.Len(), len(x.Tokens), x.Targets()
	for i := range x.Len() {
		tokens, learn := x.Document(i)
		if len(tokens) > r.Longest {
			r.Longest, r.LongestAt = len(tokens), x.Place(i)
		}
		if n := len(e.end); n > 0 && learnsEnd(tokens, learn, e.end) {
			r.Ends++
		}
	}
	switch {
	case scored:
	case len(e.end) == 0:
		r.warn("the tokenizer has no end-of-text token: nothing teaches the network to stop; choose a text that ends a document (end)")
	case r.Ends == 0:
		instead := ""
		if e.template != nil && e.o.Template.Stop() != "" {
			instead = fmt.Sprintf("; stop it at %q", e.o.Template.Stop())
		}
		r.warn("the end of a text, %q, is never learnt: the network will not stop by it%s", e.tok.Decode(e.end), instead)
	}
}

// learnsEnd reports whether a document has end as a target.
func learnsEnd(tokens []int32, learn []bool, end []int32) bool {
	for i := range tokens {
		if i+len(end) <= len(tokens) && learn[i] && slices.Equal(tokens[i:i+len(end)], end) {
			return true
		}
	}
	return false
}

// warnMarks warns of marks in a template that look like special tokens but are not.
func (r *Report) warnMarks(e *Encoder) {
	seen := map[string]bool{}
	for _, as := range e.template.roles {
		for _, a := range as {
			if a.kind != textFragment || a.id >= 0 {
				continue
			}
			for rest := a.text; ; {
				i := strings.Index(rest, "<|")
				j := strings.Index(rest[max(i, 0):], "|>")
				if i < 0 || j < 0 {
					break
				}
				seen[rest[i:i+j+2]] = true
				rest = rest[i+j+2:]
			}
		}
	}
	if len(seen) > 0 {
		r.warn("template %s: %s are not tokens of this tokenizer, and are written as text", r.Template, strings.Join(slices.Sorted(maps.Keys(seen)), ", "))
	}
}
