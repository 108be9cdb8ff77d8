package train

import (
	"context"
	"fmt"
	"slices"
	"strings"

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

	net     *engine.Network[float32]
	tok     *token.Tokenizer
	context int
	vocab   int // of the network; the tokenizer may have fewer tokens
	decoder *engine.Decoder[float32]
	logits  engine.Mat[float32] // of a whole window; without the cache only
	space   []candidate
}

// NewWriter makes a writer for net, which was made with parameters of configuration
// c; tok has at most c.Vocab tokens.
func NewWriter(net *engine.Network[float32], c pedestrian.Config, tok *token.Tokenizer) *Writer {
	w := &Writer{net: net, tok: tok, context: c.Context, vocab: c.Vocab, space: make([]candidate, tok.Vocab())}
	if end, ok := tok.EOS(); ok {
		w.End = []int32{end}
	}
	return w
}

// A Text is what a writer wrote.
type Text struct {
	Text    string // without the prompt and the stop string
	Tokens  int    // chosen, those of the stop string included
	Stopped bool   // the stop string came, or a token that ends a text
}

// Write continues prompt, which must have at least one token. emit, when not nil, is
// given the text in whole characters as it comes. When ctx ends, the text so far is
// returned with the context's error.
func (w *Writer) Write(ctx context.Context, prompt string, s Sampling, emit func(string)) (Text, error) {
	if err := s.Validate(); err != nil {
		return Text{}, err
	}
	window, err := w.encode(prompt)
	if err != nil {
		return Text{}, err
	}
	return w.goOn(ctx, window, s, emit)
}

// goOn is Write behind the tokens of a prompt.
func (w *Writer) goOn(ctx context.Context, window []int32, s Sampling, emit func(string)) (Text, error) {
	if s.Stop == "" {
		s.Stop = w.Stop
	}
	if len(window) > w.context {
		window = w.forget(window, w.context)
	}
	if emit == nil {
		emit = func(string) {}
	}
	var out strings.Builder
	var text Text
	put := func(piece string) {
		if piece != "" {
			out.WriteString(piece)
			emit(piece)
		}
		text.Text = out.String()
	}
	stream, stop, ended := w.tok.Stream(), stopper{stop: s.Stop}, false
	logits := w.read(window, 0, s.NoCache)
	for ; text.Tokens < s.Tokens && !text.Stopped && !ended; text.Tokens++ {
		if err := ctx.Err(); err != nil {
			return text, err
		}
		if text.Tokens > 0 {
			seen := len(window) - 1
			if len(window) > w.context { // it was full
				window, seen = w.forget(window, w.context/2+1), 0
			}
			logits = w.read(window, seen, s.NoCache)
		}
		next, err := s.choose(logits[:w.tok.Vocab()], uniform(s.Seed, streamSampling, uint64(text.Tokens), 0, 0), w.space)
		if err != nil {
			return text, err
		}
		if ended = slices.Contains(w.End, next); ended {
			continue
		}
		window = append(window, next)
		var piece string
		piece, text.Stopped = stop.add(stream.Next(next))
		put(piece)
	}
	if !text.Stopped {
		var piece string
		piece, text.Stopped = stop.add(stream.Flush())
		put(piece)
		if !text.Stopped {
			put(stop.flush())
		}
	}
	text.Stopped = text.Stopped || ended
	return text, nil
}

// Check reports why prompt cannot be gone on from.
func (w *Writer) Check(prompt string) error {
	_, err := w.encode(prompt)
	return err
}

func (w *Writer) encode(prompt string) ([]int32, error) {
	tokens, err := w.tok.Encode(prompt)
	if err != nil {
		return nil, fmt.Errorf("the prompt: %w", err)
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

func (w *Writer) aligned() bool { return w.Align == AlignLine || w.Align == AlignParagraph }

// forget is a window that is too long without its beginning: from the first place on
// where a unit begins and the rest fits, or else the last keep tokens.
func (w *Writer) forget(window []int32, keep int) []int32 {
	if w.aligned() {
		for _, at := range (Options{Align: w.Align}).starts(window, w.tok) {
			if at > 0 && len(window)-at <= w.context {
				return append(window[:0], window[at:]...)
			}
		}
	}
	return append(window[:0], window[len(window)-keep:]...)
}

// read is the logits after window, of which the decoder has seen the first seen
// tokens.
func (w *Writer) read(window []int32, seen int, noCache bool) []float32 {
	if noCache {
		if w.logits.V == nil {
			w.logits = engine.NewMat[float32](w.context, w.vocab)
		}
		out := w.logits.Sub(0, len(window), 0, w.vocab)
		w.net.Logits(out, engine.Batch{B: 1, T: len(window), Tokens: window})
		return out.Row(len(window) - 1)
	}
	if w.decoder == nil {
		w.decoder = w.net.NewDecoder(1)
	}
	if seen == 0 {
		w.decoder.Reset()
	}
	return w.decoder.Feed(0, window[seen:])
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
	return c.Options.writer(net, c.Network, c.Tokenizer)
}

// writer makes a writer for a network that was trained as o says.
func (o Options) writer(net *engine.Network[float32], c pedestrian.Config, tok *token.Tokenizer) *Writer {
	w := NewWriter(net, c, tok)
	w.Align, w.Stop = o.Align, o.Tuning.End
	return w
}

// sampleStart is how much of a document without a prompt a sample goes on from.
const sampleStart = 8 // tokens

// sample writes a little with the network as it is: of documents, what follows the
// prompt of one that is kept for validation, another one each time.
func (r *Run) sample(ctx context.Context) (Sample, error) {
	if r.writer == nil {
		r.writer = r.Options.writer(r.net, r.Network, r.Data.Tokenizer)
	}
	s := Sampling{Temperature: 0.8, Seed: r.State.Seed, Tokens: r.Options.SampleTokens}
	if r.Data.ValExamples == nil {
		begin := r.writer.Prompt()
		text, err := r.writer.Write(ctx, begin, s, nil)
		return Sample{r.State.Step, begin, text.Text}, err
	}
	tokens, learn := r.Data.ValExamples.Document(r.State.Evaluations % r.Data.ValExamples.Len())
	n := slices.Index(learn, true)
	if n <= 1 {
		n = min(sampleStart, len(tokens))
	}
	prompt := slices.Clone(tokens[:n])
	text, err := r.writer.goOn(ctx, prompt, s, nil)
	return Sample{r.State.Step, r.Data.Tokenizer.Decode(tokens[:n]), text.Text}, err
}
