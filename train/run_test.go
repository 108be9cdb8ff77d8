package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// mini is a run of a few milliseconds a step.
func mini() Options {
	o, _ := PresetOptions("tiny")
	o.Width, o.Heads, o.Blocks, o.Context, o.Batch = 16, 2, 2, 8, 2
	o.Steps, o.Warmup, o.LR, o.MinLR, o.Clip = 20, 3, 1e-2, 1e-3, 0.5
	o.EvalEvery, o.EvalBatches, o.SampleEvery, o.SampleTokens = 5, 3, 0, 20
	o.Bias = true
	return o
}

// sentences is a text of a few kilobytes with something to learn in it.
func sentences(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, "The %s cat saw %d dogs.\n", []string{"grey", "old", "small"}[i*i%3], (i*7)%23)
	}
	return b.String()
}

func dataOf(t testing.TB, text string, o Options) *Data {
	t.Helper()
	path := filepath.Join(t.TempDir(), "text.txt")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	o.Data = path
	d, err := LoadData(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func start(t testing.TB, o Options, d *Data, dir string) *Run {
	t.Helper()
	r, err := beginOn(durable.OS, o, d, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// beginOn begins a run: with a base of random weights, always the same, if o has one.
func beginOn(fs durable.FS, o Options, d *Data, dir string) (*Run, error) {
	if !o.Tuning.hasBase() {
		return startOn(fs, o, d, dir)
	}
	b, err := randomBase(o, d)
	if err != nil {
		return nil, err
	}
	return finetuneOn(fs, o, b, d, dir)
}

func randomBase(o Options, d *Data) (Base, error) {
	c, err := networkFor(o, d)
	if err != nil {
		return Base{}, err
	}
	p := NewState(c, 7).Params
	return Base{Path: "/models/base", SHA256: Digest(p), Params: p, Tokenizer: d.Tokenizer}, nil
}

func resume(t testing.TB, dir string, d *Data, change func(*Options)) *Run {
	t.Helper()
	newest, err := Newest(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(newest, true)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&c.Options)
	}
	if c.State.Adapter != nil {
		b, err := randomBase(c.Options, d)
		if err == nil {
			err = c.Attach(b.Params)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r, err := Resume(dir, c, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// sameState reports whether two states are bit for bit the same, times aside.
func sameState(a, b *State) error {
	p, q := a.Progress, b.Progress
	p.Seconds, q.Seconds = 0, 0
	if p != q {
		windows := p.Window == q.Window
		p.Window, q.Window = Window{}, Window{}
		return fmt.Errorf("progress %+v and %+v; the same window: %v", p, q, windows)
	}
	for i, pair := range [][2]Weights{{a.Trained(), b.Trained()}, {a.M, b.M}, {a.V, b.V}} {
		for j, x := range pair[0].Slab() {
			if y := pair[1].Slab()[j]; math.Float32bits(x) != math.Float32bits(y) {
				return fmt.Errorf("part %d (weights, m, v), number %d: %g and %g", i, j, x, y)
			}
		}
	}
	return nil
}

func TestTrainLearns(t *testing.T) {
	o := mini()
	o.Steps, o.Batch, o.Clip = 150, 8, 1
	d := dataOf(t, sentences(t), o)
	r := start(t, o, d, "")
	var updates []Update
	var evaluations []Evaluation
	end, err := r.Train(t.Context(), Observer{
		Step:     func(u Update) { updates = append(updates, u) },
		Evaluate: func(e Evaluation) { evaluations = append(evaluations, e) },
	})
	if err != nil || end != Finished {
		t.Fatal(end, err)
	}
	if len(updates) != 150 || updates[149].Step != 150 || updates[149].Tokens != 150*8*8 {
		t.Errorf("%d updates, the last %+v", len(updates), updates[len(updates)-1])
	}
	info := d.Info()
	if len(evaluations) != 31 || math.Abs(evaluations[0].Loss-info.Uniform) > 0.1 {
		t.Errorf("%d evaluations, the first %+v, ln V %g", len(evaluations), evaluations[0], info.Uniform)
	}
	if best := r.State.Best.Loss; best > info.Bigram {
		t.Errorf("after %d steps the loss is %g, and bigrams reach %g", o.Steps, best, info.Bigram)
	}
}

// k micro-batches of b windows are one batch of k·b: the same windows in the same
// order, and gradients that are sums, divided once by the targets that count. The
// batch here has targets left out, unevenly, which a mean of means gets wrong.
func TestAccumulationIsOneBatch(t *testing.T) {
	for name, o := range map[string]Options{"full": mini(), "adapter": adapted()} {
		t.Run(name, func(t *testing.T) { testAccumulation(t, o) })
	}
}

func testAccumulation(t *testing.T, o Options) {
	const tolerance = 2e-5 // float32: sums of 12 windows in another order, 4 updates of AdamW
	ignore := func(r *Run) {
		draw := r.draw
		r.draw = func(position uint64, first int, b *engine.Batch) {
			draw(position, first, b)
			for row := range b.B {
				for i := range b.T * (first + row) / 12 { // none of the first window, most of the last
					b.Targets[row*b.T+i] = engine.Ignored
				}
			}
		}
	}
	var runs []*Run
	var losses []float64
	for _, shape := range [][2]int{{12, 1}, {3, 4}, {1, 12}} {
		o := o
		o.Batch, o.Accumulate, o.Clip = shape[0], shape[1], 1e-2 // clipping always acts
		r := start(t, o, dataOf(t, sentences(t), o), "")
		ignore(r)
		sum := 0.0
		for range 4 {
			u, err := r.Step(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sum += u.Loss + u.Norm
		}
		runs, losses = append(runs, r), append(losses, sum)
	}
	for i, r := range runs[1:] {
		if r.State.Tokens != runs[0].State.Tokens || math.Abs(losses[i+1]-losses[0]) > tolerance*losses[0] {
			t.Errorf("%d micro-batches: %d tokens and Σ loss + norm %.9g, one batch: %d and %.9g", r.Options.Accumulate, r.State.Tokens, losses[i+1], runs[0].State.Tokens, losses[0])
		}
		for j, x := range r.State.Params.Slab {
			if y := runs[0].State.Params.Slab[j]; math.Abs(float64(x-y)) > tolerance {
				t.Fatalf("%d micro-batches: parameter %d is %g, in one batch %g", r.Options.Accumulate, j, x, y)
			}
		}
	}
}

// What AdamW is given is the gradient of the mean over the counted targets, clipped:
// after the first step the first moment is 1-β₁ times that.
func TestStepScalesTheGradient(t *testing.T) {
	const tolerance = 1e-5 // float32
	for _, clip := range []float64{0, 0.1, 100} {
		o := mini()
		o.Clip, o.Accumulate = clip, 3
		r := start(t, o, dataOf(t, sentences(t), o), "")
		draw := r.draw
		r.draw = func(position uint64, first int, b *engine.Batch) {
			draw(position, first, b)
			b.Targets[0] = engine.Ignored
		}
		// The same by hand, one window at a time.
		grad, sum, counted := pedestrian.NewParams[float32](r.Network), 0.0, 0
		one := engine.New(r.State.Params, nil, engine.Options{})
		b := engine.Batch{B: 1, T: o.Context, Tokens: make([]int32, o.Context), Targets: make([]int32, o.Context)}
		for row := range o.Batch * o.Accumulate {
			draw(0, row, &b)
			if row%o.Batch == 0 {
				b.Targets[0] = engine.Ignored
			}
			loss, n := one.Gradients(grad, nil, b, 1, 0)
			sum, counted = sum+loss, counted+n
		}
		norm := one.Norm2(grad.Slab) / float64(counted)
		one.Close()
		u, err := r.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		given := norm
		if clip > 0 {
			given = min(norm, clip)
		}
		for what, pair := range map[string][2]float64{
			"loss": {u.Loss, sum / float64(counted)}, "norm": {u.Norm, norm}, "scale": {u.Scale, given / norm},
			"first moment": {r.net.Norm2(r.State.M.Slab()), (1 - o.Beta1) * given},
		} {
			if math.Abs(pair[0]-pair[1]) > tolerance*pair[1] {
				t.Errorf("clip %g: %s is %.9g, want %.9g", clip, what, pair[0], pair[1])
			}
		}
		if u.Tokens != int64(counted) || counted != 6*8-3 {
			t.Errorf("%d tokens, want %d", u.Tokens, counted)
		}
	}
}

// Dropout has other masks in every micro-batch and every step.
func TestDropoutMasksChange(t *testing.T) {
	loss := func(dropout float64, accumulate, steps int) float64 {
		o := mini()
		o.Dropout, o.Accumulate = dropout, accumulate
		r := start(t, o, dataOf(t, sentences(t), o), "")
		r.Options.LR, r.Options.MinLR = 0, 0
		draw := r.draw
		r.draw = func(_ uint64, _ int, b *engine.Batch) { draw(0, 0, b) } // always the same windows
		var u Update
		for range steps {
			var err error
			if u, err = r.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return u.Loss
	}
	plain := loss(0, 1, 1)
	if loss(0, 2, 1) != plain || loss(0, 1, 2) != plain {
		t.Fatal("without dropout the loss of the same windows changes")
	}
	first := loss(0.3, 1, 1)
	if first == plain || loss(0.3, 2, 1) == first || loss(0.3, 1, 2) == first {
		t.Errorf("loss %g without dropout, %g with, %g over two micro-batches, %g in the second step", plain, first, loss(0.3, 2, 1), loss(0.3, 1, 2))
	}
}

// Stopped after any step, saved, loaded and gone on with, a run ends with the same
// bits and the same log as the one that never stopped.
func TestResumeIsBitExact(t *testing.T) {
	o := mini()
	parallel(t, 3)
	o.Dropout, o.Accumulate, o.Steps, o.SaveEvery = 0.1, 2, 12, 4
	d := dataOf(t, sentences(t), o)
	whole := start(t, o, d, t.TempDir())
	if end, err := whole.Train(t.Context(), Observer{}); err != nil || end != Finished {
		t.Fatal(end, err)
	}
	wantLog := logOf(t, whole)
	for i := range 2 * o.Steps {
		k, evaluated := i/2, i%2 == 1 // stopped right after the step, or after the evaluation that follows it
		if evaluated && k%o.EvalEvery != 0 {
			continue
		}
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		o := o
		o.Threads = 1
		first := start(t, o, d, dir)
		obs := Observer{Step: func(u Update) {
			if u.Step == k && !evaluated {
				cancel()
			}
		}, Evaluate: func(e Evaluation) {
			if e.Step == k && evaluated {
				cancel()
			}
		}}
		if k == 0 && !evaluated {
			cancel()
		}
		if end, err := first.Train(ctx, obs); err != nil || end != Stopped || first.State.Step != k {
			t.Fatalf("stopping at %d: %v %v after step %d", k, end, err, first.State.Step)
		}
		cancel()
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		second := resume(t, dir, d, func(o *Options) { o.Threads = 3 })
		if end, err := second.Train(t.Context(), Observer{}); err != nil || end != Finished {
			t.Fatal(end, err)
		}
		if err := sameState(second.State, whole.State); err != nil {
			t.Errorf("stopped after step %d: %v", k, err)
		}
		if log := logOf(t, second); !reflect.DeepEqual(log, wantLog) {
			t.Errorf("stopped after step %d: the log is\n%v, want\n%v", k, log, wantLog)
		}
	}
}

// logOf is a run's log without times, as text.
func logOf(t *testing.T, r *Run) (lines []string) {
	t.Helper()
	if err := r.Flush(); err != nil {
		t.Fatal(err)
	}
	records, err := readMetrics(r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range records {
		if rec.Val != nil {
			lines = append(lines, fmt.Sprint(rec.Step, " val ", *rec.Val, rec.Best))
		} else {
			lines = append(lines, fmt.Sprint(rec.Step, *rec.Loss, rec.Rate, rec.Norm, rec.Scale, rec.Tokens))
		}
	}
	return lines
}

// A run that crashed after its last checkpoint has written lines that it writes
// again; and one line may be torn.
func TestResumeCutsTheLog(t *testing.T) {
	o := mini()
	d := dataOf(t, sentences(t), o)
	dir := t.TempDir()
	r := start(t, o, d, dir)
	if _, err := r.Train(t.Context(), Observer{}); err != nil {
		t.Fatal(err)
	}
	want := logOf(t, r)
	r.Close()
	f, err := os.OpenFile(filepath.Join(dir, MetricsFile), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(f, "{\"step\":21,\"loss\":1,\"seconds\":1}\n{\"step\":25,\"val\":1,\"seconds\":1}\n{\"step\":2")
	f.Close()
	if got := logOf(t, resume(t, dir, d, nil)); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%v, want\n%v", got, want)
	}
}

// Threads do not change a bit, and neither does computing activations again.
func TestThreadsDoNotMatter(t *testing.T) {
	var want *State
	parallel(t, 5)
	for _, threads := range []int{1, 2, 3, 5} {
		o := mini()
		o.Threads, o.Dropout, o.Batch, o.Recompute = threads, 0.2, 6, threads == 3
		r := start(t, o, dataOf(t, sentences(t), o), "")
		if _, err := r.Train(t.Context(), Observer{}); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = r.State
		} else if err := sameState(r.State, want); err != nil {
			t.Errorf("%d threads: %v", threads, err)
		}
	}
}

func TestDivergedStopsBeforeTheUpdate(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		o := mini()
		r := start(t, o, dataOf(t, sentences(t), o), "")
		for range 2 {
			if _, err := r.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		r.State.Params.Blocks[1].Contract.W.V[5] = bad
		before := clone(r.State)
		_, err := r.Step(t.Context())
		var d *Diverged
		if !errors.As(err, &d) || d.Step != 3 || !strings.HasPrefix(err.Error(), "step 3: the loss is ") {
			t.Errorf("%g: %v", bad, err)
		}
		if err := sameState(r.State, before); err != nil {
			t.Errorf("%g: the state changed: %v", bad, err)
		}
	}
}

func clone(s *State) *State {
	c := s.zerosLike()
	c.copyFrom(s)
	return c
}

// A gradient of 1e30 is clipped to the limit, and a zero gradient is no trouble.
func TestClip(t *testing.T) {
	for _, c := range []struct{ norm, limit, want float64 }{{0, 1, 1}, {0.5, 1, 1}, {2, 1, 0.5}, {1e30, 1, 1e-30}, {1e300, 1, 1e-300}, {5, 0, 1}} {
		if got := clipScale(c.norm, c.limit); math.Abs(got-c.want) > 1e-15*c.want {
			t.Errorf("norm %g, limit %g: %g, want %g", c.norm, c.limit, got, c.want)
		}
	}
	o := mini()
	r := start(t, o, dataOf(t, sentences(t), o), "")
	for i := range r.grad.Slab() {
		r.grad.Slab()[i] = 1e30
	}
	norm := r.net.Norm2(r.grad.Slab())
	if want := 1e30 * math.Sqrt(float64(len(r.grad.Slab()))); math.Abs(norm/want-1) > 1e-6 { // 1e30 is a float32 here
		t.Errorf("norm %g, want %g", norm, want)
	}
	h := engine.AdamW{LR: 0.1, Beta1: 0, Beta2: 0.9, Eps: 1e-8}
	r.stepper.update(h, 1, clipScale(norm, 1))
	clipped := r.net.Norm2(r.State.M.Slab()) // with β₁ = 0 the moment is the clipped gradient
	if math.Abs(clipped-1) > 1e-2 {          // padding has gradient 1e30 here too, and no moment
		t.Errorf("the clipped gradient has norm %g", clipped)
	}
}

func TestEarlyStop(t *testing.T) {
	o := mini()
	o.Patience = 2
	r := start(t, o, dataOf(t, sentences(t), o), t.TempDir())
	end, err := r.Train(t.Context(), Observer{Evaluate: func(Evaluation) { r.State.Best = Score{0, 0.001} }}) // nothing gets better
	if err != nil || end != Stale || r.State.Step != 10 || r.State.Best.Step != 0 {
		t.Errorf("%v %v after step %d, best %+v", end, err, r.State.Step, r.State.Best)
	}
}

// The best checkpoint is kept besides the newest, and is the one that Best finds.
func TestBestIsKept(t *testing.T) {
	o := mini()
	o.Keep, o.EvalEvery, o.SaveEvery = 2, 4, 2
	dir := t.TempDir()
	r := start(t, o, dataOf(t, sentences(t), o), dir)
	if _, err := r.Train(t.Context(), Observer{Evaluate: func(e Evaluation) {
		if e.Step == 8 { // pretend that this was the best there will ever be
			r.State.Best.Loss = 0.001
			r.State.Best.Step = 8
		}
	}}); err != nil {
		t.Fatal(err)
	}
	entries, err := Checkpoints(dir)
	var steps []int
	for _, e := range entries {
		steps = append(steps, e.Step)
	}
	if err != nil || !reflect.DeepEqual(steps, []int{8, 18, 20}) {
		t.Errorf("checkpoints of steps %v, %v", steps, err)
	}
	if best, passed, err := LoadBest(dir); err != nil || len(passed) > 0 || best.Dir != filepath.Join(dir, "step-000008") {
		t.Errorf("the best is %+v, %v, %v", best, passed, err)
	}
	if newest, err := Newest(dir); err != nil || newest != filepath.Join(dir, "step-000020") {
		t.Errorf("the newest is %s, %v", newest, err)
	}
}

func TestStartRefuses(t *testing.T) {
	o := mini()
	d := dataOf(t, sentences(t), o)
	dir := t.TempDir()
	r := start(t, o, d, dir)
	if err := r.Save(Observer{}); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(o, d, dir); err == nil || !strings.Contains(err.Error(), "holds a run of 0 steps already") {
		t.Errorf("a directory with a run in it: %v", err)
	}
	short := o
	short.Context = 100000
	if _, err := Start(short, d, ""); err == nil || !strings.Contains(err.Error(), "the training split has ") {
		t.Errorf("text shorter than the context: %v", err)
	}
	small := o
	small.Vocab = 3
	if _, err := Start(small, d, ""); err == nil || !strings.Contains(err.Error(), "vocab is 3, but the text has ") {
		t.Errorf("a vocabulary that is too small: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(o, d, filepath.Join(dir, "file", "run")); err == nil || !strings.Contains(err.Error(), "making the run directory") {
		t.Errorf("a run directory below a file: %v", err)
	}
	c, err := Load(filepath.Join(dir, "step-000000"), true)
	if err != nil {
		t.Fatal(err)
	}
	other := dataOf(t, sentences(t)+"More.\n", o)
	if _, err := Resume(dir, c, other); err == nil || !strings.Contains(err.Error(), "the text is not the one that the run began with") {
		t.Errorf("another text: %v", err)
	}
}

// The seed decides the weights and the order of the data.
func TestSeed(t *testing.T) {
	o := mini()
	d := dataOf(t, sentences(t), o)
	first := func(seed uint64) (weight float32, window []int32) {
		o.Seed = seed
		r := start(t, o, d, "")
		r.draw(0, 0, &r.batch)
		return r.State.Params.Tok.V[0], r.batch.Tokens
	}
	w1, d1 := first(1)
	again, dAgain := first(1)
	w2, d2 := first(2)
	if w1 != again || !reflect.DeepEqual(d1, dAgain) {
		t.Error("the same seed: other weights or other windows")
	}
	if w1 == w2 || reflect.DeepEqual(d1, d2) {
		t.Error("another seed: the same weights or the same windows")
	}
}

// A step takes no memory after the first.
func TestStepDoesNotAllocate(t *testing.T) {
	o := mini()
	o.Accumulate, o.Dropout = 2, 0.1
	r := start(t, o, dataOf(t, sentences(t), o), "")
	step := func() {
		if _, err := r.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	step()
	if n := testing.AllocsPerRun(10, step); n != 0 {
		t.Errorf("%g allocations a step", n)
	}
}
