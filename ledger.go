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

// Ledger counts the parameters of an adapter beside a network of configuration c.
func (a AdapterConfig) Ledger(c Config) Ledger {
	sizes := map[Target][2]int{
		TargetQ: {c.Width, c.Heads * c.QueryDim()}, TargetK: {c.Width, c.Heads * c.QueryDim()},
		TargetV: {c.Width, c.Width}, TargetAttProj: {c.Width, c.Width},
		TargetExpand: {c.Width, c.HiddenDim()}, TargetContract: {c.HiddenDim(), c.Width},
		TargetLogits: {c.Width, c.Vocab},
	}
	var l Ledger
	for _, t := range a.Targets {
		times := c.Blocks
		if t == TargetLogits {
			times = 1
		}
		io := sizes[t]
		l = append(l, Term{"LoRA on " + string(t), "f_in·r + r·f_out", (io[0] + io[1]) * a.Rank, times})
	}
	return l
}
