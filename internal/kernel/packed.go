package kernel

import "fmt"

// A PackedBF16 is a matrix w, rounded to bf16 and stored for the products a w (MulPacked)
// and a wᵗ (MulPackedT). Its layout depends on the path that was in use when it was made;
// products with it use that path.
type PackedBF16 struct {
	rows, cols int
	path       Path
	rounded    MatBF16 // w on paths without tiles
	nn, nt     []BF16  // tiles for a w and for a wᵗ
}

// NewPackedBF16 allocates a matrix of rows × cols: for products with it if nn, with its
// transpose if nt.
func NewPackedBF16(rows, cols int, nn, nt bool) *PackedBF16 {
	w := &PackedBF16{rows: rows, cols: cols, path: current}
	if !hasTiles(current) {
		w.rounded = NewMatBF16(rows, cols)
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

// tiledSize is the number of elements of a matrix in whole tiles.
func tiledSize(rows, cols int) int { return ceil(rows, tilePanel) * ceil(cols, tilePanel) * tilePair }

// PackedBF16Bytes is the number of bytes that NewPackedBF16 allocates on the path in use.
func PackedBF16Bytes(rows, cols int, nn, nt bool) int {
	if !hasTiles(current) {
		return 2 * rows * oddStride(cols)
	}
	bytes := 0
	for _, wanted := range []bool{nn, nt} {
		if wanted {
			bytes += 2 * tiledSize(rows, cols)
		}
	}
	return bytes
}

// mustBePackedFor panics if w was not made for the product that needs tiles.
func (w *PackedBF16) mustBePackedFor(fn string, tiles []BF16) {
	if tiles == nil && w.rounded.V == nil && w.rows*w.cols > 0 {
		panic(fmt.Sprintf("kernel.%s: a packed %d×%d matrix that was not made for it", fn, w.rows, w.cols))
	}
}

// Bytes is the size of w in bytes.
func (w *PackedBF16) Bytes() int { return 2 * (len(w.rounded.V) + len(w.nn) + len(w.nt)) }

// PackedRows is the number of rows that are packed at once.
const PackedRows = tilePanel

// PackRows packs rows [from, to) of m, which has the shape of w. from must be a multiple of
// PackedRows; to, too, unless it is the number of rows. Calls for different rows may run at
// the same time. p is a pool of one thread with scratch memory, or nil.
func (w *PackedBF16) PackRows(p *Pool, m Weight[float32], from, to int) {
	if m.Rows != w.rows || m.Cols != w.cols {
		panic(fmt.Sprintf("kernel.PackedBF16.PackRows: %d×%d into %d×%d", m.Rows, m.Cols, w.rows, w.cols))
	}
	if from%tilePanel != 0 || to%tilePanel != 0 && to != w.rows || from < 0 || to > w.rows {
		panic(fmt.Sprintf("kernel.PackedBF16.PackRows: rows %d to %d of %d are not in blocks of %d", from, to, w.rows, tilePanel))
	}
	if w.cols == 0 {
		return
	}
	if p == nil {
		p = spares.Get().(*Pool)
		defer spares.Put(p)
	}
	if w.rounded.V != nil {
		w.roundRows(p, w.rounded.V[from*w.rounded.Stride:], w.rounded.Stride, m, from, to)
		return
	}
	for ; from < to; from += tilePanel {
		w.packPanel(p, m, from, min(from+tilePanel, to))
	}
}

// roundRows rounds rows [from, to) of m to dst, stride numbers apart.
func (w *PackedBF16) roundRows(p *Pool, dst []BF16, stride int, m Weight[float32], from, to int) {
	for i := from; i < to; i++ {
		RoundBF16(dst[(i-from)*stride:][:w.cols], m.Part(p, i, 0, w.cols))
	}
}

// Pack packs all of m, which has the shape of w.
func (w *PackedBF16) Pack(p *Pool, m Weight[float32]) {
	if p == nil {
		w.PackRows(nil, m, 0, w.rows)
		return
	}
	p.packing = packing{w, m}
	p.Run(ceil(w.rows, tilePanel), &p.packing)
	p.packing = packing{}
}

// packing is the Task of Pack.
type packing struct {
	w *PackedBF16
	m Weight[float32]
}

func (t *packing) Do(w *Pool, part int) {
	t.w.PackRows(w, t.m, part*tilePanel, min((part+1)*tilePanel, t.w.rows))
}

// A panel is 32 rows of a or 32 columns of b; 32 terms of
// a panel are a pair of tiles. The pairs of a panel in one block of terms are stored one after
// the other; then the next panel follows, and after all panels the next block.
const (
	tilePanel = 32   // rows or columns of a panel, and terms of a pair
	tilePair  = 1024 // numbers in a pair
	tileBlock = 24   // largest number of pairs of a panel in a block
)

// blockPairs is the number of pairs in a block; the blocks are of nearly equal length.
func blockPairs(pairs int) int { return ceil(pairs, ceil(pairs, tileBlock)) }

// tileAt is the offset of pair k of a panel, in a matrix of panels panels with pairs pairs
// each.
func tileAt(panel, panels, k, pairs int) int {
	block := blockPairs(pairs)
	first := k / block * block
	return (first*panels + panel*min(block, pairs-first) + k - first) * tilePair
}
