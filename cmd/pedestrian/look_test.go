package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/studio/live"
)

// The text of a training has the losses and the norms that the trainer gives at its step, and
// those of the network of that step; a token that may come next has its probability.
func TestLookTrains(t *testing.T) {
	defer kernel.Use(kernel.Use(kernel.Portable))
	core, err := live.NewCore()
	if err != nil {
		t.Fatal(err)
	}
	b, ok := core.Handle([]byte(`{"op":"train","state":{"model":"story","seed":2},"next":23}`))
	header, numbers, err := studio.Decode(b)
	var h struct {
		Layers  []string `json:"layers"`
		Uniform float64  `json:"uniform"`
	}
	if err == nil {
		err = json.Unmarshal(header, &h)
	}
	if err != nil || !ok {
		t.Fatalf("%s, %v", header, err)
	}
	look := func(address string) string {
		t.Helper()
		var out, notes strings.Builder
		if code := run([]string{"look", address}, &out, &notes); code != 0 {
			t.Fatalf("%s: exit code %d, %s", address, code, notes.String())
		}
		return out.String()
	}
	const step = 22
	last := numbers[(step-1)*(2+len(h.Layers)):]
	out := look(fmt.Sprintf("#/train?seed=2&step=%d", step))
	for _, want := range []string{fmt.Sprintf("Step %d of at most 600; seed 2; learning rate 0.003 from step 0 on.", step), fmt.Sprintf("Loss %.2f nats per character", last[0]), fmt.Sprintf("uniform %.2f", h.Uniform), fmt.Sprintf("at step %d", step)} {
		if !strings.Contains(out, want) {
			t.Errorf("the training does not say %q:\n%s", want, out)
		}
	}
	for k, name := range h.Layers {
		digits := 1 - int(math.Floor(math.Log10(last[2+k])))
		if want := fmt.Sprintf("%.*f", digits, last[2+k]); !strings.Contains(out, name) || !strings.Contains(out, want) {
			t.Errorf("the norm of %s is not %s:\n%s", name, want, out)
		}
	}
	if out := look("#/train?seed=2"); !strings.Contains(out, "Nothing is learnt yet.") {
		t.Errorf("before the first step:\n%s", out)
	}
	s, err := core.Session(studio.State{Model: live.Story, Seed: 2, Step: step})
	if err != nil {
		t.Fatal(err)
	}
	if out := look(fmt.Sprintf("#/?model=story&seed=2&step=%d", step)); !strings.Contains(out, fmt.Sprintf("L = %.2f", s.Loss)) {
		t.Errorf("the block of step %d has another loss than %.2f:\n%s", step, s.Loss, out)
	}

	// The prompt is half of the sentence; what may come is in the network's numbers.
	out = look("#/generate")
	s, err = core.Session(studio.State{Tokens: []int{0, 2, 4}})
	if err != nil {
		t.Fatal(err)
	}
	y := s.Values("y_pred")
	most, at := 0.0, 0
	for j, x := range y.Row(2) {
		if x > most {
			most, at = x, j
		}
	}
	want := fmt.Sprintf("%s %s", s.Model.Words[at], strings.TrimPrefix(fmt.Sprintf("%.3f", most), "0"))
	if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
		t.Errorf("what may come next is not %q:\n%s", want, out)
	}
	for _, says := range []string{"Text: the cat sat\n", "0 exactly: kept rows have the bits of computed ones", "tok=0.2.4.6&write=0.8,0,0,1,3"} {
		if !strings.Contains(out, says) {
			t.Errorf("generate does not say %q:\n%s", says, out)
		}
	}
}
