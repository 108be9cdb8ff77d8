package kernel

import "unsafe"

// tileProduct is what a productBF16 needs for tiles: the Task first packs what
// is not packed and then computes parts of c.
type tileProduct struct {
	pairs       int              // of terms
	panels      size             // of c
	configs     [2][2]tileConfig // by rows and columns: whole panels, the last one
	left, right []BF16           // packed; left is nil when a is read where it lies
	rest        []BF16           // of a: the terms that do not fill a pair
	phase       tilePhase
	leftParts   int
	part        size // panels of c
}

type tilePhase int

const (
	packingTiles tilePhase = iota
	computingTiles
)

// A tileConfig is the register that says how large the tiles are.
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

// bf16s is floats for BF16.
func bf16s(buf *[]byte, n int) []BF16 {
	f := floats[float32](buf, (n+1)/2)
	return unsafe.Slice((*BF16)(unsafe.Pointer(unsafe.SliceData(f))), n)
}

const (
	tilePartMin = 4 << 20 // multiplications that are worth a part
	tileRows    = 4       // panels of the largest part: its piece of c stays in the second cache
	tileCols    = 16
)

// tiles computes t on AMX.
func (t *productBF16) tiles(p *Pool) {
	m, n := t.c.Rows, t.c.Cols
	t.pairs = ceil(t.k, tilePanel)
	t.panels = size{ceil(m, tilePanel), ceil(n, tilePanel)}
	last := size{m - (t.panels.down-1)*tilePanel, n - (t.panels.across-1)*tilePanel}
	for r := range 2 {
		for c := range 2 {
			t.configs[r][c] = newTileConfig([]int{tilePanel, last.down}[r], []int{tilePanel, last.across}[c])
		}
	}
	t.leftParts, t.right = 0, t.packed
	parts := 0
	if t.form == formTN {
		t.left = bf16s(&p.scratch.left, t.panels.down*t.pairs*tilePair)
		t.leftParts = t.panels.down
		parts = t.leftParts
	} else if t.k%tilePanel != 0 {
		t.rest = bf16s(&p.scratch.left, t.panels.down*tilePair)
		t.leftParts = t.panels.down
		parts = t.leftParts
	}
	if t.right == nil {
		t.right = bf16s(&p.scratch.right, t.panels.across*t.pairs*tilePair)
		parts += t.panels.across
	}
	if parts > 0 {
		t.phase = packingTiles
		p.Run(parts, t)
	}
	t.part = size{min(tileRows, t.panels.down), min(tileCols, t.panels.across)}
	for threads := p.Threads(); threads > 1 && ceil(t.panels.down, t.part.down)*ceil(t.panels.across, t.part.across) < partsEach*threads; {
		half := size{t.part.down, ceil(t.part.across, 2)}
		if t.part.across < 4 {
			half = size{ceil(t.part.down, 2), t.part.across}
		}
		if half == t.part || half.down*half.across*tilePanel*tilePanel*t.k < tilePartMin {
			break
		}
		t.part = half
	}
	t.phase = computingTiles
	p.Run(ceil(t.panels.down, t.part.down)*ceil(t.panels.across, t.part.across), t)
}

// Do is one part of a phase.
func (t *productBF16) Do(_ *Pool, part int) {
	if t.phase == computingTiles {
		rows := ceil(t.panels.down, t.part.down)
		i, j := part%rows*t.part.down, part/rows*t.part.across
		t.compute(i, min(i+t.part.down, t.panels.down), j, min(j+t.part.across, t.panels.across))
		return
	}
	switch {
	case part < t.leftParts && t.left != nil:
		cols := min(tilePanel, t.c.Rows-part*tilePanel)
		for k := 0; k < t.pairs; k += tileBlock {
			packTilesTN(at16(t.left, tileAt(part, t.panels.down, k, t.pairs)), at16(t.a.V, k*tilePanel*t.a.Stride+part*tilePanel),
				2*t.a.Stride, min(tileBlock*tilePanel, t.k-k*tilePanel), cols)
		}
	case part < t.leftParts:
		terms := t.k % tilePanel
		rest := t.rest[part*tilePair:][:tilePair]
		clear(rest)
		for i := part * tilePanel; i < min((part+1)*tilePanel, t.c.Rows); i++ {
			copy(rest[i%tilePanel*tilePanel:], t.a.Row(i)[t.k-terms:])
		}
	default:
		t.packRight(part - t.leftParts)
	}
}

func (t *productBF16) packRight(panel int) {
	cols := min(tilePanel, t.c.Cols-panel*tilePanel)
	for k := 0; k < t.pairs; k += tileBlock {
		dst, terms := at16(t.right, tileAt(panel, t.panels.across, k, t.pairs)), min(tileBlock*tilePanel, t.k-k*tilePanel)
		if t.form == formNT {
			packTilesNT(dst, at16(t.b.V, panel*tilePanel*t.b.Stride+k*tilePanel), 2*t.b.Stride, terms, cols)
		} else {
			packTilesNN(dst, at16(t.b.V, k*tilePanel*t.b.Stride+panel*tilePanel), 2*t.b.Stride, terms, cols)
		}
	}
}

