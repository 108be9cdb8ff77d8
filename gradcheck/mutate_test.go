package gradcheck

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// planting are the options that Mutants plants with at seed 1, and planted the hosts of
// the tests below: they are differentiated once.
var (
	planting = Options{Seed: 1, Step: DefaultStep, Entries: mutantEntries}
	planted  = hosts{}
)

// TestMutants: each of M1…M48 is caught by finite differences or, where these cannot see it,
// by an identity, and the patterns that can be named are named.
func TestMutants(t *testing.T) {
	var ms []Mutant
	for _, h := range hunts(t) {
		ms = append(ms, h.mutant)
	}
	if len(ms) != 48 {
		t.Fatalf("%d mutants, want 48", len(ms))
	}
	for i, m := range ms {
		if want := fmt.Sprint("M", i+1); m.ID != want {
			t.Errorf("mutant %d is %s, want %s", i, m.ID, want)
		}
		switch {
		case m.ID == "M42": // a mask is a constant: the gradient is right, of another network
			if len(m.Differences) > 0 || !slices.Contains(m.Laws, "Y10") {
				t.Errorf("%s (%s) is caught by %v, want Y10 and no differences", m.ID, m.Title, m.By())
			}
		case m.ID == "M43": // the pass has no cache
			if len(m.By()) != 1 || !slices.Equal(m.Laws, []string{"Y11"}) {
				t.Errorf("%s (%s) is caught by %v, want Y11 alone", m.ID, m.Title, m.By())
			}
		case len(m.Differences) == 0:
			t.Errorf("%s (%s) is caught by %v: want differences among them", m.ID, m.Title, m.By())
		}
		t.Logf("%-4s %s: %s. %s", m.ID, m.Title, strings.Join(m.By(), "; "), m.Diagnosis)
	}
	for id, want := range map[string]string{
		"M1":  "which is √d_ρ",
		"M5":  "Δ_5: the term Δ_10 is missing",
		"M6":  "Δ_1: the term Δ_5 is missing",
		"M13": "which is N: the sum",
		"M14": "w_tok: right but for row 7 of 9",
		"M15": "w_pos: right but for row 6 of 8",
		"M17": "the term Δ_{i-1}^h at head.2 is missing",
		"M18": "the term Δ_{i-1} at frozen is missing",
		"M19": "which is α",
		"M24": "transposed is missing",
		"M25": "the ignored ones included",
		"M34": "which is i+1",
		"M32": "the term Δ_{i-1}∘mask is missing",
	} {
		i := slices.IndexFunc(ms, func(m Mutant) bool { return m.ID == id })
		if !strings.Contains(ms[i].Diagnosis, want) {
			t.Errorf("%s: the diagnosis is %q, want %q in it", id, ms[i].Diagnosis, want)
		}
	}
}

// TestNullMutant plants nothing, and a step replaced by a copy of itself: no
// check may notice. Where the bug is said to be in the forward pass, the differences are
// those of the planted loss; there is one of each kind of evaluator: of ReLU, whose signs
// are watched, of a norm that is held, and of neither.
func TestNullMutant(t *testing.T) {
	for _, name := range nullSeeds {
		h, err := planted.of(context.Background(), name, planting)
		if err != nil {
			t.Fatal(err)
		}
		oneEntry := *h // directions see the others
		oneEntry.options.Entries = 1
		for _, forward := range []bool{false, true} {
			if forward && !slices.Contains([]string{"relu", "peft", "gelu"}, name) && !longTier {
				continue
			}
			null := bug{id: "M0", forward: forward, make: fixed(func(_ *paper.Trace, s paper.Step) paper.Mat { return clone(s.V) })}
			m, err := oneEntry.plantBug(context.Background(), null)
			if err != nil {
				t.Fatal(err)
			}
			if m.Caught() {
				t.Errorf("%s: a mutant that changes nothing is caught by %v", name, m.By())
			}
		}
	}
}

// TestBugsAreWhereTheySay: a bug of the backward pass leaves the forward pass
// alone, to the bit, so that differences of the clean pass are its differences;
// one of the forward pass changes the loss.
func TestBugsAreWhereTheySay(t *testing.T) {
	for _, b := range bugs {
		c, _ := Find(b.host)
		p := c.At(1, kinkMargin*DefaultStep)
		clean, planted := p.run(nil), p.run(b.make(p))
		same := clean.loss == planted.loss
		for i := range clean.split {
			same = same && slices.Equal(clean.tr.Steps[i].V.V, planted.tr.Steps[i].V.V)
		}
		if b.id != "M43" && same == b.forward {
			t.Errorf("%s: forward pass unchanged: %v, but forward is %v", b.id, same, b.forward)
		}
	}
}

// TestConsistentBug forgets 1/√d_ρ on both passes. The gradient is then right, of
// the wrong network: differences cannot see it, and that is what the second
// implementation is for.
func TestConsistentBug(t *testing.T) {
	h, err := planted.of(context.Background(), "relu", planting)
	if err != nil {
		t.Fatal(err)
	}
	m, err := h.plantBug(context.Background(), bug{id: "both", forward: true, make: fixed(both(
		at("ρ^scaled", "12", func(tr *paper.Trace, s paper.Step) paper.Mat { return get(tr, s.At, "ρ^raw") }),
		at("Δ^raw", "28", func(tr *paper.Trace, s paper.Step) paper.Mat { return get(tr, s.At, "Δ^scaled") })))})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Differences) > 0 {
		t.Errorf("differences %v: want none", m.Differences)
	}
	if loss, _, _ := byEngine(h.Point); math.Abs(m.Paper.Loss-loss) < 1e-3 {
		t.Errorf("a loss of %v with the bug and %v in the engine, which has none", m.Paper.Loss, loss)
	}
}
