package engine

import (
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// tokenRows are the rows of single tokens that an adapter trains, one for each of ids,
// which are in ascending order. They replace the network's rows, which then have no
// effect:
//
//	w_tok[ids] := rows
//
// With tied logits they also replace columns of w_11 = w_tokᵗ; untied logits have other
// tokenRows for their columns. In mixed precision they stay float32, as all adapters do.
// The gradient of tokenRows is another tokenRows.
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

// find returns the index k of a token's row, and whether the token has one.
func (r *tokenRows[T]) find(id int32) (k int, ok bool) { return slices.BinarySearch(r.ids, id) }

// forward sets the logits of the tokens: their columns of y, which holds the logits of x.
// b is the bias of the logits, or nil.
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

// takeErrors moves the errors on the logits of the tokens from dy to scratch, and returns
// them. In dy, and in its bf16 copy rounded if there is one, they become zero, so that the
// products with the network's own rows do not use them.
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

// backward adds to dx the gradient with respect to the input, to grad that with respect
// to the rows, and to db that with respect to the biases of the tokens. With overwrite it
// sets grad. errors is the result of takeErrors, and x the input of forward. Whatever has
// no V, or is nil, is left out.
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
