package gradcheck

import (
	"context"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(-1) // differences make much short-lived garbage: it is collected at 256 MiB
	debug.SetMemoryLimit(256 << 20)
	if !longTier {
		directions = 1 // it sees every entry, as each of several does
	}
	os.Exit(m.Run())
}

// sampledEntries is how many entries of a row TestCases differentiates by itself where it
// does not differentiate all of them. A random direction sees every entry.
const sampledEntries = 4

// nullSeeds are the cases that TestNullMutant compares with differences at seed 1, in all
// rows.
var nullSeeds = []string{"relu", "gelu", "dora", "peft", "dropout", "scales", "qwen3"}

// seedOf is the seed at which TestCases runs a case. With those of TestNullMutant and
// TestSeeds, every case but the paper's is compared with differences at two seeds in the
// long tier; in the quick one those of nullSeeds, "lora" and "llama" are.
func seedOf(c Case) uint64 {
	if slices.Contains(nullSeeds, c.Name) && !longTier {
		return 2
	}
	return 1
}

// TestCases runs every case. In the tied one of a single block all parameters and all error
// signals are differentiated entry by entry; in the others some entries of each row, and
// three directions through all of it. The long tier takes every entry of every case, as
// pedestrian verify does. Identities are for TestSeeds, but those of the paper's case and
// the errata.
func TestCases(t *testing.T) {
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			o := Options{Seed: seedOf(c), NoMutants: true, NoIdentities: c.Name != "paper"}
			if c.Name != "gelu" && !longTier {
				o.Entries, o.SignalEntries = sampledEntries, 1
			}
			least := sampledEntries
			if !paper.OwnHeads(c.Config) && !longTier { // eight cases of many rows
				o.Entries, o.SignalEntries, least = 2, 1, 2
			}
			began := time.Now()
			r, err := Run(context.Background(), c, o)
			if err != nil {
				t.Fatal(err)
			}
			var differences Number
			signals := 0
			for _, row := range append(slices.Clone(r.Parameters), r.Signals...) {
				differences = max(differences, row.Differences.Error, row.Directions.Error)
				if row.Param != "" {
					if n := min(row.Total, least); row.Checked < n || o.Entries == 0 && row.Checked < row.Total {
						t.Errorf("%s: %d of %d entries checked", row.Name, row.Checked, row.Total)
					}
				} else {
					signals += row.Checked
				}
				if !row.OK {
					t.Errorf("%s %s (%s): %+v %s", row.Name, row.At, row.Eq, row.Comparisons(), row.Diagnosis)
				}
			}
			for _, i := range append(r.Identities, r.Errata...) {
				if !i.OK {
					t.Errorf("%s %s: %+v", i.ID, i.Title, i.Claims)
				}
			}
			if !r.Pass || len(r.Failed()) > 0 {
				t.Errorf("failed: %v", r.Failed())
			}
			want := pedestrian.NewParams[float64](c.Config).Count()
			if c.Adapter != nil {
				want += pedestrian.NewAdapter[float64](c.Config, *c.Adapter).Count()
			}
			if r.Total != want || r.Refused != 0 {
				t.Errorf("%d parameters, %d refused: want %d", r.Total, r.Refused, want)
			}
			t.Logf("%d parameters, %d entries of error signals; worst difference %.1e; %v",
				r.Checked, signals, differences, time.Since(began).Round(time.Millisecond))
		})
	}
}

