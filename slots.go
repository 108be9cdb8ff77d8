package pedestrian

import (
	"fmt"
	"slices"
)

// Role says what a parameter is: what it starts from, whether it decays, how it is
// read and written.
type Role string

const (
	Matrix    Role = "matrix"     // weight of a fully connected layer, input×output
	Table     Role = "table"      // embedding, a row for each token or position
	Gain      Role = "gain"       // of a normalization, a vector
	Bias      Role = "bias"       // a vector that is added
	Down      Role = "down"       // d of an adapter, input×r
	Up        Role = "up"         // u of an adapter, r×output
	Magnitude Role = "magnitude"  // m of DoRA, a vector: a number for each output
	TokenRows Role = "token rows" // rows of a table, or columns of the logits as rows, for single tokens
)

// A Slot is one parameter of a network or of an adapter, without its numbers: a line
// of the list that says which there are.
type Slot struct {
	Name  string // dotted, such as "block.0.ln1.w"; no two are equal
	Layer string // such as "ln1"; of factors and magnitudes the Target that they stand beside
	Block int    // counted from 0; -1 outside of the blocks
	Role  Role

	Rows, Cols int // a vector has one row
	Offset     int // of its first number in the slab

	// Stage is when the forward pass of a block comes to the layer, from 0 on; layers that
	// are computed together have one stage. The backward pass goes through the stages in
	// the opposite order. Outside of the blocks it is 0.
	Stage int

	Residual bool // a matrix whose outputs are added to the residual stream
}

// Vec says whether the parameter is a vector.
func (s Slot) Vec() bool { return s.Role == Gain || s.Role == Bias || s.Role == Magnitude }

// Shape is "32x10" for a matrix and "10" for a vector.
func (s Slot) Shape() string {
	if s.Vec() {
		return fmt.Sprint(s.Cols)
	}
	return fmt.Sprintf("%dx%d", s.Rows, s.Cols)
}

// A Linear is a fully connected layer, or the outputs of one that an adapter can stand
// beside alone, such as the queries in the fused queries, keys and values.
type Linear struct {
	Target  Target // its name, in its block if Block is not -1
	Block   int    // counted from 0; -1 outside of the blocks
	In, Out int

	Layer      Target // that it is a part of; equal to Target if it is a whole one
	Weight     string // name of the parameter that holds its matrix
	From       int    // first of its columns there
	Transposed bool   // the parameter is output×input: logits that are tied to the token embedding
}

// kind is what a layer computes.
type kind int

const (
	table  kind = iota // looks rows up
	norm               // normalizes, then multiplies by a gain
	linear             // multiplies by a matrix
)

// A dim is a size with the paper's letters for it.
type dim struct {
	n      int
	letter string
}

// A layer is a line of the list. The parameters of a network, its fully connected
// layers, what an adapter can have and what there is to count all follow from it.
type layer struct {
	kind    kind
	name    string // in the names of parameters
	title   string // in a ledger
	in, out dim    // of a table its rows and columns; a norm has out alone
	stage   int    // of Slot
	bias    bool
	absent  bool // c has no such layer
	tokens  bool // it has a row or a column for each token, and single ones can be trained

	residual bool   // linear: the outputs are added to the residual stream
	tied     bool   // linear: the matrix is the transposed token embedding
	parts    []part // linear: outputs side by side, that adapters can stand beside alone
}

type part struct {
	name, title string
	out         dim
}

