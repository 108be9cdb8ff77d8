package corpus

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/token"
)

// EncodeOptions say how records become tokens. The zero value is right for texts, and for
// prompts with completions that are strings.
type EncodeOptions struct {
	// Template writes conversations. If it is set, a prompt with its completion is written
	// as a message of the user and one of the assistant. If it is nil, a completion directly
	// follows its prompt, and conversations are refused.
	Template *Template

	// Begin stands before every document, and before a conversation if its template does not
	// write it. The first token of a document is predicted from it; Begin itself is not
	// predicted. nil means no token; see [Begin].
	Begin []int32

	All bool   // the loss counts prompts, too, and everything that a template writes
	End string // ends a document: a special token or a text; "" means the tokenizer's end-of-text token, if it has one

	// Legacy reads as old runs do, which began before marks were tokens: End is always a
	// text, and "\r\n" in text files becomes "\n".
	Legacy bool
}

// An Encoder turns records into documents of tokens.
//
// It tokenizes text in runs. A run is all neighbouring text that is learnt, or all
// neighbouring text that is not, without a special token in between. So there is a token
// boundary between prompt and completion, and a prompt has the same tokens in training as
// alone. Special tokens come from the template and from the end of a document only; in the
// text of a record they are ordinary text.
type Encoder struct {
	o        EncodeOptions
	tok      *token.Tokenizer
	end      []int32 // tokens after a document
	template *boundTemplate
	system   string // the system message, where the text of the user's first has it

	marks       map[string]token.Added // the special tokens, by text
	markLengths []int                  // lengths of their texts, longest first

	tokens   []int32
	learn    []bool
	marked   bool // the template has written a special token
	run      strings.Builder
	runLearn bool // the run is learnt
	noLearn  bool // the message is not learnt
}

// A boundTemplate is a template for one tokenizer.
type boundTemplate struct {
	begin, end []atom
	roles      map[string][]atom
}

// An atom is a fragment of a template: one special token, or text without special tokens.
type atom struct {
	fragment
	id int32 // the special token, or -1
}

// NewEncoder makes an encoder. The error says that the tokenizer cannot encode the end of a
// document.
func NewEncoder(tok *token.Tokenizer, o EncodeOptions) (*Encoder, error) {
	e := &Encoder{o: o, tok: tok}
	if o.End != "" {
		encode := specialOrText
		if o.Legacy {
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
	if t := o.Template; t != nil && t.program != nil {
		e.template = &boundTemplate{}
	} else if t != nil {
		e.template = &boundTemplate{e.bind(t.begin), e.bind(t.end), map[string][]atom{}}
		for role, fs := range t.roles {
			e.template.roles[role] = e.bind(fs)
		}
	}
	return e, nil
}

// End is the tokens that end a document; none if the tokenizer has no end-of-text token.
func (e *Encoder) End() []int32 { return e.end }

// bind finds the special tokens in the fragments of a template.
func (e *Encoder) bind(fs []fragment) (as []atom) {
	for _, f := range fs {
		if f.kind == bosFragment {
			if id, ok := e.tok.BOS(); ok {
				as = append(as, atom{fragment{textFragment, e.tok.Token(id), f.learn}, id})
			}
			continue
		}
		if f.kind != textFragment {
			as = append(as, atom{f, -1})
			continue
		}
		for text := f.text; text != ""; {
			at, which := e.firstMark(text)
			if at > 0 {
				as = append(as, atom{fragment{textFragment, text[:at], f.learn}, -1})
			}
			if which.ID >= 0 {
				as = append(as, atom{fragment{textFragment, which.Text, f.learn}, which.ID})
			}
			text = text[at+len(which.Text):]
		}
	}
	return as
}

// firstMark finds the first special token in text, and the longest of those that begin
// there. Without one it returns len(text) and a token with ID -1.
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

// Add encodes r and appends it to x. The error names a character that the tokenizer lacks,
// or a role that the template lacks.
func (e *Encoder) Add(x *Examples, r Record) error {
	e.reset()
	if err := e.record(r); err != nil {
		return err
	}
	x.Add(e.tokens, e.learn, r.Place)
	return nil
}

// Prompt encodes a conversation up to the place where the assistant answers: the prompt of a
// sampler. Without a template it encodes the content of the last message. Begin stands
// before both.
func (e *Encoder) Prompt(ms []Message) ([]int32, error) {
	e.reset()
	if e.template == nil {
		if len(ms) > 0 {
			e.run.WriteString(ms[len(ms)-1].Content)
		}
		err := e.flush()
		return e.tokens, err
	}
	if e.o.Template.program != nil {
		err := e.rendered(ms, len(ms), true)
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
	e.tokens, e.learn, e.marked = e.tokens[:0], e.learn[:0], false
	e.run.Reset()
	for _, id := range e.o.Begin {
		e.tokens, e.learn = append(e.tokens, id), append(e.learn, false)
	}
}
