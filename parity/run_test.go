package parity

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(-1) // differences make much short-lived garbage: it is collected at 128 MiB
	debug.SetMemoryLimit(128 << 20)
	os.Exit(m.Run())
}

// little takes the fewest differences that a check can: here they are not the matter.
var little = gradcheck.Options{Only: "w_1", Entries: 1, NoMutants: true, NoIdentities: true}

// report compares package engine at the point of a seed. No difference is taken.
func report(c gradcheck.Case, seed uint64) *gradcheck.Report {
	p := c.At(seed, 10*gradcheck.DefaultStep)
	tr := &paper.Trace{}
	if a := c.Adapter; a != nil && a.Dropout > 0 {
		tr.Rewrite = func(s paper.Step) paper.Mat {
			if s.Name == "mask" {
				return (&mixedPoint{Point: p}).mask(s.At, s.V.D)
			}
			return s.V
		}
	}
	loss, back := paper.Network(tr, p.Params, p.LoRA, p.Batch, p.Reduction)
	dp, dlora := back()
	ts := dp.Tensors()
	if dlora != nil {
		ts = append(ts, dlora.Tensors()...)
	}
	r := &gradcheck.Report{Paper: &gradcheck.Pass{Point: p, Loss: loss, Trace: tr}, Parameters: p.Table3()}
	for _, t := range ts {
		r.Paper.Gradients = append(r.Paper.Gradients, t.V)
	}
	for i := range r.Parameters {
		r.Parameters[i].OK = true
	}
	both(r)
	return r
}

// TestCases: in every case, at several points, the loss and the gradient of every parameter
// are those of package paper.
func TestCases(t *testing.T) {
	for _, c := range gradcheck.Cases() {
		var worst64, worst32 gradcheck.Number
		for seed := uint64(1); seed <= 5; seed++ {
			r := report(c, seed)
			total := 0
			for _, row := range r.Parameters {
				total += row.Engine64.Entries
				worst64, worst32 = max(worst64, row.Engine64.Error), max(worst32, row.Engine32.Error)
			}
			want := pedestrian.NewParams[float64](c.Config).Count()
			if c.Adapter != nil {
				want += pedestrian.NewAdapter[float64](c.Config, *c.Adapter).Count()
			}
			if failed := r.Failed(); len(failed) > 0 || total != want {
				t.Errorf("%s, seed %d: failed %v, %d numbers of %d", c.Name, seed, failed, total, want)
			}
		}
		t.Logf("%s: float64 %.1e, float32 %.1e", c.Name, worst64, worst32)
	}
}

// TestRun: the report of a whole check has what the engine adds, and is gradcheck's.
func TestRun(t *testing.T) {
	for _, name := range []string{"relu", "peft", "llama"} {
		c, _ := gradcheck.Find(name)
		r, err := Run(context.Background(), c, Options{Options: little})
		if err != nil {
			t.Fatal(err)
		}
		if !r.Pass || r.LossEngine64 == nil || r.LossEngine32 == nil || r.Parameters[0].Engine64 == nil || r.Parameters[0].Differences.Entries == 0 {
			t.Errorf("%s: failed %v, loss %v, %v", name, r.Failed(), r.LossEngine64, r.LossEngine32)
		}
		for _, same := range report(c, 1).Parameters {
			if same.Name == r.Parameters[0].Name && *same.Engine64 != *r.Parameters[0].Engine64 {
				t.Errorf("%s: %+v at the same point, want %+v", name, same.Engine64, r.Parameters[0].Engine64)
			}
		}
	}
}

// TestOneWrongNumber: an error of 1e-11, relative to its tensor, in one number of a gradient
// is seen in float64 and not in float32, and one in the loss as well.
func TestOneWrongNumber(t *testing.T) {
	c, _ := gradcheck.Find("gelu")
	r := report(c, 1)
	for i, g := range r.Paper.Gradients {
		at := g[len(g)/2]
		g[len(g)/2] += 1e-11 * largest(g)
		both(r)
		for _, row := range r.Parameters {
			if row.Tensor != i && !row.Engine64.OK || !row.Engine32.OK {
				t.Errorf("tensor %d is wrong, and row %s (%d) fails", i, row.Name, row.Tensor)
			}
		}
		if failed := r.Failed(); len(failed) != 1 && largest(g) > 0 {
			t.Errorf("tensor %d is wrong: rows %v fail, want one", i, failed)
		}
		g[len(g)/2] = at
		for i := range r.Parameters {
			r.Parameters[i].OK = true
		}
	}
	r.Paper.Loss *= 1 + 1e-11
	both(r)
	if !slices.Equal(r.Failed(), []string{"loss"}) {
		t.Errorf("a wrong loss fails %v", r.Failed())
	}
}

