package train

import (
	"fmt"
	"math"
	"strings"

	"github.com/pedestrian-ml/pedestrian/engine"
)

// A Diverged error says that a step was refused because a number is not finite, or would not be
// after the update. Weights and moments have not changed.
type Diverged struct {
	Step       int
	Loss, Norm float64
	State      bool   // the cause is a weight or a moment, so another batch does not help
	Cause      string // the first such number: tensor or activation, layer, place, value
	Samples    string // where the rows of the batch are in the data
}

func (e *Diverged) Error() string {
	advice := "try a lower learning rate, a longer warm-up or a smaller clip"
	if e.State {
		advice = "go on from a checkpoint with --resume"
	}
	return fmt.Sprintf("step %d: the loss is %g and the gradient's norm %g: %s, in %s; the weights were left as they were: %s",
		e.Step, e.Loss, e.Norm, e.Cause, e.Samples, advice)
}

// diverged finds the cause of a refused step, whose operands have these norms. It is slow: it
// checks every number and computes the passes of the batch again.
func (r *Run) diverged(step int, loss, norm float64, n engine.Norms) (*Diverged, error) {
	o, s := &r.Options, r.State
	e := Diverged{Step: step, Loss: loss, Norm: norm, Samples: r.samples(s.Position, 0, o.Batch*o.Accumulate)}
	if err := r.stepper.wholeGradient(); err != nil {
		return nil, err
	}
	gradient := firstInvalid("the gradient of", r.grad, isFinite)
	for _, p := range []struct {
		what string
		w    func() (Weights, error)
		ok   func(x float32) bool
	}{
		{"the weight", func() (Weights, error) { return s.Trained(), nil }, isFinite},
		{"the first moment of", func() (Weights, error) { return r.stepper.moments(false) }, isFinite},
		{"the second moment of", func() (Weights, error) { return r.stepper.moments(true) }, func(x float32) bool { return isFinite(x) && x >= 0 }},
		{"the frozen weight", func() (Weights, error) { return s.frozen(), nil }, isFinite},
	} {
		w, err := p.w()
		if err != nil {
			return nil, err
		}
		if e.Cause == "" {
			e.Cause = firstInvalid(p.what, w, p.ok)
			e.State = e.Cause != ""
		}
	}
	if !e.State {
		r.divergedIn(&e, gradient, n)
	}
	return r.stepper.diagnosis(e)
}

// divergedIn finds the cause of a refused step whose weights and moments are finite. gradient is
// the first number of the gradient that is not.
func (r *Run) divergedIn(e *Diverged, gradient string, n engine.Norms) {
	if gradient != "" || !isFinite64(e.Loss) || !isFinite64(e.Norm) {
		if e.Cause = r.firstActivation(e); e.Cause != "" {
			return
		}
	}
	switch {
	case gradient != "" && firstInvalid("", r.grad, isFinite) == "":
		e.Cause = gradient + ", which did not come again when the step was repeated: a fault of the memory or the processor"
	case gradient != "":
		e.Cause = gradient
	case !isFinite64(e.Loss) || !isFinite64(e.Norm):
		e.Cause = "no number of the batch explains it"
	default:
		e.State = n.W > math.MaxFloat32/16 || n.M > math.MaxFloat32/16 || n.V > math.MaxFloat32/16
		e.Cause = fmt.Sprintf("the update would not be finite: weights up to %.3g, moments up to %.3g and %.3g", n.W, n.M, n.V)
	}
}

// firstActivation computes the passes of the batch again and describes the first number that is
// not finite. Afterwards r.grad holds the gradients of these passes.
func (r *Run) firstActivation(e *Diverged) (cause string) {
	o, s, T := &r.Options, r.State, r.batch.T
	for k := range o.Accumulate {
		r.net.Watch(func(p engine.Place, x engine.Mat[float32]) {
			if r.watch != nil {
				r.watch(p, x)
			}
			if cause != "" {
				return
			}
			first, rows := -1, map[int]bool{}
			for i := range x.Rows {
				for j, v := range x.Row(i) {
					if isFinite(v) {
						continue
					}
					token := p.Token(i)
					if rows[token/T] = true; first < 0 {
						first = token
						cause = fmt.Sprintf("%s is %g at token %d of row %d, feature %d", p, v, token%T, k*o.Batch+token/T, j)
					}
					break
				}
			}
			if cause != "" {
				var at []string
				for i := range o.Batch {
					if rows[i] {
						at = append(at, r.samples(s.Position, k*o.Batch+i, 1))
					}
				}
				e.Samples = strings.Join(at, " and ")
			}
		})
		r.microBatch(s.Position, k, k > 0)
		if cause != "" {
			break
		}
	}
	r.net.Watch(r.watch)
	return cause
}

// samples describes where n rows of a batch, from row first on, are in the data.
func (r *Run) samples(position uint64, first, n int) string {
	return fmt.Sprintf("batch %d, %s", position, r.feed.where(position, first, n))
}

// firstInvalid describes the first number of w that is not ok; "" if there is none.
func firstInvalid(what string, w Weights, ok func(float32) bool) string {
	for _, t := range w.Tensors() {
		row := make([]float32, t.Cols)
		for i := range t.Rows {
			t.Read(row, i*t.Cols)
			for j, v := range row {
				if !ok(v) {
					return fmt.Sprintf("%s %s is %g in row %d, column %d", what, t.Name, v, i, j)
				}
			}
		}
	}
	for i, v := range w.Slab() {
		if !ok(v) {
			return fmt.Sprintf("%s no tensor, between two of them at number %d of the slab, is %g", what, i, v)
		}
	}
	return ""
}

func isFinite(x float32) bool   { return x-x == 0 }
func isFinite64(x float64) bool { return x-x == 0 }
