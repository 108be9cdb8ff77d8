package kernel

import "fmt"

// A PackedBF16 is a matrix w rounded to bf16 and laid out for products from the
// right: a w, by MulPacked, and a wᵗ, by MulPackedT. How it lies depends on the
// path that was in use when it was made, and products with it take that path.
type PackedBF16 struct {
	rows, cols int
	path       Path
	flat       MatBF16 // without tiles
	nn, nt     []BF16  // tiles for a w and for a wᵗ
}

// NewPackedBF16 makes room for a matrix of rows × cols, for products with it, with
// its transpose, or both.
func NewPackedBF16(rows, cols int, nn, nt bool) *PackedBF16 {
	w := &PackedBF16{rows: rows, cols: cols, path: current}
	if !tiled(current) {
		w.flat = NewMatBF16(rows, cols)
		return w
	}
	size := tiledSize(rows, cols)
	if nn {
		w.nn = alignedBF16(size)
	}
	if nt {
		w.nt = alignedBF16(size)
	}
	return w
}

// tiledSize is how many numbers a matrix has in whole tiles.
func tiledSize(rows, cols int) int { return ceil(rows, tilePanel) * ceil(cols, tilePanel) * tilePair }

// PackedBF16Bytes is the memory that NewPackedBF16 takes on the path in use.
func PackedBF16Bytes(rows, cols int, nn, nt bool) int {
	if !tiled(current) {
		return 2 * rows * oddLines(cols)
	}
	bytes := 0
	for _, wanted := range []bool{nn, nt} {
		if wanted {
			bytes += 2 * tiledSize(rows, cols)
		}
	}
	return bytes
}

// mustHave panics unless w was made for a product.
func (w *PackedBF16) mustHave(fn string, tiles []BF16) {
	if tiles == nil && w.flat.V == nil && w.rows*w.cols > 0 {
		panic(fmt.Sprintf("kernel.%s: a packed %d×%d matrix that was not made for it", fn, w.rows, w.cols))
	}
}

// Bytes is the memory that w takes.
func (w *PackedBF16) Bytes() int { return 2 * (len(w.flat.V) + len(w.nn) + len(w.nt)) }

// PackedRows is the number of rows that are packed at once.
const PackedRows = tilePanel

// PackRows takes rows [from, to) from m, which is of the size of w. from must be a
// multiple of PackedRows, and to as well unless it is the last row. Calls for different
// rows may run at the same time; p is a pool of one thread, for scratch.
func (w *PackedBF16) PackRows(p *Pool, m Mat[float32], from, to int) {
	if m.Rows != w.rows || m.Cols != w.cols {
		panic(fmt.Sprintf("kernel.PackedBF16.PackRows: %d×%d into %d×%d", m.Rows, m.Cols, w.rows, w.cols))
	}
	if from%tilePanel != 0 || to%tilePanel != 0 && to != w.rows || from < 0 || to > w.rows {
		panic(fmt.Sprintf("kernel.PackedBF16.PackRows: rows %d to %d of %d are not in blocks of %d", from, to, w.rows, tilePanel))
	}
	if w.cols == 0 {
		return
	}
	if w.flat.V != nil {
		for i := from; i < to; i++ {
			RoundBF16(w.flat.Row(i), m.Row(i))
		}
		return
	}
	if p == nil {
		p = spare.Get().(*Pool)
		defer spare.Put(p)
	}
	for ; from < to; from += tilePanel {
		w.packPanel(p, m, from, min(from+tilePanel, to))
	}
}

// Pack takes all of m.
func (w *PackedBF16) Pack(p *Pool, m Mat[float32]) {
	if p == nil {
		w.PackRows(nil, m, 0, w.rows)
		return
	}
	p.packing = packing{w, m}
	p.Run(ceil(w.rows, tilePanel), &p.packing)
	p.packing = packing{}
}

// packing is the task of Pack.
type packing struct {
	w *PackedBF16
	m Mat[float32]
}

func (t *packing) Do(w *Pool, part int) {
	t.w.PackRows(w, t.m, part*tilePanel, min((part+1)*tilePanel, t.w.rows))
}

// Tiles come in pairs, in panels of 32 rows of a or 32 columns of b: 32 terms of
// a panel make a pair. The pairs of a panel in one block of terms lie one after
// the other; then comes the next panel, and after all panels the next block.
const (
	tilePanel = 32   // rows or columns of a panel, and terms of a pair
	tilePair  = 1024 // numbers in a pair
	tileBlock = 24   // the most pairs of a panel in a block
)

// blockPairs is the length of a block: as even as the number of pairs allows.
func blockPairs(pairs int) int { return ceil(pairs, ceil(pairs, tileBlock)) }

// tileAt is where the pairs of a panel begin, from pair k on, in a matrix with
// some panels of pairs pairs each.
func tileAt(panel, panels, k, pairs int) int {
	block := blockPairs(pairs)
	first := k / block * block
	return (first*panels + panel*min(block, pairs-first) + k - first) * tilePair
}
