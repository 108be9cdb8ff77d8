package train

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/pedestrian-ml/pedestrian/tfevents"
)

// eventFile is the one event file of a run, by its number.
func eventFile(t *testing.T, dir string) (number int, content []byte) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*.pedestrian"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	content, err = os.ReadFile(names[0])
	number, ok := eventsNumber(filepath.Base(names[0]))
	if err != nil || !ok {
		t.Fatal(names, err)
	}
	return number, content
}

// checkEvents makes sure that the event file is that of the log, record by record.
func checkEvents(t *testing.T, dir string) (number int) {
	t.Helper()
	number, got := eventFile(t, dir)
	began, err := tfevents.Began(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	want := tfevents.AppendHeader(nil, began)
	n := 0
	for r, err := range Records(dir) {
		if err != nil {
			t.Fatal(err)
		}
		s := func(tag string, x float64) tfevents.Scalar { return tfevents.Scalar{Tag: tag, Value: float32(x)} }
		wall := began + r.Seconds
		switch {
		case r.Val != nil:
			want = tfevents.Append(want, wall, r.Step, s("loss/validation", *r.Val))
		case r.Action == "rewind" || r.Action == "skip":
			want = tfevents.Append(want, wall, r.Step, s("spike/loss", *r.Loss))
		default:
			want = tfevents.Append(want, wall, r.Step, s("loss/train", *r.Loss), s("lr", r.Rate), s("grad_norm", r.Norm), s("clip_scale", r.Scale), s("tokens_per_s", r.TokensPerSecond))
		}
		n++
	}
	if n == 0 || !bytes.Equal(got, want) {
		t.Fatalf("the event file is not what the %d records make", n)
	}
	return number
}

// Whatever became of a run, its event file has the records of its log, in one file.
func TestEventsFollowTheLog(t *testing.T) {
	o := mini()
	o.TensorBoard, o.Steps, o.SaveEvery, o.EvalEvery, o.Keep = true, 12, 4, 4, 9
	d := dataOf(t, sentences(t), o)
	train := func(r *Run) {
		t.Helper()
		if _, err := r.Train(t.Context(), Observer{}); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	other := filepath.Join(dir, "events.out.tfevents.1764460800.host")
	if err := os.WriteFile(other, []byte("somebody's"), 0o644); err != nil {
		t.Fatal(err)
	}
	train(start(t, o, d, dir))
	if n := checkEvents(t, dir); n != 1 {
		t.Errorf("a run that was never stopped has event file %d", n)
	}
	// A run that goes on adds to its file.
	train(resume(t, dir, d, func(o *Options) { o.Steps = 14 }))
	if n := checkEvents(t, dir); n != 1 {
		t.Errorf("a run that goes on has event file %d", n)
	}
	// Killed after step 14, it goes on from an older checkpoint: what came after it is gone,
	// and comes again. So does whatever the file lost or has too much.
	number := 1
	for i, spoil := range []func(path string, content []byte){
		func(path string, content []byte) {},
		func(path string, content []byte) { os.WriteFile(path, content[:len(content)-3], 0o644) },
		func(path string, content []byte) { os.WriteFile(path, content[:20], 0o644) },
		func(path string, content []byte) { os.WriteFile(path, append(content, "torn"...), 0o644) },
		func(path string, content []byte) { content[70] ^= 1; os.WriteFile(path, content, 0o644) },
		func(path string, content []byte) { os.Remove(path) },
	} {
		if i == 0 {
			for _, step := range []string{"step-000012", "step-000014"} {
				if err := os.RemoveAll(filepath.Join(dir, step)); err != nil {
					t.Fatal(err)
				}
			}
		}
		_, content := eventFile(t, dir)
		spoil(filepath.Join(dir, eventsName(number)), content)
		train(resume(t, dir, d, func(o *Options) { o.Steps = 14 }))
		if number++; i == 5 {
			number = 1
		}
		if n := checkEvents(t, dir); n != number {
			t.Errorf("case %d: event file %d, want %d", i, n, number)
		}
	}
	// Not asked for any more, it stays as it is; asked for in the middle, it has all.
	quiet := t.TempDir()
	o.TensorBoard = false
	train(start(t, o, d, quiet))
	if names, _ := filepath.Glob(filepath.Join(quiet, "events*")); len(names) != 0 {
		t.Errorf("not asked for: %v", names)
	}
	train(resume(t, quiet, d, func(o *Options) { o.TensorBoard, o.Steps = true, 15 }))
	checkEvents(t, quiet)
	if text, err := os.ReadFile(other); err != nil || string(text) != "somebody's" {
		t.Errorf("somebody's event file is %q, %v", text, err)
	}
}

// What a run went back over is in the event file as it is in the log.
func TestEventsGoBack(t *testing.T) {
	for _, action := range []string{SpikeRewind, SpikeSkip} {
		o := mini()
		o.TensorBoard, o.OnSpike, o.Steps, o.EvalEvery = true, action, 200, 50
		dir := t.TempDir()
		r := start(t, o, dataOf(t, sentences(t), o), dir)
		poked := false
		r.beforeUpdate = func() {
			if r.State.Step == 170 && !poked {
				poked = true
				for i := range r.grad.Slab() {
					r.grad.Slab()[i] *= 1e4
				}
			}
		}
		spikes := 0
		if _, err := r.Train(t.Context(), Observer{Spike: func(Spike) { spikes++ }}); err != nil || spikes == 0 {
			t.Fatal(err, spikes)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		checkEvents(t, dir)
	}
}
