package corpus

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/token"
)

// EncodeOptions say how records become tokens. The zero value suits texts, and
// prompts with completions that are strings.
type EncodeOptions struct {
	// Template writes conversations, and prompts with their completions as a user's
	// and an assistant's message if it is not nil. Without it, conversations are
	// refused, and a prompt is followed by its completion as they are.
	Template *Template

	// Begin stands before every document, and before a conversation whose template does
	// not write it itself. It is what the first token of a document is predicted from,
	// and is not predicted. nil means nothing; see [Begin].
	Begin []int32

	All bool   // prompts are learnt as well, and everything that a template writes
	End string // what ends a document, a special token or a text; "" means the tokenizer's end-of-text token, if it has one

	// Former reads as runs do that were begun before marks were tokens: End is text
	// always, and so are the line ends of text files "\n".
	Former bool
}

// An Encoder turns records into documents of tokens.
//
// Text is tokenized in runs: neighbouring pieces of which all is learnt, or nothing,
// are one run, and a special token that a template names stands between two. So the
// boundary between prompt and completion is one between tokens, and a prompt has the
// same tokens in training as alone. Special tokens are made where a template names
// them, and for the end; in what records say they are ordinary text.
type Encoder struct {
	o        EncodeOptions
	tok      *token.Tokenizer
	end      []int32 // what ends a document
	template *boundTemplate

	marks       map[string]token.Added // the special tokens, by text
	markLengths []int                  // of their texts, the longest first

	tokens   []int32
	learn    []bool
	run      strings.Builder
	learnt   bool // the run
	unlearnt bool // nothing of the message is learnt
}

// A boundTemplate is a template for one tokenizer.
type boundTemplate struct {
	begin, end []atom
	roles      map[string][]atom
}

// An atom is a fragment in which special tokens were found.
type atom struct {
	fragment
	id int32 // the token that is written as text, or -1
}

// NewEncoder makes an encoder. The error says that the tokenizer cannot write what
// ends a document, or the template.
func NewEncoder(tok *token.Tokenizer, o EncodeOptions) (*Encoder, error) {
	e := &Encoder{o: o, tok: tok}
	if o.End != "" {
		encode := named
		if o.Former {
			encode = (*token.Tokenizer).Encode
		}
		end, err := encode(tok, o.End)
		if err != nil {
			return nil, fmt.Errorf("the end of a document %.20q: %w", o.End, err)
		}
		e.end = end
	} else if id, ok := tok.EOS(); ok {
		e.end = []int32{id}
	}
	if o.Template != nil {
		t := o.Template
		e.template = &boundTemplate{e.bind(t.begin), e.bind(t.end), map[string][]atom{}}
		for role, fs := range t.roles {
			e.template.roles[role] = e.bind(fs)
		}
	}
	return e, nil
}

// End is the tokens that end a document, none if there is nothing to end it with.
func (e *Encoder) End() []int32 { return e.end }

// bind finds the special tokens in the text of a template.
func (e *Encoder) bind(fs []fragment) (as []atom) {
	for _, f := range fs {
		if f.is != isText {
			as = append(as, atom{f, -1})
			continue
		}
		for text := f.text; text != ""; {
			at, which := e.firstMark(text)
			if at > 0 {
				as = append(as, atom{fragment{isText, text[:at], f.learn}, -1})
			}
			if which.ID >= 0 {
				as = append(as, atom{fragment{isText, which.Text, f.learn}, which.ID})
			}
			text = text[at+len(which.Text):]
		}
	}
	return as
}

// firstMark is where the first special token stands in text, the longest of those that
// begin there; the end of text, and no token, when there is none.
func (e *Encoder) firstMark(text string) (at int, mark token.Added) {
	if e.marks == nil {
		e.marks = map[string]token.Added{}
		for _, a := range e.tok.Added() {
			if a.Special && a.Text != "" {
				if _, known := e.marks[a.Text]; !known {
					e.marks[a.Text] = a
				}
				e.markLengths = append(e.markLengths, len(a.Text))
			}
		}
		slices.SortFunc(e.markLengths, func(a, b int) int { return b - a })
		e.markLengths = slices.Compact(e.markLengths)
	}
	for i := range len(text) {
		for _, n := range e.markLengths {
			if i+n <= len(text) {
				if a, ok := e.marks[text[i:i+n]]; ok {
					return i, a
				}
			}
		}
	}
	return len(text), token.Added{ID: -1}
}

// Add encodes r and appends it to x. The error says which character a tokenizer
// lacks, or what a template has no text for.
func (e *Encoder) Add(x *Examples, r Record) error {
	e.reset()
	if err := e.record(r); err != nil {
		return err
	}
	x.Add(e.tokens, e.learn, r.Place)
	return nil
}

// Prompt is the tokens of a conversation up to the place where the assistant is to
// go on, what a sampler starts from. Without a template, it is the last message's
// content after what begins a document.
func (e *Encoder) Prompt(ms []Message) ([]int32, error) {
	e.reset()
	if e.template == nil {
		if len(ms) > 0 {
			e.run.WriteString(ms[len(ms)-1].Content)
		}
		err := e.flush()
		return e.tokens, err
	}
	if err := e.conversation(ms, len(ms)); err != nil {
		return nil, err
	}
	for _, a := range e.template.roles[Assistant] {
		if a.learn {
			break
		}
		if err := e.atom(a, "", false); err != nil {
			return nil, err
		}
	}
	err := e.flush()
	return e.tokens, err
}

func (e *Encoder) reset() {
	e.tokens, e.learn = e.tokens[:0], e.learn[:0]
	e.run.Reset()
	for _, id := range e.o.Begin {
		e.tokens, e.learn = append(e.tokens, id), append(e.learn, false)
	}
}
