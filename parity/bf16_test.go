package parity

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// TestBF16 runs every case at several points: every parameter and every step of
// table 2 that package engine keeps, and each wrong rounding is caught.
func TestBF16(t *testing.T) {
	steps := []string{"a_1", "a_2", "q, k, v", "a_3", "a_5", "a_6", "a_7", "a_8", "a_10", "a_11", "a_12",
		"Δ_12", "Δ_11", "Δ_10", "Δ_8", "Δ_7", "Δ_6", "Δ_5", "Δ_3", "Δ_q, Δ_k, Δ_v", "Δ_2", "Δ_1"}
	gated := []string{"a_1", "a_2", "a_3", "a_5", "a_6", "z", "u", "a_8", "a_10", "a_11", "a_12",
		"Δ_12", "Δ_11", "Δ_10", "Δ_8", "Δ_u", "Δ_z", "Δ_6", "Δ_5", "Δ_3", "Δ_q, Δ_k, Δ_v", "Δ_2", "Δ_1"}
	for _, c := range gradcheck.Cases() {
		steps := steps
		if c.Config.Gated {
			steps = gated
		}
		worst, without := gradcheck.Number(0), gradcheck.Number(0)
		for seed := uint64(1); seed <= 5; seed++ {
			r, err := Run(context.Background(), c, Options{BF16: true, Options: gradcheck.Options{Seed: seed, NoMutants: seed > 1}})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, row := range append(slices.Clone(r.Signals), r.Parameters...) {
				if row.Param == "" && !slices.Contains(names, row.Name) {
					names = append(names, row.Name)
				}
				worst, without = max(worst, row.BF16.Error), max(without, *row.Unrounded)
			}
			if !r.Pass || !slices.Equal(names, steps) {
				t.Errorf("%s, seed %d: failed %v, steps %v", c.Name, seed, r.Failed(), names)
			}
			want := pedestrian.NewParams[float64](c.Config).Count()
			if c.Adapter != nil {
				want += pedestrian.NewAdapter[float64](c.Config, *c.Adapter).Count()
			}
			if r.Total != want || r.Checked != want {
				t.Errorf("%s, seed %d: %d of %d parameters", c.Name, seed, r.Checked, want)
			}
			if seed == 1 && (len(r.Mutants) != len(gradcheck.RoundingBugs(c.Config)) || len(r.Mutants[0].BF16) < 10) {
				t.Errorf("%s: %d mutants, the first caught by %v", c.Name, len(r.Mutants), r.Mutants[0].BF16)
			}
		}
		t.Logf("%s: worst %.1e, without rounding %.1e", c.Name, worst, without)
		if without < 50*bf16Tolerance {
			t.Errorf("%s: a reference that does not round is %.1e off, which is not far beyond %.0e", c.Name, without, bf16Tolerance)
		}
	}
}

// TestBF16Documents: the same with several documents in a sequence, which change it.
func TestBF16Documents(t *testing.T) {
	for _, c := range gradcheck.Cases() {
		whole, err := Run(context.Background(), c, Options{BF16: true, Options: gradcheck.Options{NoMutants: true}})
		if err != nil {
			t.Fatal(err)
		}
		c.Batch = slices.Clone(c.Batch)
		for i := range c.Batch {
			c.Batch[i].Starts = []int{1 + i, len(c.Batch[i].Tokens) - 1}
		}
		r, err := Run(context.Background(), c, Options{BF16: true, Options: gradcheck.Options{NoMutants: true}})
		if err != nil {
			t.Fatal(err)
		}
		if !r.Pass || r.Loss == whole.Loss {
			t.Errorf("%s: failed %v, loss %v in documents and %v as a whole", c.Name, r.Failed(), r.Loss, whole.Loss)
		}
	}
}