// compute computes panels [i, i1) × [j, j1) of c.
func (t *productBF16) compute(i, i1, j, j1 int) {
	for k := 0; k < t.pairs; k += tileBlock {
		pairs := min(tileBlock, t.pairs-k)
		mode := addOld
		if k == 0 && !t.acc {
			mode = 0
			if t.bias != nil {
				mode = addBias
			}
		}
		for x := i; x < i1; x++ {
			t.row(x, j, j1, k, pairs, mode)
		}
	}
	if t.acc && t.bias != nil {
		lo, hi := j*tilePanel, min(j1*tilePanel, t.c.Cols)
		for x := i * tilePanel; x < min(i1*tilePanel, t.c.Rows); x++ {
			Add(t.c.Row(x)[lo:hi], t.bias[lo:hi])
		}
	}
}

// row computes one panel of rows from pairs k… of one block.
func (t *productBF16) row(i, j, j1, k, pairs, mode int) {
	var a, rest *uint16
	down, second, step := 64, 1024, 2048
	whole := pairs
	if t.left != nil {
		a = at16(t.left, tileAt(i, t.panels.down, k, t.pairs))
	} else {
		a = at16(t.a.V, i*tilePanel*t.a.Stride+k*tilePanel)
		down, second, step = 2*t.a.Stride, 32*t.a.Stride, 64
		if t.rest != nil && k+pairs == t.pairs {
			rest = at16(t.rest, i*tilePair)
			whole--
		}
	}
	rows := min(tilePanel, t.c.Rows-i*tilePanel)
	r := 0
	if rows < tilePanel {
		r = 1
	}
	for j < j1 {
		cols, panels, c := tilePanel, min(j1, t.c.Cols/tilePanel)-j, 0
		if panels <= 0 {
			cols, panels, c = t.c.Cols-j*tilePanel, 1, 1
		}
		var bias *float32
		if t.bias != nil {
			bias = at32(t.bias, j*tilePanel)
		}
		kernel := amx2x2
		switch {
		case rows > 16 && cols <= 16:
			kernel = amx2x1
		case rows <= 16 && cols > 16:
			kernel = amx1x2
		case rows <= 16:
			kernel = amx1x1
		}
		kernel(&t.configs[r][c][0], whole, panels, a, down, second, step, rest, at16(t.right, tileAt(j, t.panels.across, k, t.pairs)),
			at32(t.c.V, i*tilePanel*t.c.Stride+j*tilePanel), 4*t.c.Stride, bias, mode)
		j += panels
	}
}

// packPanel packs rows [from, to) of m, at most 32.
func (w *PackedBF16) packPanel(p *Pool, m Mat[float32], from, to int) {
	rows := bf16s(&p.scratch.left, tilePanel*roundUp(w.cols, tilePanel))
	for i := from; i < to; i++ {
		RoundBF16(rows[(i-from)*w.cols:][:w.cols], m.Row(i))
	}
	if w.nn != nil {
		panels := ceil(w.cols, tilePanel)
		for j := range panels {
			packTilesNN(at16(w.nn, tileAt(j, panels, from/tilePanel, ceil(w.rows, tilePanel))), at16(rows, j*tilePanel),
				2*w.cols, to-from, min(tilePanel, w.cols-j*tilePanel))
		}
	}
	if w.nt != nil {
		pairs := ceil(w.cols, tilePanel)
		for k := 0; k < pairs; k += tileBlock {
			packTilesNT(at16(w.nt, tileAt(from/tilePanel, ceil(w.rows, tilePanel), k, pairs)), at16(rows, k*tilePanel),
				2*w.cols, min(tileBlock*tilePanel, w.cols-k*tilePanel), to-from)
		}
	}
}

// The tile kernels: c in 2×2 tiles at most, for a run of panels of columns. a is
// read in tiles of 16 rows, down bytes apart, the second tile second bytes after
// the first, and step bytes from pair to pair; rest, if not nil, is one more pair
// of tiles of a. mode: 1 starts from the old c, 2 from the bias.

//go:noescape
func amx1x1(cfg *byte, k, panels int, a *uint16, down, second, step int, rest *uint16, b *uint16, c *float32, stride int, bias *float32, mode int)

//go:noescape
func amx1x2(cfg *byte, k, panels int, a *uint16, down, second, step int, rest *uint16, b *uint16, c *float32, stride int, bias *float32, mode int)

//go:noescape
func amx2x1(cfg *byte, k, panels int, a *uint16, down, second, step int, rest *uint16, b *uint16, c *float32, stride int, bias *float32, mode int)

//go:noescape
func amx2x2(cfg *byte, k, panels int, a *uint16, down, second, step int, rest *uint16, b *uint16, c *float32, stride int, bias *float32, mode int)

// peakAMX runs 16 products of tiles n ≥ 1 times, on registers.
//
//go:noescape
func peakAMX(n int, cfg *byte)

func roundVector(y []BF16, x []float32) { roundBF16x512(at16(y, 0), at32(x, 0), len(x)) }

func widenVector(y []float32, x []BF16) { widenBF16x512(at32(y, 0), at16(x, 0), len(x)) }

// peakTiles runs n rounds of products of tiles and returns the operations of one.
func peakTiles(n int) float64 {
	c := newTileConfig(tilePanel, tilePanel)
	peakAMX(n, &c[0])
	return 16 * 2 * 16 * 16 * 32
}
