package gradcheck

import "slices"

// A Report is everything that [Run] found, and what package parity found about the engine.
type Report struct {
	Case    Case    `json:"case"`
	Seed    uint64  `json:"seed"`
	Step    Number  `json:"h,omitzero"`        // of the central differences
	Variant Variant `json:"variant,omitempty"` // a wrong reading was checked
	Float32 bool    `json:"float32,omitempty"` // the engine's float32 loss was differentiated
	BF16    bool    `json:"bf16,omitempty"`    // the engine at bf16 was compared with paper.Mixed; no differences
	Ties    int     `json:"ties,omitempty"`    // at bf16: operands so near the middle between two numbers that both are right
	Moved   int     `json:"moved"`             // biases b_6 moved until no ReLU was near its kink
	Near    int     `json:"near"`              // ReLU pre-activations still within 10 h of the kink
	Loss    Number  `json:"loss"`

	LossEngine64 *Comparison `json:"loss_engine64,omitempty"` // the loss itself
	LossEngine32 *Comparison `json:"loss_engine32,omitempty"`
	LossBF16     *Comparison `json:"loss_bf16,omitempty"`

	Parameters []Row      `json:"parameters"`           // table 3, from the bottom up
	Signals    []Row      `json:"signals,omitempty"`    // tables 1 and 2: the error signals; at bf16 all of table 2 that the engine has, in its order
	Identities []Identity `json:"identities,omitempty"` // R1…R30, X1…X13, Y1…Y18
	Errata     []Identity `json:"errata,omitempty"`     // S1 and S2: the paper's letter, shown to be wrong
	Mutants    []Mutant   `json:"mutants,omitempty"`

	Total   int  `json:"total"`   // parameters of the case that Only lets through
	Checked int  `json:"checked"` // of them, entrywise by central differences
	Refused int  `json:"refused"` // of them, refused because a nudge crosses a kink of ReLU
	Pass    bool `json:"pass"`

	Paper *Pass `json:"-"` // what was checked: loss and gradients at the point; nil at bf16
}

// A Row is one parameter or one error signal, compared in every way.
type Row struct {
	Name  string `json:"name"`            // in the paper's symbols: "w_q head 0", "Δ_7"
	Param string `json:"param,omitempty"` // dotted name of the parameter: "block.0.qkv.w"
	At    string `json:"at,omitempty"`    // place of the error signal: "seq.0.block.0"
	Shape string `json:"shape"`
	Eq    string `json:"eq"`
	How   string `json:"how"` // what was differentiated; theorems about the row

	Largest     Number      `json:"largest"`              // max |g| of the analytic gradient
	Differences Comparison  `json:"differences,omitzero"` // entry by entry
	Directions  Comparison  `json:"directions,omitzero"`  // along random directions
	Engine64    *Comparison `json:"engine64,omitempty"`   // parameters only
	Engine32    *Comparison `json:"engine32,omitempty"`   // parameters only
	BF16        *Comparison `json:"bf16,omitempty"`
	Unrounded   *Number     `json:"unrounded,omitempty"` // at bf16: how far off the reference is when it does not round
	Total       int         `json:"total"`               // numbers in the row
	Checked     int         `json:"checked"`             // compared entry by entry
	Refused     int         `json:"refused,omitempty"`   // at a kink
	Theorem     bool        `json:"theorem,omitempty"`   // the row, or part of it, is exactly zero and must be
	OK          bool        `json:"ok"`
	Diagnosis   string      `json:"diagnosis,omitempty"` // likely cause of a failure

	Cols   int `json:"-"` // columns of its matrix; 1xCols for a vector
	Tensor int `json:"-"` // of a parameter: the tensor that has its numbers, in the order of [Pass]

	piece    piece
	analytic []float64
	numeric  *numeric
	symbol   string // of an error signal, without the head or layer
	order    int    // when an error signal was recorded
}

// Comparisons lists those that the row has, named.
func (row *Row) Comparisons() []NamedComparison {
	if row.BF16 != nil {
		return []NamedComparison{{"bf16", *row.BF16}}
	}
	all := []NamedComparison{{"differences", row.Differences}, {"directions", row.Directions}}
	if row.Engine64 != nil {
		all = append(all, NamedComparison{"engine64", *row.Engine64})
	}
	if row.Engine32 != nil {
		all = append(all, NamedComparison{"engine32", *row.Engine32})
	}
	return all
}

// A NamedComparison says which comparison of a row it is.
type NamedComparison struct {
	Name string
	Comparison
}

// Suspects lists the rows that do not hold: error signals in the order in which
// the backward pass makes them, so that the first is where to look, then
// parameters from the bottom of table 3 up.
func (r *Report) Suspects() []Row {
	var all []Row
	for _, row := range r.Signals {
		if !row.OK {
			all = append(all, row)
		}
	}
	slices.SortStableFunc(all, func(a, b Row) int { return a.order - b.order })
	for _, row := range r.Parameters {
		if !row.OK {
			all = append(all, row)
		}
	}
	return all
}

// Failed lists the rows and identities that do not hold.
func (r *Report) Failed() (names []string) {
	for _, rows := range [][]Row{r.Parameters, r.Signals} {
		for _, row := range rows {
			if !row.OK {
				names = append(names, row.Name)
			}
		}
	}
	for _, i := range r.Identities {
		if i.Numeric() && !i.OK {
			names = append(names, i.ID)
		}
	}
	for _, c := range []*Comparison{r.LossEngine64, r.LossEngine32, r.LossBF16} {
		if c != nil && !c.OK {
			names = append(names, "loss")
		}
	}
	for _, e := range r.Errata {
		if !e.OK {
			names = append(names, e.ID)
		}
	}
	for _, m := range r.Mutants {
		if !m.Caught() {
			names = append(names, m.ID)
		}
	}
	return names
}
