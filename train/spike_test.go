package train

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/engine"
)

func TestWindow(t *testing.T) {
	var w Window
	for i := range spikeWindow {
		if zl, zn := w.zScores(1e9, 1e9); zl != 0 || zn != 0 {
			t.Fatalf("%d steps are enough to judge: %g, %g", i, zl, zn)
		}
		w.add(2+0.1*float64(i%2*2-1), 5) // mean 2, σ 0.1; a σ of 0 counts as 5e-6
		w.add(math.NaN(), 5)
		w.add(2, math.Inf(1))
	}
	const tolerance = 1e-9 // of sums of 128 numbers in float64
	for _, c := range []struct{ loss, norm, zl, zn float64 }{
		{2.59, 5, 5.9, 0}, {2.61, 5, 6.1, 0}, {0, 5, -20, 0}, {2, 5.00004, 0, 8}, {1e300, 5, 1e9, 0},
	} {
		zl, zn := w.zScores(c.loss, c.norm)
		if math.Abs(zl-c.zl) > tolerance*max(1, c.zl) || math.Abs(zn-c.zn) > tolerance*1e6 {
			t.Errorf("loss %g and norm %g are %g σ and %g σ, want %g and %g", c.loss, c.norm, zl, zn, c.zl, c.zn)
		}
	}
	for range spikeWindow {
		w.add(100, 5)
	}
	if zl, _ := w.zScores(100, 5); zl != 0 {
		t.Errorf("after 128 steps at 100 that is still %g σ", zl)
	}
}

// poisoned spoils the batch at one position: labels of another text, and a gradient
// times 1000; or, with what "NaN", an input of the loss.
func poisoned(r *Run, at uint64, what string) {
	draw := r.draw
	r.draw = func(position uint64, first int, b *engine.Batch) {
		draw(position, first, b)
		if position == at {
			for i := range b.Targets {
				b.Targets[i] = int32(i*7+3) % int32(r.Network.Vocab)
			}
		}
	}
	r.beforeUpdate = func() {
		if r.State.Position != at {
			return
		}
		for i := range r.grad.Slab() {
			r.grad.Slab()[i] *= 1000
		}
		if what == "NaN" {
			r.grad.Slab()[0] = float32(math.NaN())
		}
	}
}

// The llm.c case: a NaN, and a spike after it. Each policy does what it says, and the
// window goes on seeing.
func TestSpikePolicies(t *testing.T) {
	o := mini()
	o.Steps, o.Warmup, o.Batch, o.SaveEvery, o.EvalEvery = 180, 10, 4, 50, 50
	o.LR = 3e-3
	d := dataOf(t, sentences(t), o)
	for _, c := range []struct {
		policy, what string
		want         []string // action, step of the update, step gone back to
	}{
		{SpikeWarn, "", []string{"warn 161 0"}},
		{"", "", []string{"warn 161 0"}},
		{SpikeSkip, "", []string{"skip 161 0"}},
		{SpikeSkip, "NaN", []string{"skip 160 0"}},
		{SpikeRewind, "", []string{"rewind 161 150"}},
		{SpikeRewind, "NaN", []string{"rewind 140 100"}},
	} {
		o.OnSpike = c.policy
		dir := filepath.Join(t.TempDir(), "run")
		r := start(t, o, d, dir)
		poisoned(r, 160, c.what)
		if c.what == "NaN" { // one more, before the window is full
			first := r.beforeUpdate
			r.beforeUpdate = func() {
				if first(); r.State.Position == 20 {
					r.grad.Slab()[7] = float32(math.Inf(1))
				}
			}
			c.want = append([]string{fmt.Sprintf("%s 21 0", c.policy)}, c.want...)
		}
		var got []string
		end, err := r.Train(t.Context(), Observer{Spike: func(s Spike) { got = append(got, fmt.Sprint(s.Action, " ", s.Step, " ", s.To)) }})
		if err != nil || end != Finished || !slices.Equal(got, c.want) {
			t.Errorf("%s %s: %v %v, spikes %q, want %q", c.policy, c.what, end, err, got, c.want)
		}
		if c.policy != SpikeWarn && c.policy != "" && r.State.Skipped != len(c.want) {
			t.Errorf("%s: %d batches passed over", c.policy, r.State.Skipped)
		}
		lines, err := readMetrics(dir)
		if err != nil {
			t.Fatal(err)
		}
		updates := map[int]int{}
		for _, l := range lines {
			if l.Val == nil && l.Action != SpikeSkip && l.Action != SpikeRewind {
				updates[l.Step]++
			}
		}
		for s := 1; s <= o.Steps; s++ {
			if updates[s] != 1 {
				t.Errorf("%s: %d lines for the update of step %d", c.policy, updates[s], s)
			}
		}
		r.Close()
	}
}

