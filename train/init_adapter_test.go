package train

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// TestInitAdapter checks the distributions, that up is zero, and that everything
// else is what the network has.
func TestInitAdapter(t *testing.T) {
	for _, tied := range []bool{false, true} {
		c := pedestrian.Config{Vocab: 300, Context: 7, Width: 96, Heads: 3, Blocks: 2, KeyDim: 20, Hidden: 200, Activation: pedestrian.GELU, Eps: 1e-5, Bias: true, LogitsBias: true, Tied: tied}
		p := pedestrian.NewParams[float32](c)
		Init(p, 3)
		for _, x := range p.Tensors() { // nothing at 0 or 1
			for i := range x.V {
				x.V[i] += float32(i%7) / 100
			}
		}
		own := map[string][]float32{}
		for _, x := range p.Tensors() {
			own[x.Name] = x.V
		}
		config := pedestrian.AdapterConfig{Rank: 16, Alpha: 1, Scaling: pedestrian.ScaleRank, Targets: pedestrian.Config{Heads: 1}.Targets(), DoRA: true, Bias: pedestrian.BiasAll, Norms: true}
		for _, init := range []AdapterInit{"", Kaiming, Gaussian} {
			a, again, other := pedestrian.NewAdapter[float32](c, config), pedestrian.NewAdapter[float32](c, config), pedestrian.NewAdapter[float32](c, config)
			InitAdapter(a, p, init, 5)
			for i := range again.Slab {
				again.Slab[i] = float32(math.NaN())
			}
			InitAdapter(again, p, init, 5)
			InitAdapter(other, p, init, 6)
			if !slices.Equal(a.Slab, again.Slab) || slices.Equal(a.Slab, other.Slab) {
				t.Error("one seed gives two adapters, or two seeds one")
			}
			for _, x := range a.Tensors() {
				switch {
				case strings.HasSuffix(x.Name, ".up"):
					if slices.ContainsFunc(x.V, func(v float32) bool { return v != 0 }) {
						t.Errorf("%s is not zero", x.Name)
					}
				case strings.HasSuffix(x.Name, ".down"):
					checkDown(t, init, x)
				case strings.HasSuffix(x.Name, ".magnitude"):
				default:
					if !slices.Equal(x.V, own[x.Name]) {
						t.Errorf("%s is not the network's", x.Name)
					}
				}
			}
			norm := func(got float32, at func(i int) float32, rows int) {
				s := 0.0
				for i := range rows {
					s += float64(at(i)) * float64(at(i))
				}
				if math.Abs(float64(got)-math.Sqrt(s)) > 1e-6*math.Sqrt(s) {
					t.Errorf("a magnitude of %g, not %g", got, math.Sqrt(s))
				}
			}
			w := p.Blocks[1].QKV.W
			keys := c.Heads * c.QueryDim()
			norm(a.Blocks[1].K.Magnitude.V[7], func(i int) float32 { return w.V[i*w.Cols+keys+7] }, w.Rows)
			norm(a.Blocks[1].V.Magnitude.V[95], func(i int) float32 { return w.V[i*w.Cols+2*keys+95] }, w.Rows)
			norm(a.Blocks[0].Contract.Magnitude.V[3], func(i int) float32 { return p.Blocks[0].Contract.W.V[i*c.Width+3] }, c.HiddenDim())
			logits := func(i int) float32 { return p.Logits.W.V[i*c.Vocab+200] }
			if tied {
				logits = func(i int) float32 { return p.Tok.V[200*c.Width+i] }
			}
			norm(a.Logits.Magnitude.V[200], logits, c.Width)
		}
	}
}

// checkDown holds mean, variance and bounds against the distribution's; five
// standard deviations of their estimates.
func checkDown(t *testing.T, init AdapterInit, x pedestrian.Tensor[float32]) {
	n, mean, square, most := float64(len(x.V)), 0.0, 0.0, 0.0
	for _, v := range x.V {
		mean, square, most = mean+float64(v)/n, square+float64(v)*float64(v)/n, max(most, math.Abs(float64(v)))
	}
	bound := 1 / math.Sqrt(float64(x.Rows))
	variance, fourth := bound*bound/3, 9./5 // of a uniform distribution
	if init == Gaussian {
		variance, fourth = 1/float64(x.Cols*x.Cols), 3
	} else if most > bound || most < 0.98*bound {
		t.Errorf("%s: the largest number is %g of %g", x.Name, most, bound)
	}
	if dev := math.Abs(mean); dev > 5*math.Sqrt(variance/n) {
		t.Errorf("%s: a mean of %g", x.Name, mean)
	}
	if dev := math.Abs(square/variance - 1); dev > 5*math.Sqrt((fourth-1)/n) {
		t.Errorf("%s: a variance of %g, not %g", x.Name, square, variance)
	}
}
