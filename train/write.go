package train

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/token"
)

// A Text is what a writer wrote.
type Text struct {
	Text    string  // without the prompt and what stopped it
	Tokens  int     // chosen, those of a stop string included
	IDs     []int32 // of the tokens that were chosen; the last may be one that ends a text
	Stopped bool    // a stop string came, or a token that ends a text
}

// An Order is for one text.
type Order struct {
	Sampling
	After []int32                   // tokens to go on from, at least one: of Encode or Conversation
	Emit  func(string)              // is given the text in whole characters as it comes; nil = nobody is
	Done  func(Text, time.Duration) // is told when it is finished and how long it took; nil = nobody is
}

// Write continues prompt. emit, when not nil, is given the text in whole characters as
// it comes. When ctx ends, the text so far is returned with the context's error.
func (w *Writer) Write(ctx context.Context, prompt string, s Sampling, emit func(string)) (Text, error) {
	after, err := w.Encode(prompt)
	if err != nil {
		return Text{}, err
	}
	return w.one(ctx, Order{Sampling: s, After: after, Emit: emit})
}

func (w *Writer) one(ctx context.Context, o Order) (Text, error) {
	texts, err := w.WriteAll(ctx, []Order{o})
	return texts[0], err
}

// WriteAll writes a text for each order, AtOnce of them at a time, so that the weights
// are read once for a token of each: a text that is finished leaves its place to the
// next. Every one is the text that it is alone. When ctx ends, the texts so far are
// returned with the context's error.
func (w *Writer) WriteAll(ctx context.Context, orders []Order) ([]Text, error) {
	texts := make([]Text, len(orders))
	for _, o := range orders {
		if err := o.check(); err != nil {
			return texts, err
		}
	}
	begun := -1
	return texts, w.write(ctx, len(orders), slices.Values(orders), func() *Text { begun++; return &texts[begun] })
}

// WriteEach is WriteAll for orders that are made when it is their turn, at most count:
// nothing is kept of a text that is finished, so that there may be any number.
func (w *Writer) WriteEach(ctx context.Context, count int, orders iter.Seq[Order]) error {
	return w.write(ctx, count, orders, func() *Text { return new(Text) })
}

// check reports an order that cannot be written.
func (o Order) check() error {
	if err := o.Validate(); err != nil {
		return err
	}
	if len(o.After) == 0 {
		return fmt.Errorf("nothing to go on from: an order wants at least one token")
	}
	return nil
}

// write writes the orders, the text of each into what into returns when it begins.
func (w *Writer) write(ctx context.Context, count int, orders iter.Seq[Order], into func() *Text) error {
	next, stop := iter.Pull(orders)
	defer stop()
	drafts := make([]*draft, max(1, min(w.AtOnce, count))) // by their row in the decoder
	if len(drafts) > w.rows {
		w.decoder, w.rows = nil, len(drafts)
	}
	for {
		atWork := false
		for i, d := range drafts {
			if d == nil || d.done {
				drafts[i] = nil
				if o, more := next(); more {
					if err := o.check(); err != nil {
						return err
					}
					drafts[i] = w.begin(o, into())
				}
			}
			atWork = atWork || drafts[i] != nil
		}
		if !atWork {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.round(drafts); err != nil {
			return err
		}
	}
}

// atOnce is how many texts are written at once in a network of configuration c: up to
// as many as products of so few rows are bound by the reading of weights for, unless
// their keys and values need more than a gigabyte and more than the parameters.
func atOnce(c pedestrian.Config) int {
	const most, free = 8, 1 << 30
	cache := 4 * float64(c.Blocks) * float64(c.Context) * float64(c.Heads*c.QueryDim()+c.Width)
	return int(min(most, max(1, max(free, 4*float64(c.Ledger().Total()))/cache)))
}

// A draft is a text that is being written.
type draft struct {
	Order
	text   *Text
	window []int32 // what the network sees of it
	seen   int     // of the window's tokens, how many the decoder has
	stream *token.Stream
	stop   stopper
	out    strings.Builder
	began  time.Time
	done   bool
}

func (w *Writer) begin(o Order, text *Text) *draft {
	d := &draft{Order: o, text: text, window: slices.Clone(o.After), stream: w.tok.Stream(), began: time.Now()}
	if d.stop.stop = o.Stop; len(o.Stop) == 0 && w.Stop != "" {
		d.stop.stop = []string{w.Stop}
	}
	if len(d.window) > w.context {
		d.window = w.forget(d.window, w.context)
	}
	return d
}

// round adds a token to every draft.
func (w *Writer) round(drafts []*draft) error {
	var rows []int // those that lack the newest token alone
	var newest []int32
	for row, d := range drafts {
		switch {
		case d == nil:
			continue
		case len(d.window) > w.context: // it was full
			d.window = w.forget(d.window, w.context/2+1)
		case d.seen > 0 && d.seen == len(d.window)-1:
			rows, newest = append(rows, row), append(newest, d.window[d.seen])
			d.seen++
			continue
		}
		if err := w.choose(d, w.read(row, d)); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return nil
	}
	logits := w.decoder.Next(rows, newest)
	for i, row := range rows {
		if err := w.choose(drafts[row], logits.Row(i)); err != nil {
			return err
		}
	}
	return nil
}

// read is the logits after the whole window of a draft.
func (w *Writer) read(row int, d *draft) []float32 {
	if d.NoCache {
		if w.logits.V == nil {
			w.logits = engine.NewMat[float32](w.context, w.vocab)
		}
		out := w.logits.Sub(0, len(d.window), 0, w.vocab)
		w.net.Logits(out, engine.Batch{B: 1, T: len(d.window), Tokens: d.window})
		return out.Row(len(d.window) - 1)
	}
	if w.decoder == nil {
		w.decoder = w.net.NewDecoder(w.rows)
	}
	w.decoder.Reset(row)
	d.seen = len(d.window)
	return w.decoder.Feed(row, d.window)
}

// choose adds a token to a draft by the logits for it.
func (w *Writer) choose(d *draft, logits []float32) error {
	u := uniform(d.Seed, streamSampling, uint64(d.text.Tokens), 0, 0)
	next, err := d.Sampling.choose(logits[:w.tok.Vocab()], u, w.space)
	if err != nil {
		return err
	}
	d.text.Tokens++
	d.text.IDs = append(d.text.IDs, next)
	end := slices.Contains(w.End, next)
	if !end {
		d.window = append(d.window, next)
		d.add(d.stream.Next(next))
	}
	if d.done = d.text.Stopped || end || d.text.Tokens == d.Sampling.Tokens; !d.done {
		return nil
	}
	if !d.text.Stopped {
		d.add(d.stream.Flush())
	}
	if !d.text.Stopped {
		d.put(d.stop.flush())
	}
	d.text.Stopped = d.text.Stopped || end
	if d.Done != nil {
		d.Done(*d.text, time.Since(d.began))
	}
	return nil
}

// add adds a piece to the text, up to a stop string.
func (d *draft) add(piece string) {
	piece, d.text.Stopped = d.stop.add(piece)
	d.put(piece)
}

func (d *draft) put(piece string) {
	if piece == "" {
		return
	}
	d.out.WriteString(piece)
	d.text.Text = d.out.String()
	if d.Emit != nil {
		d.Emit(piece)
	}
}
