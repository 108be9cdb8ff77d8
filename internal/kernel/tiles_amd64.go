package kernel

import "unsafe"

// A tileProduct is the part of a productBF16 for tiles. The Task first packs operands that
// all parts need, and then computes parts of c.
type tileProduct struct {
	pairs   int              // number of pairs of tiles: terms / 32, rounded up
	block   int              // number of pairs that are summed before they are added to c
	panels  size             // of c
	configs [2][2]tileConfig // by rows and columns: of a whole panel, of the last one
	left    MatBF16          // a, or a copy of it or of aᵗ, in whole pairs
	right   []BF16           // b in tiles; nil: each part packs the columns that it needs
	part    size             // of c, in panels
	packing bool             // the phase
	copies  int              // number of parts of the packing phase that fill left
}

// A tileConfig is the value of the register with the sizes of the tiles.
type tileConfig [64]byte

// newTileConfig is for rows × cols of c, both in 1…32.
func newTileConfig(rows, cols int) (c tileConfig) {
	c[0] = 1
	tile := func(t, rows, bytes int) {
		if rows > 0 && bytes > 0 {
			c[48+t], c[16+2*t] = byte(rows), byte(bytes)
		}
	}
	r, n := [2]int{min(rows, 16), max(rows-16, 0)}, [2]int{min(cols, 16), max(cols-16, 0)}
	for i := range 2 {
		tile(2*i, r[i], 4*n[0])
		tile(2*i+1, r[i], 4*n[1])
		tile(4+i, r[i], 64)
		tile(6+i, 16, 4*n[i])
	}
	return c
}

func at16(v []BF16, i int) *uint16 {
	return (*uint16)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(v)), 2*i))
}

// bf16s is floats for elements of BF16.
func bf16s(buf *[]byte, n int) []BF16 {
	f := floats[float32](buf, (n+1)/2)
	return unsafe.Slice((*BF16)(unsafe.Pointer(unsafe.SliceData(f))), n)
}

const (
	tilePartMin = 4 << 20 // smallest number of multiplications in a part
	tileRows    = 8       // panels of the largest part: its columns of b, for one block of terms,
	tileCols    = 16      // stay in the second-level cache
	smallTiles  = 256     // largest number of pairs of a small b: half of the second-level cache
)

// tiles computes t. If a must be transposed, it computes some rows of c at a time; so the
// gradient of a large vocabulary needs no copy of the whole dy.
func (t *productBF16) tiles(p *Pool) {
	whole, m := *t, t.c.Rows
	rows := m
	if t.form == formTN {
		rows = roundUp(ceil(m, ceil(m*t.k, transposeMax)), tilePanel)
	}
	for i := 0; i < m; i += rows {
		i1 := min(i+rows, m)
		t.c, t.a = whole.c.Sub(i, i1, 0, whole.c.Cols), whole.a.subOrTransposed(i, i1, 0, t.k, t.form == formTN)
		t.multiplyRows(p)
	}
}

func (t *productBF16) multiplyRows(p *Pool) {
	m, n := t.c.Rows, t.c.Cols
	t.pairs = ceil(t.k, tilePanel)
	t.block = blockPairs(t.pairs)
	t.panels = size{ceil(m, tilePanel), ceil(n, tilePanel)}
	last := size{m - (t.panels.down-1)*tilePanel, n - (t.panels.across-1)*tilePanel}
	for r := range 2 {
		for c := range 2 {
			t.configs[r][c] = newTileConfig([]int{tilePanel, last.down}[r], []int{tilePanel, last.across}[c])
		}
	}
	t.chooseParts(p.Threads())
	t.left, t.right = t.a, t.packed
	parts := 0
	if t.form == formTN || t.k%tilePanel != 0 {
		stride := oddStride(t.k)
		t.left = MatBF16{m, t.k, stride, bf16s(&p.scratch.left, t.panels.down*tilePanel*stride)}
		parts = t.panels.down
	}
	t.copies = parts
	if t.right == nil && t.part.down < t.panels.down {
		t.right = bf16s(&p.scratch.right, t.panels.across*t.pairs*tilePair)
		parts += t.panels.across
	}
	if parts > 0 {
		t.packing = true
		p.Run(parts, t)
		t.packing = false
	}
	p.Run(ceil(t.panels.down, t.part.down)*ceil(t.panels.across, t.part.across), t)
}

