package engine

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
)

// The trajectories come from PyTorch in float64 (testdata/pytorch/trajectory.py): four
// updates with micro-batches, documents in a row, clipping, decay, rates of LoRA+, and
// dropout masks that were computed there from their definition. Package train takes the
// same ones with the code that trains.
//
// A change of weights is compared with the largest change of its tensor in that step,
// everything else with the largest number of its tensor.

// trajectoryLimit is for sums of some dozen products in another order, four updates
// long; the worst found is 7e-14.
const trajectoryLimit = 1e-11

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

// load puts the numbers of a trajectory into tensors, all of them.
func load[T pedestrian.Float](t *testing.T, to []pedestrian.Tensor[T], from map[string]numbers) {
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

// changes compares what tensors hold, less from, with want, less from. Changes below
// 2⁻²⁰ of the weights' size, such as of a bias without gradient, count as 0.
func changes[T pedestrian.Float](r *referee, name string, got []pedestrian.Tensor[T], want, from map[string]numbers) {
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

// TestTrajectory takes the updates in float64, by the code that trains in float32: its
// limit shows what float32 would hide.
func TestTrajectory(t *testing.T) {
	eachTrajectory(t, func(t *testing.T, g trajectory) {
		params, grad := pedestrian.NewParams[float64](g.Config), pedestrian.NewParams[float64](g.Config)
		m, v := pedestrian.NewParams[float64](g.Config), pedestrian.NewParams[float64](g.Config)
		var lora, dlora, mlora, vlora *pedestrian.Adapter[float64]
		trained, firsts, seconds := params.Tensors(), m.Tensors(), v.Tensors()
		slab := grad.Slab
		if g.Adapter == nil {
			load(t, params.Tensors(), g.Params)
		} else {
			load(t, params.Tensors(), g.Base)
			for _, a := range []**pedestrian.Adapter[float64]{&lora, &dlora, &mlora, &vlora} {
				*a = pedestrian.NewAdapter[float64](g.Config, *g.Adapter)
			}
			grad, slab = nil, dlora.Slab
			trained, firsts, seconds = lora.Tensors(), mlora.Tensors(), vlora.Tensors()
			load(t, trained, g.Params)
		}
		o := g.Options
		n := New(params, lora, Options{Batch: o.Batch, Threads: 2, Dropout: o.Dropout, Seed: o.Seed, Accumulate: true})
		defer n.Close()
		j := &referee{T: t, limit: trajectoryLimit}
		before := g.Params
		for i, want := range g.Steps {
			sum, counted := 0.0, 0
			clear(slab)
			for k, b := range want.Batches {
				mask := (g.Position+uint64(i))*uint64(o.Accumulate) + uint64(k)
				loss, c := n.Gradients(grad, dlora, Batch{B: o.Batch, T: g.Config.Context, Tokens: b.Tokens, Targets: b.Targets, Starts: b.Starts}, 1, mask)
				sum, counted = sum+loss, counted+c
			}
			if counted != want.Counted {
				t.Fatalf("step %d counts %d targets, not %d", i+1, counted, want.Counted)
			}
			at := func(what string) string { return fmt.Sprintf("step %d: %s", i+1, what) }
			j.number(at("the loss"), sum/float64(counted), want.Loss, want.Loss)
			norm := n.Norm2(slab) / float64(counted)
			j.number(at("the norm"), norm, want.Norm, want.Norm)
			h := AdamW{LR: want.Rate, Beta1: o.Beta1, Beta2: o.Beta2, Eps: o.AdamEps, Decay: o.Decay, Up: g.LoRAPlus}
			if scale := want.Scale / float64(counted); lora != nil {
				n.AdamWAdapter(h, i+1, scale, lora, dlora, mlora, vlora)
			} else {
				n.AdamW(h, i+1, scale, params, grad, m, v)
			}
			changes(j, at("the change"), trained, want.Params, before)
			before = want.Params
			if t.Failed() {
				t.FailNow()
			}
		}
		changes(j, "m", firsts, g.M, nil)
		changes(j, "v", seconds, g.V, nil)
		t.Logf("worst error %.2g: %s", j.worst, j.at)
	})
}
