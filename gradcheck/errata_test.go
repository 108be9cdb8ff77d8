package gradcheck

import (
	"context"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// The counter-examples of docs/errata.md. Each test logs the figures that the
// page quotes and fails when the statement that it corrects turns out to be right.

// claim logs claims and fails the test where one does not hold.
func claim(t *testing.T, claims ...Claim) {
	t.Helper()
	for _, c := range claims {
		t.Logf("%s: %.2g", c.What, float64(c.Value))
		if !c.OK {
			t.Errorf("%s: %g, limit %g", c.What, float64(c.Value), float64(c.Limit))
		}
	}
}

// TestErratumS1: the mask as (13) prints it leaks, makes (27) and (29) wrong, and
// needs m ∘ Δ^causal to be differentiated.
func TestErratumS1(t *testing.T) {
	claim(t, literalMaskFigures(1)...)

	p := Paper().At(1, kinkMargin*DefaultStep)
	first := p.run(literalMask).at("seq.0.block.0.head.0", "ρ").Row(0)
	t.Logf("first row of ρ, head 0: %.3f instead of 1 0 0 0", first)
	causal := p.run(nil).at("seq.0.block.0.head.0", "ρ").Row(0)
	if !slices.Equal(causal, []float64{1, 0, 0, 0}) {
		t.Errorf("with -∞ the first row of ρ is %v, want 1 0 0 0", causal)
	}

	moved := p.clone()
	for h := range 2 {
		moved.Params.Blocks[0].QKV.B.V[2*16+16*h]++ // one number of b_k of each head
	}
	claim(t,
		atLeast("y_pred moved by b_k + 1, literal mask", largest(minus(moved.run(literalMask).at("seq.0", "y_pred").V, p.run(literalMask).at("seq.0", "y_pred").V)), visible),
		atMost("y_pred moved by b_k + 1, -∞", largest(minus(moved.run(nil).at("seq.0", "y_pred").V, p.run(nil).at("seq.0", "y_pred").V)), rounding))

	// With m ∘ Δ^causal for (27) the literal network's gradients are right, b_k's apart.
	masked := both(literalMask, at("Δ^scaled", "27", func(tr *paper.Trace, s paper.Step) paper.Mat {
		e := clone(get(tr, s.At, "Δ^causal"))
		for i := range e.N {
			clear(e.Row(i)[i+1:])
		}
		return e
	}))
	o := Options{Seed: 1, Step: DefaultStep, Entries: 4, Only: "_"}
	r := p.run(masked)
	d := r.plan(o)
	if err := d.run(context.Background(), p, masked, o); err != nil {
		t.Fatal(err)
	}
	rows, _ := d.rows(r)
	for _, row := range rows {
		if right, key := row.Differences.OK && row.Directions.OK, row.Name == "b_k head 0" || row.Name == "b_k head 1"; right == key {
			t.Errorf("literal mask with m ∘ Δ^causal, %s: right %v", row.Name, right)
		}
	}
}

// TestErratumS2: without the frozen path the adapter's own two gradients on the
// logits are right and everything below them is wrong.
func TestErratumS2(t *testing.T) {
	claim(t, frozenPathFigures(1)...)
	c, _ := Find("relu")
	p := c.At(1, kinkMargin*DefaultStep)
	right, wrong := p.run(nil), p.run(missingFrozenPath)
	for i, g := range right.lora.Tensors() {
		w := wrong.lora.Tensors()[i]
		if same := slices.Equal(g.V, w.V); same != (g.Name == "logits.down" || g.Name == "logits.up") {
			t.Errorf("%s: the same without the frozen path: %v", g.Name, same)
		}
	}
}

// TestErratumS3: α = r is r times the customary strength, and α acts with a power.
func TestErratumS3(t *testing.T) {
	a := pedestrian.AdapterConfig{Rank: 16, Alpha: 16, Scaling: pedestrian.ScalePaper}
	b := a
	b.Scaling = pedestrian.ScaleRank
	t.Logf("α = r = 16: multiplier %g by (43), %g by the convention α/r", a.MultiplierOf(pedestrian.TargetLogits), b.MultiplierOf(pedestrian.TargetLogits))
	if a.MultiplierOf(pedestrian.TargetLogits) != 16 || b.MultiplierOf(pedestrian.TargetLogits) != 1 {
		t.Errorf("multipliers %g and %g, want 16 and 1", a.MultiplierOf(pedestrian.TargetLogits), b.MultiplierOf(pedestrian.TargetLogits))
	}
	c, _ := Find("relu")
	claim(t, loraGauge(c.At(1, 0).run(nil))...)
}

// TestErratumS4: the mean divides every gradient, and every error signal, by N.
func TestErratumS4(t *testing.T) {
	c := Paper()
	sum := c.At(1, kinkMargin*DefaultStep).run(nil)
	c.Reduction = paper.Mean
	mean := c.At(1, kinkMargin*DefaultStep).run(nil)
	t.Logf("loss: sum %.4f, mean %.4f; largest entry of Δ_12: %.4f and %.4f", sum.loss, mean.loss,
		largest(sum.at("seq.0", "Δ_12").V), largest(mean.at("seq.0", "Δ_12").V))
	claim(t, sumAndMean(1)...)
}

// TestErratumS5: the last position has no target; its row of Δ_12 is zero and the
// mean divides by n_T - 1.
func TestErratumS5(t *testing.T) {
	e := withoutLastTarget(1).at("seq.0", "Δ_12")
	t.Logf("largest entry of each row of Δ_12: %.3f %.3f %.3f %g", largest(e.Row(0)), largest(e.Row(1)), largest(e.Row(2)), largest(e.Row(3)))
	claim(t, lastTarget(1)...)
}
