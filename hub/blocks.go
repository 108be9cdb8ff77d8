package hub

import (
	"fmt"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gguf"
)

// quantized says how the parameters of of are kept with LoadOptions.Q8.
func (o LoadOptions) quantized(of func(s pedestrian.Slot) pedestrian.Storage) func(s pedestrian.Slot) pedestrian.Storage {
	if !o.Q8 {
		return of
	}
	return func(s pedestrian.Slot) pedestrian.Storage {
		if s.HasBlocks() && (s.Role == pedestrian.Matrix || s.Layer == tokLayer) {
			return pedestrian.Q8
		}
		return of(s)
	}
}

// Quantize is p with matrices and the table of tokens in [pedestrian.Q8], where their lines are
// whole blocks. Each block is rounded as ggml rounds it: to the largest magnitude divided by
// 127, in half precision, and whole numbers of it. What is in blocks stays as it is; the result
// is p if nothing is to be done. An error says which number does not fit.
func Quantize(p *pedestrian.Params[float32]) (*pedestrian.Params[float32], error) {
	of := LoadOptions{Q8: true}.quantized(func(s pedestrian.Slot) pedestrian.Storage { return p.Tensor(s.Name).Narrow.Storage })
	if !slices.ContainsFunc(p.Tensors(), func(t pedestrian.Tensor[float32]) bool { return of(t.Slot) != t.Narrow.Storage }) {
		return p, nil
	}
	q := pedestrian.NewFrozen[float32](p.Config, of)
	for i, to := range q.Tensors() {
		from := p.Tensors()[i]
		if to.Narrow.Storage != pedestrian.Q8 || from.Narrow.Storage == pedestrian.Q8 {
			copy(to.V, from.V)
			copy(to.Narrow.V, from.Narrow.V)
			copy(to.Narrow.Blocks, from.Narrow.Blocks)
			continue
		}
		w := viewOf(slot{Slot: to.Slot}, to)
		buf := make([]float32, rowsAtOnce*to.Cols)
		for row := 0; row < to.Rows; row += rowsAtOnce {
			part := buf[:min(rowsAtOnce, to.Rows-row)*to.Cols]
			from.Read(part, row*to.Cols)
			if err := w.putBlocks(row, part, to.Role == pedestrian.Table); err != nil {
				return nil, fmt.Errorf("%s: %w", to.Name, err)
			}
		}
	}
	return q, nil
}

// isBlocks says whether w is kept in blocks.
func (w view[T]) isBlocks() bool { return w.narrow.Narrow.Storage == pedestrian.Q8 }

// putBlocks rounds rows of a file to the blocks of w, from its row first on. byLine says that
// each row is a line of blocks; else it has a number of every line.
func (w view[T]) putBlocks(first int, rows []T, byLine bool) error {
	if byLine {
		length := w.cols
		if w.narrow.Role == pedestrian.Matrix {
			length = w.rows
		}
		for i := 0; i < len(rows); i += length {
			if err := w.putLine(first+i/length, 0, rows[i:][:length]); err != nil {
				return err
			}
		}
		return nil
	}
	line := make([]T, len(rows)/w.cols)
	for j := range w.cols {
		for i := range line {
			line[i] = rows[i*w.cols+j]
		}
		if err := w.putLine(j, first/pedestrian.BlockLen, line); err != nil {
			return err
		}
	}
	return nil
}

// putLine rounds numbers of a line of w, from block first on.
func (w view[T]) putLine(line, first int, src []T) error {
	buf, blocks := make([]float32, pedestrian.BlockLen), make([]byte, 0, pedestrian.BlockBytes)
	for ; len(src) > 0; src, first = src[pedestrian.BlockLen:], first+1 {
		for i := range buf {
			buf[i] = float32(src[i])
		}
		var err error
		if blocks, err = gguf.AppendBlock(blocks[:0], buf); err != nil {
			return err
		}
		w.narrow.SetBlocks(w.from+line, first, blocks)
	}
	return nil
}
