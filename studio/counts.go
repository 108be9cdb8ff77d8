package studio

import (
	"fmt"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
)

// Sizes are those of a network whose parameters are to be counted, and of an adapter beside it.
type Sizes struct {
	Vocab   int      `json:"vocab"`
	Context int      `json:"context"`
	Width   int      `json:"width"`
	Heads   int      `json:"heads"`
	Blocks  int      `json:"blocks"`
	Tied    bool     `json:"tied"`    // the logits are the token embedding; without a bias
	NoBias  bool     `json:"noBias"`  // no biases anywhere
	Rank    int      `json:"rank"`    // r of the adapter; 0 is none
	Targets []string `json:"targets"` // layers that the adapter stands beside
}

// paperSizes are those that §7 of the paper counts: of GPT-2 small, with a logits layer of its own.
var paperSizes = Sizes{Vocab: 50257, Context: 1024, Width: 768, Heads: 12, Blocks: 12, Rank: 16, Targets: []string{"qkv", "attProj", "expand", "contract", "logits"}}

// A countedTerm is a line of a ledger.
type countedTerm struct {
	pedestrian.Term
	Total int `json:"total"`
}

// A figure is a count that the paper's §7 speaks of.
type figure struct {
	Name  string  `json:"name"`
	Count int     `json:"count"`
	Share float64 `json:"share,omitempty"` // of all parameters
}

// counted answers "params".
type counted struct {
	Revision int           `json:"rev"`
	Sizes    Sizes         `json:"sizes"`
	Paper    Sizes         `json:"paper"`
	Layers   []string      `json:"layers"` // that an adapter may stand beside
	Ledger   []countedTerm `json:"ledger"`
	Total    int           `json:"total"`
	Figures  []figure      `json:"figures"`
	Adapter  []countedTerm `json:"adapter,omitempty"`
	Trained  int           `json:"trained"`  // by the adapter
	InMemory int           `json:"inMemory"` // numbers that the network of this page holds; 0 when others were asked for
}

// count answers "params": of the sizes that were asked for, or of the network of this page.
func count(r Request, s *Session) (counted, error) {
	out := counted{Revision: r.Revision, Paper: paperSizes}
	var c pedestrian.Config
	if r.Sizes == nil {
		c = s.Model.Config
		out.Sizes = Sizes{Vocab: c.Vocab, Context: c.Context, Width: c.Width, Heads: c.Heads, Blocks: c.Blocks, Tied: c.Tied, NoBias: !c.Bias, Rank: s.State.Rank, Targets: []string{}}
		if s.adapter != nil {
			out.Sizes.Targets = []string{string(pedestrian.TargetLogits)}
		}
		out.InMemory = s.params.Count()
	} else {
		z := *r.Sizes
		for _, n := range []int{z.Vocab, z.Context, z.Width, z.Heads, z.Blocks} {
			if n > 10_000_000 {
				return out, fmt.Errorf("a size of %d: at most ten million", n)
			}
		}
		if z.Rank < 0 || z.Rank > 1_000_000 {
			return out, fmt.Errorf("rank %d: an adapter has 1 to a million", z.Rank)
		}
		c = pedestrian.Config{Vocab: z.Vocab, Context: z.Context, Width: z.Width, Heads: z.Heads, Blocks: z.Blocks, Activation: pedestrian.GELUTanh, Eps: 1e-5,
			Tied: z.Tied, Bias: !z.NoBias, LogitsBias: !z.NoBias && !z.Tied}
		out.Sizes = z
		if out.Sizes.Targets == nil {
			out.Sizes.Targets = []string{}
		}
	}
	if err := c.Validate(); err != nil {
		return out, err
	}
	for _, t := range c.Targets() {
		out.Layers = append(out.Layers, string(t))
	}
	out.Ledger, out.Total = terms(c.Ledger())
	tied, one := c, c
	tied.Tied, tied.LogitsBias = true, false
	one.Blocks = 1
	share := func(n int) float64 { return float64(n) / float64(out.Total) }
	out.Figures = []figure{
		{"one transformer block", c.BlockLedger().Total(), share(c.BlockLedger().Total())},
		{"the same network with one block", one.Ledger().Total(), share(one.Ledger().Total())},
		{"with the logits tied to the token embedding, without their bias", tied.Ledger().Total(), share(tied.Ledger().Total())},
		{"key biases, which cannot learn (29)", c.KeyBiasesWithoutGradient(), share(c.KeyBiasesWithoutGradient())},
	}
	if out.Sizes.Rank == 0 || len(out.Sizes.Targets) == 0 {
		return out, nil
	}
	a := pedestrian.AdapterConfig{Rank: out.Sizes.Rank, Alpha: 1, Scaling: pedestrian.ScaleRank}
	for _, t := range out.Sizes.Targets {
		a.Targets = append(a.Targets, pedestrian.Target(t))
	}
	if slices.ContainsFunc(out.Sizes.Targets, func(t string) bool { return len(t) > 20 }) {
		return out, fmt.Errorf("there is no layer %q", clip(out.Sizes.Targets[0]))
	}
	if err := a.ValidateFor(c); err != nil {
		return out, err
	}
	out.Adapter, out.Trained = terms(a.Ledger(c))
	return out, nil
}

func terms(l pedestrian.Ledger) (all []countedTerm, total int) {
	for _, t := range l {
		all = append(all, countedTerm{t, t.Total()})
	}
	return all, l.Total()
}
