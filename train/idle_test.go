package train

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
)

// What could learn nothing is refused before there is a run directory.
func TestIdleIsRefused(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"lr is 0: nothing would be learnt": func(o *Options) { o.LR = 0 },
		"alpha of expand is 0: it multiplies the adapter": func(o *Options) {
			o.Tuning.Adapter.Alphas = map[pedestrian.Target]float64{pedestrian.TargetExpand: 0}
		},
		"patience is 3, and val_fraction 0 leaves no validation split": func(o *Options) { o.Patience, o.ValFraction = 3, 0 },
	} {
		o, b, tok := documented(t)
		change(&o)
		dir := filepath.Join(t.TempDir(), "run")
		_, err := Finetune(o, b, documentData(t, o, tok), dir)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: a run directory is left", want)
		}
	}
	o := mini()
	o.LR, o.MinLR = 0, 0
	if _, err := Start(o, dataOf(t, sentences(t), o), ""); err == nil || !strings.HasPrefix(err.Error(), "lr is 0") {
		t.Error(err)
	}
}

// A run whose weights are at the end what they were at the beginning is no success,
// whatever made it so: random weights, all of a base, an adapter beside it; also when
// it was resumed.
func TestNothingLearntIsAnError(t *testing.T) {
	const want = "nothing was learnt: after 3 steps at rates of at most 0 all weights are those of before the first"
	idle := func(r *Run) {
		t.Helper()
		r.Options.LR, r.Options.MinLR, r.Options.Steps = 0, 0, 3
		if _, err := r.Train(t.Context(), Observer{}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	o := mini()
	idle(start(t, o, dataOf(t, sentences(t), o), ""))
	{
		o, b, tok := documented(t)
		b.Adapter = pedestrian.NewAdapter[float32](o.Config, o.Tuning.Adapter)
		InitAdapter(b.Adapter, b.Params, Kaiming, 77)
		b.Adapter.Blocks[1].Expand.Up.V[0] = 1
		idle(finetune(t, o, b, documentData(t, o, tok), ""))
	}
	for _, full := range []bool{false, true} {
		o, b, tok := documented(t)
		o.Tuning.Full, o.Batch, o.Steps = full, 2, 5
		d := documentData(t, o, tok)
		dir := t.TempDir()
		r := finetune(t, o, b, d, dir)
		idle(r)
		r.Close()
		c, _, err := LoadNewest(dir, true)
		if err == nil && !full {
			err = c.Attach(b.Params)
		}
		if err != nil {
			t.Fatal(err)
		}
		if r, err = Resume(dir, c, d); err != nil { // as an old run that is over
			t.Fatal(err)
		}
		idle(r)
		r.Options.LR, r.Options.Steps = 1e-3, 5
		if _, err := r.Train(t.Context(), Observer{}); err != nil {
			t.Errorf("full %v: after two steps that learn: %v", full, err)
		}
		r.Close()
	}
}

// However little there is, as many passes are at least as many updates, each learns,
// and the loss of what is learnt falls.
func TestLittleDataLearns(t *testing.T) {
	for n := 1; n <= 18; n++ {
		for _, full := range []bool{false, true} {
			o, b, tok := documented(t)
			o.Tuning.Full, o.ValFraction, o.Tuning.Loss, o.Data = full, 0, LossAll, exampleFile(t, n)
			d := documentData(t, o, tok)
			r := finetune(t, o, b, d, "")
			rows := r.Packed().Rows
			if r.Options.Steps < 3 || r.Options.Steps*r.Options.Batch < 3*rows || r.Options.Batch > rows {
				t.Fatalf("%d documents in %d rows: %d steps of batch %d", n, rows, r.Options.Steps, r.Options.Batch)
			}
			loss := func() float64 {
				sum, counted, err := r.pass(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return sum / float64(counted)
			}
			before := loss()
			if end, err := r.Train(t.Context(), Observer{Step: func(u Update) {
				if !(u.Rate > 0) {
					t.Errorf("%d documents: step %d has rate %g", n, u.Step, u.Rate)
				}
			}}); err != nil || end != Finished {
				t.Fatal(end, err)
			}
			r.State.Position = 0
			if after := loss(); !(after < before) {
				t.Errorf("%d documents, full %v: the loss went from %g to %g", n, full, before, after)
			}
			r.Close()
		}
	}
}

// exampleFile is the first n of answers in a file of their own.
func exampleFile(t testing.TB, n int) string {
	t.Helper()
	path, _ := answers(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	path = filepath.Join(t.TempDir(), "few.jsonl")
	if err := os.WriteFile(path, []byte(strings.Join(lines[:n], "")), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// The rows of an update, worked out: an eighth of the rows and at most eight where
// nobody asks, never more than there are where somebody does.
func TestPlannedBatch(t *testing.T) {
	for _, c := range []struct {
		batch, accumulate, rows     int
		wantBatch, wantAccumulation int
		note                        string
	}{
		{0, 1, 1, 1, 1, "1 row an update instead of 8: there is 1, and a pass is to have several updates"},
		{0, 1, 15, 1, 1, "1 row an update instead of 8: there are 15, and"},
		{0, 1, 16, 2, 1, "2 rows an update instead of 8: there are 16, and"},
		{0, 1, 63, 7, 1, "7 rows an update instead of 8: there are 63, and"},
		{0, 1, 64, 8, 1, ""},
		{0, 1, 100000, 8, 1, ""},
		{0, 4, 64, 2, 4, "8 rows an update instead of 32"},
		{0, 4, 3, 1, 3, "3 rows an update instead of 32"},
		{8, 1, 3, 3, 1, "3 rows an update instead of 8: there are 3"},
		{8, 1, 8, 8, 1, ""},
		{2, 4, 5, 2, 2, "4 rows an update instead of 8: there are 5"},
		{2, 4, 1, 1, 1, "1 row an update instead of 8"},
		{3, 2, 6, 3, 2, ""},
		{5, 1, 0, 1, 1, "1 row an update instead of 5"},
	} {
		got, note := Options{Batch: c.batch, Accumulate: c.accumulate}.planBatch(c.rows)
		if got.Batch != c.wantBatch || got.Accumulate != c.wantAccumulation || !strings.HasPrefix(note, c.note) || c.note == "" && note != "" {
			t.Errorf("%+v: batch %d, accumulate %d, %q", c, got.Batch, got.Accumulate, note)
		}
	}
}

// Where cutting leaves no target, in whichever split and however it is packed, that is
// said with counts and what to do before there is a run.
func TestNoTargetLeft(t *testing.T) {
	write := func(name, line string, n int) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(strings.Repeat(line, n)), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	far := `{"prompt": "` + strings.Repeat("w", 40) + `", "completion": "x"}` + "\n"
	near := `{"prompt": "a", "completion": "bb"}` + "\n"
	for _, packing := range []string{PackingOn, PackingOff} {
		for want, c := range map[string]struct {
			data, val string
			window    int
		}{
			"of the training split of train.jsonl no target is left in rows of 32 tokens with --long truncate: what its 5 documents learn comes after 41 tokens: choose --long cut": {write("train.jsonl", far, 5), write("val.jsonl", near, 1), 32},
			"of the training split of train.jsonl no target is left in rows of 16 tokens with --long truncate: what its 1 document learn":                                           {write("train.jsonl", far, 1), "", 16},
			"of the validation split of val.jsonl no target is left in rows of 32 tokens with --long truncate: what its 2 documents learn comes after 41 tokens":                    {write("train.jsonl", near, 5), write("val.jsonl", far, 2), 32},
			"of the training split of train.jsonl no target is left in rows of 8 tokens with --long truncate: what its 3 documents learn comes after 21 tokens: choose --long cut, or a longer --window of at least 21": {
				write("train.jsonl", `{"prompt": "`+strings.Repeat("w", 20)+`", "completion": "x"}`+"\n", 3), write("val.jsonl", near, 1), 8},
		} {
			o, b, tok := documented(t)
			o.Data, o.Val, o.Window, o.Tuning.Packing, o.Tuning.Long = c.data, c.val, c.window, packing, string(corpus.LongTruncate)
			if c.val == "" {
				o.ValFraction = 0
			}
			dir := filepath.Join(t.TempDir(), "run")
			d, err := LoadTuningData(o, tok, o.Vocab)
			if err == nil {
				_, err = Finetune(o, b, d, dir)
			}
			short := strings.NewReplacer(filepath.Dir(c.data)+"/", "", filepath.Dir(c.val)+"/", "")
			if err == nil || !strings.HasPrefix(short.Replace(err.Error()), want) {
				t.Errorf("%s: got %v, want %s", packing, err, want)
			}
			if _, err := os.Stat(dir); err == nil {
				t.Errorf("%s: a run directory is left", want)
			}
		}
	}
}

// Without a validation split all data are learnt, nothing is evaluated, checkpoints are
// saved as often as there would be evaluations, and a run goes on from them to the same
// bits. One document can be learnt by heart, and so can ten equal ones.
func TestNoValidation(t *testing.T) {
	for _, n := range []int{1, 10} {
		o, b, tok := documented(t)
		path := filepath.Join(t.TempDir(), "one.jsonl")
		if err := os.WriteFile(path, []byte(strings.Repeat(`{"prompt": "who sat?", "completion": " the cat"}`+"\n", n)), 0o644); err != nil {
			t.Fatal(err)
		}
		o.Data = path
		if _, err := LoadTuningData(o, tok, o.Vocab); err == nil || !strings.HasSuffix(err.Error(), "or none (--val-fraction 0)") {
			t.Errorf("%d equal documents and a validation split: %v", n, err)
		}
		o.ValFraction, o.Tuning.Full, o.LR, o.Steps, o.EvalEvery, o.SampleEvery, o.Schedule = 0, true, 3e-2, 60, 20, 20, ScheduleLinear
		d := documentData(t, o, tok)
		dir := t.TempDir()
		params := NewState(o.Config, 3).Params
		r := finetune(t, o, b, d, dir)
		var last float64
		samples := 0
		if end, err := r.Train(t.Context(), Observer{
			Step:     func(u Update) { last = u.Loss },
			Evaluate: func(Evaluation) { t.Error("evaluated without a validation split") },
			Sample:   func(Sample) { samples++ },
		}); err != nil || end != Finished || last > 0.05 || samples != 4 {
			t.Errorf("%d documents: %v, %v, loss %g, %d samples", n, end, err, last, samples)
		}
		r.Close()
		best, _, err := LoadBest(dir)
		if err != nil || best.State.Step != 60 || best.State.Evaluations != 0 {
			t.Fatalf("the best checkpoint: %+v, %v", best, err)
		}
		if err := os.RemoveAll(best.Dir); err != nil {
			t.Fatal(err)
		}
		c, _, err := LoadNewest(dir, true)
		if err != nil || c.State.Step != 40 {
			t.Fatal(c, err)
		}
		again, err := Resume(dir, c, d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := again.Train(t.Context(), Observer{}); err != nil {
			t.Fatal(err)
		}
		if Digest(again.State.Params) != Digest(best.State.Params) || Digest(params) == Digest(best.State.Params) {
			t.Error("resumed, a run without validation ends with other weights")
		}
		again.Close()
	}

	// The same of a text.
	o := mini()
	o.ValFraction, o.Steps = 0, 5
	d := dataOf(t, sentences(t), o)
	if i := d.Info(); i.Val != 0 || i.Train != len(sentences(t)) || i.Uniform == 0 || i.Unigram != 0 {
		t.Errorf("%+v", i)
	}
	if end, err := start(t, o, d, t.TempDir()).Train(t.Context(), Observer{}); err != nil || end != Finished {
		t.Error(end, err)
	}
}
