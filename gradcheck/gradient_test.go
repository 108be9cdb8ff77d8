package gradcheck_test

import (
	"math"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
)

func TestGradient(t *testing.T) {
	x := []float64{0.3, -1.2, 0.8}
	loss := func() float64 { return math.Sin(x[0])*x[1] + math.Exp(x[2]) }
	right := []float64{math.Cos(0.3) * -1.2, math.Sin(0.3), math.Exp(0.8)}
	if c := gradcheck.Gradient(loss, x, right); !c.OK || c.Entries != 3 {
		t.Errorf("the right gradient: %+v", c)
	}
	if !slices.Equal(x, []float64{0.3, -1.2, 0.8}) {
		t.Errorf("x is %v afterwards", x)
	}
	for i := range right {
		wrong := slices.Clone(right)
		wrong[i] *= 1 + 1e-5
		if c := gradcheck.Gradient(loss, x, wrong); c.OK || c.Worst.Col != i {
			t.Errorf("entry %d is wrong by 1e-5: %+v", i, c)
		}
	}
}
