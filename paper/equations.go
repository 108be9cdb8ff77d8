package paper

import (
	"slices"
	"strings"
)

// Status says how an equation lives in the code.
type Status string

const (
	Implemented  Status = "implemented"  // a function computes it and records its left-hand side
	Demonstrated Status = "demonstrated" // a test shows that it holds; nothing needs to compute it
	Notation     Status = "notation"     // it defines a word or a picture; Why says what became of it
)

// An Equation is an entry of the registry: what the paper says, where it is done,
// how it is checked and where it is derived. Tables, docs and the command line are
// made from it.
//
// ASCII is in the notation of the expression language: a' is a transpose, @ a
// matrix product, * a Hadamard product or a multiple, ~v a broadcast, rowdot(a, b)
// is a ⊖ b; a_prev and D_prev stand for a_{i-1} and Δ_{i-1}, a and D for a_i and Δ_i.
type Equation struct {
	Number     string   `json:"number"` // in the paper, such as "31.a"; a short name where the paper has none; "L3" of the Llama family
	Title      string   `json:"title"`
	ASCII      string   `json:"ascii"`
	Expr       []string `json:"expr,omitempty"`  // lines of the language
	Prose      string   `json:"prose,omitempty"` // why there are none
	TeX        string   `json:"tex"`
	Shapes     string   `json:"shapes"`               // of the left-hand side, in the paper's letters
	Func       string   `json:"func,omitempty"`       // that computes it, such as "paper.LayerNorm"
	Check      string   `json:"check"`                // test of this package that holds it against something else
	Identities []string `json:"identities,omitempty"` // of package gradcheck that it takes part in
	Derivation string   `json:"derivation"`           // page and anchor under docs
	Status     Status   `json:"status"`
	Why        string   `json:"why,omitempty"`    // the reason for Notation
	Errata     []string `json:"errata,omitempty"` // entries of docs/errata.md
}

// Equations is the registry: every equation (1) to (55.b) of the paper in its
// order, and after the section they stand in the boxes and tables that it gives no
// number; then (L1) to (L25), of the Llama family.
var Equations = slices.Concat(lossEquations, embeddingEquations, headEquations, headBackwardEquations,
	headBoxes, multiHeadEquations, layerNormEquations, loraEquations, networkEquations, appendixEquations, llamaEquations)

// FindEquation returns the entry of a number or a short name, in upper or lower case.
func FindEquation(number string) (e Equation, ok bool) {
	for _, e := range Equations {
		if strings.EqualFold(e.Number, number) {
			return e, true
		}
	}
	return Equation{}, false
}
