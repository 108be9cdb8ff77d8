package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/train"
)

// aRun is a run of a few steps that nothing was done with yet.
func aRun(t *testing.T, dir string) *train.Run {
	t.Helper()
	path := filepath.Join(t.TempDir(), "text.txt")
	if err := os.WriteFile(path, []byte(strings.Repeat("one two three\n", 100)), 0o644); err != nil {
		t.Fatal(err)
	}
	o, err := train.PresetOptions("tiny")
	if err != nil {
		t.Fatal(err)
	}
	o.Data, o.Width, o.Blocks, o.Context, o.Steps, o.EvalEvery, o.SampleEvery = path, 16, 1, 8, 12, 5, 0
	d, err := train.LoadData(o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := train.Start(o, d, dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// On a terminal one line moves: it is never longer than the terminal is wide, says how
// long it will take even where it has to leave other things out, and lines that stay
// begin where it was taken away, broken between words.
func TestScreenMoves(t *testing.T) {
	for width, shows := range map[int]string{
		20:  `step +\d+/12  loss \S{1,2}`,
		40:  `step +\d+/12  loss \S+  eta \d+:\d\d`,
		60:  `step +\d+/12  loss \S+  val \S+  \S+ tok/s  eta \d+:\d\d`,
		100: `step +\d+/12  loss \S+  val \S+  rate \S+  \|grad\| \S+  \S+ tok/s  eta \d+:\d\d`,
	} {
		var out bytes.Buffer
		r := aRun(t, "")
		s := newTextScreen(&out, r)
		s.moving, s.width = true, width
		s.plan()
		if _, err := r.Train(t.Context(), s.observer()); err != nil {
			t.Fatal(err)
		}
		s.end(train.Finished, nil)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		moving := regexp.MustCompile(`\r\x1b\[K(step +\d+/12  loss [^\r\n]*)`).FindAllStringSubmatch(out.String(), -1)
		if len(moving) == 0 {
			t.Fatalf("no line moves: %q", out.String())
		}
		for _, m := range moving {
			if n := columns(m[1]); n >= width || !regexp.MustCompile("^"+shows+"$").MatchString(m[1]) {
				t.Errorf("%d columns of %d: %q, want %s", n, width, m[1], shows)
			}
		}
		if regexp.MustCompile(`step[^\r\n]*  loss [^\r]*\n`).MatchString(out.String()) || !regexp.MustCompile(`\r\x1b\[Kstep  5/12\s+validation`).MatchString(out.String()) {
			t.Errorf("a moving line stays: %q", out.String())
		}
		for line := range strings.Lines(out.String()) {
			if n := columns(strings.TrimRight(line[strings.LastIndex(line, "\x1b[K")+1:], "\n")); n > width && width >= 40 && !strings.Contains(line, r.Data.Source) {
				t.Errorf("%d columns of %d: %q", n, width, line)
			}
		}
	}
}

func TestWrap(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a": "a", "one two three": "one two|three", "one  two": "one  two", "a considerable word": "a|considerable|word",
		"one\ntwo three four": "one|two three|four", "\x1b[1mone\x1b[0m two three": "\x1b[1mone\x1b[0m two|three", "αβγ δεζ ηθι": "αβγ δεζ|ηθι",
		"one two  three": "one two|three",
	} {
		if got := strings.Join(wrap(text, 9), "|"); got != want {
			t.Errorf("%q is broken into %q, want %q", text, got, want)
		}
	}
}

func TestCurves(t *testing.T) {
	dir := t.TempDir()
	r := aRun(t, dir)
	if _, err := r.Train(t.Context(), train.Observer{}); err != nil {
		t.Fatal(err)
	}
	if err := writeCurves(r); err != nil {
		t.Fatal(err)
	}
	text := curveText(r, 45)
	for _, line := range strings.Split(text, "\n") {
		if columns(line) > 45 {
			t.Errorf("wider than 45: %q", line)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(filepath.Join(dir, "loss.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"training", "validation", "uniform", "unigram", "bigram", "nats per token"} {
		if !bytes.Contains(svg, []byte(want)) {
			t.Errorf("loss.svg does not say %q", want)
		}
	}
	for _, missing := range []string{"<text", "font-family"} { // the font may be missing
		if bytes.Contains(svg, []byte(missing)) {
			t.Errorf("loss.svg has %s", missing)
		}
	}
	png, err := os.ReadFile(filepath.Join(dir, "loss.png"))
	if err != nil || !bytes.HasPrefix(png, []byte("\x89PNG")) {
		t.Errorf("loss.png: %v", err)
	}
}

func TestCurvesOf(t *testing.T) {
	var log []train.Record
	for i := range 10 {
		loss := float64(i)
		log = append(log, train.Record{Step: i + 1, Loss: &loss})
	}
	val := 7.0
	log = append(log, train.Record{Step: 10, Val: &val})
	training, validation := curvesOf(slices.Values(log), 5)
	if len(training) != 5 || training[0].X != 1.5 || training[0].Y != 0.5 || training[4].Y != 8.5 || len(validation) != 1 || validation[0].Y != 7 {
		t.Errorf("%v, %v", training, validation)
	}
	if training, _ = curvesOf(slices.Values([]train.Record(nil)), 5); training != nil {
		t.Errorf("of nothing: %v", training)
	}
}

func TestNumbers(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 0.5: "0.500", 1: "1.00", 1.8849: "1.88", 12.345: "12.3", 123.4: "123", 999.96: "1e+03", 0.0123: "0.0123", 0.0001: "0.0001", -2.5: "-2.50", math.NaN(): "NaN"} {
		if got := three(x); got != want {
			t.Errorf("three(%g) is %s, want %s", x, got, want)
		}
	}
	for x, want := range map[float64]string{0: "0", 999: "999", 9999: "9999", 12345: "12.3k", 1.5e6: "1.50 M", 2e9: "2.00 G"} {
		if got := short(x); got != want {
			t.Errorf("short(%g) is %s, want %s", x, got, want)
		}
	}
	for x, want := range map[float64]string{0.0612: "0.0612", 999.4: "999", 999.5: "1000", 8000: "8000", 123456: "123k"} {
		if got := times(x); got != want {
			t.Errorf("times(%g) is %s, want %s", x, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0:00", 59600 * time.Millisecond: "1:00", 61 * time.Second: "1:01", time.Hour + 62*time.Second: "1:01:02"} {
		if got := clock(d); got != want {
			t.Errorf("clock(%s) is %s, want %s", d, got, want)
		}
	}
}

// The plan of memory has what comes late in a run, too: what a spike goes back to, and the
// checks of an adapter, which take the logits of 64 tokens and one block, or the logits'
// matrix of 4,096 tokens, and no copy of the base.
func TestMemoryNeeded(t *testing.T) {
	o, err := train.PresetOptions("tiny")
	if err != nil {
		t.Fatal(err)
	}
	c := o.Config
	c.Vocab, c.Tied = 31, true
	plain, err := memoryNeeded(o, c, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	o.OnSpike = train.SpikeRewind
	rewinds, err := memoryNeeded(o, c, 0, 1)
	if err != nil || rewinds.total()-plain.total() != 3*4*int64(c.Ledger().Total()) {
		t.Errorf("%s; and with rewind %s (%v)", plain, rewinds, err)
	}
	o.Leaves, o.Accumulate = 4, 4
	four, err := memoryNeeded(o, c, 0, 4)
	alone, _ := memoryNeeded(o, c, 0, 1)
	n := 4 * int64(c.Ledger().Total()) // bytes of a slab: three fourths of four moments less, and no sums of two leaves and of one
	if err != nil || alone.total()-four.total() != 3*n+2*n || !strings.HasPrefix(four.String(), "weights, gradient and 1/4 of the moments ") {
		t.Errorf("one process needs %s, one of four %s (%v)", alone, four, err)
	}
	o = train.TuningOptions("")
	c = published["qwen2.5-0.5b"]
	for _, targets := range [][]pedestrian.Target{{pedestrian.TargetQ}, {pedestrian.TargetQ, pedestrian.TargetLogits}} {
		o.Context, o.Window, o.Batch = 512, 256, 1
		o.Tuning = train.Tuning{Base: "base", Adapter: pedestrian.AdapterConfig{Rank: 2, Alpha: 2, Scaling: pedestrian.ScaleRank, Targets: targets}}
		m, err := memoryNeeded(o, c, 2*int64(c.Ledger().Total()), 1)
		const d, f, vocab = 896, 4864, 151_936
		const block = 4 * (3*d*f + 2*d*d + 2*d*128 + d + 2*128 + 2*d)
		const least = block + 4*64*(vocab+4096)
		if err != nil || m.audit < least || m.audit > least+16<<20 {
			t.Errorf("beside %v: the checks take %s, at least %s are wanted and 16 MiB more at most (%v)", targets, mebibytes(m.audit), mebibytes(least), err)
		}
	}
}

// Steps of GPT-2 at 1,024 tokens and of SmolLM2-135M at 512, counted by hand: each weight of a
// product is used once forward and twice backward, a frozen one once; what is computed again are
// the weights of all blocks but the last, without the layer that leads to a_10, and attention.
func TestRecomputing(t *testing.T) {
	o, err := train.PresetOptions("gpt2")
	if err != nil {
		t.Fatal(err)
	}
	o.Batch, o.Recompute = 8, true
	c := o.Config
	c.Vocab = 50257
	r, err := recomputing(o, c, 0)
	with, _ := memoryNeeded(o, c, 0, 1)
	const n, attention = 12*12*768*768 + 50257*768, 12 * 4 * 768 * 512.5 // a token sees 512.5 on average
	if want := (11*2*8*768*768 + attention*11/12) / (6*n + 3.5*attention); err != nil || math.Abs(r.work-want) > 1e-12 || want < 0.14 || want > 0.17 {
		t.Errorf("%.4f more work, want %.4f (%v)", r.work, want, err)
	}
	if r.without < with.total()+1<<30 {
		t.Errorf("%s with recomputation, %s without", mebibytes(with.total()), mebibytes(r.without))
	}
	o.Tuning = train.Tuning{Base: "base", Adapter: pedestrian.AdapterConfig{Rank: 2, Alpha: 2, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{pedestrian.TargetQ}}}
	const factors = 12 * 2 * 2 * 768
	if a, err := recomputing(o, c, 0); err != nil || math.Abs(a.work-(11*2*8*768*768+attention*11/12)/(4*n+6*factors+3.5*attention)) > 1e-12 {
		t.Errorf("beside an adapter %.4f more work (%v)", a.work, err)
	}

	smol, ok := published["smollm2-135m"]
	if !ok {
		t.Fatal("no smollm2-135m")
	}
	o.Config, o.Window, o.Batch, o.Tuning = smol, 512, 1, train.Tuning{}
	const again = 576*576*2 + 2*576*192 + 2*576*1536 // q and o, k and v, gate and up
	const weights, seen = 30*(again+576*1536) + 49152*576, 30 * 4 * 576 * 256.5
	if r, err := recomputing(o, smol, 0); err != nil || math.Abs(r.work-(29*2*again+seen*29/30)/(6*weights+3.5*seen)) > 1e-12 {
		t.Errorf("SmolLM2-135M: %.4f more work (%v)", r.work, err)
	}
}

func TestShellQuote(t *testing.T) {
	for path, want := range map[string]string{"runs/a-1": "runs/a-1", "my runs/a": "'my runs/a'", "it's": `'it'\''s'`, "$HOME": "'$HOME'", "ä": "'ä'"} {
		if got := shellQuote(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// What a network writes cannot move the cursor.
func TestVisible(t *testing.T) {
	if got := visible("a\x1b[2J\nb\r\u009b\x7f"); got != "a·[2J\nb···" {
		t.Errorf("%q", got)
	}
}
