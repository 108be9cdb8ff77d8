package engine

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// Float is the precision of an engine: float32 to train, float64 to check.
type Float = pedestrian.Float

// A Mat is a view of a row-major matrix; rows are tokens, or input features of a
// weight. A Mat without V stands for "not there": not wanted, or frozen.
type Mat[T Float] = kernel.Mat[T]

// NewMat allocates a zero matrix.
func NewMat[T Float](rows, cols int) Mat[T] { return kernel.NewMat[T](rows, cols) }

// view is the matrix of a parameter that is wide; without V when there is no such parameter.
func view[T Float](t pedestrian.Tensor[T]) Mat[T] {
	return Mat[T]{Rows: t.Rows, Cols: t.Cols, Stride: t.Cols, V: t.V}
}

// weight is the matrix of a parameter; it is not On when there is no such parameter.
func weight[T Float](t pedestrian.Tensor[T]) kernel.Weight[T] {
	narrow := kernel.Narrow{V: t.Narrow.V, F16: t.Narrow.Storage == pedestrian.F16}
	if t.Narrow.Storage == pedestrian.Q8 {
		narrow.Blocks = kernel.Blocks{V: t.Narrow.Blocks, Length: t.Rows}
		if t.Role == pedestrian.Table {
			narrow.Blocks.Length, narrow.Blocks.Rows = t.Cols, true
		}
	}
	return kernel.Weight[T]{Mat: view(t), Narrow: narrow}
}

// first is the view of the first rows of m.
func first[T Float](m Mat[T], rows int) Mat[T] { return m.Sub(0, rows, 0, m.Cols) }

// some is first, or nothing where m has no V.
func some[T Float](m Mat[T], rows int) Mat[T] {
	if m.V == nil {
		return m
	}
	return first(m, rows)
}

// mustShape panics unless m is rows×cols.
func mustShape[T Float](fn, name string, m Mat[T], rows, cols int) {
	if m.Rows != rows || m.Cols != cols {
		panic(fmt.Sprintf("engine.%s: %s is %d×%d, not %d×%d", fn, name, m.Rows, m.Cols, rows, cols))
	}
}

// copyRows is the task of copying a matrix.
type copyRows[T Float] struct{ dst, src Mat[T] }

func (c *copyRows[T]) run(p *kernel.Pool, dst, src Mat[T]) {
	c.dst, c.src = dst, src
	p.Run(rowParts(src.Rows), c)
}

func (c *copyRows[T]) Do(_ *kernel.Pool, part int) {
	from, to := rowRange(part, c.src.Rows)
	for t := from; t < to; t++ {
		copy(c.dst.Row(t), c.src.Row(t))
	}
}

// clearRows is the task of setting a matrix to zero.
type clearRows[T Float] struct{ m Mat[T] }

func (c *clearRows[T]) run(p *kernel.Pool, m Mat[T]) {
	c.m = m
	p.Run(rowParts(m.Rows), c)
}

func (c *clearRows[T]) Do(_ *kernel.Pool, part int) {
	from, to := rowRange(part, c.m.Rows)
	for t := from; t < to; t++ {
		clear(c.m.Row(t))
	}
}

// rowsPerPart is the number of tokens in one part of a task over rows. It is the
// same for any number of threads, so that sums over the parts are, too.
const rowsPerPart = 32

// rowParts is the number of parts that cover rows.
func rowParts(rows int) int { return (rows + rowsPerPart - 1) / rowsPerPart }

// rowRange is the range of rows of one part.
func rowRange(part, rows int) (from, to int) {
	return part * rowsPerPart, min((part+1)*rowsPerPart, rows)
}

// colsPerPart is the number of features in one part of a task over columns.
const colsPerPart = 64

func colParts(cols int) int { return (cols + colsPerPart - 1) / colsPerPart }

func colRange(part, cols int) (from, to int) {
	return part * colsPerPart, min((part+1)*colsPerPart, cols)
}
