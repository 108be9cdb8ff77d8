package generate

import (
	"slices"
	"strings"
	"time"

	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/internal/random"
	"github.com/pedestrian-ml/pedestrian/token"
)

// A draft is a text that is being written.
type draft struct {
	Request
	result *Result
	window []int32 // what the network sees of it
	seen   int     // of the window's tokens, how many the decoder has
	stream *token.Stream
	stop   stopper
	out    strings.Builder
	began  time.Time
	done   bool
}

func (w *Writer) begin(r Request, result *Result) *draft {
	d := &draft{Request: r, result: result, window: slices.Clone(r.Tokens), stream: w.tok.StreamAfter(r.Tokens), began: time.Now()}
	if d.stop.stop = r.Stop; len(r.Stop) == 0 && w.Stop != "" {
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
			if w.Reuse {
				w.held[row] = append(w.held[row], d.window[d.seen-1])
			}
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
		w.decoder, w.held = w.net.NewDecoder(w.rows), make([][]int32, w.rows)
	}
	kept := 0
	if w.Reuse { // the last token is read in any case: the logits after it are asked for
		kept = common(w.held[row], d.window[:len(d.window)-1])
	}
	kept = w.decoder.Keep(row, kept)
	d.seen = len(d.window)
	d.result.Read += len(d.window) - kept
	if w.Reuse {
		w.held[row] = append(w.held[row][:0], d.window...)
	}
	return w.decoder.Feed(row, d.window[kept:])
}

// common is how many tokens a and b begin with together.
func common(a, b []int32) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// choose adds a token to a draft by the logits for it.
func (w *Writer) choose(d *draft, logits []float32) error {
	u := random.Uniform(d.Seed, random.Sampling, uint64(len(d.result.Tokens)), 0, 0)
	next, err := d.Sampling.choose(logits[:w.tok.Vocab()], u, w.space)
	if err != nil {
		return err
	}
	d.result.Tokens = append(d.result.Tokens, next)
	end := slices.Contains(w.End, next)
	if !end {
		d.window = append(d.window, next)
		d.add(d.stream.Next(next))
	}
	if d.done = d.result.Stopped || end || len(d.result.Tokens) == d.MaxTokens; !d.done {
		return nil
	}
	if !d.result.Stopped {
		d.add(d.stream.Flush())
	}
	if !d.result.Stopped {
		d.put(d.stop.flush())
	}
	d.result.Stopped = d.result.Stopped || end
	if d.Done != nil {
		d.Done(*d.result, time.Since(d.began))
	}
	return nil
}

// add adds a piece to the text, up to a stop string.
func (d *draft) add(piece string) {
	piece, d.result.Stopped = d.stop.add(piece)
	d.put(piece)
}

func (d *draft) put(piece string) {
	if piece == "" {
		return
	}
	d.out.WriteString(piece)
	d.result.Text = d.out.String()
	if d.Emit != nil {
		d.Emit(piece)
	}
}
