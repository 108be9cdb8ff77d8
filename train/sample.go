package train

import (
	"context"
	"fmt"
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
type Writer struct {
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
	return &Writer{net: net, tok: tok, context: c.Context, vocab: c.Vocab, space: make([]candidate, tok.Vocab())}
}

// A Text is what a writer wrote.
type Text struct {
	Text    string // without the prompt and the stop string
	Tokens  int    // chosen, those of the stop string included
	Stopped bool   // the stop string came
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
	if len(window) > w.context {
		window = window[len(window)-w.context:]
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
	stream, stop := w.tok.Stream(), stopper{stop: s.Stop}
	logits := w.read(window, 0, s.NoCache)
	for ; text.Tokens < s.Tokens && !text.Stopped; text.Tokens++ {
		if err := ctx.Err(); err != nil {
			return text, err
		}
		if text.Tokens > 0 {
			seen := len(window) - 1
			if len(window) > w.context { // the window was full: forget the older half
				window = append(window[:0], window[len(window)-1-w.context/2:]...)
				seen = 0
			}
			logits = w.read(window, seen, s.NoCache)
		}
		next, err := s.choose(logits[:w.tok.Vocab()], uniform(s.Seed, streamSampling, uint64(text.Tokens), 0, 0), w.space)
		if err != nil {
			return text, err
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
	if len(tokens) == 0 {
		return nil, fmt.Errorf("the prompt is empty: give at least one character to go on from")
	}
	return tokens, nil
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

// prompt is what a text begins with when nobody says: the end of a paragraph where
// the vocabulary has a line's end, so that a new one begins, else the token that is
// first in it.
func prompt(tok *token.Tokenizer) string {
	if _, err := tok.Encode("\n"); err == nil {
		return "\n\n"
	}
	return tok.Token(0)
}

// Prompt is what a text begins with when nobody says.
func (c *Checkpoint) Prompt() string { return prompt(c.Tokenizer) }

// sample writes a little with the network as it is.
func (r *Run) sample(ctx context.Context) (Sample, error) {
	if r.writer == nil {
		r.writer = NewWriter(r.net, r.Network, r.Data.Tokenizer)
	}
	begin := prompt(r.Data.Tokenizer)
	text, err := r.writer.Write(ctx, begin, Sampling{Temperature: 0.8, Seed: r.State.Seed, Tokens: r.Options.SampleTokens}, nil)
	return Sample{r.State.Step, begin, text.Text}, err
}
