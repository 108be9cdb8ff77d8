package paper

import "github.com/pedestrian-ml/pedestrian"

// Rows of single tokens that an adapter trains stand in the place of the rows of w_tok,
// and where the logits are tied, of the columns of w_11 as well; else w_11 has columns
// in its place:
//
//	w_tok[id_k] := rows_k,   ∂L/∂rows_k = (∂L/∂w_tok)[id_k]
//
// What they stand for has no effect, and no gradient.

// withRows is w with those rows, a copy; w itself where there are none.
func withRows(w Mat, ids []int32, rows pedestrian.Tensor[float64]) Mat {
	if rows.V == nil {
		return w
	}
	w = each(w.N, w.D, w.At)
	for k, id := range ids {
		copy(w.Row(int(id)), rows.V[k*rows.Cols:][:rows.Cols])
	}
	return w
}

// withoutRows is w, a gradient, without those rows, which are added to those of the
// adapter.
func withoutRows(w Mat, ids []int32, rows pedestrian.Tensor[float64]) Mat {
	if rows.V == nil {
		return w
	}
	w = each(w.N, w.D, w.At)
	for k, id := range ids {
		for j, g := range w.Row(int(id)) {
			rows.V[k*rows.Cols+j] += g
		}
		clear(w.Row(int(id)))
	}
	return w
}

// split divides a layer in two: one without the columns of the tokens, and a matrix
// of those columns alone. In mixed precision the first is rounded, and the second, which
// is the adapter's, is not.
func (p Layer) split() (rest Layer, own Mat) {
	rest, own = p, Zeros(p.W.N, p.W.D)
	rest.own = nil
	rest.W = each(p.W.N, p.W.D, p.W.At)
	for i := range own.N {
		for _, id := range p.own {
			own.Row(i)[id], rest.W.Row(i)[id] = p.W.At(i, int(id)), 0
		}
	}
	return rest, own
}

// columns puts the columns of the tokens of m in the place of those of w.
func columns(w, m Mat, ids []int32) Mat {
	w = each(w.N, w.D, w.At)
	for i := range w.N {
		for _, id := range ids {
			w.Row(i)[id] = m.At(i, int(id))
		}
	}
	return w
}
