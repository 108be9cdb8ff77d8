package train

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// A rowFeed gives documents packed into rows. Every epoch has all rows once, in an order of its
// own.
type rowFeed struct {
	train, val *corpus.Packed
	batch      int     // rows of an update
	starts     []int32 // scratch: the starts of documents in one row
}

// pack packs the documents x into rows, as o says.
func (o Options) pack(x *corpus.Examples, seed uint64) *corpus.Packed {
	return corpus.Pack(x, o.Length(), corpus.PackOptions{Long: corpus.Long(o.Tuning.Long), Pad: o.Tuning.Packing == PackingOff, Seed: seed})
}

func (o Options) rowFeed(d *Data, seed uint64) *rowFeed {
	return &rowFeed{train: o.pack(d.Examples, seed), val: o.pack(d.ValExamples, seed), batch: o.Batch * o.Accumulate}
}

// at returns the number of rows before row first of the batch at position.
func (f *rowFeed) at(position uint64, first int) uint64 {
	return position*uint64(f.batch) + uint64(first)
}

func (f *rowFeed) draw(position uint64, first int, b *engine.Batch) {
	b.Starts = f.train.Batch(f.at(position, first), b.B, b.Tokens, b.Targets, b.Starts)
}

func (f *rowFeed) where(position uint64, first, n int) string {
	return describe("row", n, func(i int) string {
		var places []string
		for _, p := range f.train.Places(f.at(position, first+i)) {
			places = append(places, p.String())
		}
		if n := len(places); n > 4 {
			places = append(places[:4], fmt.Sprintf("… (%d documents)", n))
		}
		return strings.Join(places, " + ")
	}, "with", "")
}

func (f *rowFeed) evalRows() int { return f.val.Rows() }

func (f *rowFeed) eval(row, i int, b *engine.Batch) {
	from, to := i*b.T, (i+1)*b.T
	f.starts = f.val.Sweep(row, 1, b.Tokens[from:to], b.Targets[from:to], f.starts)
	for _, at := range f.starts {
		b.Starts = append(b.Starts, at+int32(from))
	}
}

// checkDocuments returns an error if nothing of the documents is learnt, or nothing of it is
// left after they were cut to rows.
func (o Options) checkDocuments(d *Data) error {
	for _, split := range []struct {
		name string
		x    *corpus.Examples
	}{{"the training split", d.Examples}, {"the validation split", d.ValExamples}} {
		if split.x == d.ValExamples && !o.Validates() {
			continue
		}
		source := d.Source
		if split.x == d.ValExamples && o.Val != "" {
			source = o.Val
		}
		targets := split.x.Targets()
		if targets == 0 {
			return fmt.Errorf("%s of %s has %s and no token to learn: give documents with completions, or learn all tokens (--loss all)", split.name, source, countOf(split.x.Len(), "document"))
		}
		if o.pack(split.x, o.Seed).Stats.Targets > 0 {
			continue
		}
		nearest, furthest := beforeLearnt(split.x)
		remedy := "--long " + string(corpus.LongCut)
		if nearest <= o.Context {
			remedy += fmt.Sprintf(", or a longer --window of at least %d", nearest)
		}
		return fmt.Errorf("of %s of %s no target is left in rows of %d tokens with --long %s: what its %s learn comes after %s: choose %s",
			split.name, source, o.Length(), o.Tuning.Long, countOf(split.x.Len(), "document"), between(nearest, furthest, "token"), remedy)
	}
	return nil
}

// beforeLearnt returns the number of tokens before the first learnt one: the least and the
// greatest over all documents.
func beforeLearnt(x *corpus.Examples) (nearest, furthest int) {
	for i := range x.Len() {
		_, learn := x.Document(i)
		n := slices.Index(learn, true)
		if n < 0 {
			continue
		}
		if furthest = max(furthest, n); nearest == 0 {
			nearest = n
		}
		nearest = min(nearest, n)
	}
	return nearest, furthest
}

// between returns a text such as "3 tokens" or "3 to 5 tokens".
func between(least, most int, thing string) string {
	if least == most {
		return countOf(most, thing)
	}
	return fmt.Sprintf("%d to %s", least, countOf(most, thing))
}

// Packed returns statistics of the packed training documents; nil for a text.
func (r *Run) Packed() *corpus.PackStats {
	if f, ok := r.feed.(*rowFeed); ok {
		return &f.train.Stats
	}
	return nil
}