// TestBF16OfTheEngine plants in package engine what must not pass: its float32 in
// the place of bf16, and a step that is rounded where it should not be.
func TestBF16OfTheEngine(t *testing.T) {
	for _, c := range gradcheck.Cases() {
		clean := mixed(c.At(1, 10*gradcheck.DefaultStep))
		precise := *clean
		precise.engine = run[float32](clean.Point)
		precise.tensors = precise.engine.tensors()
		if failed := failedRows(&precise); len(failed) == 0 {
			t.Errorf("%s: the engine in float32 passes for bf16", c.Name)
		}
		spoilt := *clean
		spoilt.shown = map[[2]string]*engineStep{}
		spoilt.engine = runAt(clean.Point, engine.BF16, func(at engine.Place, x engine.Mat[float32]) {
			if at.Name == "a_5" {
				for i := range x.Rows {
					for j, v := range x.Row(i) {
						x.Row(i)[j] = float32(bf16(float64(v)))
					}
				}
			}
			spoilt.show(at, x)
		})
		spoilt.tensors = spoilt.engine.tensors()
		if failed := failedRows(&spoilt); !slices.Contains(failed, "a_5") || !slices.ContainsFunc(failed, func(s string) bool { return strings.Contains(s, "w_6") || strings.Contains(s, "w_up") }) {
			t.Errorf("%s: a rounded a_5 fails %v", c.Name, failed)
		}
		if failed := failedRows(clean); len(failed) > 0 {
			t.Errorf("%s: %v", c.Name, failed)
		}
	}
}

func TestBF16OfTheLoss(t *testing.T) {
	r := gradcheck.Report{LossBF16: compareLoss(9, 9*(1+3*bf16Tolerance), bf16Tolerance)}
	if !slices.Equal(r.Failed(), []string{"loss"}) {
		t.Errorf("a wrong loss fails %v", r.Failed())
	}
}

func bf16(x float64) float64 {
	return paper.BF16(paper.Step{V: paper.Mat{N: 1, D: 1, V: []float64{x}}}).V[0]
}

func failedRows(m *mixedPoint) (names []string) {
	parameters, steps := m.pass(paper.BF16, nil).rows("", nil)
	for _, row := range append(steps, parameters...) {
		if !row.OK {
			names = append(names, row.Name)
		}
	}
	return names
}

// TestTies: every fourth weight lies in the middle between two numbers of bf16, and
// an operand that is rounded to another number than the engine's is taken from it
// only when the two agree to tieTolerance.
func TestTies(t *testing.T) {
	for _, x := range []float64{1, -0.3, 255.2, 0x1p-9} {
		y := toTie(x)
		if float64(float32(y)) != y || math.Abs(y-x) > 0x1p-7*math.Abs(x) || math.Abs(bf16(y)-y) != math.Abs(bf16(math.Nextafter(y, 1e9))-y) || bf16(math.Nextafter(y, 1e9)) == bf16(math.Nextafter(y, -1e9)) {
			t.Errorf("%v moves to %v, which is not between two numbers", x, y)
		}
	}
	c, _ := gradcheck.Find("gelu")
	m := mixed(c.At(1, 10*gradcheck.DefaultStep))
	r := &mixedPass{mixedPoint: m}
	e := m.shown[[2]string{"seq.0.block.0", "a_6"}]
	s := paper.Step{Name: "a_{i-1}", At: "seq.0.block.0.expand", V: paper.Mat{N: e.v.N, D: e.v.D, V: slices.Clone(e.v.V)}}
	middle := toTie(e.v.V[0])
	e.v.V[0] = math.Nextafter(middle, 100)
	for off, taken := range map[float64]bool{1e-8: true, 1e-3: false} {
		s.V.V[0] = middle - off
		if got := r.resolveTies(s).V.V[0]; (got == e.v.V[0]) != taken {
			t.Errorf("%g below the middle, the operand is %v, the engine's %v", off, got, e.v.V[0])
		}
	}
	if r.ties != 1 {
		t.Errorf("%d operands were taken, want 1", r.ties)
	}
}

func TestBF16OptionsRefused(t *testing.T) {
	for want, o := range map[string]Options{
		"choose one at a time":            {BF16: true, Float32: true},
		"leave bf16 out":                  {BF16: true, Options: gradcheck.Options{Variant: gradcheck.LiteralMask}},
		"R13 is an identity":              {BF16: true, Options: gradcheck.Options{Only: "R13"}},
		`no row at bf16 contains "Δ^raw"`: {BF16: true, Options: gradcheck.Options{Only: "Δ^raw"}},
	} {
		if _, err := Run(context.Background(), gradcheck.Paper(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want an error with %q", o, err, want)
		}
	}
}
