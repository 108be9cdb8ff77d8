package kernel

import "unsafe"

// A blockKernel is a tileKernel for a b in blocks.
type blockKernel func(k int, a *float32, down, right int, b *byte, next, skip int, c *float32, stride int, bias *float32, mode, last int)

// The kernels by number of vectors and rows.
var (
	blocks512 = [4][8]blockKernel{
		{blocks512x1x1, blocks512x2x1, blocks512x3x1, blocks512x4x1, blocks512x5x1, blocks512x6x1, blocks512x7x1, blocks512x8x1},
		{blocks512x1x2, blocks512x2x2, blocks512x3x2, blocks512x4x2, blocks512x5x2, blocks512x6x2, blocks512x7x2, blocks512x8x2},
		{blocks512x1x3, blocks512x2x3, blocks512x3x3, blocks512x4x3, blocks512x5x3, blocks512x6x3, blocks512x7x3, blocks512x8x3},
		{blocks512x1x4, blocks512x2x4, blocks512x3x4, blocks512x4x4},
	}
	blocks256 = [4][6]blockKernel{
		{blocks256x1x1, blocks256x2x1, blocks256x3x1, blocks256x4x1, blocks256x5x1, blocks256x6x1},
		{blocks256x1x2, blocks256x2x2, blocks256x3x2, blocks256x4x2, blocks256x5x2, blocks256x6x2},
		{blocks256x1x3, blocks256x2x3},
		{blocks256x1x4, blocks256x2x4},
	}
)

// readsBlocks reports whether the kernels can read b, in blocks, where it is, and whether
// that is faster: a block is widened once for each tile of rows.
func readsBlocks(t *product[float32]) bool {
	b := t.b.narrow.Blocks
	return t.m <= t.tile.down && b.line%panelLines == 0 && b.at%4 == 0 && t.k%4 == 0
}

// tilesBlocks is tilesVector for a b in blocks that is not packed.
func tilesBlocks(t *product[float32], k, n, i, i1, j, j1, mode int) {
	b, rows := t.b.narrow.Blocks, i1-i
	lanes, width := 16, blockColumns(rows)
	switch {
	case t.path == AVX2 && rows <= 2:
		lanes, width = 8, 32
	case t.path == AVX2:
		lanes, width = 8, 16
	}
	at := b.at + t.k0 + k
	next := b.Length / blockLen * panelBlockBytes
	a, aDown, aRight := at32(t.a.v, (t.i0+i)*t.a.down+(t.k0+k)*t.a.right), 4*t.a.down, 4*t.a.right
	if t.packLeft {
		a, aDown, aRight = at32(t.left, k*roundUp(t.mi, t.tile.down)+i*n), 4, 4*t.tile.down
	}
	for x := j; x < j1; x += width {
		cols := min(width, j1-x)
		v := ceil(cols, lanes) - 1
		f := blocks512[v][rows-1]
		if t.path == AVX2 {
			f = blocks256[v][rows-1]
		}
		var bias *float32
		if t.bias != nil {
			bias = at32(t.bias, t.j0+x)
		}
		f(n, a, aDown, aRight, byteAt(b.V, b.panel((b.line+t.j0+x)/panelLines, at)), next, at%blockLen,
			at32(t.c.V, (t.i0+i)*t.c.Stride+t.j0+x), 4*t.c.Stride, bias, mode, cols-lanes*v)
	}
}

func byteAt(v []byte, i int) *byte {
	return (*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(v)), i))
}

// widenPanelVector sets dst, of which sixteen numbers are a row and stride numbers lie between
// two rows, to terms numbers of each line of a panel, from number at of its first block on.
func widenPanelVector(dst []float32, stride int, panel []byte, at, terms int) {
	if current == AVX2 {
		widenPanel256(terms, at32(dst, 0), 4*stride, byteAt(panel, 0), at)
		return
	}
	widenPanel512(terms, at32(dst, 0), 4*stride, byteAt(panel, 0), at)
}

// packBlocksVector is packColumnsVector for a b in blocks. It returns the number of columns
// that it packed: none, unless they are lines and begin with a panel.
func packBlocksVector(p Path, dst []float32, b Blocks, lines bool, n, cols, across int) int {
	if !lines || b.line%panelLines != 0 {
		return 0
	}
	for x := 0; x < cols; x += across {
		for y := 0; y < min(across, cols-x); y += panelLines {
			widenPanelVector(dst[x*n+y:], across, b.V[b.panel((b.line+x+y)/panelLines, b.at):], b.at%blockLen, n)
		}
	}
	return cols
}
