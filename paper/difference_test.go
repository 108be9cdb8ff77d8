package paper

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

const (
	// step is h of the differences, a power of two: x ± h is exact for x of order one.
	step = 1.0 / 2048
	// differenceTolerance bounds |difference - gradient|. The formula of difference
	// has an error of h⁴ L⁽⁵⁾/30 ≈ 2e-15 L⁽⁵⁾ from truncation and of 1.5 δ/h ≈ 6e-12
	// from the rounding δ ≈ 2e-15 of a loss of order ten; layer norm and softmax have
	// fifth derivatives up to a few thousand here.
	differenceTolerance = 1e-9
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(-1) // differences make much short-lived garbage: it is collected at 128 MiB
	debug.SetMemoryLimit(128 << 20)
	os.Exit(m.Run())
}

// difference is ∂f/∂x by central differences with four evaluations.
func difference(x *float64, f func() float64) float64 {
	v := *x
	at := func(h float64) float64 {
		*x = v + h
		defer func() { *x = v }()
		return f()
	}
	return (8*(at(step)-at(-step)) - (at(2*step) - at(-2*step))) / (12 * step)
}

// check holds every entry of a gradient against differences.
func check(t *testing.T, name string, x, gradient []float64, f func() float64) {
	t.Helper()
	if len(x) != len(gradient) {
		t.Errorf("%s: %d numbers, %d in the gradient", name, len(x), len(gradient))
		return
	}
	worst := 0.0
	for i := range x {
		worst = max(worst, math.Abs(difference(&x[i], f)-gradient[i])) // NaN if one is
	}
	if !(worst <= differenceTolerance) {
		t.Errorf("%s: gradient and differences are %.1e apart", name, worst)
	}
}

// sampled is how many entries checkSome differentiates at most.
const sampled = 3

// checkSome holds two directions that see every entry of a gradient, and some entries by
// themselves, against differences. It is for networks that check has seen the like of.
func checkSome(t *testing.T, name string, x, gradient []float64, f func() float64) {
	t.Helper()
	if len(x) <= 2*sampled || len(x) != len(gradient) {
		check(t, name, x, gradient, f)
		return
	}
	rnd := draw(uint64(len(x)))
	at := slices.Clone(x)
	for range 2 {
		direction, h, want := rnd.mat(1, len(x)), 0.0, 0.0
		direction = direction.Scale(1 / math.Sqrt(direction.Dot(direction)))
		for i, v := range direction.V {
			want += v * gradient[i]
		}
		got := difference(&h, func() float64 {
			for i, v := range direction.V {
				x[i] = at[i] + h*v
			}
			return f()
		})
		copy(x, at)
		if e := math.Abs(got - want); !(e <= differenceTolerance) {
			t.Errorf("%s: gradient and differences along a direction are %.1e apart", name, e)
		}
	}
	worst, stride := 0.0, (len(x)+sampled-1)/sampled
	for i := rnd.IntN(stride); i < len(x); i += stride {
		worst = max(worst, math.Abs(difference(&x[i], f)-gradient[i]))
	}
	if !(worst <= differenceTolerance) {
		t.Errorf("%s: gradient and differences are %.1e apart", name, worst)
	}
}

// same holds numbers against other numbers.
func same(t *testing.T, name string, a, b []float64, tolerance float64) {
	t.Helper()
	if len(a) != len(b) {
		t.Errorf("%s: %d and %d numbers", name, len(a), len(b))
		return
	}
	for i := range a {
		if e := math.Abs(a[i] - b[i]); !(e <= tolerance) {
			t.Errorf("%s: entry %d is %g and %g, %.1e apart", name, i, a[i], b[i], e)
			return
		}
	}
}

// rounding is what sums of a few dozen products of numbers of order one may
// differ by when they are added up in another order.
const rounding = 1e-13

// A source draws generic numbers.
type source struct{ *rand.Rand }

func draw(seed uint64) source { return source{rand.New(rand.NewPCG(seed, 7))} }

func (s source) mat(n, d int) Mat {
	return each(n, d, func(_, _ int) float64 { return s.NormFloat64() })
}

func (s source) vec(d int) Vec { return s.mat(1, d).V }

// head draws a head with biases.
func (s source) head(d, dρ, dh int) Head {
	return Head{Wq: s.mat(d, dρ), Wk: s.mat(d, dρ), Wv: s.mat(d, dh), Bq: s.vec(dρ), Bk: s.vec(dρ), Bv: s.vec(dh)}
}

// generic draws parameters at which no term of a gradient is hidden: no gain is
// one, no bias zero.
func generic(c pedestrian.Config, seed uint64) *pedestrian.Params[float64] {
	s := draw(seed)
	p := pedestrian.NewParams[float64](c)
	for _, t := range p.Tensors() {
		mean, sd := 0.0, 0.3
		switch {
		case t.Role == pedestrian.Gain:
			mean = 1
		case t.Name == "tok.w" || t.Name == "pos.w":
			sd = 1
		case !t.Vec():
			sd = 1 / math.Sqrt(float64(t.Rows))
		}
		for i := range t.V {
			t.V[i] = mean + sd*s.NormFloat64()
		}
	}
	return p
}

func genericAdapter(c pedestrian.Config, a pedestrian.AdapterConfig, seed uint64) *pedestrian.Adapter[float64] {
	s := draw(seed)
	p := pedestrian.NewAdapter[float64](c, a)
	for _, t := range p.Tensors() {
		mean := 0.0
		if t.Vec() && !strings.HasSuffix(t.Name, ".b") { // a gain or a magnitude
			mean = 1.5
		}
		for i := range t.V {
			t.V[i] = mean + s.NormFloat64()/math.Sqrt(float64(t.Rows))/(1+mean)
		}
	}
	return p
}

// panics holds the text of f's panic against how it should begin.
func panics(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); !strings.HasPrefix(got, text) {
			t.Errorf("panic %q, want %q", got, text)
		}
	}()
	f()
}
