package train

import (
	"fmt"
	"math"
)

const (
	mostPlanned   = 8  // the most rows of a planned update
	passUpdates   = 8  // planned updates of an epoch, if there are enough rows
	enoughUpdates = 20 // a run with fewer updates gets a note
)

// Plan sets the options of a run with a base that are 0 and depend on the data d: Batch, so that
// an epoch has several updates; Steps, from Epochs; Warmup, a twentieth of the steps; and
// EvalEvery, for ten evaluations. A given batch is made smaller if there are fewer rows, so
// that an update has no row twice and n epochs have at least n updates. notes has a clause for
// each option that the data changed. o must be valid.
func (o Options) Plan(d *Data) (planned Options, notes []string) {
	if !o.Tuning.hasBase() {
		return o, nil
	}
	rows := float64(len(d.Train)) / float64(o.Length())
	if d.Examples != nil {
		rows = float64(o.pack(d.Examples, o.Seed).Rows())
	}
	o, note := o.planBatch(int(rows))
	if note != "" {
		notes = append(notes, note)
	}
	if o.Steps == 0 && o.Tuning.Epochs != 0 {
		o.Steps = max(1, int(math.Ceil(o.Tuning.Epochs*rows/float64(o.Batch*o.Accumulate))))
		if o.Steps < enoughUpdates {
			notes = append(notes, fmt.Sprintf("%s in all: so few learn little; more passes (epochs) are more", countOf(o.Steps, "update")))
		}
	}
	if o.Warmup == 0 {
		o.Warmup = o.Steps / 20
	}
	if o.EvalEvery == 0 {
		o.EvalEvery = max(1, o.Steps/10)
	}
	return o, notes
}

// planBatch is the part of Plan for the rows of an update.
func (o Options) planBatch(rows int) (planned Options, note string) {
	batch, accumulate := o.Batch, o.Accumulate
	rows = max(1, rows)
	if batch == 0 {
		o.Batch = min(max(1, rows/(passUpdates*accumulate)), mostPlanned)
	}
	o.Batch = min(o.Batch, rows)
	o.Accumulate = min(accumulate, max(1, rows/o.Batch))
	if n := o.leaves(); o.Accumulate < accumulate {
		o.Accumulate = max(n, o.Accumulate/n*n) // each leaf has as many
		o.Batch = min(o.Batch, max(1, rows/o.Accumulate))
	}
	there := fmt.Sprintf("there are %d", rows)
	if rows == 1 {
		there = "there is 1"
	}
	switch now := countOf(o.Batch*o.Accumulate, "row"); {
	case batch == 0 && o.Batch < mostPlanned:
		note = fmt.Sprintf("%s an update instead of %d: %s, and a pass is to have several updates", now, mostPlanned*accumulate, there)
	case batch > 0 && o.Batch*o.Accumulate < batch*accumulate:
		note = fmt.Sprintf("%s an update instead of %d: %s", now, batch*accumulate, there)
	}
	return o, note
}

// countOf returns a text such as "3 rows" or "1 row".
func countOf(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
