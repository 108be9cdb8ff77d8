package train

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
)

// An epoch has every row once, in whatever batches and micro-batches it is drawn, and
// the next one has them in another order.
func TestAnEpochIsEveryRow(t *testing.T) {
	o, b, tok := documented(t)
	o.Tuning.Packing = PackingOff
	d := documentData(t, o, tok)
	rows := o.pack(d.Examples, o.Seed).Rows()
	o.Batch, o.Accumulate = 3, 2
	if rows%(o.Batch*o.Accumulate) != 0 {
		t.Fatalf("%d rows in batches of %d", rows, o.Batch*o.Accumulate)
	}
	r := finetune(t, o, b, d, "")
	var epochs [2][]string
	for position := range uint64(2 * rows / (o.Batch * o.Accumulate)) {
		for k := range o.Accumulate {
			r.draw(position, k*o.Batch, &r.batch)
			for i := range o.Batch {
				epoch := &epochs[len(epochs)*int(position)*o.Batch*o.Accumulate/(2*rows)]
				*epoch = append(*epoch, tok.Decode(r.batch.Tokens[i*r.batch.T:(i+1)*r.batch.T]))
			}
		}
	}
	if slices.Equal(epochs[0], epochs[1]) {
		t.Error("two epochs in one order")
	}
	for i, e := range epochs {
		slices.Sort(e)
		if n := len(slices.Compact(slices.Clone(e))); n != rows || len(e) != rows {
			t.Errorf("epoch %d has %d rows, %d of them different; the data have %d", i, len(e), n, rows)
		}
	}
	if !slices.Equal(epochs[0], epochs[1]) {
		t.Error("two epochs of other rows")
	}
}

// What is not said is planned: the steps by the epochs, the evaluations and the warm-up
// by the steps, wherever those come from. A run on the disk has all of it.
func TestWhatIsPlanned(t *testing.T) {
	o, b, tok := documented(t)
	o.Tuning.Packing, o.Batch = PackingOff, 2
	d := documentData(t, o, tok)
	rows := o.pack(d.Examples, o.Seed).Rows()
	for _, c := range []struct {
		epochs                        float64
		steps, warmup, every          int
		wantSteps, wantWarmup, wantEv int
	}{
		{2, 0, 0, 0, rows, rows / 20, rows / 10}, {0, 40, 0, 0, 40, 2, 4}, {3, 40, 1, 7, 40, 1, 7}, {0, 3, 0, 0, 3, 0, 1}, {0.001, 0, 0, 0, 1, 0, 1},
	} {
		o.Tuning.Epochs, o.Steps, o.Warmup, o.EvalEvery = c.epochs, c.steps, c.warmup, c.every
		if got := finetune(t, o, b, d, "").Options; got.Steps != c.wantSteps || got.Warmup != c.wantWarmup || got.EvalEvery != c.wantEv {
			t.Errorf("%+v: %d steps, warm-up %d, evaluations every %d", c, got.Steps, got.Warmup, got.EvalEvery)
		}
	}
	o.Tuning.Epochs, o.Steps = 0, 0
	if err := o.Validate(); err == nil || !strings.HasPrefix(err.Error(), "steps is 0: it must be between 1 and") {
		t.Errorf("neither epochs nor steps: %v", err)
	}
	if got := finetune(t, o, b, d, "").Options; got.Steps != (3*rows+1)/2 || got.Tuning.Epochs != 3 {
		t.Errorf("neither epochs nor steps: %d steps, %g epochs", got.Steps, got.Tuning.Epochs)
	}
	o.Tuning.Epochs = 1
	for _, planned := range []func(*Options){func(o *Options) { o.Steps = 0 }, func(o *Options) { o.EvalEvery = 0 }, func(o *Options) { o.Batch = 0 }} {
		s := NewState(o.Config, 1)
		all, _ := o.Plan(d)
		c := &Checkpoint{Options: all, Network: o.Config, Tokenizer: tok, State: s, Data: d.Info(), Base: &b}
		planned(&c.Options)
		if r, err := Resume(t.TempDir(), c, d); err == nil || !strings.Contains(err.Error(), "what was planned by the data is not 0 in a run") {
			t.Errorf("%v, %v", r, err)
		}
	}
}