// chooseParts chooses the size of a part. If b is not packed yet and wide enough, a part has
// all rows; then each column of b is packed by one part only.
func (t *productBF16) chooseParts(threads int) {
	across := ceil(t.panels.across, tileCols)
	if threads > 1 {
		across = roundUp(across, 2*threads)
	}
	t.part = size{t.panels.down, ceil(t.panels.across, across)}
	if t.packed == nil && (threads == 1 || t.part.across >= tileCols/4) {
		return
	}
	t.part = size{min(tileRows, t.panels.down), min(tileCols, t.panels.across)}
	if t.hasSmallB() && threads > 1 && t.panels.down >= threads { // each thread computes the rows of its own range
		t.part.down = ceil(t.panels.down, roundUp(ceil(t.panels.down, t.part.down), threads))
	}
	for threads > 1 && ceil(t.panels.down, t.part.down)*ceil(t.panels.across, t.part.across) < partsPerThread*threads {
		half := size{t.part.down, ceil(t.part.across, 2)}
		if t.part.across < 4 {
			half = size{ceil(t.part.down, 2), t.part.across}
		}
		if half == t.part || half.down*half.across*tilePanel*tilePanel*t.k < tilePartMin {
			break
		}
		t.part = half
	}
}

// Do runs one part of the current phase.
func (t *productBF16) Do(w *Pool, part int) {
	switch {
	case !t.packing:
		i, j := t.corner(part)
		t.compute(w, i, min(i+t.part.down, t.panels.down), j, min(j+t.part.across, t.panels.across))
	case part >= t.copies:
		for k := 0; k < t.pairs; k += t.block {
			panel := part - t.copies
			t.packRight(t.right[tileAt(panel, t.panels.across, k, t.pairs):], panel, k)
		}
	case t.form == formTN:
		packTilesTN(at16(t.left.V, part*tilePanel*t.left.Stride), 2*t.left.Stride, at16(t.a.V, part*tilePanel), 2*t.a.Stride,
			t.k, min(tilePanel, t.c.Rows-part*tilePanel))
	default:
		for i := part * tilePanel; i < min((part+1)*tilePanel, t.c.Rows); i++ {
			row := t.left.V[i*t.left.Stride:][:t.pairs*tilePanel]
			clear(row[copy(row, t.a.Row(i)):])
		}
	}
}

// corner is the first panel of rows and of columns of a part of c. Consecutive parts of a
// thread have the same rows if b is small, because the thread has these rows in its cache,
// and otherwise the same columns of b.
func (t *productBF16) corner(part int) (i, j int) {
	if t.hasSmallB() {
		across := ceil(t.panels.across, t.part.across)
		i, j = part/across, part%across
	} else {
		down := ceil(t.panels.down, t.part.down)
		i, j = part%down, part/down
	}
	return i * t.part.down, j * t.part.across
}

// hasSmallB reports whether b fits in half of the second-level cache.
func (t *productBF16) hasSmallB() bool { return t.panels.across*t.pairs <= smallTiles }

// packRight packs one panel of b, for the block of terms that begins with pair k.
func (t *productBF16) packRight(dst []BF16, panel, k int) {
	cols, terms := min(tilePanel, t.c.Cols-panel*tilePanel), min(t.block*tilePanel, t.k-k*tilePanel)
	if t.form == formNT {
		packTilesNT(at16(dst, 0), at16(t.b.V, panel*tilePanel*t.b.Stride+k*tilePanel), 2*t.b.Stride, terms, cols)
	} else {
		packTilesNN(at16(dst, 0), at16(t.b.V, k*tilePanel*t.b.Stride+panel*tilePanel), 2*t.b.Stride, terms, cols)
	}
}

