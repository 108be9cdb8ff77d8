package train

import (
	"context"
	"fmt"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/token"
)

// A Writer lets a network write text. It belongs to the goroutine that uses the
// network.
//
// The network's positions are learnt, so no more than its context can be seen at
// once. When the window is full, the older half is forgotten: the last context/2
// tokens are read again as the beginning of a new window. With the KV cache and
// without it the windows are the same, and so is the text.
//
// A network that was trained on windows that begin at a line or a paragraph (Align)
// knows no others. It gets such windows here, too: one line's end stands before the
// prompt, unless the prompt begins with one, and a full window goes on from the last
// place in it where a unit begins, if there is one.
type Writer struct {
	Align string  // Options.Align of the training
	Stop  string  // ends a text before it, where Sampling.Stop is empty
	Begin []int32 // tokens that stand in the place of an empty prompt; none = it is refused
	End   []int32 // tokens that end a text; NewWriter takes the tokenizer's

	// Documents says that the training began every document with Begin: it stands
	// before a prompt, too, unless that is a conversation whose template writes it.
	Documents bool

	AtOnce int // of the texts of WriteAll, at most; NewWriter says how many

	net     *engine.Network[float32]
	tok     *token.Tokenizer
	context int
	vocab   int  // of the network; the tokenizer may have fewer tokens
	crlf    bool // line ends may be "\r\n"
	decoder *engine.Decoder[float32]
	rows    int                 // sequences of the decoder
	logits  engine.Mat[float32] // of a whole window; without the cache only
	space   []candidate
}

// NewWriter makes a writer for net, which was made with parameters of configuration
// c; tok has at most c.Vocab tokens.
func NewWriter(net *engine.Network[float32], c pedestrian.Config, tok *token.Tokenizer) *Writer {
	w := &Writer{net: net, tok: tok, context: c.Context, vocab: c.Vocab, space: make([]candidate, tok.Vocab()), AtOnce: atOnce(c)}
	if end, ok := tok.EOS(); ok {
		w.End = []int32{end}
	}
	return w
}

// WriterMemory is how many bytes the writer of so many texts takes beside a network of
// configuration c.
func WriterMemory(c pedestrian.Config, l *pedestrian.AdapterConfig, o engine.Options, texts int) (int64, error) {
	b, err := engine.DecoderMemory[float32](c, l, o, max(1, min(atOnce(c), texts)))
	return b.Total(), err
}

// Encode is the tokens that a text goes on from after prompt; there is at least one.
func (w *Writer) Encode(prompt string) ([]int32, error) {
	tokens, err := w.tok.Encode(prompt)
	if err != nil {
		return nil, fmt.Errorf("the prompt: %w", err)
	}
	if before := w.before(); len(before) > 0 {
		return slices.Concat(before, tokens), nil
	}
	if end, err := w.tok.Encode("\n"); err == nil && w.aligned() && (len(tokens) == 0 || tokens[0] != end[0]) {
		tokens = append(end, tokens...)
	}
	if len(tokens) == 0 {
		tokens = append(tokens, w.Begin...)
	}
	if len(tokens) == 0 {
		return nil, fmt.Errorf("the prompt is empty: give at least one character to go on from")
	}
	return tokens, nil
}

// before is what stands before every prompt.
func (w *Writer) before() []int32 {
	if w.Documents {
		return w.Begin
	}
	return nil
}

func (w *Writer) aligned() bool { return w.Align == AlignLine || w.Align == AlignParagraph }

// forget is a window that is too long without its beginning: from the first place on
// where a unit begins and the rest fits, or else the last keep tokens.
func (w *Writer) forget(window []int32, keep int) []int32 {
	if w.aligned() {
		for _, at := range unitStarts(w.Align, window, w.tok, w.before(), w.crlf) {
			if at > 0 && len(window)-at <= w.context {
				return append(window[:0], window[at:]...)
			}
		}
	}
	return append(window[:0], window[len(window)-keep:]...)
}

// Prompt is what a text begins with when nobody says: the end of a line or a
// paragraph, so that a new one begins; in a vocabulary without a line's end, the token
// that is first in it; nothing where there are tokens that begin a text.
func (w *Writer) Prompt() string {
	if len(w.Begin) > 0 {
		return ""
	}
	if _, err := w.tok.Encode("\n"); err != nil {
		return w.tok.Token(0)
	}
	if w.aligned() {
		return "\n"
	}
	return "\n\n"
}

// Writer makes a writer of c's text for net, which was made with c's parameters.
func (c *Checkpoint) Writer(net *engine.Network[float32]) *Writer {
	w := c.Options.writer(net, c.Network, c.Tokenizer)
	w.documents(c.Begin())
	return w
}

// Begin is the token that stood before every document in training, and so before a
// text that is to be a document; none in runs that had no such token.
func (c *Checkpoint) Begin() []int32 {
	if id, ok := c.Tokenizer.Special(c.Data.Begin); ok {
		return []int32{id}
	}
	return nil
}

// documents tells w what stood before documents in training; none where nothing did.
func (w *Writer) documents(begin []int32) { w.Begin, w.Documents = begin, len(begin) > 0 }

// writer makes a writer for a network that was trained as o says.
func (o Options) writer(net *engine.Network[float32], c pedestrian.Config, tok *token.Tokenizer) *Writer {
	w := NewWriter(net, c, tok)
	w.Align, w.Stop, w.crlf = o.Align, o.Tuning.End, o.Reading != ReadingFormer
	return w
}

// sampleStart is how much of a document without a prompt a sample goes on from.
const sampleStart = 8 // tokens

// sample writes a little with the network as it is: of documents, what follows the
// prompt of one that is kept for validation, or of one that is learnt where none is;
// another one each time.
func (r *Run) sample(ctx context.Context) (Sample, error) {
	if r.writer == nil {
		r.writer = r.Options.writer(r.net, r.Network, r.Data.Tokenizer)
		r.writer.documents(r.Data.Begin)
	}
	s := Sampling{Temperature: 0.8, Seed: r.State.Seed, Tokens: r.Options.SampleTokens}
	if r.Data.ValExamples == nil {
		begin := r.writer.Prompt()
		text, err := r.writer.Write(ctx, begin, s, nil)
		return Sample{r.State.Step, begin, text.Text}, err
	}
	documents, which := r.Data.ValExamples, r.State.Evaluations
	if documents.Len() == 0 {
		documents, which = r.Data.Examples, r.State.Step/r.Options.EvalEvery
	}
	tokens, learn := documents.Document(which % documents.Len())
	n := slices.Index(learn, true)
	if n <= 1 {
		n = min(sampleStart, len(tokens))
	}
	text, err := r.writer.one(ctx, Order{Sampling: s, After: tokens[:n]})
	return Sample{r.State.Step, r.Data.Tokenizer.Decode(tokens[len(r.Data.Begin):n]), text.Text}, err
}
