package pedestrian

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
	d, b := c.Width, c.Blocks
	l := Ledger{
		{"token embedding", "n_vocab·d", c.Vocab * d, 1},
		{"position embedding", "n_context·d", c.Context * d, 1},
	}
	l = append(l, c.BlockLedger()...)
	for i := range l[2:] {
		l[2+i].Times = b
	}
	l = append(l, c.norm("final layer norm"))
	switch logits := (Term{"FC_logits", "d·n_vocab", d * c.Vocab, 1}); {
	case c.Tied && c.LogitsBias:
		l = append(l, Term{"FC_logits (tied to the token embedding)", "n_vocab", c.Vocab, 1})
	case c.Tied:
		l = append(l, Term{"FC_logits (tied to the token embedding)", "0", 0, 1})
	case c.LogitsBias:
		logits.Formula, logits.Count = "d·n_vocab + n_vocab", logits.Count+c.Vocab
		fallthrough
	default:
		l = append(l, logits)
	}
	return l
}

// BlockLedger counts the parameters of one transformer block.
func (c Config) BlockLedger() Ledger {
	d, qk, h := c.Width, c.Heads*c.QueryDim(), c.HiddenDim()
	width, hidden := "d", "4d"
	if c.KeyDim > 0 && c.KeyDim != c.ValueDim() {
		width = "n_h·d_ρ"
	}
	if c.Hidden > 0 && c.Hidden != 4*d {
		hidden = "hidden"
	}
	return Ledger{
		c.norm("1st layer norm"),
		c.linear("queries", "d", width, d, qk),
		c.linear("keys", "d", width, d, qk),
		c.linear("values", "d", "d", d, d),
		c.linear("FC_attProj", "d", "d", d, d),
		c.norm("2nd layer norm"),
		c.linear("FC_expand", "d", hidden, d, h),
		c.linear("FC_contract", hidden, "d", h, d),
	}
}

func (c Config) norm(name string) Term {
	if c.Bias {
		return Term{name, "2d", 2 * c.Width, 1}
	}
	return Term{name, "d", c.Width, 1}
}

func (c Config) linear(name, in, out string, rows, cols int) Term {
	if c.Bias {
		return Term{name, in + "·" + out + " + " + out, rows*cols + cols, 1}
	}
	return Term{name, in + "·" + out, rows * cols, 1}
}

// ImpotentKeyBiases is the number of parameters that cannot learn: the biases of
// the keys, whose gradient is identically zero, eq. (29).
func (c Config) ImpotentKeyBiases() int {
	if !c.Bias {
		return 0
	}
	return c.Blocks * c.Heads * c.QueryDim()
}

// Ledger counts what an adapter trains beside a network of configuration c.
func (a AdapterConfig) Ledger(c Config) Ledger {
	var l Ledger
	blocks := c.Blocks
	if len(a.Layers) > 0 {
		blocks = len(a.Layers)
	}
	times := func(t Target) int {
		if t == TargetLogits {
			return 1
		}
		return blocks
	}
	for _, t := range a.Targets {
		in, out := t.Shape(c)
		l = append(l, Term{"LoRA on " + string(t), "f_in·r + r·f_out", (in + out) * a.RankOf(t), times(t)})
	}
	if a.DoRA {
		for _, t := range a.Targets {
			_, out := t.Shape(c)
			l = append(l, Term{"magnitudes on " + string(t), "f_out", out, times(t)})
		}
	}
	if n := len(a.Tokens); n > 0 {
		l = append(l, Term{"rows of the embedding", "n·d", n * c.Width, 1})
		if !c.Tied {
			l = append(l, Term{"columns of the logits", "n·d", n * c.Width, 1})
		}
	}
	return append(append(l, a.biasLedger(c, blocks)...), a.normLedger(c)...)
}

// biasLedger counts the biases of fully connected layers, blocks of which are adapted.
func (a AdapterConfig) biasLedger(c Config, blocks int) (l Ledger) {
	for _, layer := range []struct {
		name    string
		targets []Target
		has     bool
	}{
		{"queries, keys and values", []Target{TargetQKV, TargetQ, TargetK, TargetV}, c.Bias},
		{"FC_attProj", []Target{TargetAttProj}, c.Bias},
		{"FC_expand", []Target{TargetExpand}, c.Bias},
		{"FC_contract", []Target{TargetContract}, c.Bias},
		{"FC_logits", []Target{TargetLogits}, c.LogitsBias},
	} {
		times := blocks
		if a.Bias == BiasAll {
			times = c.Blocks
		}
		if layer.targets[0] == TargetLogits {
			times = 1
		}
		first := 0 // a block that is adapted
		if len(a.Layers) > 0 {
			first = a.Layers[0]
		}
		if layer.has && a.trainsBias(first, layer.targets...) {
			_, out := layer.targets[0].Shape(c)
			l = append(l, Term{"biases of " + layer.name, "f_out", out, times})
		}
	}
	return l
}

// normLedger counts what is trained of layer norms.
func (a AdapterConfig) normLedger(c Config) Ledger {
	norms := 2*c.Blocks + 1
	switch {
	case a.Norms && c.Bias:
		return Ledger{{"layer norms", "2d", 2 * c.Width, norms}}
	case a.Norms:
		return Ledger{{"layer norms", "d", c.Width, norms}}
	case a.Bias == BiasAll && c.Bias:
		return Ledger{{"biases of layer norms", "d", c.Width, norms}}
	}
	return nil
}
