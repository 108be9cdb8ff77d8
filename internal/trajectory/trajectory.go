// Package trajectory is for tests: updates of small networks as PyTorch made them in
// float64, with masks of dropout that testdata/pytorch/trajectory.py computed from their
// definition, and a referee that compares what code of ours makes of the same.
package trajectory

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/golden"
)

// Numbers is one tensor of a trajectory: float64, little-endian, row-major.
type Numbers []float64

// UnmarshalJSON reads {"F64": "…"}, the numbers' bytes in base64.
func (n *Numbers) UnmarshalJSON(text []byte) error {
	var a golden.Array
	if err := json.Unmarshal(text, &a); err != nil {
		return err
	}
	*n = a.Numbers()
	return nil
}

// A Trajectory is a network, what it is trained on, and what PyTorch had after each update.
type Trajectory struct {
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
	Base, Params map[string]Numbers
	Steps        []struct {
		Batches                 []struct{ Tokens, Targets, Starts []int32 }
		Rate, Loss, Norm, Scale float64
		Counted                 int
		Params                  map[string]Numbers // after the update
	}
	M, V map[string]Numbers // in the end
}

// Each runs test with every trajectory of testdata/pytorch, in a test of its name. The
// packages that call it are one folder below the root of the module.
func Each(t *testing.T, test func(t *testing.T, g Trajectory)) {
	t.Helper()
	for _, name := range []string{"all", "adapter"} {
		var g Trajectory
		golden.Read(t, filepath.Join("../testdata/pytorch/trajectory", name+".json.gz"), &g)
		t.Run(name, func(t *testing.T) { test(t, g) })
	}
}

// Load puts the numbers of a trajectory into tensors, all of them.
func Load[T pedestrian.Float](t *testing.T, to []pedestrian.Tensor[T], from map[string]Numbers) {
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

// A Referee compares with a trajectory and remembers the worst error.
type Referee struct {
	*testing.T
	Limit, Worst float64 // of errors relative to a scale
	At           string  // what the worst is of
}

// Number compares one number with another of about the size of scale.
func (r *Referee) Number(name string, got, want, scale float64) {
	r.Helper()
	e := math.Abs(got-want) / scale
	if e > r.Worst {
		r.Worst, r.At = e, name
	}
	if !(e <= r.Limit) {
		r.Errorf("%s: %.12g, PyTorch %.12g, error %.2g of %.3g", name, got, want, e, scale)
	}
}

// Changes compares what tensors hold, less from, with want, less from. Changes below
// 2⁻²⁰ of the weights' size, such as of a bias without gradient, count as 0.
func Changes[T pedestrian.Float](r *Referee, name string, got []pedestrian.Tensor[T], want, from map[string]Numbers) {
	r.Helper()
	for _, x := range got {
		w, largest, before := want[x.Name], 1e-6, Numbers(make([]float64, len(x.V)))
		if from != nil {
			before = from[x.Name]
		}
		for i := range w {
			largest = max(largest, math.Abs(w[i]-before[i]))
		}
		for i := range w {
			if r.Number(fmt.Sprintf("%s of %s[%d]", name, x.Name, i), float64(x.V[i])-before[i], w[i]-before[i], largest); r.Failed() {
				break // of this tensor
			}
		}
	}
}
