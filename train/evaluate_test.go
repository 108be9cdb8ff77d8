package train

import (
	"math"
	"reflect"
	"testing"

	"github.com/pedestrian-ml/pedestrian/engine"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		total, n int
		want     []int
	}{{3, 0, []int{0, 1, 2}}, {3, 9, []int{0, 1, 2}}, {10, 4, []int{0, 2, 5, 7}}, {4, 4, []int{0, 1, 2, 3}}} {
		if got := spread(c.total, c.n); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%d of %d: %v, want %v", c.n, c.total, got, c.want)
		}
	}
}

// An evaluation of the whole split is the mean over every target, each counted once,
// computed here one window at a time.
func TestEvaluateWholeSplit(t *testing.T) {
	const tolerance = 1e-6 // float32 losses, summed in float64 in another order
	o := mini()
	o.EvalBatches, o.Batch = 0, 5
	d := dataOf(t, sentences(t), o)
	r := start(t, o, d, "")
	got, err := r.Evaluate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	one := engine.New(r.State.Params, nil, engine.Options{Batch: 1})
	defer one.Close()
	sum, counted := 0.0, 0
	for at := 0; at < len(d.Val)-1; at += o.Context {
		n := min(o.Context, len(d.Val)-1-at)
		loss, c := one.Loss(engine.Batch{B: 1, T: n, Tokens: d.Val[at : at+n], Targets: d.Val[at+1 : at+1+n]})
		sum, counted = sum+loss, counted+c
	}
	if want := sum / float64(counted); counted != len(d.Val)-1 || math.Abs(got-want) > tolerance {
		t.Errorf("%.9g over the split, %.9g over %d targets of %d", got, want, counted, len(d.Val)-1)
	}
	again, _ := r.Evaluate(t.Context())
	if again != got {
		t.Errorf("the same weights: %g, then %g", got, again)
	}
}
