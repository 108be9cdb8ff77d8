package live

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/train"
)

// answer is an answer to "train".
type answer struct {
	trained
	numbers []float64
}

func steps(t *testing.T, core *studio.Core, state string, n int) answer {
	t.Helper()
	h, numbers := ask[trained](t, core, `{"op":"train","state":{"model":"story",%s},"next":%d}`, state, n)
	if len(numbers) != h.Count*(2+len(h.Layers)) {
		t.Fatalf("%d numbers for %d updates of %d layers", len(numbers), h.Count, len(h.Layers))
	}
	return answer{h, numbers}
}

// weights are the parameters of the network after a step, by the core.
func weights(t *testing.T, core *studio.Core, s studio.State) []float64 {
	t.Helper()
	s.Model = Story
	p, err := core.More[0].Params(s)
	if err != nil {
		t.Fatal(err)
	}
	return p.Slab
}

// What a page is told is what package train does: losses, norms and weights have its bits, in
// whatever order they are asked for; a rate that changes at a snapshot changes it from there.
func TestTrainingIsTrain(t *testing.T) {
	core := must(NewCore())
	rates := []studio.Rate{{From: 0, Rate: firstRate}, {From: 20, Rate: 0.01}}
	o := storyOptions(5)
	for _, changed := range []bool{false, true} {
		r, err := train.Start(o, must(storyData()), "")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		state, s := `"seed":5`, studio.State{Seed: 5}
		if changed { // the beginning is that of the training before
			state, s.Rates = `"seed":5,"rates":[{"from":0,"rate":0.003},{"from":20,"rate":0.01}]`, rates
		}
		told := steps(t, core, state, 25)
		more := steps(t, core, state+`,"step":25`, 8)
		if told.Count != 25 || more.Count != 8 || more.From != 25 {
			t.Fatalf("%d and %d updates", told.Count, more.Count)
		}
		width := 2 + len(told.Layers)
		numbers := append(told.numbers, more.numbers...)
		at := map[int][]float64{}
		for i := range 33 {
			if changed && i == 20 {
				r.Options.LR = 0.01
			}
			u, err := r.Step(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			row := numbers[i*width : (i+1)*width]
			if row[0] != u.Loss || row[1] != u.Norm {
				t.Fatalf("changed %v, update %d: loss %v and norm %v, of package train %v and %v", changed, i+1, row[0], row[1], u.Loss, u.Norm)
			}
			sum := 0.0
			for _, x := range row[2:] {
				sum += x * x
			}
			if math.Abs(math.Sqrt(sum)-u.Norm) > 1e-6*u.Norm {
				t.Errorf("update %d: the layers' gradients have the norm %g together, that of all is %g", i+1, math.Sqrt(sum), u.Norm)
			}
			at[i+1] = doubled(r.State.Params).Slab
		}
		for _, step := range []int{33, 20, 27, 1, 33} {
			s.Step = step
			for k, x := range weights(t, core, s) {
				if x != at[step][k] {
					t.Fatalf("changed %v: weight %d after step %d is %v, of package train %v", changed, k, step, x, at[step][k])
				}
			}
		}
		if len(told.Evaluations) != 2 || told.Evaluations[1].Step != 20 || *told.Evaluations[0].Loss < 3.5 || *told.Evaluations[1].Loss >= *told.Evaluations[0].Loss {
			t.Errorf("evaluations %+v", told.Evaluations)
		}
		if !(told.Uniform > told.Unigram && told.Unigram > told.Bigram && told.Bigram > told.Floor && told.Floor > 0) {
			t.Errorf("baselines %g, %g, %g, floor %g", told.Uniform, told.Unigram, told.Bigram, told.Floor)
		}
	}
}

// Every screen shows a step of the training: its loss is another one, and it is that of an edit
// of no step.
func TestStepsAreOpened(t *testing.T) {
	core := must(NewCore())
	loss := func(step int) float64 {
		h, _ := ask[struct{ Loss float64 }](t, core, `{"op":"trace","state":{"model":"story","seed":1,"step":%d}}`, step)
		return h.Loss
	}
	first, later := loss(0), loss(40)
	if !(first > 16*3.8 && later < first-10) || loss(0) != first {
		t.Errorf("loss %g before training, %g after 40 steps", first, later)
	}
}

// A training of a rate that is too high is told as far as it goes; what is asked wrongly is
// refused; what is kept is bounded.
func TestTrainingIsBounded(t *testing.T) {
	var tr trainer
	m := must(storyModel(&tr))
	core := &studio.Core{More: []*studio.Model{m}, Other: func(_ *studio.Core, r studio.Request) (any, []float64, bool, error) {
		h, n, err := tr.train(r)
		return h, n, r.Op == "train", err
	}}
	for seed := range 5 {
		steps(t, core, fmt.Sprintf(`"seed":%d`, seed), 2)
	}
	if len(tr.kept) != maxCourses || len(tr.kept[0].states) != 1 {
		t.Errorf("%d trainings are kept", len(tr.kept))
	}
	for state, want := range map[string]string{
		`"step":-1`:                       "a training has 0 to 600",
		`"step":601`:                      "a training has 0 to 600",
		`"rates":[]`:                      "",
		`"rates":[{"from":1,"rate":0.1}]`: "the first begins at 0",
		`"rates":[{"from":0,"rate":0.1},{"from":0,"rate":0.2}]`:                                  "each later one after",
		`"rates":[{"from":0,"rate":2}]`:                                                          "at most 1",
		`"rates":[{"from":0,"rate":0.1},{"from":600,"rate":0.1}]`:                                "none at 600 or later",
		`"rates":[` + strings.TrimSuffix(strings.Repeat(`{"from":0,"rate":0.1},`, 9), ",") + `]`: "at most 8",
	} {
		b, ok := core.Handle([]byte(`{"op":"train","next":1,"state":{"model":"story",` + state + `}}`))
		if want != "" && (ok || !strings.Contains(string(b), want)) {
			t.Errorf("%s: %v %s", state, ok, b)
		}
	}
	for _, n := range []int{0, -1, MaxAtOnce + 1} {
		if b, ok := core.Handle(fmt.Appendf(nil, `{"op":"train","next":%d,"state":{"model":"story"}}`, n)); ok || !strings.Contains(string(b), "at most 25") {
			t.Errorf("%d steps: %s", n, b)
		}
	}
}

// A network before its first step is drawn without a training: nothing is begun or evaluated.
func TestUntrained(t *testing.T) {
	tr := new(trainer)
	p, err := tr.params(studio.State{Seed: 5})
	if err != nil || len(tr.kept) != 0 {
		t.Fatalf("%d trainings are kept, %v", len(tr.kept), err)
	}
	c := must(tr.course(studio.State{Seed: 5}))
	if first := doubled(c.states[0].Params); !slices.Equal(first.Slab, p.Slab) {
		t.Error("the network is not that of step 0 of its training")
	}
	if _, err := tr.params(studio.State{Rates: []studio.Rate{{From: 1, Rate: 1}}}); err == nil {
		t.Error("rates that begin late are taken at step 0")
	}
}
