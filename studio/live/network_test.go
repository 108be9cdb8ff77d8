package live

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/model"
	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/train"
)

// aTrainer is a run in a directory that saves after every second step.
func aTrainer(t *testing.T, dir string, steps int) *train.Run {
	t.Helper()
	o, err := train.PresetOptions("tiny")
	if err != nil {
		t.Fatal(err)
	}
	o.Context, o.Width, o.StoryChars, o.Steps, o.SaveEvery, o.EvalEvery, o.EvalBatches, o.Keep, o.Threads = 24, 16, 20_000, steps, 2, 50, 1, 2, 1
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

// opened is the newest checkpoint of a run as the studio opens it.
func opened(t *testing.T, run, text, sample string) (*studio.Model, *model.Model) {
	t.Helper()
	m, err := model.Open(t.Context(), run, model.Options{Newest: true})
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := Network{Name: "run", Title: "a run", Params: m.Params, Tokenizer: m.Tokenizer, Writer: m.Writer, Text: text, Sample: sample}.Model(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s, m
}

// ask sends a request that must be answered.
func ask[T any](t *testing.T, c *studio.Core, format string, args ...any) (h T, numbers []float64) {
	t.Helper()
	b, ok := c.Handle(fmt.Appendf(nil, format, args...))
	header, numbers, err := studio.Decode(b)
	if err == nil && ok {
		err = json.Unmarshal(header, &h)
	}
	if err != nil || !ok {
		t.Fatalf("%s: %s %v", fmt.Sprintf(format, args...), header, err)
	}
	return h, numbers
}

// The loss and the gradients that the studio shows of a run are those of the engine in
// float64, which shares no code with the paper's equations.
func TestRunIsTheEngine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r := aTrainer(t, dir, 10)
	defer r.Close()
	if _, err := r.Train(t.Context(), train.Observer{}); err != nil {
		t.Fatal(err)
	}
	const text = "One day Ada had a kite."
	s, m := opened(t, dir, text, "")
	ids, err := m.Tokenizer.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	if s.Words[s.Tokens[3]] != "·" || len(s.Tokens) != len(ids) || s.Targets[len(ids)-1] != -1 {
		t.Errorf("%q is read as %v, targets %v", text, s.Tokens, s.Targets)
	}
	b := engine.Batch{B: 1, T: len(ids), Tokens: ids, Targets: make([]int32, len(ids))}
	for i, y := range s.Targets {
		if int(ids[i]) != s.Tokens[i] || i > 0 && s.Targets[i-1] != s.Tokens[i] {
			t.Errorf("token %d is %d, want %d", i, s.Tokens[i], ids[i])
		}
		b.Targets[i] = int32(y)
	}
	p := pedestrian.NewParams[float64](m.Params.Config)
	for i, x := range m.Params.Slab {
		p.Slab[i] = float64(x)
	}
	net, grad := engine.New(p, nil, engine.Options{Threads: 1}), pedestrian.NewParams[float64](p.Config)
	defer net.Close()
	want, _ := net.SetGradients(grad, nil, b, 1, 0)

	core := &studio.Core{More: []*studio.Model{s}}
	names, _ := ask[struct {
		Nodes []struct {
			ID         string
			Rows, Cols int
		}
	}](t, core, `{"op":"open","state":{"model":"run"}}`)
	h, numbers := ask[struct {
		Loss float64
		At   []int
	}](t, core, `{"op":"trace","state":{"model":"run"},"want":["b1.dw_6","dw_tok"]}`)
	if math.Abs(h.Loss-want) > 1e-12*want {
		t.Errorf("loss %v, the engine's %v", h.Loss, want)
	}
	compared := 0
	for i, n := range names.Nodes {
		g := map[string][]float64{"b1.dw_6": grad.Blocks[1].Expand.W.V, "dw_tok": grad.Tok.V}[n.ID]
		for k, x := range g {
			if got := numbers[h.At[i]+k]; math.Abs(got-x) > 1e-11 {
				t.Fatalf("%s[%d] is %g, the engine's %g", n.ID, k, got, x)
			}
			compared++
		}
	}
	if compared < 1000 {
		t.Errorf("only %d numbers were compared", compared)
	}
}

// While a trainer holds the lock of a run and replaces its checkpoints, the run is opened
// again and again; the trainer does not notice.
func TestOpenWhileItTrains(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r := aTrainer(t, dir, 400)
	defer r.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	saved, done := make(chan bool, 1000), make(chan error, 1)
	go func() {
		_, err := r.Train(ctx, train.Observer{Save: func(train.Saved) { saved <- true }, Trouble: func(x train.Trouble) { t.Errorf("the trainer: %v", x.Err) }})
		done <- err
	}()
	steps := map[int]bool{}
	for range 20 {
		<-saved
		s, m := opened(t, dir, "", "Ada had a kite.")
		steps[m.Checkpoint.State.Step] = true
		core := &studio.Core{More: []*studio.Model{s}}
		if h, _ := ask[struct{ Loss float64 }](t, core, `{"op":"trace","state":{"model":"run"}}`); !(h.Loss > 0) {
			t.Errorf("step %d: loss %g", m.Checkpoint.State.Step, h.Loss)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(steps) < 3 {
		t.Errorf("the run was opened at steps %v only", steps)
	}
	listing := func() map[string]string {
		all := map[string]string{}
		err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
			all[path] = fmt.Sprint(info.Size(), info.ModTime())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := listing()
	opened(t, dir, "", "")
	if after := listing(); !maps.Equal(before, after) {
		t.Errorf("opening changed the run: %v, before %v", after, before)
	}
}

// Without a text a network reads what it writes, the same each time; a text that is longer
// than the window is cut, with the target of its last token.
func TestOwnText(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r := aTrainer(t, dir, 2)
	defer r.Close()
	if _, err := r.Train(t.Context(), train.Observer{}); err != nil {
		t.Fatal(err)
	}
	a, _ := opened(t, dir, "", "")
	b, _ := opened(t, dir, "", "")
	if len(a.Tokens) != ownTokens || !slices.Equal(a.Tokens, b.Tokens) {
		t.Errorf("it reads %v, then %v", a.Tokens, b.Tokens)
	}
	long, m := opened(t, dir, strings.Repeat("Ada ", 20), "")
	if len(long.Tokens) != 24 || long.Targets[23] != int(must(m.Tokenizer.Encode("A"))[0]) {
		t.Errorf("a long text is %v, targets %v", long.Tokens, long.Targets)
	}
	for text, want := range map[string]bool{strings.Repeat("Ada ", 20): false, "Ada": true, strings.Repeat("Ada ", 6): true} {
		if _, whole, err := (Network{Params: m.Params, Tokenizer: m.Tokenizer, Writer: m.Writer, Text: text}).Model(t.Context()); err != nil || whole != want {
			t.Errorf("%q is read whole: %t, want %t (%v)", text, whole, want, err)
		}
	}
	if sample, _ := opened(t, dir, "", strings.Repeat("Ada ", 20)); len(sample.Tokens) != ownTokens {
		t.Errorf("of a sample it reads %d tokens", len(sample.Tokens))
	}
	big := Network{Params: pedestrian.NewParams[float32](pedestrian.Config{Vocab: 9, Context: 8, Width: 360, Heads: 2, Blocks: 1, Activation: pedestrian.GELU})}
	if _, _, err := big.Model(t.Context()); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("a large network: %v", err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