// compute computes panels [i, i1) × [j, j1) of c.
func (t *productBF16) compute(w *Pool, i, i1, j, j1 int) {
	for k := 0; k < t.pairs; k += t.block {
		pairs := min(t.block, t.pairs-k)
		mode := addOld
		if k == 0 && !t.acc {
			mode = 0
			if t.bias != nil {
				mode = addBias
			}
		}
		var right []BF16
		if t.right != nil {
			right = t.right[tileAt(j, t.panels.across, k, t.pairs):]
		} else {
			right = bf16s(&w.scratch.right, (j1-j)*pairs*tilePair)
			for x := j; x < j1; x++ {
				t.packRight(right[(x-j)*pairs*tilePair:], x, k)
			}
		}
		for x := i; x < i1; x++ {
			t.row(right, x, j, j1, k, pairs, mode)
		}
	}
	if t.acc && t.bias != nil {
		lo, hi := j*tilePanel, min(j1*tilePanel, t.c.Cols)
		for x := i * tilePanel; x < min(i1*tilePanel, t.c.Rows); x++ {
			Add(t.c.Row(x)[lo:hi], t.bias[lo:hi])
		}
	}
}

// row computes one panel of rows from some pairs. right holds the tiles of b from
// panel j on. It computes all whole panels of columns, then an incomplete last one.
func (t *productBF16) row(right []BF16, i, j, j1, k, pairs, mode int) {
	a := at16(t.left.V, i*tilePanel*t.left.Stride+k*tilePanel)
	rows := min(tilePanel, t.c.Rows-i*tilePanel)
	for j < j1 {
		cols, panels := tilePanel, min(j1, t.c.Cols/tilePanel)-j
		if panels <= 0 {
			cols, panels = t.c.Cols-j*tilePanel, 1
		}
		var bias *float32
		if t.bias != nil {
			bias = at32(t.bias, j*tilePanel)
		}
		c := at32(t.c.V, i*tilePanel*t.c.Stride+j*tilePanel)
		if t.path == AMX {
			t.amx(rows, cols)(t.config(rows, cols), pairs, panels, a, 2*t.left.Stride, at16(right, 0), c, 4*t.c.Stride, bias, mode)
		} else {
			for r := 0; r < rows; r += 8 {
				dots[min(8, rows-r)-1](pairs, panels, at16(t.left.V, (i*tilePanel+r)*t.left.Stride+k*tilePanel), 2*t.left.Stride, at16(right, 0),
					at32(t.c.V, (i*tilePanel+r)*t.c.Stride+j*tilePanel), 4*t.c.Stride, bias, mode, cols)
			}
		}
		j += panels
		right = right[panels*pairs*tilePair:]
	}
}

// config is the tile configuration for rows × cols.
func (t *productBF16) config(rows, cols int) *byte {
	r, c := 0, 0
	if rows < tilePanel {
		r = 1
	}
	if cols < tilePanel {
		c = 1
	}
	return &t.configs[r][c][0]
}

type amxKernel func(cfg *byte, k, panels int, a *uint16, down int, b *uint16, c *float32, stride int, bias *float32, mode int)

// amx is the tile kernel for rows × cols.
func (t *productBF16) amx(rows, cols int) amxKernel {
	switch {
	case rows > 16 && cols > 16:
		return amx2x2
	case rows > 16:
		return amx2x1
	case cols > 16:
		return amx1x2
	}
	return amx1x1
}

