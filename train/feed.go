package train

import (
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/token"
)

// A feed makes the batches of a run: windows of a text, or documents packed into rows. A row
// depends only on the position of its batch and its index there, so k micro-batches of b rows
// are the same as one batch of k·b rows.
type feed interface {
	// draw fills b with the rows first, first+1, … of the batch at position.
	draw(position uint64, first int, b *engine.Batch)
	// where describes, for messages, where n rows from row first on are in the data.
	where(position uint64, first, n int) string
	// evalRows returns the number of rows that hold every target of validation once.
	evalRows() int
	// eval fills row i of b with one of these rows.
	eval(row, i int, b *engine.Batch)
}

// feed returns the feed of d. Using it does not change d.
func (o Options) feed(d *Data, seed uint64) feed {
	if d.Examples != nil {
		return o.rowFeed(d, seed)
	}
	windows := corpus.NewWindowsAt(d.Train, o.starts(d.Train, d.Tokenizer), seed)
	if id, ok := o.beginNotLearnt(d.Tokenizer); ok {
		windows.Ignore(id)
	}
	return &windowFeed{windows: windows, sweep: o.sweep(d), T: o.Length()}
}

// beginNotLearnt returns the token that begins documents, if it is not also the one that ends them.
// Such a token is not a target, because a network does not generate the beginning.
func (o Options) beginNotLearnt(tok *token.Tokenizer) (id int32, ok bool) {
	begin, err := o.begin(tok)
	if end, has := tok.EOS(); err != nil || len(begin) == 0 || has && begin[0] == end {
		return 0, false
	}
	return begin[0], true
}

// checkText returns an error if a text has too few tokens for the windows of o.
func (o Options) checkText(d *Data) error {
	T := o.Length()
	val := d.Source
	if o.Val != "" {
		val = o.Val
	}
	if err := corpus.CheckLength("the training split", len(d.Train), T); err != nil {
		return fmt.Errorf("%s: %w", d.Source, err)
	}
	if o.Validates() {
		if err := corpus.CheckLength("the validation split", len(d.Val), T); err != nil {
			return fmt.Errorf("%s: %w", val, err)
		}
	}
	if err := o.checkAlign(d); err != nil {
		return fmt.Errorf("%s: %w", d.Source, err)
	}
	if n := o.Batch * T; n > len(d.Train) {
		return fmt.Errorf("%s: batch %d times context %d is %d tokens, and the training split has %d: give more text or a batch of at most %d", d.Source, o.Batch, T, n, len(d.Train), len(d.Train)/T)
	}
	return nil
}

// newBatch allocates a batch of o.Batch rows.
func (o Options) newBatch() engine.Batch {
	n := o.Batch * o.Length()
	return engine.Batch{B: o.Batch, T: o.Length(), Tokens: make([]int32, n), Targets: make([]int32, n)}
}

// A windowFeed draws windows of a text at random, with replacement.
type windowFeed struct {
	windows *corpus.Windows
	sweep   *corpus.Sweep
	T       int
}

func (f *windowFeed) draw(position uint64, first int, b *engine.Batch) {
	f.windows.Batch(position, first, b.B, b.T, b.Tokens, b.Targets)
}

func (f *windowFeed) where(position uint64, first, n int) string {
	return describe("window", n, func(i int) string { return fmt.Sprint(f.windows.Start(position, first+i, f.T)) }, "at token", "of the training split")
}

func (f *windowFeed) evalRows() int { return f.sweep.Windows() }

func (f *windowFeed) eval(row, i int, b *engine.Batch) {
	f.sweep.Batch(row, 1, b.Tokens[i*b.T:(i+1)*b.T], b.Targets[i*b.T:(i+1)*b.T])
}

// describe returns a phrase that names n things, of which it lists at most the first four.
func describe(thing string, n int, name func(int) string, at, of string) string {
	var names []string
	for i := range min(n, 4) {
		names = append(names, name(i))
	}
	if n > 4 {
		names = append(names, fmt.Sprintf("… (%d %ss)", n, thing))
	}
	plural := "s"
	if n == 1 {
		plural = ""
	}
	if strings.HasSuffix(at, "token") {
		at += plural
	}
	return strings.TrimSpace(fmt.Sprintf("%s%s %s %s %s", thing, plural, at, strings.Join(names, ", "), of))
}
