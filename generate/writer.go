package generate

import (
	"fmt"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
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
// place in it where a line or a paragraph begins, if there is one.
type Writer struct {
	Align corpus.Align // where windows began in training
	CRLF  bool         // with Align: lines may end with "\r\n" as well
	Stop  string       // ends a text before it, where Sampling.Stop is empty
	Begin []int32      // tokens that stand in the place of an empty prompt; none = it is refused
	End   []int32      // tokens, each of which ends a text; NewWriter takes the tokenizer's

	// AddBegin puts Begin before every prompt, as before every document in training. In
	// a conversation it stands where the template does not write it.
	AddBegin bool

	// Reuse keeps what the network has computed for the tokens of a text, and the next text in
	// its place that begins with the same tokens goes on from there, as the turns of a
	// conversation do. The text is the same, but for the rounding of float32, in which sums of
	// the same terms may be taken in another order. The network must not change meanwhile.
	Reuse bool

	// Batch is how many texts WriteAll and WriteEach write at the same time, at most.
	// NewWriter sets it to what pays and fits.
	Batch int

	net     *engine.Network[float32]
	tok     *token.Tokenizer
	context int
	vocab   int // of the network; the tokenizer may have fewer tokens
	decoder *engine.Decoder[float32]
	rows    int                 // sequences of the decoder
	held    [][]int32           // with Reuse: the tokens of each sequence
	logits  engine.Mat[float32] // of a whole window; without the cache only
	space   []candidate
}

// NewWriter makes a writer for net, which was made with parameters of configuration
// c; tok has at most c.Vocab tokens. With a nil net the writer knows how a text begins and
// ends, and writes none.
func NewWriter(net *engine.Network[float32], c pedestrian.Config, tok *token.Tokenizer) *Writer {
	context := Context(c)
	if net != nil {
		context = net.DecoderContext()
	}
	w := &Writer{net: net, tok: tok, context: context, vocab: c.Vocab, space: make([]candidate, tok.Vocab()), Batch: batch(c)}
	if end, ok := tok.EOS(); ok {
		w.End = []int32{end}
	}
	return w
}

// batch is how many texts are written at the same time in a network of configuration c:
// up to as many as products of so few rows are bound by the reading of weights for,
// unless their keys and values need more than a gigabyte and more than the parameters.
func batch(c pedestrian.Config) int {
	const most = 8
	cache := tokenBytes(c) * float64(Context(c))
	return int(min(most, max(1, max(free, 4*float64(c.Ledger().Total()))/cache)))
}

// free is how much memory keys and values may take that nobody asks about.
const free = 1 << 30

// tokenBytes is what the keys and values of a token take in all blocks.
func tokenBytes(c pedestrian.Config) float64 {
	return 4 * float64(c.Blocks) * float64(c.KeyHeads()*(c.QueryDim()+c.ValueDim()))
}

// Context is the number of tokens that a text is written with in a network of configuration
// c, for engine.Options.DecoderContext: the whole context, unless the keys and values of so
// many tokens take more than a gigabyte; but at least 1,024 of them. A longer text goes on
// with its last tokens, as one that is longer than the context does. With a table of
// positions, which is as long as the context, it is always the whole context.
func Context(c pedestrian.Config) int {
	if c.Positions == pedestrian.Learned {
		return c.Context
	}
	return min(c.Context, max(1024, int(free/tokenBytes(c))))
}

// Memory is how many bytes a writer of so many texts takes beside a network of
// configuration c with options o, of which DecoderContext 0 means [Context], and with an
// adapter of configuration l unless that is nil. The error is that of [engine.DecoderMemory].
func Memory(c pedestrian.Config, l *pedestrian.AdapterConfig, o engine.Options, texts int) (int64, error) {
	if o.DecoderContext == 0 && c.Validate() == nil {
		o.DecoderContext = Context(c)
	}
	b, err := engine.DecoderMemory[float32](c, l, o, max(1, min(batch(c), texts)))
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
	if end, err := w.tok.Encode("\n"); err == nil && w.Align.On() && (len(tokens) == 0 || tokens[0] != end[0]) {
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
	if w.AddBegin {
		return w.Begin
	}
	return nil
}

// DefaultPrompt is what a text begins with when nobody says: the end of a line or a
// paragraph, so that a new one begins; in a vocabulary without a line's end, the token
// that is first in it; nothing where there are tokens that begin a text.
func (w *Writer) DefaultPrompt() string {
	if len(w.Begin) > 0 {
		return ""
	}
	if _, err := w.tok.Encode("\n"); err != nil {
		return w.tok.Token(0)
	}
	if w.Align.On() {
		return "\n"
	}
	return "\n\n"
}

// forget shortens a window that is too long at its beginning. It goes on from the first
// place where a line or a paragraph begins and from which the rest fits, or else it is
// the last keep tokens.
func (w *Writer) forget(window []int32, keep int) []int32 {
	for _, at := range w.Align.Starts(window, w.tok, w.before(), w.CRLF) {
		if at > 0 && len(window)-at <= w.context {
			return append(window[:0], window[at:]...)
		}
	}
	return append(window[:0], window[len(window)-keep:]...)
}