// TestEverySignalIsThere names what the issue is about, so that a row that went
// missing would be missed.
func TestEverySignalIsThere(t *testing.T) {
	r := Paper().At(1, kinkMargin*DefaultStep).run(nil)
	have := map[string]bool{}
	for _, s := range r.signals() {
		have[s.name] = true
	}
	want := []string{"Δ_1", "Δ_2", "Δ_3", "Δ_4", "Δ_5", "Δ_6", "Δ_7", "Δ_8", "Δ_9", "Δ_10", "Δ_11", "Δ_12"}
	for _, h := range []string{" head 0", " head 1"} {
		for _, s := range []string{"Δ_{v_h}", "Δ_{q_h}", "Δ_{k_h}", "Δ^causal", "Δ^scaled", "Δ^raw", "Δ_ρ", "Δ_i^h", "Δ_{i-1}^h"} {
			want = append(want, s+h)
		}
	}
	for _, at := range []string{"ln1", "ln2", "lnFinal", "heads", "attProj", "expand", "contract", "logits", "g"} {
		want = append(want, "Δ_{i-1} of "+at)
	}
	for _, s := range want {
		if !have[s] {
			t.Errorf("no error signal %s", s)
		}
	}
	if len(have) != len(want) {
		t.Errorf("%d error signals, want %d", len(have), len(want))
	}
	pieces, numbers := 0, 0
	for _, q := range r.table3() {
		pieces, numbers = pieces+1, numbers+q.len()
	}
	if pieces != 28 || numbers != 13546 { // 16 tensors, of which qkv.w and qkv.b are six rows each
		t.Errorf("table 3 has %d rows and %d numbers, want 28 and 13546", pieces, numbers)
	}
}

// TestOneWrongEntryIsCaught plants an error of 1e-5, relative, in one entry of
// one gradient after the other.
func TestOneWrongEntryIsCaught(t *testing.T) {
	c, _ := Find("relu")
	p := c.At(1, kinkMargin*DefaultStep)
	o := Options{Seed: 1, Step: DefaultStep}
	for _, name := range []string{"∂L/∂w_11", "∂L/∂u_3", "∂L/∂b_6", "∂L/∂w_1", "∂L/∂w_pos", "Δ_7", "Δ_12"} {
		pl := func(_ *paper.Trace, s paper.Step) paper.Mat {
			if s.Name != name {
				return s.V
			}
			v, k := clone(s.V), 0
			for i, x := range v.V { // the smallest entry that is not tiny
				if math.Abs(x) > 5e-4 && (math.Abs(v.V[k]) < 5e-4 || math.Abs(x) < math.Abs(v.V[k])) {
					k = i
				}
			}
			v.V[k] *= 1 + 1e-5
			return v
		}
		planted := p.run(pl)
		o.Only = map[string]string{"∂L/∂w_11": "logits.w", "∂L/∂u_3": "attProj.up", "∂L/∂b_6": "expand.b", "∂L/∂w_1": "ln1.w", "∂L/∂w_pos": "pos.w"}[name]
		if o.Only == "" {
			o.Only = name
		}
		d := planted.plan(o)
		if err := d.run(context.Background(), p, nil, o); err != nil {
			t.Fatal(err)
		}
		rows, signals := d.rows(planted)
		caught, clean := 0, 0
		for _, r := range append(rows, signals...) {
			if r.Differences.OK {
				clean++
			} else {
				caught++
			}
		}
		if caught == 0 {
			t.Errorf("%s: 1e-5 in one entry was not noticed among %d rows", name, clean)
		}
	}
}

// TestSeeds: the tolerances hold at other points, too, for every parameter (in the quick
// tier of one network of each family) and, at two points (in the long tier four), the
// identities.
func TestSeeds(t *testing.T) {
	last := uint64(2)
	if longTier {
		last = 4
	}
	for _, c := range Cases()[1:] {
		if seedOf(c) != 2 && (longTier || c.Name == "lora" || c.Name == "llama") {
			r, err := Run(context.Background(), c, Options{Seed: 2, Entries: 1, Only: "_"})
			if err != nil {
				t.Fatal(err)
			}
			if !r.Pass {
				t.Errorf("%s, seed 2: %v", c.Name, r.Failed())
			}
		}
		for seed := uint64(1); seed <= last; seed++ {
			for _, i := range identities(c.At(seed, kinkMargin*DefaultStep).run(nil)) {
				if !i.OK {
					t.Errorf("%s, seed %d: %s %+v", c.Name, seed, i.ID, i.Claims)
				}
			}
		}
	}
	for _, i := range errata(2) {
		if !i.OK {
			t.Errorf("%s %+v", i.ID, i.Claims)
		}
	}
}
