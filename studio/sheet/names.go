package sheet

import (
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// rowName and columnName name the rows and columns of a tensor: words where they are tokens or
// the vocabulary, else numbers from 1, as in the studio.
func (s *Sheet) rowName(n *studio.Node, i int) string {
	parameter := n.Kind == studio.Gradient || n.Kind == studio.Parameter
	switch {
	case parameter && (strings.HasSuffix(n.Symbol, "w_tok") || strings.HasSuffix(n.Symbol, "w_emb") && n.Rows == len(s.Model.Words)):
		return s.Model.Words[i]
	case n.Rows == 1:
		return ""
	case !parameter && n.Rows == len(s.Sequence().Tokens):
		return s.word(i)
	}
	return strconv.Itoa(i + 1)
}

func (s *Sheet) columnName(n *studio.Node, j int) string {
	parameter := n.Kind == studio.Gradient || n.Kind == studio.Parameter
	switch {
	case strings.Contains(n.Symbol, "ρ") || n.Kind == studio.Mask || strings.HasPrefix(n.Symbol, "Δ^"):
		return s.word(j)
	case vocabulary[n.ID]:
		return s.Model.Words[j]
	case n.Rows == 1 && !parameter && n.Cols == len(s.Sequence().Tokens):
		return s.word(j)
	}
	return strconv.Itoa(j + 1)
}

// row and column are the names of a map's.
func (s *Sheet) row(m textMap, i int) string {
	if m.rows != nil {
		return m.rows[i]
	}
	return s.rowName(m.node, i)
}

func (s *Sheet) column(m textMap, j int) string {
	if m.cols != nil {
		return m.cols[j]
	}
	return s.columnName(m.node, j)
}

// vocabulary are the tensors whose columns are the words of the vocabulary.
var vocabulary = map[string]bool{"tok.ohe": true, "a_12": true, "y_pred": true, "y_gt": true, "D_12": true, "D_logits": true, "logits.a_i": true}