// packPanel packs rows [from, to) of m, at most 32.
func (w *PackedBF16) packPanel(p *Pool, m Weight[float32], from, to int) {
	rows := bf16s(&p.scratch.left, tilePanel*roundUp(w.cols, tilePanel))
	w.roundRows(p, rows, w.cols, m, from, to)
	if w.nn != nil {
		panels := ceil(w.cols, tilePanel)
		for j := range panels {
			packTilesNN(at16(w.nn, tileAt(j, panels, from/tilePanel, ceil(w.rows, tilePanel))), at16(rows, j*tilePanel),
				2*w.cols, to-from, min(tilePanel, w.cols-j*tilePanel))
		}
	}
	if w.nt != nil {
		pairs := ceil(w.cols, tilePanel)
		block := blockPairs(pairs)
		for k := 0; k < pairs; k += block {
			packTilesNT(at16(w.nt, tileAt(from/tilePanel, ceil(w.rows, tilePanel), k, pairs)), at16(rows, k*tilePanel),
				2*w.cols, min(block*tilePanel, w.cols-k*tilePanel), to-from)
		}
	}
}

func roundVector(y []BF16, x []float32) {
	if current >= AVX512 {
		roundBF16x512(at16(y, 0), at32(x, 0), len(x))
		return
	}
	whole := len(x) &^ 15
	if whole > 0 {
		roundBF16x256(at16(y, 0), at32(x, 0), whole)
	}
	if whole < len(x) {
		var from [16]float32
		var to [16]BF16
		copy(from[:], x[whole:])
		roundBF16x256(at16(to[:], 0), &from[0], 16)
		copy(y[whole:], to[:])
	}
}

func splitVector(y []BF16, x []float32, part int) {
	masks := [SplitParts - 1]uint32{}
	for i := range part {
		masks[i] = 0xffff0000
	}
	splitBF16x512(at16(y, 0), at32(x, 0), len(x), masks[0], masks[1])
}

func widenVector(y []float32, x []BF16) {
	if current >= AVX512 {
		widenBF16x512(at32(y, 0), at16(x, 0), len(x))
		return
	}
	whole := len(x) &^ 15
	if whole > 0 {
		widenBF16x256(at32(y, 0), at16(x, 0), whole)
	}
	if whole < len(x) {
		var from [16]BF16
		var to [16]float32
		copy(from[:], x[whole:])
		widenBF16x256(&to[0], at16(from[:], 0), 16)
		copy(y[whole:], to[:])
	}
}

// widenF16Vector sets y to the numbers of half precision in x.
func widenF16Vector(y []float32, x []uint16) {
	if current >= AVX512 {
		widenF16x512(at32(y, 0), at16(asBF16(x), 0), len(x))
		return
	}
	whole := len(x) &^ 15
	if whole > 0 {
		widenF16x256(at32(y, 0), &x[0], whole)
	}
	if whole < len(x) {
		var from [16]uint16
		var to [16]float32
		copy(from[:], x[whole:])
		widenF16x256(&to[0], &from[0], 16)
		copy(y[whole:], to[:])
	}
}

// peakBF16 runs n rounds of bf16 products in registers and returns the number of operations
// per round.
func peakBF16(p Path, n int) float64 {
	if p == AVX512BF16 {
		peakDots(n)
		return 48 * 2 * 2 * 16
	}
	c := newTileConfig(tilePanel, tilePanel)
	peakAMX(n, &c[0])
	return 16 * 2 * 16 * 16 * 32
}

// tilesBF16 computes one panel of rows and columns n times, and returns the number of operations.
func tilesBF16(n int) float64 {
	p := spares.Get().(*Pool)
	defer spares.Put(p)
	const k = 6 * tilePanel // 12 KiB of a and of b
	a := MatBF16{tilePanel, k, k, bf16s(&p.scratch.left, tilePanel*k)}
	b, c := bf16s(&p.scratch.right, tilePanel*k), floats[float32](&p.scratch.wideA, tilePanel*tilePanel)
	clear(a.V)
	clear(b)
	t := productBF16{path: current, c: Mat[float32]{tilePanel, tilePanel, tilePanel, c}, k: k}
	t.left, t.pairs, t.panels = a, k/tilePanel, size{1, 1}
	config := newTileConfig(tilePanel, tilePanel)
	t.configs = [2][2]tileConfig{{config, config}, {config, config}}
	for range n {
		t.row(b, 0, 0, 1, 0, t.pairs, 0)
	}
	return 2 * float64(n) * tilePanel * tilePanel * k
}
