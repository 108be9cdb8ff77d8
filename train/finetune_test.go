package train

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
)

// aBase is a network of mini's sizes with random weights, and the text for it.
func aBase(t testing.TB, o Options) (Base, *Data) {
	t.Helper()
	d := dataOf(t, sentences(t), o)
	b, err := randomBase(o, d)
	if err != nil {
		t.Fatal(err)
	}
	return b, d
}

// adapted is mini for an adapter beside queries, values and FC_expand.
func adapted() Options {
	o := mini()
	o.Tuning = Tuning{Base: "base", Adapter: pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank,
		Targets: []pedestrian.Target{pedestrian.TargetQ, pedestrian.TargetV, pedestrian.TargetExpand}}}
	return o
}

func finetune(t testing.TB, o Options, b Base, d *Data, dir string) *Run {
	t.Helper()
	r, err := Finetune(o, b, d, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// An adapter learns and the base stays: no number of it changes, none is saved, and
// there is no gradient and no moment of it.
func TestAdapterRun(t *testing.T) {
	o := adapted()
	o.Steps, o.Batch, o.LR, o.Tuning.Adapter.Targets = 60, 8, 5e-2, o.Config.Targets()
	b, d := aBase(t, o)
	dir := t.TempDir()
	r := finetune(t, o, b, d, dir)
	for _, w := range []Weights{r.grad, r.State.M, r.State.V, r.State.Trained()} {
		if w.Params != nil || w.Adapter == nil {
			t.Fatalf("%+v is not of an adapter alone", w)
		}
	}
	var losses []float64
	end, err := r.Train(t.Context(), Observer{Step: func(u Update) { losses = append(losses, u.Loss) }})
	if err != nil || end != Finished {
		t.Fatal(end, err)
	}
	if first, last := losses[0], losses[len(losses)-1]; last > first-0.3 {
		t.Errorf("the loss went from %g to %g", first, last)
	}
	if sum := Digest(b.Params); sum != b.SHA256 {
		t.Error("the base has changed")
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	newest, _ := Newest(dir)
	if err := Verify(newest); err != nil {
		t.Error(err)
	}
	files, _ := os.ReadDir(newest)
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	if want := []string{durable.ManifestFile, adapterFile, configFile, momentsFile, stateFile, tokenizerFile}; !slices.Equal(names, want) {
		t.Errorf("the checkpoint has %v, want %v", names, want)
	}
	c, err := Load(newest, true)
	if err != nil {
		t.Fatal(err)
	}
	if c.State.Params != nil || c.Base == nil || c.Base.SHA256 != b.SHA256 || c.Base.Path != b.Path {
		t.Errorf("loaded with base %+v", c.Base)
	}
	if err := sameState(c.State, r.State); err != nil {
		t.Error(err)
	}
}

// The same numbers in tensors of other shapes are another network.
func TestDigestKnowsShapes(t *testing.T) {
	c := mini().Config
	c.Vocab, c.Context = 8, 6
	swapped := c
	swapped.Vocab, swapped.Context = 6, 8
	if Digest(pedestrian.NewParams[float32](c)) == Digest(pedestrian.NewParams[float32](swapped)) {
		t.Error("8 tokens in 6 places have the digest of 6 tokens in 8")
	}
}

// A base that is another, or has changed, is refused.
func TestAttach(t *testing.T) {
	o := adapted()
	o.Steps = 1
	b, d := aBase(t, o)
	dir := t.TempDir()
	r := finetune(t, o, b, d, dir)
	if _, err := r.Train(t.Context(), Observer{}); err != nil {
		t.Fatal(err)
	}
	r.Close()
	c, _, err := LoadNewest(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	other := NewState(b.Params.Config, 8).Params
	if err := c.Attach(other); err == nil || !strings.Contains(err.Error(), "the base is not the one that its adapter was trained on") {
		t.Errorf("another base: %v", err)
	}
	wider := b.Params.Config
	wider.Blocks++
	if err := c.Attach(pedestrian.NewParams[float32](wider)); err == nil || !strings.Contains(err.Error(), "3, 2, 16, 8") {
		t.Errorf("a larger base: %v", err)
	}
	last := &b.Params.Slab[len(b.Params.Slab)-1]
	was := *last
	*last += 1e-6
	if err := c.Attach(b.Params); err == nil {
		t.Error("one number of the base changed, and it was taken")
	}
	*last = was
	if err := c.Attach(b.Params); err != nil || c.State.Params != b.Params {
		t.Error(err)
	}
}

// An adapter run that is stopped and resumed after each of its steps, with 1 and with
// 4 threads, ends with the bits of the whole run.
func TestAdapterResume(t *testing.T) {
	o := adapted()
	o.Steps, o.Accumulate, o.Dropout, o.SaveEvery, o.Tuning.LoRAPlus = 12, 2, 0.1, 3, 8
	b, d := aBase(t, o)
	whole := finetune(t, o, b, d, filepath.Join(t.TempDir(), "whole"))
	if _, err := whole.Train(t.Context(), Observer{}); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "cut")
	parallel(t, 4)
	for stop := 1; stop <= o.Steps; stop++ {
		var r *Run
		if stop == 1 {
			r = finetune(t, o, b, d, dir)
		} else {
			c, _, err := LoadNewest(dir, true)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Attach(b.Params); err != nil {
				t.Fatal(err)
			}
			c.Options.Threads = 1 + 3*(stop%2)
			if r, err = Resume(dir, c, d); err != nil {
				t.Fatal(err)
			}
		}
		trainTo(t, r, stop)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if stop == o.Steps {
			if err := sameState(r.State, whole.State); err != nil {
				t.Error(err)
			}
		}
	}
}

// trainTo trains r until it has made stop steps.
func trainTo(t testing.TB, r *Run, stop int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := r.Train(ctx, Observer{Step: func(u Update) {
		if u.Step == stop && stop < r.Options.Steps {
			cancel()
		}
	}})
	if err != nil || r.State.Step != stop {
		t.Fatalf("at step %d instead of %d: %v", r.State.Step, stop, err)
	}
}

// A run that goes on from an adapter begins with its numbers, and has none of them in
// common with the adapter that it was given.
func TestFinetuneGoesOn(t *testing.T) {
	o := adapted()
	b, d := aBase(t, o)
	first := finetune(t, o, b, d, filepath.Join(t.TempDir(), "a"))
	if _, err := first.Train(context.Background(), Observer{}); err != nil {
		t.Fatal(err)
	}
	b.Adapter, o.Tuning.From = first.State.Adapter, "a"
	was := slices.Clone(b.Adapter.Slab)
	r := finetune(t, o, b, d, filepath.Join(t.TempDir(), "b"))
	if !slices.Equal(r.State.Adapter.Slab, was) || slices.ContainsFunc(was, func(v float32) bool { return v-v != 0 }) {
		t.Error("it does not begin with the adapter's numbers")
	}
	if slices.ContainsFunc(r.State.M.Slab(), func(v float32) bool { return v != 0 }) || r.State.Step != 0 {
		t.Error("it begins with another run's moments")
	}
	if _, err := r.Train(context.Background(), Observer{}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(b.Adapter.Slab, was) || slices.Equal(r.State.Adapter.Slab, was) {
		t.Error("the adapter that it was given has changed, or its own has not")
	}
	a, err := r.Audit(context.Background())
	if err != nil || a.Err() != nil || !a.GoesOn || a.FirstLoss == a.BaseLoss || a.FirstLoss == 0 {
		t.Errorf("%v, %v, %+v", err, a.Err(), a)
	}
	b.Adapter.Slab[0] = float32(math.NaN())
	if _, err := Finetune(o, b, d, filepath.Join(t.TempDir(), "c")); err == nil || !strings.Contains(err.Error(), "an adapter that cannot be trained") {
		t.Errorf("an adapter with NaN: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("an adapter of another shape is taken")
		}
	}()
	o.Tuning.Adapter.Rank++
	Finetune(o, b, d, filepath.Join(t.TempDir(), "d"))
}
