package train

import (
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/token"
)

// The trajectories come from PyTorch in float64 (testdata/pytorch/trajectory.py): four
// updates with warm-up, micro-batches, clipping, decay and dropout masks that were
// computed there from their definition.
//
// A change of weights is compared with the largest change of its tensor in that step,
// everything else with the largest number of its tensor.
//
// Package engine takes them in float64 (TestTrajectory there), where the limit is sharp.
const (
	// trajectory32 is for weights of about 1 in float32 that change by about 0.01, so
	// that rounding them by up to 2⁻²⁵ is 3e-6 of a change, and those of layer norms by
	// 2⁻²⁴; the worst found is 2e-5.
	trajectory32 = 2e-4
)

// numbers is one tensor of a trajectory: float64, little-endian, row-major.
type numbers []float64

func (n *numbers) UnmarshalJSON(text []byte) error {
	var array struct{ F64 []byte }
	if err := json.Unmarshal(text, &array); err != nil {
		return err
	}
	for b := array.F64; len(b) >= 8; b = b[8:] {
		*n = append(*n, math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}
	return nil
}

type trajectory struct {
	Name    string
	Config  pedestrian.Config
	Adapter *pedestrian.AdapterConfig
	Options struct {
		Batch, Accumulate, Warmup     int
		LR, Beta1, Beta2, Decay, Clip float64
		Dropout                       float64
		AdamEps                       float64 `json:"adam_eps"`
		Seed                          uint64
	}
	LoRAPlus     float64 `json:"lora_plus"`
	Position     uint64
	Base, Params map[string]numbers
	Steps        []struct {
		Batches                 []struct{ Tokens, Targets, Starts []int32 }
		Rate, Loss, Norm, Scale float64
		Counted                 int
		Params                  map[string]numbers // after the update
	}
	M, V map[string]numbers // in the end
}

func eachTrajectory(t *testing.T, test func(t *testing.T, g trajectory)) {
	t.Helper()
	for _, name := range []string{"all", "adapter"} {
		f, err := os.Open(filepath.Join("../testdata/pytorch/trajectory", name+".json.gz"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		var g trajectory
		if err := json.NewDecoder(z).Decode(&g); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Run(name, func(t *testing.T) { test(t, g) })
	}
}

// set puts the numbers of a trajectory into tensors, all of them.
func set[T pedestrian.Float](t *testing.T, to []pedestrian.Tensor[T], from map[string]numbers) {
	t.Helper()
	if len(to) != len(from) {
		t.Fatalf("%d tensors, in the trajectory %d", len(to), len(from))
	}
	for _, x := range to {
		if len(from[x.Name]) != len(x.V) {
			t.Fatalf("%s has %d numbers, in the trajectory %d", x.Name, len(x.V), len(from[x.Name]))
		}
		for i, v := range from[x.Name] {
			x.V[i] = T(v)
		}
	}
}

// A referee compares with a trajectory and remembers the worst error.
type referee struct {
	*testing.T
	limit, worst float64
	at           string
}

// number compares one number with another of about the size of scale.
func (r *referee) number(name string, got, want, scale float64) {
	r.Helper()
	e := math.Abs(got-want) / scale
	if e > r.worst {
		r.worst, r.at = e, name
	}
	if !(e <= r.limit) {
		r.Errorf("%s: %.12g, PyTorch %.12g, error %.2g of %.3g", name, got, want, e, scale)
	}
}

// tensors compares what tensors hold, less from, with want, less from. Changes below
// 2⁻²⁰ of the weights' size, such as of a bias without gradient, count as 0.
func tensors[T pedestrian.Float](r *referee, name string, got []pedestrian.Tensor[T], want, from map[string]numbers) {
	r.Helper()
	for _, x := range got {
		w, largest, before := want[x.Name], 1e-6, numbers(make([]float64, len(x.V)))
		if from != nil {
			before = from[x.Name]
		}
		for i := range w {
			largest = max(largest, math.Abs(w[i]-before[i]))
		}
		for i := range w {
			if r.number(fmt.Sprintf("%s of %s[%d]", name, x.Name, i), float64(x.V[i])-before[i], w[i]-before[i], largest); r.Failed() {
				break // of this tensor
			}
		}
	}
}

// TestTrajectory takes the updates with Run.Step, the code that trains.
func TestTrajectory(t *testing.T) {
	eachTrajectory(t, func(t *testing.T, g trajectory) {
		o := mini()
		o.Config, o.Window, o.Steps, o.MinLR = g.Config, 0, 1000, 0
		o.Batch, o.Accumulate, o.Warmup, o.LR = g.Options.Batch, g.Options.Accumulate, g.Options.Warmup, g.Options.LR
		o.Beta1, o.Beta2, o.AdamEps, o.Decay = g.Options.Beta1, g.Options.Beta2, g.Options.AdamEps, g.Options.Decay
		o.Clip, o.Dropout, o.Seed = g.Options.Clip, g.Options.Dropout, g.Options.Seed
		s := &State{Progress: Progress{Seed: o.Seed, Position: g.Position}, Params: pedestrian.NewParams[float32](g.Config)}
		if g.Adapter == nil {
			set(t, s.Params.Tensors(), g.Params)
		} else {
			o.Tuning = Tuning{Base: "base", Adapter: *g.Adapter, LoRAPlus: g.LoRAPlus}
			s.Adapter = pedestrian.NewAdapter[float32](g.Config, *g.Adapter)
			set(t, s.Params.Tensors(), g.Base)
			set(t, s.Adapter.Tensors(), g.Params)
		}
		s.M, s.V = s.Trained().like(), s.Trained().like()
		text := make([]int32, 4*g.Config.Context)
		r, err := newRun(disk{}, o, g.Config, &Data{Tokenizer: token.NewBytes(), Train: text, Val: text}, s, nil, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		step := 0
		r.draw = func(position uint64, first int, b *engine.Batch) {
			if position != g.Position+uint64(step) {
				t.Errorf("step %d draws the batch at position %d", step+1, position)
			}
			from := g.Steps[step].Batches[first/o.Batch]
			copy(b.Tokens, from.Tokens)
			copy(b.Targets, from.Targets)
			b.Starts = from.Starts
		}
		j := &referee{T: t, limit: trajectory32}
		before := g.Params
		for i, want := range g.Steps {
			step = i
			u, err := r.Step(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			at := func(what string) string { return fmt.Sprintf("step %d: %s", i+1, what) }
			j.number(at("the rate"), u.Rate, want.Rate, want.Rate)
			j.number(at("the loss"), u.Loss, want.Loss, want.Loss)
			j.number(at("the norm"), u.Norm, want.Norm, want.Norm)
			j.number(at("the scale"), u.Scale, want.Scale, want.Scale)
			tensors(j, at("the change"), s.Trained().Tensors(), want.Params, before)
			before = want.Params
			if t.Failed() {
				t.FailNow() // what follows goes on from here
			}
		}
		tensors(j, "m", s.M.Tensors(), g.M, nil)
		tensors(j, "v", s.V.Tensors(), g.V, nil)
		t.Logf("worst error %.2g: %s", j.worst, j.at)
	})
}
