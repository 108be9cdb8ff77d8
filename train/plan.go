package train

import (
	"fmt"
	"math"
)

const (
	mostPlanned   = 8  // rows of a planned update, at most
	passUpdates   = 8  // planned updates of a pass, where there are rows for as many
	enoughUpdates = 20 // planned updates of a run; fewer are said to be few
)

// Plan fills in what follows from the data d where a number of a run that goes on from
// a base is 0: Batch, so that a pass has several updates, Steps from Epochs, a warm-up
// of a twentieth of the steps, ten evaluations. A batch that was asked for is made
// smaller where there are fewer rows than it has: a row counts once in an update, and
// as many passes are at least as many updates. The notes say in a clause each what the
// data changed. o must be valid.
func (o Options) Plan(d *Data) (planned Options, notes []string) {
	if !o.Tuning.on() {
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

// planBatch is the part of Plan about the rows of an update.
func (o Options) planBatch(rows int) (planned Options, note string) {
	batch, accumulate := o.Batch, o.Accumulate
	rows = max(1, rows)
	if batch == 0 {
		o.Batch = min(max(1, rows/(passUpdates*accumulate)), mostPlanned)
	}
	o.Batch = min(o.Batch, rows)
	o.Accumulate = min(accumulate, max(1, rows/o.Batch))
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

// countOf is "3 rows" or "1 row".
func countOf(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
