package gradcheck

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// TestThreads: the numbers do not depend on the number of threads.
func TestThreads(t *testing.T) {
	c, _ := Find("gelu")
	var reports [2][]byte
	for i, threads := range []int{1, 3} {
		r, err := Run(context.Background(), c, Options{Threads: threads, Entries: 3, NoMutants: true})
		if err != nil {
			t.Fatal(err)
		}
		if reports[i], err = json.Marshal(r); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(reports[0], reports[1]) {
		t.Error("one and three threads report different numbers")
	}
	var back Report
	if err := json.Unmarshal(reports[0], &back); err != nil || len(back.Parameters) == 0 || len(back.Identities) != len(laws) {
		t.Errorf("a report does not survive JSON: %v", err)
	}
}

// TestGenericPoint: no gain is one, no bias zero, every number is a float32, and
// no ReLU is near its kink.
func TestGenericPoint(t *testing.T) {
	for _, c := range Cases() {
		p := c.At(3, kinkMargin*DefaultStep)
		for _, x := range p.tensors() {
			for _, v := range x.V {
				if v == 0 || x.Vec() && v == 1 || float64(float32(v)) != v {
					t.Errorf("%s: %s has %g", c.Name, x.Name, v)
				}
			}
		}
		if near, _ := p.kinks(kinkMargin * DefaultStep); near > 0 {
			t.Errorf("%s: %d pre-activations near the kink", c.Name, near)
		}
	}
	if _, all := Paper().At(1, 0).kinks(0); all != 4*128 {
		t.Errorf("the paper's configuration has %d pre-activations, want 512", all)
	}
}

// TestKinksAreRefused puts one pre-activation next to zero.
func TestKinksAreRefused(t *testing.T) {
	c, _ := Find("relu")
	p := c.At(1, kinkMargin*DefaultStep)
	a := p.forward()
	s, _ := a.Find("seq.0.block.0", "a_7")
	p.Params.Blocks[0].Expand.B.V[2] -= s.V.At(1, 2) - 1e-5
	if near, _ := p.kinks(1e-4); near != 1 {
		t.Fatalf("%d pre-activations within 1e-4 of zero, want the one that was put there", near)
	}
	o := Options{Seed: 1, Step: DefaultStep, Only: "expand.b"}
	r := p.run(nil)
	d := r.plan(o)
	if err := d.run(context.Background(), p, nil, o); err != nil {
		t.Fatal(err)
	}
	rows, _ := d.rows(r)
	if row := rows[0]; row.Refused != 1 || row.Checked != row.Total-1 || !row.OK {
		t.Errorf("%d of %d checked, %d refused, ok %v: want one refused and the rest to hold", row.Checked, row.Total, row.Refused, row.OK)
	}
}

// TestVariants: the paper's two errors fail, and the first suspect is the place.
func TestVariants(t *testing.T) {
	for _, v := range []struct {
		variant Variant
		host    string
		suspect string
		hint    string
	}{
		{LiteralMask, "relu", "Δ^scaled head 0", "the mask is missing"},
		{MissingFrozenPath, "relu", "Δ_{i-1} of logits", "the term Δ_{i-1} at frozen is missing"},
	} {
		c, _ := Find(v.host)
		r, err := Run(context.Background(), c, Options{Variant: v.variant, Only: strings.TrimSuffix(v.suspect, " head 0")})
		if err != nil {
			t.Fatal(err)
		}
		if s := r.Suspects(); r.Pass || len(s) == 0 || s[0].Name != v.suspect || !strings.Contains(s[0].Diagnosis, v.hint) {
			t.Errorf("%s: pass %v, suspects %+v", v.variant, r.Pass, s)
		}
	}
}

func TestOptionsRefused(t *testing.T) {
	for want, o := range map[string]Options{
		"h is -1":         {Step: -1},
		"h is NaN":        {Step: math.NaN()},
		`contains "w_99"`: {Only: "w_99"},
		"unknown variant": {Variant: "typo"},
		"no adapter":      {Variant: MissingFrozenPath},
	} {
		if _, err := Run(context.Background(), Paper(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want an error with %q", o, err, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, Paper(), Options{}); err != context.Canceled {
		t.Errorf("a canceled check returns %v", err)
	}
}

// TestCasesAreGeneric: what the comment on Cases promises.
func TestCasesAreGeneric(t *testing.T) {
	for _, c := range Cases()[1:] {
		k, n := c.Config, len(c.Batch[0].Tokens)
		sizes := []int{k.Vocab, k.Context, n, k.Width, k.ValueDim(), k.QueryDim(), k.HiddenDim(), k.Heads}
		if k.KeyHeads() != k.Heads {
			sizes = append(sizes, k.KeyHeads())
		}
		if c.Adapter != nil {
			sizes = append(sizes, c.Adapter.Rank)
		}
		slices.Sort(sizes)
		if len(slices.Compact(slices.Clone(sizes))) != len(sizes) {
			t.Errorf("%s: two dimensions are equal: %v", c.Name, sizes)
		}
		seen, targets := map[int]int{}, []int{}
		for _, s := range c.Batch {
			targets = append(targets, s.Targets...)
			for _, id := range s.Tokens {
				seen[id]++
			}
		}
		repeated := false
		for _, times := range seen {
			repeated = repeated || times > 1
		}
		if !repeated || len(seen) == k.Vocab || n >= k.Context || !slices.Contains(targets, paper.Ignored) {
			t.Errorf("%s: tokens %v, %d of %d positions, targets %v: want repeated and absent tokens, unused positions, ignored targets", c.Name, seen, n, k.Context, targets)
		}
	}
}
