package studio

import "testing"

// The counts are those that §7 of the paper states and docs/errata.md quotes, and those of the
// numbers that this page's networks hold.
func TestCounts(t *testing.T) {
	var c Core
	h, _ := ask[counted](t, &c, `{"op":"params","sizes":{"vocab":50257,"context":1024,"width":768,"heads":12,"blocks":12,"rank":16,"targets":["q","k","v","attProj","expand","contract","logits"]}}`)
	for _, x := range []struct {
		what      string
		got, want int
	}{
		{"the network of §7", h.Total, 163087441},
		{"LoRA on every layer", h.Trained, 3470608},
		{"one block", h.Figures[0].Count, 7087872},
		{"one block and what is around it", h.Figures[1].Count, 85120849},
		{"GPT-2 as released", h.Figures[2].Count, 124439808},
		{"key biases", h.Figures[3].Count, 12 * 768},
	} {
		if x.got != x.want {
			t.Errorf("%s: %d, want %d", x.what, x.got, x.want)
		}
	}
	sum := 0
	for _, l := range h.Ledger {
		sum += l.Total
		if l.Total != l.Count*l.Times {
			t.Errorf("%s: %d × %d is not %d", l.Name, l.Count, l.Times, l.Total)
		}
	}
	if sum != h.Total {
		t.Errorf("the lines sum to %d, in all there are %d", sum, h.Total)
	}
	for _, m := range Models {
		h, _ := ask[counted](t, &c, `{"op":"params","state":{"model":"`+m.Name+`","rank":2}}`)
		cells := 0
		for _, n := range open(t, State{Model: m.Name}).nodes {
			if n.Kind == Parameter {
				cells += n.Rows * n.Cols
			}
		}
		if h.Total != cells || h.InMemory != cells || h.Trained != 2*(m.Config.Width+m.Config.Vocab) {
			t.Errorf("%s: %d by the ledger, %d in memory, %d cells are shown; the adapter trains %d", m.Name, h.Total, h.InMemory, cells, h.Trained)
		}
	}
}
