package gradcheck_test

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/internal/golden"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A torchGolden is one file of testdata/pytorch; make.py there says what is in it.
type torchGolden struct {
	Name, Reduction string
	Config          pedestrian.Config
	Adapter         *pedestrian.AdapterConfig
	Frozen          bool // the base has no gradients
	Batch           []paper.Sequence
	Params          map[string]golden.Array
	AdapterParams   map[string]golden.Array `json:"adapter_params"`
	Loss            float64
	Logits          []golden.Array // a sequence each
	Grads           map[string]golden.Array
	AdapterGrads    map[string]golden.Array `json:"adapter_grads"`
	Errors          []struct {
		At, Name string
		golden.Array
	}
	AdamW *struct {
		Beta1, Beta2, Eps, Decay, Clip float64
		LR, Losses, Norms              []float64
		Params                         map[string]golden.Array
	}
}

// eachGolden runs a test on every golden.
func eachGolden(t *testing.T, test func(t *testing.T, g torchGolden)) {
	t.Helper()
	paths, err := filepath.Glob("../testdata/pytorch/*.json.gz")
	if err != nil || len(paths) < 7 {
		t.Fatalf("found %d goldens of 7 (%v)", len(paths), err)
	}
	for _, path := range paths {
		var g torchGolden
		golden.Read(t, path, &g)
		t.Run(g.Name, func(t *testing.T) { test(t, g) })
	}
}

// point is the golden's parameters and adapter, the latter nil when it has none.
func (g torchGolden) point(t *testing.T) (*pedestrian.Params[float64], *pedestrian.Adapter[float64]) {
	t.Helper()
	p := pedestrian.NewParams[float64](g.Config)
	load(t, p.Tensors(), g.Params)
	if g.Adapter == nil {
		return p, nil
	}
	a := pedestrian.NewAdapter[float64](g.Config, *g.Adapter)
	load(t, a.Tensors(), g.AdapterParams)
	return p, a
}

func load(t *testing.T, ts []pedestrian.Tensor[float64], from map[string]golden.Array) {
	t.Helper()
	if len(ts) != len(from) {
		t.Fatalf("the network has %d parameters, the golden %d", len(ts), len(from))
	}
	for _, x := range ts {
		mustShape(t, x.Name, x.Shape(), from[x.Name])
		copy(x.V, from[x.Name].Numbers())
	}
}

func mustShape(t *testing.T, name, shape string, a golden.Array) {
	t.Helper()
	if want := strings.ReplaceAll(strings.Trim(fmt.Sprint(a.Shape), "[]"), " ", "x"); shape != want {
		t.Fatalf("%s is %s, in the golden %s", name, shape, want)
	}
}

// batch is the golden's batch for package engine, padded with token 0 and
// ignored targets as it was for PyTorch, and the number of targets that count.
func (g torchGolden) batch() (b engine.Batch, counted int) {
	b.B = len(g.Batch)
	for _, s := range g.Batch {
		b.T = max(b.T, len(s.Tokens))
	}
	b.Tokens = make([]int32, b.B*b.T)
	b.Targets = slices.Repeat([]int32{engine.Ignored}, b.B*b.T)
	for i, s := range g.Batch {
		for j := range s.Tokens {
			b.Tokens[i*b.T+j], b.Targets[i*b.T+j] = int32(s.Tokens[j]), int32(s.Targets[j])
			if s.Targets[j] >= 0 {
				counted++
			}
		}
	}
	return b, counted
}

// A judge compares with a golden and remembers the worst error.
type judge struct {
	*testing.T
	tolerance, worst float64
	at               string
}

func (j *judge) compare(name string, got, want []float64) {
	j.Helper()
	if len(got) != len(want) {
		j.Fatalf("%s: %d numbers, in the golden %d", name, len(got), len(want))
	}
	largest := math.SmallestNonzeroFloat64
	for _, w := range want {
		largest = max(largest, math.Abs(w))
	}
	for i := range want {
		e := math.Abs(got[i]-want[i]) / largest
		if e > j.worst {
			j.worst, j.at = e, name
		}
		if !(e <= j.tolerance) {
			j.Errorf("%s, number %d of %d: %.17g, PyTorch %.17g, error %.2g of the largest %.3g", name, i, len(want), got[i], want[i], e, largest)
			return
		}
	}
}

// tensors compares every gradient with the golden's, and their number.
func tensors[T pedestrian.Float](j *judge, ts []pedestrian.Tensor[T], want map[string]golden.Array) {
	j.Helper()
	if len(ts) != len(want) {
		j.Errorf("%d gradients, the golden has %d", len(ts), len(want))
	}
	for _, x := range ts {
		mustShape(j.T, x.Name, x.Shape(), want[x.Name])
		j.compare(x.Name, float64s(x.V), want[x.Name].Numbers())
	}
}

func float64s[T pedestrian.Float](v []T) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}
