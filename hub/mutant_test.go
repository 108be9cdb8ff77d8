package hub

import (
	"errors"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// TestNegativeMultipliers: the multiplier of a fused adapter is the largest by its size;
// where all are negative, it is negative.
func TestNegativeMultipliers(t *testing.T) {
	base := pedestrian.Config{Vocab: 8, Context: 3, Width: 6, Heads: 2, Blocks: 1, Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, Tied: true}
	a := pedestrian.NewAdapter[float32](base, pedestrian.AdapterConfig{Rank: 2, Alpha: -3, Scaling: pedestrian.ScaleRank,
		Targets: []pedestrian.Target{pedestrian.TargetQ, pedestrian.TargetV}, Alphas: map[pedestrian.Target]float64{pedestrian.TargetV: -1}})
	for i := range a.Blocks[0].V.Up.V {
		a.Blocks[0].V.Up.V[i] = 6
	}
	f, err := fuse(a, nil)
	if err != nil {
		t.Fatal(err)
	}
	// -3/2 is the larger; at rank 4 that is an α of -6. What v has is a third of it.
	if alpha := f.Config.AlphaOf(pedestrian.TargetQKV); alpha != -6 {
		t.Errorf("α is %g, not -6", alpha)
	}
	up := f.Blocks[0].QKV.Up
	if got := up.V[2*up.Cols+2*base.Width]; got != 2 {
		t.Errorf("u of the values is %g, not 2", got)
	}
}

// TestWhatIsTriedAgain: of refusals only those that may pass.
func TestWhatIsTriedAgain(t *testing.T) {
	for status, want := range map[int]bool{400: false, 401: false, 403: false, 404: false, 408: true, 410: false, 416: false, 429: true, 500: true, 503: true} {
		if _, again := temporary(refusedError{status: status}); again != want {
			t.Errorf("after %d: %v", status, again)
		}
	}
	if _, again := temporary(errors.New("a certificate that nobody knows")); again {
		t.Error("after an error that stays")
	}
}
