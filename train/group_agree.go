package train

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// agreeToStop ends the context of the run in all processes if that of one has ended: asked is the
// context that the caller of Train gave, and stop ends the one that Train works with. In a
// run of one process both are the same.
func (r *Run) agreeToStop(asked context.Context, stop context.CancelCauseFunc) error {
	if r.group == nil {
		return nil
	}
	mine := int64(0)
	if asked.Err() != nil {
		mine = 1
	}
	_, any, err := r.group.Agree(mine)
	if any != 0 {
		stop(context.Canceled)
	}
	return err
}

// What process 0 asks of the others while it saves.
const (
	askNothing = iota // it has saved, or had nothing to save
	askFirst          // the first moments
	askSecond         // the second moments
	askFailed         // it could not save
)

// saveShared is Save in a run that several processes share, all of which call it: process 0 writes,
// and the others give their parts of the moments as often as it asks for them.
func (r *Run) saveShared(obs Observer) error {
	ask := func(what int64) (int64, error) { // all get what process 0 says
		_, what, err := r.group.Agree(what)
		return what, err
	}
	if r.group.Rank() == 0 {
		err := r.save(obs, func(second bool) (Weights, error) {
			what := int64(askFirst)
			if second {
				what = askSecond
			}
			if _, err := ask(what); err != nil {
				return Weights{}, err
			}
			return r.stepper.moments(second)
		})
		what := int64(askNothing)
		if err != nil {
			what = askFailed
		}
		_, lost := ask(what)
		return errors.Join(err, lost)
	}
	for {
		what, err := ask(askNothing)
		switch {
		case err != nil:
			return err
		case what == askNothing:
			return nil
		case what == askFailed:
			return errors.New("process 0 could not save")
		}
		if _, err := r.stepper.moments(what == askSecond); err != nil {
			return err
		}
	}
}

// A snapshotFact is what process 0 goes back to after a spike, without its numbers.
type snapshotFact struct {
	Snapshot, Rewound int // as in Progress
	Back              Progress
}

// shareSnapshot gives to all processes what process 0 goes back to after a spike: it alone has
// the directory, from which it may have loaded an older checkpoint, with all moments m and v.
func (p manyProcesses) shareSnapshot(m, v Weights) error {
	s, back := p.r.State, p.r.back
	fact := snapshotFact{s.Snapshot, s.Rewound, back.Progress}
	text, err := json.Marshal(fact)
	if err != nil {
		return err
	}
	all, err := p.group.Gather(text)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(all[0], &fact); err != nil {
		return fmt.Errorf("the snapshot of process 0: %w", err)
	}
	s.Snapshot, s.Rewound, back.Progress = fact.Snapshot, fact.Rewound, fact.Back
	if fact.Back.Step == s.Step {
		return nil // all have these numbers: the present ones
	}
	slab, part := back.Trained().Slab(), back.part
	err = p.fromFirst(slab, slab, 0, len(slab))
	if err == nil {
		err = p.fromFirst(part.m, m.Slab(), part.at, len(slab))
	}
	if err == nil {
		err = p.fromFirst(part.v, v.Slab(), part.at, len(slab))
	}
	return err
}

// fromFirst sets x to the numbers from at on of a slab of n, which process 0 has.
func (p manyProcesses) fromFirst(x, slab []float32, at, n int) error {
	const most = 1 << 20
	chunk := make([]float32, min(n, most))
	for from := 0; from < n; from += most {
		chunk = chunk[:min(n-from, most)]
		var mine []byte
		if p.group.Rank() == 0 {
			mine, _ = binary.Append(nil, binary.LittleEndian, slab[from:from+len(chunk)])
		}
		all, err := p.group.Gather(mine)
		if err == nil {
			_, err = binary.Decode(all[0], binary.LittleEndian, chunk)
		}
		if err != nil {
			return err
		}
		if first, last := max(at, from), min(at+len(x), from+len(chunk)); first < last {
			copy(x[first-at:last-at], chunk[first-from:last-from])
		}
	}
	return nil
}
