package kernel

import "unsafe"

// A narrowKernel is a tileKernel for a b of 16 bits. Those of AVX2 have whole vectors of
// columns only: it has no masks for 16 bits.
type narrowKernel func(k int, a *float32, down, right int, b *uint16, next int, c *float32, stride int, bias *float32, mode, last int)

// The kernels for bf16 and for f16, by number of vectors and rows; those that transpose b in
// registers, by rows.
var (
	narrow512 = [2][8][8]narrowKernel{
		{
			{mul512x1x1bf16, mul512x2x1bf16, mul512x3x1bf16, mul512x4x1bf16, mul512x5x1bf16, mul512x6x1bf16, mul512x7x1bf16, mul512x8x1bf16},
			{mul512x1x2bf16, mul512x2x2bf16, mul512x3x2bf16, mul512x4x2bf16, mul512x5x2bf16, mul512x6x2bf16, mul512x7x2bf16, mul512x8x2bf16},
			{mul512x1x3bf16, mul512x2x3bf16, mul512x3x3bf16, mul512x4x3bf16, mul512x5x3bf16, mul512x6x3bf16, mul512x7x3bf16, mul512x8x3bf16},
			{mul512x1x4bf16, mul512x2x4bf16, mul512x3x4bf16, mul512x4x4bf16},
			{mul512x1x5bf16, mul512x2x5bf16, mul512x3x5bf16, mul512x4x5bf16},
			{mul512x1x6bf16, mul512x2x6bf16, mul512x3x6bf16, mul512x4x6bf16},
			{mul512x1x7bf16, mul512x2x7bf16},
			{mul512x1x8bf16, mul512x2x8bf16},
		},
		{
			{mul512x1x1f16, mul512x2x1f16, mul512x3x1f16, mul512x4x1f16, mul512x5x1f16, mul512x6x1f16, mul512x7x1f16, mul512x8x1f16},
			{mul512x1x2f16, mul512x2x2f16, mul512x3x2f16, mul512x4x2f16, mul512x5x2f16, mul512x6x2f16, mul512x7x2f16, mul512x8x2f16},
			{mul512x1x3f16, mul512x2x3f16, mul512x3x3f16, mul512x4x3f16, mul512x5x3f16, mul512x6x3f16, mul512x7x3f16, mul512x8x3f16},
			{mul512x1x4f16, mul512x2x4f16, mul512x3x4f16, mul512x4x4f16},
			{mul512x1x5f16, mul512x2x5f16, mul512x3x5f16, mul512x4x5f16},
			{mul512x1x6f16, mul512x2x6f16, mul512x3x6f16, mul512x4x6f16},
			{mul512x1x7f16, mul512x2x7f16},
			{mul512x1x8f16, mul512x2x8f16},
		},
	}
	narrow256 = [2][8][6]narrowKernel{
		{
			{mul256x1x1bf16, mul256x2x1bf16, mul256x3x1bf16, mul256x4x1bf16, mul256x5x1bf16, mul256x6x1bf16},
			{mul256x1x2bf16, mul256x2x2bf16, mul256x3x2bf16, mul256x4x2bf16, mul256x5x2bf16, mul256x6x2bf16},
			{mul256x1x3bf16, mul256x2x3bf16},
			{mul256x1x4bf16, mul256x2x4bf16},
			{mul256x1x5bf16, mul256x2x5bf16},
			{mul256x1x6bf16, mul256x2x6bf16},
			{mul256x1x7bf16},
			{mul256x1x8bf16},
		},
		{
			{mul256x1x1f16, mul256x2x1f16, mul256x3x1f16, mul256x4x1f16, mul256x5x1f16, mul256x6x1f16},
			{mul256x1x2f16, mul256x2x2f16, mul256x3x2f16, mul256x4x2f16, mul256x5x2f16, mul256x6x2f16},
			{mul256x1x3f16, mul256x2x3f16},
			{mul256x1x4f16, mul256x2x4f16},
			{mul256x1x5f16, mul256x2x5f16},
			{mul256x1x6f16, mul256x2x6f16},
			{mul256x1x7f16},
			{mul256x1x8f16},
		},
	}
	turnNarrow512 = [2][4]narrowKernel{
		{turn512x1bf16, turn512x2bf16, turn512x3bf16, turn512x4bf16},
		{turn512x1f16, turn512x2f16, turn512x3f16, turn512x4f16},
	}
	turnNarrow256 = [2][2][2]narrowKernel{
		{{turn256x1x1bf16, turn256x2x1bf16}, {turn256x1x2bf16, turn256x2x2bf16}},
		{{turn256x1x1f16, turn256x2x1f16}, {turn256x1x2f16, turn256x2x2f16}},
	}
)

// The kernels that pack a b of 16 bits, for bf16 and for f16.
var (
	packFourNarrow256    = [2]func(k int, dst *float32, src *uint16, from int){packFourRows256bf16, packFourRows256f16}
	packColumnsNarrow256 = [2]func(k int, dst *float32, to int, src *uint16, from, rows int){packColumns256bf16, packColumns256f16}
	packColumnsNarrow512 = [2]func(k int, dst *float32, to int, src *uint16, from, rows int){packColumns512bf16, packColumns512f16}
	packRowsNarrow512    = [2]func(k int, dst *float32, to int, src *uint16, from, vectors, last int){packRows512bf16, packRows512f16}
)