// layers is the list: the layers below the blocks, those of every block and those
// above, in the order of the forward pass and of the slab.
func (c Config) layers() (below, block, above []layer) {
	d, vocab := dim{c.Width, "d"}, dim{c.Vocab, "n_vocab"}
	queries, keys, values, outputs := c.attentionDims()
	hidden := c.hiddenDim()
	shift := c.Norm == LayerNorm // such a norm may have a bias
	below = []layer{
		{kind: table, name: "tok", title: "token embedding", in: vocab, out: d, tokens: true},
		{kind: table, name: "pos", title: "position embedding", in: dim{c.Context, "n_context"}, out: d, absent: c.Positions != Learned},
	}
	block = []layer{
		{kind: norm, name: "ln1", stage: 0, title: "1st " + c.normTitle(), out: d, bias: c.Bias && shift},
		{kind: linear, name: "qkv", stage: 1, title: "queries, keys and values", in: d, out: dim{c.QKVDim(), ""}, bias: c.Bias || c.QKVBias,
			parts: []part{{"q", "queries", queries}, {"k", "keys", keys}, {"v", "values", values}}},
		{kind: norm, name: "qNorm", stage: 2, title: "norm of queries", out: dim{c.QueryDim(), "d_ρ"}, absent: !c.QKNorm},
		{kind: norm, name: "kNorm", stage: 2, title: "norm of keys", out: dim{c.QueryDim(), "d_ρ"}, absent: !c.QKNorm},
		{kind: linear, name: "attProj", stage: 3, title: "FC_attProj", in: outputs, out: d, bias: c.Bias || c.AttProjBias, residual: true},
		{kind: norm, name: "ln2", stage: 4, title: "2nd " + c.normTitle(), out: d, bias: c.Bias && shift},
		{kind: linear, name: "expand", stage: 5, title: "FC_expand", in: d, out: hidden, bias: c.Bias || c.MLPBias, absent: c.Gated},
		{kind: linear, name: "contract", stage: 6, title: "FC_contract", in: hidden, out: d, bias: c.Bias || c.MLPBias, residual: true, absent: c.Gated},
		{kind: linear, name: "gate", stage: 5, title: "FC_gate", in: d, out: hidden, bias: c.Bias || c.MLPBias, absent: !c.Gated},
		{kind: linear, name: "up", stage: 5, title: "FC_up", in: d, out: hidden, bias: c.Bias || c.MLPBias, absent: !c.Gated},
		{kind: linear, name: "down", stage: 6, title: "FC_down", in: hidden, out: d, bias: c.Bias || c.MLPBias, residual: true, absent: !c.Gated},
	}
	above = []layer{
		{kind: norm, name: "lnFinal", title: "final " + c.normTitle(), out: d, bias: c.Bias && shift},
		{kind: linear, name: "logits", title: "FC_logits", in: d, out: vocab, bias: c.LogitsBias, tied: c.Tied, tokens: !c.Tied},
	}
	present := func(layers []layer) []layer { return slices.DeleteFunc(layers, func(l layer) bool { return l.absent }) }
	return present(below), present(block), present(above)
}

// attentionDims are the columns of the queries, keys and values of all heads, and of the
// heads' outputs. The paper's letter for all four is d.
func (c Config) attentionDims() (queries, keys, values, outputs dim) {
	name := func(n int, letters string) dim {
		if n == c.Width {
			letters = "d"
		}
		return dim{n, letters}
	}
	kv := "n_kv"
	if c.KeyHeads() == c.Heads {
		kv = "n_h"
	}
	keyDim := "d_h"
	if c.QueryDim() != c.ValueDim() {
		keyDim = "d_ρ"
	}
	return name(c.Heads*c.QueryDim(), "n_h·"+keyDim), name(c.KeyHeads()*c.QueryDim(), kv+"·"+keyDim),
		name(c.KeyHeads()*c.ValueDim(), kv+"·d_h"), name(c.AttentionDim(), "n_h·d_h")
}

// hiddenDim is HiddenDim with its letters.
func (c Config) hiddenDim() dim {
	switch n := c.HiddenDim(); {
	case c.Gated:
		return dim{n, "f"}
	case n != 4*c.Width:
		return dim{n, "hidden"}
	default:
		return dim{n, "4d"}
	}
}

func (c Config) normTitle() string {
	if c.Norm == RMSNorm {
		return "RMS norm"
	}
	return "layer norm"
}

// each visits every layer of the network. Outside of the blocks, block is -1.
func (c Config) each(visit func(l layer, block int)) {
	below, inBlock, above := c.layers()
	for _, l := range below {
		visit(l, -1)
	}
	for i := range c.Blocks {
		for _, l := range inBlock {
			visit(l, i)
		}
	}
	for _, l := range above {
		visit(l, -1)
	}
}

// dotted is the name of something in a block, or outside of the blocks.
func dotted(block int, name string) string {
	if block < 0 {
		return name
	}
	return fmt.Sprintf("block.%d.%s", block, name)
}

// align is the number of elements that the offset of every slot is a multiple of.
const align = 16

// padded is n rounded up to a multiple of align.
func padded(n int) int { return (n + align - 1) / align * align }

// A slotList is a list of slots in the making.
type slotList struct {
	slots []Slot
	size  int // of the slab
}

func (l *slotList) add(of layer, block int, name, suffix string, role Role, rows, cols int) {
	l.slots = append(l.slots, Slot{Name: dotted(block, name+suffix), Layer: name, Block: block, Role: role, Rows: rows, Cols: cols,
		Offset: l.size, Stage: of.stage, Residual: of.residual && role == Matrix})
	l.size += padded(rows * cols)
}

