package gradcheck

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// TestLawsOfLlamaFail: each identity that judges a pass fails when a step that it speaks of
// is another one, in the case that has all it needs, and holds before.
func TestLawsOfLlamaFail(t *testing.T) {
	first := func(s paper.Step) paper.Mat { v := clone(s.V); v.V[0] *= 1.01; return v }
	for id, p := range map[string]struct{ host, step, eq string }{
		"Y1":  {"llama", "Δ_{i-1}", "L3"},
		"Y3":  {"llama", "Δ_{i-1}", "L9"},
		"Y5":  {"llama", "k'_h", "L17"},
		"Y6":  {"qwen2", "Δ_{k'_h}", "L18.b"},
		"Y7":  {"gemma", "Δ_u", "L15.a"},
		"Y8":  {"llama", "Δ_{v_h}", "L18.c"},
		"Y9":  {"qwen3", "∂L/∂w_{kNorm}", "L19"},
		"Y10": {"mistral", "ρ", "15"},
		"Y11": {"mistral", "k'_{cache}", "L21"},
		"Y12": {"llama", "Δ_6", "L22"},
		"Y13": {"llama", "∂L/∂w_1", "L22"},
		"Y14": {"llama", "∂L/∂w_up", "L22"},
		"Y15": {"llama", "∂L/∂w_3", "L22"},
		"Y16": {"llama", "∂L/∂w_k", "L22"},
	} {
		l, _ := findLaw(id)
		c, ok := Find(p.host)
		if !ok || !l.recorded {
			t.Fatalf("%s in %s", id, p.host)
		}
		point := c.At(1, kinkMargin*DefaultStep)
		if i := l.on(point.run(nil)); !i.OK || !i.Numeric() {
			t.Errorf("%s in %s: %+v", id, p.host, i)
		}
		i := l.on(point.run(at(p.step, p.eq, func(_ *paper.Trace, s paper.Step) paper.Mat {
			if p.step == "ρ" { // the last token sees the first
				return paper.Mat{N: s.V.N, D: s.V.D, V: slices.Concat(s.V.V[:len(s.V.V)-s.V.D], []float64{0.1}, s.V.V[len(s.V.V)-s.V.D+1:])}
			}
			return first(s)
		})))
		if i.OK {
			t.Errorf("%s in %s holds with another %s", id, p.host, p.step)
		}
	}
	// A key bias that does not learn, and errors that are not rotated, are seen as well.
	c, _ := Find("yarn")
	c.Adapter = nil
	y6, _ := findLaw("Y6")
	still := c.At(1, kinkMargin*DefaultStep).run(at("Δ_{i-1}", "L9", func(tr *paper.Trace, s paper.Step) paper.Mat {
		return get(tr, above(s.At), turnedError(s.At))
	}))
	if i := y6.on(still); i.OK || len(i.Claims) != 3 {
		t.Errorf("Y6 holds where nothing is rotated back: %+v", i.Claims)
	}
}

// TestEverySignalOfLlama names the rows of a network of the family, so that one that went
// missing would be missed.
func TestEverySignalOfLlama(t *testing.T) {
	c, _ := Find("qwen3")
	r := c.At(1, kinkMargin*DefaultStep).run(nil)
	var signals, pieces []string
	for _, s := range r.signals() {
		signals = append(signals, s.name)
	}
	for _, q := range r.table3() {
		pieces = append(pieces, q.name)
	}
	want := strings.Fields("Δ_12 Δ_11 Δ_10 Δ_9 Δ_8 Δ_u Δ_z Δ_6 Δ_5 Δ_4 Δ_3 Δ_q Δ_k Δ_v Δ_2 Δ_1")
	want = append(want, "Δ_q, Δ_k, Δ_v")
	for _, h := range []string{"0", "1", "2", "3"} {
		for _, s := range []string{"Δ_{v→h}", "Δ_{k'→h}", "Δ_{q'_h}", "Δ^causal", "Δ^scaled", "Δ^raw", "Δ_ρ", "Δ_i^h", "Δ_{i-1} of qTurn", "Δ_{i-1} of qNorm"} {
			want = append(want, s+" head "+h)
		}
	}
	for _, j := range []string{"0", "1"} {
		for _, s := range []string{"Δ_{k'_h}", "Δ_{v_h}", "Δ_{i-1} of kTurn", "Δ_{i-1} of kNorm"} {
			want = append(want, s+" kv "+j)
		}
	}
	for _, at := range []string{"ln1", "ln2", "lnFinal", "q", "k", "v", "attProj", "gate", "up", "down", "logits"} {
		want = append(want, "Δ_{i-1} of "+at)
	}
	slices.Sort(signals)
	slices.Sort(want)
	if !slices.Equal(signals, want) {
		t.Errorf("error signals %q, want %q", signals, want)
	}
	rows := []string{"w_10 (final RMS)", "w_down", "w_up", "w_gate", "w_5 (2nd RMS)", "w_3 (FC attProj)", "w_kNorm", "w_qNorm",
		"w_v head 1", "w_v head 0", "w_k head 1", "w_k head 0", "w_q head 3", "w_q head 2", "w_q head 1", "w_q head 0", "w_1 (1st RMS)", "w_tok = w_11ᵗ"}
	if !slices.Equal(pieces, rows) {
		t.Errorf("parameters %q, want %q", pieces, rows)
	}
}

// TestDocumentsOfLlama: positions begin again with each document, and a window does not
// reach over its beginning.
func TestDocumentsOfLlama(t *testing.T) {
	c, _ := Find("mistral")
	c.Batch = []paper.Sequence{{Tokens: []int{6, 0, 6, 9, 3, 1, 1, 6}, Targets: []int{0, ignored, 9, 3, 1, 1, 6, 8}, Starts: []int{2, 6}}}
	r, err := Run(context.Background(), c, Options{NoMutants: true, Entries: 1, SignalEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Pass {
		t.Errorf("documents in one sequence: %v is wrong", r.Failed())
	}
	c.Batch[0].Starts = nil
	if whole := c.At(1, kinkMargin*DefaultStep).run(nil); Number(whole.loss) == r.Loss {
		t.Errorf("a loss of %v with and without starts", r.Loss)
	}
}