// A NaN stops a run that only warns, and damaged weights stop one that skips.
func TestSpikeStops(t *testing.T) {
	for _, c := range []struct {
		policy string
		spoil  func(*Run)
		says   string
	}{
		{SpikeWarn, func(r *Run) { r.grad.Slab()[3] = float32(math.NaN()) }, "is NaN"},
		{SpikeSkip, func(r *Run) { r.State.M.Slab()[3] = float32(math.NaN()) }, "the first moment of tok.w is NaN"},
		{SpikeSkip, func(r *Run) { r.grad.Slab()[3] = float32(math.NaN()) }, "20 batches were passed over one after the other"},
		{SpikeRewind, func(r *Run) { r.grad.Slab()[3] = float32(math.NaN()) }, "20 batches were passed over one after the other"},
	} {
		o := mini()
		o.OnSpike = c.policy
		r := start(t, o, dataOf(t, sentences(t), o), "")
		r.beforeUpdate = func() {
			if r.State.Step == 7 {
				c.spoil(r)
			}
		}
		_, err := r.Train(t.Context(), Observer{})
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "step 8") {
			t.Errorf("%s: %v, want %q", c.policy, err, c.says)
		}
	}
}

// Weights or moments that are damaged in memory: a run that rewinds makes the steps
// since the checkpoint again and ends with the bits of one that had no damage. Damage
// that comes again with the same batches is passed over like a spike.
func TestRewindMendsDamage(t *testing.T) {
	o := mini()
	o.OnSpike, o.SaveEvery = SpikeRewind, 5
	d := dataOf(t, sentences(t), o)
	run := func(poke func(*Run)) (*State, []string) {
		r := start(t, o, d, "")
		r.beforeUpdate = func() { poke(r) }
		var went []string
		end, err := r.Train(t.Context(), Observer{Spike: func(s Spike) { went = append(went, fmt.Sprint(s.Step, " ", s.To, " ", s.Again)) }})
		if end != Finished || err != nil {
			t.Fatal(end, err)
		}
		return r.State, went
	}
	whole, _ := run(func(*Run) {})
	for name, slab := range map[string]func(*State) []float32{
		"weight":        func(s *State) []float32 { return s.Params.Slab },
		"first moment":  func(s *State) []float32 { return s.M.Slab() },
		"second moment": func(s *State) []float32 { return s.V.Slab() },
	} {
		for _, bad := range nonFinite {
			left := 1
			damage := func(r *Run) {
				if r.State.Step == 7 && left > 0 {
					left--
					slab(r.State)[3] = bad
				}
			}
			got, went := run(damage)
			if err := sameState(got, whole); err != nil || !slices.Equal(went, []string{"8 5 true"}) {
				t.Errorf("a %s of %g: %v: %v", name, bad, went, err)
			}
			left = 2
			got, went = run(damage)
			if want := []string{"8 5 true", "8 5 false"}; !slices.Equal(went, want) || got.Skipped != 1 || got.Position != 20+3 {
				t.Errorf("a %s of %g twice: %v, want %v; position %d", name, bad, went, want, got.Position)
			}
		}
	}
}

