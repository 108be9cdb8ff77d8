package engine

import (
	"math"

	"github.com/pedestrian-ml/pedestrian"
)

// Merge returns parameters that compute without an adapter what p computes with a. The
// weight of a layer with factors becomes w + α d u, or with DoRA m (w + α d u)/‖w + α d u‖,
// column by column. Biases, layer norms and rows of tokens that a trains replace those of
// p. Merge changes neither p nor a, and p may be frozen ([pedestrian.NewFrozen]); the result
// is not. It adds in float64 and rounds once. It panics when a was made for another
// configuration.
//
// An adapter of tied logits cannot be merged into the token embedding, because the
// network also reads the embedding as its input. The result then has a logits matrix of
// its own, and its Config.Tied is false.
func Merge[T Float](p *pedestrian.Params[T], a *pedestrian.Adapter[T]) *pedestrian.Params[T] {
	if a.Base != p.Config {
		panic("engine.Merge: an adapter beside a network of another configuration")
	}
	m := newMerger(p, a)
	c := p.Config
	c.Tied = m.tied()
	q := pedestrian.NewParams[T](c)
	for _, t := range q.Tensors() {
		switch {
		case t.Layer == "tok":
			m.rows(view(t), 0)
		case t.Layer == "logits" && t.Role == pedestrian.Matrix:
			m.columns(view(t), 0)
		default:
			m.tensor(t)
		}
	}
	return q
}

// A merger computes the parameters of Merge, one by one or in parts.
type merger[T Float] struct {
	p       *pedestrian.Params[T]
	a       *pedestrian.Adapter[T]
	linears []pedestrian.Linear
}

func newMerger[T Float](p *pedestrian.Params[T], a *pedestrian.Adapter[T]) merger[T] {
	return merger[T]{p, a, p.Config.Linears()}
}

// tied says whether the merged logits are tied to the embedding.
func (m merger[T]) tied() bool { return m.p.Config.Tied && m.a.Logits.Down.V == nil }

// rows sets dst to rows of the token embedding, the first of them that of token from.
func (m merger[T]) rows(dst Mat[T], from int) {
	for i := range dst.Rows {
		m.p.Tok.Read(dst.Row(i), (from+i)*dst.Cols)
	}
	for k, id := range m.a.Config.Tokens {
		if i := int(id) - from; i >= 0 && i < dst.Rows {
			copy(dst.Row(i), m.a.TokRows.V[k*dst.Cols:])
		}
	}
}

// columns sets dst to columns of the logits' matrix, input×output, the first of them that of
// token from.
func (m merger[T]) columns(dst Mat[T], from int) {
	put := func(j int, row []T) {
		for i, v := range row {
			dst.V[i*dst.Stride+j] = v
		}
	}
	if row := make([]T, dst.Rows); m.p.Config.Tied {
		for j := range dst.Cols {
			m.p.Tok.Read(row, (from+j)*dst.Rows)
			put(j, row)
		}
	} else {
		for i := range dst.Rows {
			m.p.Logits.W.Read(dst.Row(i), i*m.p.Config.Vocab+from)
		}
	}
	if rows := m.a.LogitsRows; rows.V != nil {
		for k, id := range m.a.Config.Tokens {
			if j := int(id) - from; j >= 0 && j < dst.Cols {
				put(j, rows.V[k*dst.Rows:][:dst.Rows])
			}
		}
	}
	mergeLayer(dst, &m.a.Logits, from)
}

// tensor sets dst to another parameter, that of its name.
func (m merger[T]) tensor(dst pedestrian.Tensor[T]) {
	m.p.Tensor(dst.Name).Read(dst.V, 0)
	copy(dst.V, m.a.Tensor(dst.Name).V) // norms and biases; factors have other names
	for _, l := range m.linears {
		if l.Weight == dst.Name {
			mergeLayer(view(dst).Sub(0, dst.Rows, l.From, l.From+l.Out), m.a.LoRA(l.Block, l.Target), 0)
		}
	}
}

// mergeLayer merges the adapter l of a layer into w, columns of its weight: those of the
// outputs from … from+w.Cols.
func mergeLayer[T Float](w Mat[T], l *pedestrian.LoRA[T], from int) {
	if l.Down.V == nil {
		return
	}
	out, r := l.Up.Cols, l.Down.Cols
	row, squares := make([]float64, w.Cols), make([]float64, w.Cols)
	sum := func(i int) []T { // sets row to row i of w + α d u, and returns that row of w
		to := w.Row(i)
		clear(row)
		for k := range r {
			d := float64(l.Down.V[i*r+k])
			for j, u := range l.Up.V[k*out+from:][:w.Cols] {
				row[j] += d * float64(u)
			}
		}
		for j, x := range to {
			row[j] = float64(x) + l.Multiplier*row[j]
		}
		return to
	}
	if l.Magnitude.V != nil {
		for i := range w.Rows {
			sum(i)
			for j, x := range row {
				squares[j] += x * x
			}
		}
	}
	for i := range w.Rows {
		to := sum(i)
		for j, x := range row {
			if n := math.Sqrt(squares[j]); n > 0 {
				x *= float64(l.Magnitude.V[from+j]) / n
			}
			to[j] = T(x)
		}
	}
}