// packNarrowVector is packColumnsVector for a b of 16 bits. It returns the number of columns
// that it packed: without masks for 16 bits, AVX2 leaves what does not fill vectors.
func packNarrowVector(p Path, dst []float32, b view[float32], n, cols, across int) (x int) {
	v, kind := b.narrow, b.narrow.kind()
	switch {
	case p == AVX2 && b.right == 1:
		for ; across == 16 && x+64 <= cols; x += 64 {
			packFourNarrow256[kind](n, at32(dst, x*n), v.at(x), 2*b.down)
		}
	case p == AVX2:
		for ; n%8 == 0 && x+across <= cols; x += across {
			for y := 0; y < across; y += 8 {
				packColumnsNarrow256[kind](n, at32(dst, x*n+y), 4*across, v.at((x+y)*b.right), 2*b.right, 8)
			}
		}
	case b.right == 1:
		for ; x < cols; x += across {
			for y, w := 0, min(across, cols-x); y < w; y += 48 {
				part := min(48, w-y)
				vectors := (part + 15) / 16
				packRowsNarrow512[kind](n, at32(dst, x*n+y), 4*across, v.at(x+y), 2*b.down, vectors, part-16*(vectors-1))
			}
		}
	default:
		for ; x < cols; x += across {
			for y, w := 0, min(across, cols-x); y < w; y += 16 {
				packColumnsNarrow512[kind](n, at32(dst, x*n+y), 4*across, v.at((x+y)*b.right), 2*b.right, min(16, w-y))
			}
		}
	}
	return x
}

// kind is the index of the tables of kernels.
func (n Narrow) kind() int {
	if n.F16 {
		return 1
	}
	return 0
}

func (n Narrow) at(i int) *uint16 {
	return (*uint16)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(n.V)), 2*i))
}

// narrowRows is the largest number of rows of a for which widening b in each tile is faster
// than packing it.
const narrowRows = 16

// readsNarrow reports whether the kernels can read a narrow b where it is, and whether
// that is faster.
func readsNarrow(t *product[float32]) bool {
	if t.b.inBlocks() {
		return readsBlocks(t)
	}
	return t.m <= narrowRows && (t.path != AVX2 || t.n%8 == 0)
}

// tilesNarrow is tilesVector for a b of 16 bits that is not packed.
func tilesNarrow(t *product[float32], k, n, i, i1, j, j1, mode int) {
	lanes, b, kind := 16, t.b.narrow, t.b.narrow.kind()
	if t.path == AVX2 {
		lanes = 8
	}
	for ; i < i1; i += t.tile.down {
		rows := min(t.tile.down, i1-i)
		a, aDown, aRight := at32(t.a.v, (t.i0+i)*t.a.down+(t.k0+k)*t.a.right), 4*t.a.down, 4*t.a.right
		if t.packLeft {
			a, aDown, aRight = at32(t.left, k*roundUp(t.mi, t.tile.down)+i*n), 4, 4*t.tile.down
		}
		for x := j; x < j1; x += t.tile.across {
			cols := min(t.tile.across, j1-x)
			v := ceil(cols, lanes) - 1
			var f narrowKernel
			if t.path == AVX2 {
				f = narrow256[kind][v][rows-1]
			} else {
				f = narrow512[kind][v][rows-1]
			}
			var bias *float32
			if t.bias != nil {
				bias = at32(t.bias, t.j0+x)
			}
			f(n, a, aDown, aRight, b.at((t.k0+k)*t.b.down+t.j0+x), 2*t.b.down, at32(t.c.V, (t.i0+i)*t.c.Stride+t.j0+x), 4*t.c.Stride, bias, mode, cols-lanes*v)
		}
	}
}

// tilesNarrowTransposed is tilesTransposed for a b of 16 bits.
func tilesNarrowTransposed(t *product[float32], k, n, i, i1, j, j1, mode int) {
	b, rows := t.b.narrow, i1-i-1
	a, lanes, width := at32(t.a.v, (t.i0+i)*t.a.down+t.k0+k), 16, 16
	var many, few narrowKernel
	if t.path == AVX2 {
		lanes, many, few = 8, turnNarrow256[b.kind()][1][rows], turnNarrow256[b.kind()][0][rows]
		if 2*t.b.right%4096 == 0 { // see tilesTransposed
			many, width = few, lanes
		}
	} else {
		many, few = turnNarrow512[b.kind()][rows], turnNarrow512[b.kind()][rows]
	}
	for step := width; j < j1; j += step {
		f, next, last := many, 2*t.b.right, lanes
		switch left := j1 - j; {
		case left < lanes: // the same row of b many times: fewer rows than lanes are left
			f, next, last, step = few, 0, 1, 1
		case left < width:
			f, step = few, lanes
		}
		var bias *float32
		if t.bias != nil {
			bias = at32(t.bias, t.j0+j)
		}
		f(n, a, 4*t.a.down, 4, b.at((t.j0+j)*t.b.right+t.k0+k), next, at32(t.c.V, (t.i0+i)*t.c.Stride+t.j0+j), 4*t.c.Stride, bias, mode, last)
	}
}