// Slots lists the parameters of a network in the order of the slab.
func (c Config) Slots() []Slot { return c.slotList().slots }

func (c Config) slotList() (list slotList) {
	c.each(func(l layer, block int) {
		switch {
		case l.kind == table:
			list.add(l, block, l.name, ".w", Table, l.in.n, l.out.n)
		case l.kind == norm:
			list.add(l, block, l.name, ".w", Gain, 1, l.out.n)
		case !l.tied:
			list.add(l, block, l.name, ".w", Matrix, l.in.n, l.out.n)
		}
		if l.bias {
			list.add(l, block, l.name, ".b", Bias, 1, l.out.n)
		}
	})
	return list
}

// Slots lists the parameters of an adapter beside a network of configuration c, in the
// order of the slab. Gains and biases have the names that they have in the network, in
// whose place they stand.
func (a AdapterConfig) Slots(c Config) []Slot { return a.slotList(c).slots }

func (a AdapterConfig) slotList(c Config) (list slotList) {
	c.each(func(l layer, block int) {
		add := func(name, suffix string, role Role, rows, cols int) {
			list.add(l, block, name, suffix, role, rows, cols)
		}
		switch tokens := len(a.Tokens); {
		case l.kind == table && l.tokens && tokens > 0:
			add(l.name, ".rows", TokenRows, tokens, l.out.n)
		case l.kind == norm && a.Norms:
			add(l.name, ".w", Gain, 1, l.out.n)
		case l.kind == linear:
			for _, t := range l.linears(block) {
				if !a.Has(block, t.Target) {
					continue
				}
				name, r := string(t.Target), a.RankOf(t.Target)
				add(name, ".down", Down, t.In, r)
				add(name, ".up", Up, r, t.Out)
				if a.DoRA {
					add(name, ".magnitude", Magnitude, 1, t.Out)
				}
			}
			if l.tokens && tokens > 0 {
				add(l.name, ".rows", TokenRows, tokens, l.in.n)
			}
		}
		if l.bias && a.trainsBias(l, block) {
			add(l.name, ".b", Bias, 1, l.out.n)
		}
	})
	return list
}

// trainsBias says whether the bias of a layer of a block is trained.
func (a AdapterConfig) trainsBias(l layer, block int) bool {
	return a.Bias == BiasAll || l.kind == norm && a.Norms ||
		a.Bias == BiasAdapted && slices.ContainsFunc(l.linears(block), func(t Linear) bool { return a.Has(block, t.Target) })
}

// Linears lists the fully connected layers of every block, and the logits: the parts
// of a fused layer, then the layer itself.
func (c Config) Linears() (all []Linear) {
	c.each(func(l layer, block int) { all = append(all, l.linears(block)...) })
	return all
}

// linears are l's parts, then l itself; none if it is no fully connected layer.
func (l layer) linears(block int) (all []Linear) {
	if l.kind != linear {
		return nil
	}
	whole := Linear{Target: Target(l.name), Block: block, In: l.in.n, Out: l.out.n, Layer: Target(l.name), Weight: dotted(block, l.name+".w")}
	if l.tied {
		whole.Weight, whole.Transposed = "tok.w", true
	}
	from := 0
	for _, p := range l.parts {
		t := whole
		t.Target, t.Out, t.From = Target(p.name), p.out.n, from
		all, from = append(all, t), from+p.out.n
	}
	return append(all, whole)
}

// hasLinear says whether c has a fully connected layer of that name.
func (c Config) hasLinear(t Target) bool {
	_, inBlock, above := c.layers()
	return slices.ContainsFunc(slices.Concat(inBlock, above), func(l layer) bool {
		return slices.ContainsFunc(l.linears(0), func(f Linear) bool { return f.Target == t })
	})
}

// Linear is the fully connected layer of that name: of the block, or outside of the
// blocks, where block does not matter. It panics when there is none.
func (c Config) Linear(block int, t Target) Linear {
	_, inBlock, above := c.layers()
	named := func(layers []layer, block int) (found Linear, ok bool) {
		for _, l := range layers {
			for _, f := range l.linears(block) {
				if f.Target == t {
					return f, true
				}
			}
		}
		return Linear{}, false
	}
	if l, ok := named(inBlock, block); ok {
		return l
	}
	if l, ok := named(above, -1); ok {
		return l
	}
	panic(fmt.Sprintf("pedestrian.Config.Linear: unknown target %q", t))
}
