package train

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
)

var nonFinite = []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))}

// injected is a run of a few updates, with everything copied that a refused step
// must leave as it is.
func injected(t *testing.T, change func(*Options)) (r *Run, before *State) {
	o := mini()
	o.Context, o.Accumulate = 8, 2
	if change != nil {
		change(&o)
	}
	r = start(t, o, dataOf(t, sentences(t), o), "")
	for range 3 {
		if _, err := r.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	before = r.State.zerosLike()
	before.copyFrom(r.State)
	return r, before
}

// refuses makes a step that must be refused with a *Diverged that contains says, and
// must leave the state bit for bit as it is now.
func refuses(t *testing.T, r *Run, says ...string) {
	t.Helper()
	now := r.State.zerosLike()
	now.copyFrom(r.State)
	_, err := r.Step(t.Context())
	d, ok := errors.AsType[*Diverged](err)
	if !ok {
		t.Errorf("the step was made: %v; want an error that says %q", err, says)
		return
	}
	for _, s := range append(says, fmt.Sprintf("step %d:", now.Step+1), "of the training split", "batch ") {
		if !strings.Contains(d.Error(), s) {
			t.Errorf("%q does not say %q", d, s)
		}
	}
	if err := sameState(r.State, now); err != nil {
		t.Errorf("%s: the state has changed: %v", says, err)
	}
}

func places(n int) []int { return slices.Compact([]int{0, n / 2, n - 1}) }

// One number of a weight, a gradient or a moment is NaN or infinite: every tensor,
// first, middle and last number.
func TestInjectedIntoTensors(t *testing.T) {
	if count := injectIntoTensors(t, nil); count < 500 {
		t.Errorf("%d injections", count)
	}
}

// The same where an adapter is trained, and into the base beside it.
func TestInjectedIntoAdapters(t *testing.T) {
	adapter := func(o *Options) { o.Tuning = adapted().Tuning }
	if count := injectIntoTensors(t, adapter); count < 200 {
		t.Errorf("%d injections", count)
	}
	r, _ := injected(t, adapter)
	r.State.Params.Blocks[1].Expand.W.V[3] = float32(math.NaN())
	refuses(t, r, "the frozen weight block.1.expand.w is NaN in row 0, column 3", "--resume")
}

func injectIntoTensors(t *testing.T, change func(*Options)) (count int) {
	r, before := injected(t, change)
	for _, kind := range []struct {
		what   string
		tensor func(*Run) []float32
		p      Weights
	}{
		{what: "the weight", p: r.State.Trained()}, {what: "the first moment of", p: r.State.M},
		{what: "the second moment of", p: r.State.V}, {what: "the gradient of", p: r.grad},
	} {
		for _, tensor := range kind.p.Tensors() {
			for _, i := range places(len(tensor.V)) {
				for _, bad := range nonFinite {
					place := fmt.Sprintf("%s %s is %g in row %d, column %d", kind.what, tensor.Name, bad, i/tensor.Cols, i%tensor.Cols)
					count++
					if kind.p == r.grad {
						r.beforeUpdate = func() { tensor.V[i] = bad }
						refuses(t, r, place, "did not come again")
						r.beforeUpdate = nil
						continue
					}
					tensor.V[i] = bad
					refuses(t, r, place, "--resume")
					r.State.copyFrom(before)
				}
			}
		}
	}
	last := r.State.V.Tensors()[len(r.State.V.Tensors())-1]
	last.V[3] = -1e-30
	refuses(t, r, "the second moment of "+last.Name+" is -1e-30")
	r.State.copyFrom(before)
	if _, err := r.Step(t.Context()); err != nil {
		t.Errorf("after all that a step is refused: %v", err)
	}
	return count
}

// One number of an activation or of an error signal is NaN or infinite, in every
// matrix that a pass computes: the error names it, its layer and its window, or
// the number had no effect: the update has the bits of one with a finite number there.
func TestInjectedIntoActivations(t *testing.T) {
	caught, idle := 0, 0
	for _, act := range pedestrian.Activations {
		r, _ := injected(t, func(o *Options) { o.Activation = act; o.Accumulate = 1 })
		var all []engine.Place
		r.net.Watch(func(p engine.Place, x engine.Mat[float32]) { all = append(all, p) })
		if _, err := r.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := 5 + 1 + 15*r.Network.Blocks; len(all) < want {
			t.Fatalf("%d places, want at least %d: %v", len(all), want, all)
		}
		before := r.State.zerosLike()
		before.copyFrom(r.State)
		plant := func(at engine.Place, row int, v float32) {
			r.watch = func(p engine.Place, x engine.Mat[float32]) {
				if p.Name == at.Name && p.Layer == at.Layer {
					x.Row(row)[1] = v
				}
			}
			r.net.Watch(r.watch)
		}
		for _, at := range all {
			for _, row := range []int{0, 11} {
				for _, bad := range nonFinite {
					plant(at, row, bad)
					if same, ok := dropped(act, at, bad); ok {
						_, err := r.Step(t.Context())
						if err == nil {
							with := r.State.zerosLike()
							with.copyFrom(r.State)
							r.State.copyFrom(before)
							plant(at, row, same)
							if _, err := r.Step(t.Context()); err != nil {
								t.Fatal(err)
							}
							// The loss of an update in which Δ differs is the same; the norm is in the window.
							if err := sameState(r.State, with); err != nil {
								t.Errorf("%v: %g at %s is not the same as %g there: %v", act, bad, at, same, err)
							}
							r.State.copyFrom(before)
							idle++
							continue
						}
					}
					caught++
					refuses(t, r, fmt.Sprintf("%s is %g at token %d of row %d, feature 1, in batch", at, bad, row%8, row/8),
						fmt.Sprintf("window at token %d of", r.feed.(*windowFeed).windows.Start(r.State.Position, row/8, 8)))
				}
			}
		}
		r.watch = nil
		r.net.Watch(nil)
		if _, err := r.Step(t.Context()); err != nil {
			t.Errorf("after all that a step is refused: %v", err)
		}
	}
	if caught < 600 || idle > 30 {
		t.Errorf("%d injections caught, %d without effect", caught, idle)
	}
	t.Logf("%d injections caught, %d without effect", caught, idle)
}

// dropped says where a number that is not finite may have no effect, and which finite
// number is the same there: ReLU is 0 for every negative number and passes no error
// there, and a logit of -Inf is a probability of 0.
func dropped(act pedestrian.Activation, at engine.Place, bad float32) (same float32, ok bool) {
	switch minusInf := math.IsInf(float64(bad), -1); {
	case act == pedestrian.ReLU && at.Name == "a_7" && minusInf:
		return -1, true
	case act == pedestrian.ReLU && at.Name == "Δ_8":
		return 0, true
	case at.Name == "a_12" && minusInf:
		return -1e4, true
	}
	return 0, false
}

// A weight that no step reads, the embedding of a token that does not occur, changes
// neither loss nor gradient; the guard reads it.
func TestInjectedIntoUnreadWeight(t *testing.T) {
	r, before := injected(t, func(o *Options) { o.Vocab, o.Tied = 90, false })
	for _, bad := range nonFinite {
		r.State.Params.Tok.V[len(r.State.Params.Tok.V)-1] = bad
		refuses(t, r, fmt.Sprintf("the weight tok.w is %g in row 89, column 15", bad), "--resume")
		r.State.copyFrom(before)
	}
}

// A target of probability 0 makes the loss infinite and leaves the gradient finite.
func TestInjectedInfiniteLoss(t *testing.T) {
	r, _ := injected(t, func(o *Options) { o.Accumulate = 1 })
	r.watch = func(p engine.Place, x engine.Mat[float32]) {
		if p.Name == "a_12" {
			x.Row(5)[r.batch.Targets[5]] = float32(math.Inf(-1))
		}
	}
	r.net.Watch(r.watch)
	refuses(t, r, "the loss is +Inf", "a_12 of logits is -Inf at token 5 of row 0")
}