// Each choice about a run that goes on from a base comes to be what it says.
func TestTuningReachesTheRun(t *testing.T) {
	run := func(change func(*Options)) *Run {
		o, b, tok := documented(t)
		o.Warmup, o.Window = 1, 16
		change(&o)
		return finetune(t, o, b, documentData(t, o, tok), "")
	}
	none := func(*Options) {}

	// LoRA+: after one step of AdamW u, which began at 0, is as many times as large.
	var after [2]*pedestrian.Adapter[float32]
	for i, plus := range []float64{0, 4} {
		r := run(func(o *Options) { o.Tuning.LoRAPlus = plus })
		if _, err := r.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		after[i] = r.State.Adapter
	}
	for i, x := range after[0].Tensors() {
		times := 1.0
		if strings.HasSuffix(x.Name, ".up") {
			times = 4
		}
		for j, got := range after[1].Tensors()[i].V {
			if want := times * float64(x.V[j]); math.Abs(float64(got)-want) > 1e-6*math.Abs(want) { // float32
				t.Fatalf("with LoRA+ number %d of %s is %g, without %g", j, x.Name, got, x.V[j])
			}
		}
	}

	for _, init := range []AdapterInit{Kaiming, Gaussian} {
		r := run(func(o *Options) { o.Tuning.Init = init })
		want := pedestrian.NewAdapter[float32](r.Network, r.Options.Tuning.Adapter)
		InitAdapter(want, r.State.Params, init, r.Options.Seed)
		if !slices.Equal(r.State.Adapter.Slab, want.Slab) {
			t.Errorf("init %s: the adapter begins as another", init)
		}
	}

	// Of "7 say a:" and " a" the answer and its end are learnt, or all but the first token.
	report := func(change func(*Options)) *corpus.Report { return run(change).Data.Report }
	answers, all := report(none), report(func(o *Options) { o.Tuning.Loss = LossAll })
	if all.Targets != all.Tokens-all.Documents || answers.Targets >= all.Targets {
		t.Errorf("%d targets in answers, %d in all of %d tokens", answers.Targets, all.Targets, all.Tokens)
	}
	r := run(func(o *Options) { o.Tuning.End = "!" })
	if tokens, _ := r.Data.Examples.Document(0); !strings.HasSuffix(r.Data.Tokenizer.Decode(tokens), "!") {
		t.Errorf("a document ends as in %q", r.Data.Tokenizer.Decode(tokens))
	}

	padded := run(func(o *Options) { o.Window, o.Tuning.Packing = 0, PackingOff })
	if on := run(func(o *Options) { o.Window = 0 }).Packed(); padded.Packed().Rows != padded.Data.Examples.Len() || on.Rows >= padded.Packed().Rows {
		t.Errorf("%d documents have %d rows, packed %d", padded.Data.Examples.Len(), padded.Packed().Rows, on.Rows)
	}
	cut, truncated := run(none).Packed(), run(func(o *Options) { o.Tuning.Long = string(corpus.LongTruncate) }).Packed()
	if cut.Long == 0 || cut.Lost > 0 || truncated.Lost == 0 {
		t.Errorf("%d documents longer than a row: %d targets lost when they are cut, %d when they are truncated", cut.Long, cut.Lost, truncated.Lost)
	}

	// An epoch is all rows; a twentieth of the steps is the warm-up, ten evaluations.
	r = run(func(o *Options) { o.Batch, o.Accumulate, o.Warmup, o.Tuning.Epochs = 3, 2, 0, 7.5 })
	steps := int(math.Ceil(7.5 * float64(r.Packed().Rows) / 6))
	if o := r.Options; steps < 20 || o.Steps != steps || o.Warmup != steps/20 || o.EvalEvery != steps/10 {
		t.Errorf("%d rows in batches of 6: %d steps, warm-up %d, evaluation every %d; want %d steps", r.Packed().Rows, o.Steps, o.Warmup, o.EvalEvery, steps)
	}
}
