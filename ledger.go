package pedestrian

import "slices"

// A Term is one line of a parameter count: Count numbers, Times times over.
type Term struct {
	Name    string `json:"name"`    // layer, such as "FC_expand"
	Formula string `json:"formula"` // in the paper's letters, such as "d·4d + 4d"
	Count   int    `json:"count"`   // parameters of one such layer
	Times   int    `json:"times"`   // how many of them the network has
}

// Total is Count·Times.
func (t Term) Total() int { return t.Count * t.Times }

// A Ledger lists every parameter of a network or an adapter, term by term (§7).
type Ledger []Term

// Total is the number of parameters.
func (l Ledger) Total() (n int) {
	for _, t := range l {
		n += t.Total()
	}
	return n
}

// Ledger counts the parameters of c without allocating them.
func (c Config) Ledger() Ledger {
	below, block, above := c.layers()
	return slices.Concat(ledgerOf(below, 1), ledgerOf(block, c.Blocks), ledgerOf(above, 1))
}

// BlockLedger counts the parameters of one transformer block.
func (c Config) BlockLedger() Ledger {
	_, block, _ := c.layers()
	return ledgerOf(block, 1)
}

// ledgerOf counts layers that occur so many times.
func ledgerOf(layers []layer, times int) (all Ledger) {
	for _, l := range layers {
		for _, t := range l.terms() {
			t.Times = times
			all = append(all, t)
		}
	}
	return all
}

// terms counts the parameters of one such layer, by parts if it has any.
func (l layer) terms() (all Ledger) {
	switch {
	case l.kind == table:
		return Ledger{{l.title, l.in.letter + "·" + l.out.letter, l.in.n * l.out.n, 1}}
	case l.kind == norm && l.bias:
		return Ledger{{l.title, "2" + l.out.letter, 2 * l.out.n, 1}}
	case l.kind == norm:
		return Ledger{{l.title, l.out.letter, l.out.n, 1}}
	case l.tied && l.bias:
		return Ledger{{l.title + tiedNote, l.out.letter, l.out.n, 1}}
	case l.tied:
		return Ledger{{l.title + tiedNote, "0", 0, 1}}
	}
	parts := l.parts
	if parts == nil {
		parts = []part{{l.name, l.title, l.out}}
	}
	for _, p := range parts {
		t := Term{p.title, l.in.letter + "·" + p.out.letter, l.in.n * p.out.n, 1}
		if l.bias {
			t.Formula, t.Count = t.Formula+" + "+p.out.letter, t.Count+p.out.n
		}
		all = append(all, t)
	}
	return all
}

const tiedNote = " (tied to the token embedding)"

// KeyBiasesWithoutGradient is the number of parameters that cannot learn: the biases of
// the keys, whose gradient is identically zero, eq. (29). Where keys turn with their
// position, or are normalized, their biases learn; only those of columns that do not turn
// are left (L12).
func (c Config) KeyBiasesWithoutGradient() int {
	still := c.QueryDim()
	if c.Positions == Rotary {
		still -= c.Rotation.WithDefaults(still).Dims
	}
	if !c.Bias && !c.QKVBias || c.QKNorm {
		return 0
	}
	return c.Blocks * c.KeyHeads() * still
}

// Ledger counts what an adapter trains beside a network of configuration c.
func (a AdapterConfig) Ledger(c Config) (all Ledger) {
	adapted := c.Blocks
	first := 0 // a block that is adapted
	if len(a.Layers) > 0 {
		adapted, first = len(a.Layers), a.Layers[0]
	}
	times := func(l Linear, blocks int) int {
		if l.Block < 0 {
			return 1
		}
		return blocks
	}
	for _, t := range a.Targets {
		l := c.Linear(first, t)
		all = append(all, Term{"LoRA on " + string(t), "f_in·r + r·f_out", (l.In + l.Out) * a.RankOf(t), times(l, adapted)})
	}
	if a.DoRA {
		for _, t := range a.Targets {
			l := c.Linear(first, t)
			all = append(all, Term{"magnitudes on " + string(t), "f_out", l.Out, times(l, adapted)})
		}
	}
	if n := len(a.Tokens); n > 0 {
		all = append(all, Term{"rows of the embedding", "n·d", n * c.Width, 1})
		if !c.Tied {
			all = append(all, Term{"columns of the logits", "n·d", n * c.Width, 1})
		}
	}
	return slices.Concat(all, a.biasLedger(c, first, adapted), a.normLedger(c))
}

// biasLedger counts the biases of fully connected layers. Of the blocks, so many are
// adapted, one of which is first.
func (a AdapterConfig) biasLedger(c Config, first, adapted int) (all Ledger) {
	_, block, above := c.layers()
	add := func(layers []layer, block, times int) {
		for _, l := range layers {
			if l.kind == linear && l.bias && a.trainsBias(l, block) {
				all = append(all, Term{"biases of " + l.title, "f_out", l.out.n, times})
			}
		}
	}
	if a.Bias == BiasAll {
		adapted = c.Blocks
	}
	add(block, first, adapted)
	add(above, -1, 1)
	return all
}

// normLedger counts what is trained of layer norms, those of one size together.
func (a AdapterConfig) normLedger(c Config) (all Ledger) {
	_, block, above := c.layers()
	add := func(layers []layer, times int) {
		for _, l := range layers {
			bias := l.bias && (a.Norms || a.Bias == BiasAll)
			var t Term
			switch d := l.out; {
			case l.kind != norm || !a.Norms && !bias:
				continue
			case a.Norms && bias:
				t = Term{"layer norms", "2" + d.letter, 2 * d.n, times}
			case a.Norms:
				t = Term{"layer norms", d.letter, d.n, times}
			default:
				t = Term{"biases of layer norms", d.letter, d.n, times}
			}
			if n := len(all) - 1; n >= 0 && all[n].Formula == t.Formula && all[n].Count == t.Count {
				all[n].Times += times
			} else {
				all = append(all, t)
			}
		}
	}
	add(block, c.Blocks)
	add(above, 1)
	return all
}