// A run that goes back, stopped after any step near that and resumed, ends with the
// bits of the run that was never stopped.
func TestRewindResumes(t *testing.T) {
	mixed := mini()
	mixed.Precision = string(engine.BF16)
	for name, o := range map[string]Options{"float32": mini(), "bf16": mixed, "adapter": adapted()} {
		t.Run(name, func(t *testing.T) { rewindResumes(t, o) })
	}
}

// atTheSpike is a stop between going back and the next step.
const atTheSpike = -1

func rewindResumes(t *testing.T, o Options) {
	o.Steps, o.Warmup, o.Batch, o.SaveEvery, o.EvalEvery, o.OnSpike = 150, 10, 4, 20, 100, SpikeRewind
	d := dataOf(t, sentences(t), o)
	run := func(stops ...int) (*State, int) {
		dir, spikes := filepath.Join(t.TempDir(), "run"), 0
		r := start(t, o, d, dir)
		for {
			ctx, cancel := context.WithCancel(t.Context())
			poisoned(r, 134, "")
			end, err := r.Train(ctx, Observer{
				Spike: func(Spike) {
					spikes++
					if slices.Contains(stops, atTheSpike) {
						stops = nil
						cancel()
					}
				},
				Step: func(u Update) {
					if len(stops) > 0 && u.Step == stops[0] {
						stops = stops[1:]
						cancel()
					}
				},
			})
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			if end == Finished {
				return r.State, spikes
			}
			r.Close()
			r = resume(t, dir, d, nil)
		}
	}
	whole, spikes := run()
	if spikes != 1 || whole.Skipped != 1 {
		t.Fatalf("%d spikes, %d batches passed over", spikes, whole.Skipped)
	}
	stops := [][]int{{119}, {120}, {121}, {128, 131, 133}, {134}, {140}, {atTheSpike}}
	if o.Precision == string(engine.BF16) || o.Tuning.hasBase() {
		stops = stops[5:]
	}
	for _, stops := range stops {
		got, _ := run(stops...)
		if err := sameState(got, whole); err != nil {
			t.Errorf("stopped after %v: %v", stops, err)
		}
	}
}

// A step is a spike above 6 standard deviations, of the loss or of the norm, and not below.
func TestSpikeLimit(t *testing.T) {
	r, before := injected(t, nil)
	u, err := r.Step(t.Context())
	if err != nil || u.Spike != nil {
		t.Fatal(u, err)
	}
	for _, c := range []struct {
		zLoss, zNorm float64
		want         string
	}{{5.9, 5.9, ""}, {6.1, 5.9, "loss"}, {5.9, 6.1, "grad_norm"}, {-50, -50, ""}} {
		r.State.copyFrom(before)
		w := &r.State.Window
		w.Count = spikeWindow
		for i := range w.Loss {
			side := float64(i%2*2 - 1)
			w.Loss[i], w.Norm[i] = u.Loss+0.1*(side-c.zLoss), u.Norm+0.1*(side-c.zNorm)
		}
		got, err := r.Step(t.Context())
		kind := ""
		if got.Spike != nil {
			kind = got.Spike.kind()
		}
		if err != nil || kind != c.want {
			t.Errorf("%g and %g standard deviations: a spike of %q, want %q (%v)", c.zLoss, c.zNorm, kind, c.want, err)
		}
	}
}

// Going back restores weights, both moments and the progress, and moves on in the data.
func TestRewindRestores(t *testing.T) {
	r, _ := injected(t, func(o *Options) { o.OnSpike = SpikeRewind })
	r.snapshot()
	want := r.State.Progress
	sum := digestState(r.State)
	for range 3 {
		if _, err := r.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.rewind(r.State.Position, false)
	want.Position, want.Skipped, want.Rewound = want.Position+4, 1, 1
	if got := r.State.Progress; got != want || digestState(r.State) != sum {
		t.Errorf("back at step %d, position %d; the same bits: %v", got.Step, got.Position, digestState(r.State) == sum)
	}
}