// TestDocuments: the same where sequences hold several documents.
func TestDocuments(t *testing.T) {
	for _, c := range gradcheck.Cases() {
		whole := report(c, 1).Paper.Loss
		c.Batch = slices.Clone(c.Batch)
		for i := range c.Batch {
			c.Batch[i].Starts = []int{1 + i, len(c.Batch[i].Tokens) - 1}
		}
		if r := report(c, 1); len(r.Failed()) > 0 || r.Paper.Loss == whole {
			t.Errorf("%s: failed %v, loss %v in documents and %v as a whole", c.Name, r.Failed(), r.Paper.Loss, whole)
		}
	}
}

// TestDecoder: R20 is about package engine's cache, too, and a wrong logit is seen.
func TestDecoder(t *testing.T) {
	for _, c := range gradcheck.Cases() {
		r, err := Run(context.Background(), c, Options{Options: gradcheck.Options{Only: "R20"}})
		if err != nil {
			t.Fatal(err)
		}
		if i := r.Identities[0]; !r.Pass || len(i.Claims) != 2 || !i.OK {
			t.Errorf("%s: %+v", c.Name, i)
		}
		if r.LossEngine64 != nil {
			t.Errorf("%s: R20 alone compares the loss", c.Name)
		}
	}
	c, _ := gradcheck.Find("gelu")
	r := report(c, 1)
	i := gradcheck.Identity{Claims: []gradcheck.Claim{{OK: true}}, OK: true}
	s, _ := r.Paper.Trace.Find("seq.0", "a_12")
	s.V.V[7] += 1e-10
	if decode(r.Paper, &i); i.OK || len(i.Claims) != 2 {
		t.Errorf("a wrong logit passes: %+v", i)
	}
}

// TestMasks: the masks of dropout that package gradcheck computes are the engine's.
func TestMasks(t *testing.T) {
	for _, name := range []string{"dropout", "peft"} {
		c, _ := gradcheck.Find(name)
		r, err := gradcheck.Run(context.Background(), c, little)
		if err != nil {
			t.Fatal(err)
		}
		masks, zeros := 0, 0
		for _, s := range r.Paper.Trace.Steps {
			if s.Name != "mask" {
				continue
			}
			masks++
			if want := (&mixedPoint{Point: r.Paper.Point}).mask(s.At, s.V.D); !slices.Equal(s.V.V, want.V) {
				t.Errorf("%s: the mask at %s is %v, the engine's %v", name, s.At, s.V.V, want.V)
			}
			for _, x := range s.V.V {
				if x == 0 {
					zeros++
				}
			}
		}
		if masks < 4 || zeros < 20 {
			t.Errorf("%s: %d masks with %d zeros", name, masks, zeros)
		}
	}
}

// TestAdamNoise: what X11 says of Adam's first step is so of the engine's AdamW.
func TestAdamNoise(t *testing.T) {
	c := gradcheck.Paper()
	r := report(c, 1)
	p := r.Paper.Params
	noise, w, m, v := pedestrian.NewParams[float64](c.Config), pedestrian.NewParams[float64](c.Config), pedestrian.NewParams[float64](c.Config), pedestrian.NewParams[float64](c.Config)
	noise.Blocks[0].QKV.B.V[2] = -3e-18
	n := engine.New(p, nil, engine.Options{Threads: 1})
	defer n.Close()
	n.AdamW(engine.AdamW{LR: 1, Beta1: 0.9, Beta2: 0.99, Eps: 1e-30}, 1, 1, w, noise, m, v)
	if moved := w.Blocks[0].QKV.B.V[2]; math.Abs(moved-1) > 1e-9 {
		t.Errorf("a gradient of -3e-18 moves a bias by %v of the learning rate, want 1", moved)
	}
}

func TestFloat32(t *testing.T) {
	r, err := Run(context.Background(), gradcheck.Paper(), Options{Float32: true, Options: gradcheck.Options{Entries: 60}})
	if err != nil {
		t.Fatal(err)
	}
	worst := gradcheck.Number(0)
	for _, row := range r.Parameters {
		worst = max(worst, row.Differences.Error)
	}
	if !r.Pass || !r.Float32 || worst < 1e-4 {
		t.Errorf("pass %v, worst difference %.1e: want it to pass, and far worse than float64", r.Pass, worst)
	}
}

// TestMutants: the gradients of each of M1…M48 are not package engine's; but M43 is in a
// cache, which a training step has not.
func TestMutants(t *testing.T) {
	var ms []gradcheck.Mutant
	for n := 1; ; n++ {
		id := fmt.Sprint("M", n)
		r, ok := gradcheck.Plant(id, 1)
		if !ok {
			break
		}
		ms = append(ms, gradcheck.Mutant{ID: id, Case: r.Name, Paper: r})
	}
	if len(ms) != 48 {
		t.Fatalf("%d bugs, want 48", len(ms))
	}
	mutants(ms)
	for _, m := range ms {
		if (len(m.Engine64) == 0) != (m.ID == "M43") {
			t.Errorf("%s is caught by %v", m.ID, m.By())
		}
	}
}
