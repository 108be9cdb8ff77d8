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
	c := p.Config
	c.Tied = c.Tied && a.Logits.Down.V == nil
	q := pedestrian.NewParams[T](c)
	for _, t := range p.Tensors() {
		t.Read(q.Tensor(t.Name).V, 0)
	}
	if p.Config.Tied && !c.Tied {
		for i := range c.Vocab {
			for j := range c.Width {
				q.Logits.W.V[j*c.Vocab+i] = q.Tok.V[i*c.Width+j]
			}
		}
	}
	for _, t := range a.Tensors() { // norms and biases; q has no tensor of a factor's name
		copy(q.Tensor(t.Name).V, t.V)
	}
	for k, id := range a.Config.Tokens {
		row := a.TokRows.V[k*c.Width:][:c.Width]
		copy(q.Tok.V[int(id)*c.Width:], row)
		if a.LogitsRows.V == nil {
			continue
		}
		for j, v := range a.LogitsRows.V[k*c.Width:][:c.Width] {
			q.Logits.W.V[j*c.Vocab+int(id)] = v
		}
	}
	for _, l := range c.Linears() {
		mergeLayer(q.Tensor(l.Weight), l.From, a.LoRA(l.Block, l.Target))
	}
	return q
}

// mergeLayer merges the adapter l into the columns of w that begin at from.
func mergeLayer[T Float](w pedestrian.Tensor[T], from int, l *pedestrian.LoRA[T]) {
	if l.Down.V == nil {
		return
	}
	out, r := l.Up.Cols, l.Down.Cols
	row, squares := make([]float64, out), make([]float64, out)
	sum := func(i int) []T { // sets row to row i of w + α d u, and returns that row of w
		to := w.V[i*w.Cols+from:][:out]
		clear(row)
		for k := range r {
			d := float64(l.Down.V[i*r+k])
			for j, u := range l.Up.V[k*out:][:out] {
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
				x *= float64(l.Magnitude.V[j]) / n
			}
			to[j] = T(x)
		}
	}
}
