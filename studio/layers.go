package studio

import (
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// Layers is the gradient of a parameter as a sum over tokens. That of a matrix is a sum of
// matrices of rank one: what the token read, times the error that came back for it. Behind the
// header stand the layers, one after the other, each of Rows×Cols numbers.
type Layers struct {
	ID     string     `json:"id"`
	Rows   int        `json:"rows"`
	Cols   int        `json:"cols"`
	Tokens int        `json:"tokens"`
	Norms  []*float64 `json:"norms"` // of each layer
	Max    *float64   `json:"max"`   // largest entry of all layers, and of their sum, without its sign
	Left   string     `json:"left"`  // what the rows are made of, typeset; "" of a vector
	Right  string     `json:"right"` // what the columns are made of, typeset

	Numbers []float64 `json:"-"` // Tokens × Rows × Cols
}

// Layers takes the gradient of a row of table 3 apart. Of another tensor it is an error.
func (s *Session) Layers(id string) (l Layers, err error) {
	n := s.node(id)
	if n == nil {
		return l, fmt.Errorf("there is no tensor %q in this network", clip(id))
	}
	if n.Kind != Gradient {
		return l, fmt.Errorf("%s is not the gradient of a parameter", id)
	}
	at := id[:strings.LastIndexByte(id, '.')+1]
	left, right, leftTeX, rightTeX, ok := s.factors(at, id[len(at):])
	if !ok {
		return l, fmt.Errorf("%s is not a row of table 3", id)
	}
	tokens := right.N
	if tokens*len(s.value(id).V) > maxNumbers {
		return l, fmt.Errorf("%s has %d numbers for each of %d tokens: more than %d are not sent", id, len(s.value(id).V), tokens, maxNumbers)
	}
	l = Layers{ID: id, Rows: n.Rows, Cols: n.Cols, Tokens: tokens}
	if leftTeX != "" {
		l.Left, _ = mathML(leftTeX) // TestLayers
	}
	l.Right, _ = mathML(rightTeX)
	_, most := size(s.value(id))
	for t := range tokens {
		layer := paper.Zeros(n.Rows, n.Cols)
		for i := range n.Rows {
			for j := range n.Cols {
				x := right.At(t, j)
				switch {
				case left.V == nil: // a bias
				case left.D == n.Rows: // a matrix; a gain has one row, and more columns of its factor
					x *= left.At(t, i)
				default:
					x *= left.At(t, j)
				}
				layer.V[i*n.Cols+j] = x
			}
		}
		norm, top := size(layer)
		most = max(most, top)
		l.Norms = append(l.Norms, finite(norm))
		l.Numbers = append(l.Numbers, layer.V...)
	}
	l.Max = finite(most)
	return l, nil
}

// factors are, for each token, what stands at the two sides of a gradient of table 3: of a
// matrix n_T×rows and n_T×cols, of a gain twice n_T×cols, of a bias nothing and n_T×cols.
func (s *Session) factors(at, name string) (left, right paper.Mat, leftTeX, rightTeX string, ok bool) {
	get := func(id string) paper.Mat { return s.value(at + id) }
	switch name {
	case "dw_tok":
		if s.Model.Config.Tied {
			return left, right, "", "", false // two sums, one of them turned
		}
		return s.value("tok.ohe"), s.value("b0.D_1"), `\mathrm{ohe}(a_0)`, `\Delta_1`, true
	case "dw_pos":
		return s.value("pos.ohe"), s.value("b0.D_1"), `\mathrm{ohe}(1{:}n)`, `\Delta_1`, true
	case "dw_1":
		return get("ln1.abar_prev"), get("D_2"), `\bar a_1`, `\Delta_2`, true
	case "dw_5":
		return get("ln2.abar_prev"), get("D_6"), `\bar a_5`, `\Delta_6`, true
	case "dw_10":
		return get("lnFinal.abar_prev"), get("D_11"), `\bar a_{10}`, `\Delta_{11}`, true
	case "db_1":
		return left, get("D_2"), "", `\Delta_2`, true
	case "db_3":
		return left, get("D_4"), "", `\Delta_5`, true
	case "db_5":
		return left, get("D_6"), "", `\Delta_6`, true
	case "db_6":
		return left, get("D_7"), "", `\Delta_7`, true
	case "db_8":
		return left, get("D_9"), "", `\Delta_{10}`, true
	case "db_10":
		return left, get("D_11"), "", `\Delta_{11}`, true
	case "db_11":
		return left, get("D_12"), "", `\Delta_{12}`, true
	case "dw_3":
		return get("a_3"), get("D_4"), `a_3`, `\Delta_5`, true
	case "dw_6":
		return get("a_6"), get("D_7"), `a_6`, `\Delta_7`, true
	case "dw_8":
		return get("a_8"), get("D_9"), `a_8`, `\Delta_{10}`, true
	case "dw_11":
		return get("a_11"), get("D_12"), `a_{11}`, `\Delta_{12}`, true
	case "dd_11":
		alpha := s.adapter.Config.MultiplierOf("logits")
		return get("a_11").Scale(alpha), get("D_12").Mul(s.value("u_11").T()), `\alpha\,a_{11}`, `\Delta_{12}\,\mathbf{u}_{11}^t`, true
	case "du_11":
		alpha := s.adapter.Config.MultiplierOf("logits")
		return get("a_11").Mul(s.value("d_11")).Scale(alpha), get("D_12"), `\alpha\,a_{11}\,\mathbf{d}_{11}`, `\Delta_{12}`, true
	case "dw_q":
		return get("a_prev_to_q"), get("D_raw").Mul(get("k")), `a_2`, `\Delta_{\mathrm{raw}}\,k`, true
	case "db_q":
		return left, get("D_raw").Mul(get("k")), "", `\Delta_{\mathrm{raw}}\,k`, true
	case "dw_k":
		return get("D_raw").Mul(get("a_prev_to_k")), get("q"), `\Delta_{\mathrm{raw}}\,a_2`, `q`, true
	case "db_k":
		return left, get("D_raw").T().Mul(get("q")), "", `\Delta_{\mathrm{raw}}^t\,q`, true
	case "dw_v":
		return get("rho").Mul(get("a_prev_to_v")), get("D_i_h"), `\rho\,a_2`, `\Delta_3^h`, true
	case "db_v":
		return left, get("D_i_h"), "", `\Delta_3^h`, true
	}
	return left, right, "", "", false
}
