package engine

import (
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// tokenRows are the rows of single tokens that an adapter trains, one for each of ids,
// which ascend. They stand in the place of the network's, which have no effect then:
//
//	w_tok[ids] := rows
//
// and, where the logits are tied, of w_11 = w_tokᵗ, or else of columns of their own. In
// mixed precision they are float32, as adapters are. The gradient is another of them.
type tokenRows[T Float] struct {
	Mat[T]
	ids []int32
}

func rowsOf[T Float](t pedestrian.Tensor[T], ids []int32) tokenRows[T] {
	if t.V == nil {
		return tokenRows[T]{}
	}
	return tokenRows[T]{view(t), ids}
}

// find is the row of a token, and whether it has one.
func (r *tokenRows[T]) find(id int32) (k int, ok bool) { return slices.BinarySearch(r.ids, id) }

// forward sets the columns of y, the logits of x, that belong to the tokens.
func (r *tokenRows[T]) forward(p *kernel.Pool, y, scratch, x Mat[T], b []T) {
	if r.V == nil {
		return
	}
	for from := 0; from < x.Rows; from += scratch.Rows {
		n := min(scratch.Rows, x.Rows-from)
		part := first(scratch, n)
		kernel.MulNT(p, part, x.Sub(from, from+n, 0, x.Cols), r.Mat, false)
		for t := range n {
			row := y.Row(from + t)
			for k, id := range r.ids {
				if row[id] = part.Row(t)[k]; b != nil {
					row[id] += b[id]
				}
			}
		}
	}
}

// takeErrors moves the errors on the logits of the tokens from dy to scratch, so that what
// is done with dy does not see them; rounded is dy as mixed precision has it.
func (r *tokenRows[T]) takeErrors(scratch, dy Mat[T], rounded kernel.MatBF16) Mat[T] {
	part := first(scratch, dy.Rows)
	for t := range dy.Rows {
		from, to := dy.Row(t), part.Row(t)
		for k, id := range r.ids {
			to[k], from[id] = from[id], 0
			if rounded.V != nil {
				rounded.Row(t)[id] = 0
			}
		}
	}
	return part
}

// backward adds to dx what the tokens hand down of their errors, and to the gradients of
// rows and biases what is theirs; it sets those of rows if overwrite is true.
func (r *tokenRows[T]) backward(p *kernel.Pool, dx Mat[T], grad *tokenRows[T], db []T, errors, x Mat[T], overwrite bool) {
	if dx.V != nil {
		kernel.MulNN(p, dx, errors, r.Mat, nil, true)
	}
	if grad.V != nil {
		kernel.MulTN(p, grad.Mat, errors, x, !overwrite)
	}
	if db != nil {
		for t := range errors.Rows {
			for k, id := range r.ids {
				db[id] += errors.Row(t)[k]
			}
		}
	}
}
