package kernel

import "unsafe"

func vectorTile(p Path, m, n int) (tile size, longest int) {
	switch {
	case p == AVX2 && m == 1:
		return size{1, 64}, 256
	case p == AVX2 && m == 2:
		return size{2, 48}, 256
	case p == AVX2:
		return size{6, 16}, 256
	case m <= 2:
		return size{2, 128}, 384
	case m <= 4:
		return size{4, 96}, 384
	case n > 48 && n <= 64: // two tiles of 32 are better than 48 and 16
		return size{8, 32}, 384
	}
	return size{8, 48}, 384
}

// A tileKernel computes one tile of c. The tables have one for each number of vectors and rows.
type tileKernel func(k int, a *float32, down, right int, b *float32, next int, c *float32, stride int, bias *float32, mode, last int)

var (
	mul512 = [8][8]tileKernel{
		{mul512x1x1, mul512x2x1, mul512x3x1, mul512x4x1, mul512x5x1, mul512x6x1, mul512x7x1, mul512x8x1},
		{mul512x1x2, mul512x2x2, mul512x3x2, mul512x4x2, mul512x5x2, mul512x6x2, mul512x7x2, mul512x8x2},
		{mul512x1x3, mul512x2x3, mul512x3x3, mul512x4x3, mul512x5x3, mul512x6x3, mul512x7x3, mul512x8x3},
		{mul512x1x4, mul512x2x4, mul512x3x4, mul512x4x4},
		{mul512x1x5, mul512x2x5, mul512x3x5, mul512x4x5},
		{mul512x1x6, mul512x2x6, mul512x3x6, mul512x4x6},
		{mul512x1x7, mul512x2x7},
		{mul512x1x8, mul512x2x8},
	}
	turn512 = [4]tileKernel{turn512x1, turn512x2, turn512x3, turn512x4}
	turn256 = [2][2]tileKernel{{turn256x1x1, turn256x2x1}, {turn256x1x2, turn256x2x2}}
	mul256  = [8][6]tileKernel{
		{mul256x1x1, mul256x2x1, mul256x3x1, mul256x4x1, mul256x5x1, mul256x6x1},
		{mul256x1x2, mul256x2x2, mul256x3x2, mul256x4x2, mul256x5x2, mul256x6x2},
		{mul256x1x3, mul256x2x3},
		{mul256x1x4, mul256x2x4},
		{mul256x1x5, mul256x2x5},
		{mul256x1x6, mul256x2x6},
		{mul256x1x7},
		{mul256x1x8},
	}
	whole256 = [6]tileKernel{3: mul256x4x2whole, 4: mul256x5x2whole, 5: mul256x6x2whole}
)

// The modes of a tile kernel.
const (
	addOld  = 1
	addBias = 2
)

func at32(v []float32, i int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(v)), 4*i))
}

func tilesVector(t *product[float32], right []float32, k, k1, i, i1, j, j1 int) {
	n, down, across := k1-k, t.tile.down, t.tile.across
	mode := addOld
	if t.k0+k == 0 {
		mode = 0
		if t.acc {
			mode |= addOld
		}
		if t.bias != nil {
			mode |= addBias
		}
	}
	aDown, aRight := 4*t.a.down, 4*t.a.right
	if t.packLeft {
		aDown, aRight = 4, 4*down
	}
	next := 4 * t.b.down
	if t.packRight != unpacked {
		next = 4 * across
	}
	switch {
	case t.b.isNarrow() && t.packRight == transposedInRegisters:
		tilesNarrowTransposed(t, k, n, i, i1, j, j1, mode)
		return
	case t.b.inBlocks() && t.packRight == unpacked:
		tilesBlocks(t, k, n, i, i1, j, j1, mode)
		return
	case t.b.isNarrow() && t.packRight == unpacked:
		tilesNarrow(t, k, n, i, i1, j, j1, mode)
		return
	case t.packRight == transposedInRegisters:
		tilesTransposed(t, k, n, i, i1, j, j1, mode)
		return
	}
	for rows := 0; i < i1; i += rows {
		var a, b, bias *float32
		rows = min(down, i1-i)
		if t.packLeft {
			a = at32(t.left, k*roundUp(t.mi, down)+i*n)
		} else {
			a = at32(t.a.v, (t.i0+i)*t.a.down+(t.k0+k)*t.a.right)
			if t.path == AVX2 && down == 6 {
				rows = height256(i1 - i)
			}
		}
		for x := j; x < j1; x += across {
			cols := min(across, j1-x)
			if t.packRight != unpacked {
				b = at32(right, (x-j)*n)
			} else {
				b = at32(t.b.v, (t.k0+k)*t.b.down+t.j0+x)
			}
			if t.bias != nil {
				bias = at32(t.bias, t.j0+x)
			}
			c := at32(t.c.V, (t.i0+i)*t.c.Stride+t.j0+x)
			if t.path == AVX2 && next <= nearBytes && rows >= 4 && cols == 16 {
				whole256[rows-1](n, a, aDown, aRight, b, next, c, 4*t.c.Stride, bias, mode, 8)
			} else if t.path == AVX2 {
				v := (cols+7)/8 - 1
				mul256[v][rows-1](n, a, aDown, aRight, b, next, c, 4*t.c.Stride, bias, mode, cols-8*v)
			} else {
				v := (cols+15)/16 - 1
				mul512[v][rows-1](n, a, aDown, aRight, b, next, c, 4*t.c.Stride, bias, mode, cols-16*v)
			}
		}
	}
}

// height256 is the number of rows of the next tile where n rows are left. A tile of four rows
// has eight sums, as many as two units that take four cycles can have in work at once: tiles of
// one to three rows take as long, so that two tiles of four rows are faster than one of six and
// one of two.
func height256(n int) int { return min(n, 6-min(2, roundUp(n, 6)-n)) }

// The largest numbers of rows of a for which transposing b in registers, once per block of
// terms, is faster than packing it.
const (
	transposeRows512 = 4
	transposeRows256 = 2
)

// canTranspose reports whether the kernels that transpose b can compute t.
func canTranspose(t *product[float32]) bool {
	rows := transposeRows512
	if t.path == AVX2 {
		rows = transposeRows256
	}
	return t.m <= rows && t.a.right == 1 && !t.a.isNarrow() && t.b.down == 1 && !t.b.inBlocks() && t.k%4 == 0
}

// tilesTransposed is tilesVector for a b that is transposed in registers.
func tilesTransposed(t *product[float32], k, n, i, i1, j, j1, mode int) {
	a, rows := at32(t.a.v, (t.i0+i)*t.a.down+t.k0+k), i1-i-1
	lanes, many, few := 16, turn512[rows], turn512[rows]
	width := lanes
	if t.path == AVX2 {
		lanes, many, few = 8, turn256[1][rows], turn256[0][rows]
		if 4*t.b.right%4096 == 0 { // rows lie in one set of the first-level cache, which may hold 8 lines
			many, width = few, lanes
		}
	}
	for step := width; j < j1; j += step {
		f, next, last := many, 4*t.b.right, lanes
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
		f(n, a, 4*t.a.down, 4, at32(t.b.v, (t.j0+j)*t.b.right+t.k0+k), next, at32(t.c.V, (t.i0+i)*t.c.Stride+t.j0+j), 4*t.c.Stride, bias, mode, last)
	}
}

// packRowsVector packs a, whose columns are contiguous.
func packRowsVector(t *product[float32], dst []float32, k, k1, i, i1 int) {
	a, n, rows := t.a.from(t.i0+i, t.k0+k), k1-k, i1-i
	if t.tile.down < 6 {
		packStrips(dst, a.transposed(), n, rows, t.tile.down)
		return
	}
	if t.path == AVX2 {
		full := rows / 6 * 6
		x := 0
		for ; x+24 <= full; x += 24 {
			packFourHeights256(n, at32(dst, x*n), at32(a.v, x), 4*a.right)
		}
		for ; x < full; x += 6 {
			packHeights256(n, at32(dst, x*n), at32(a.v, x), 4*a.right)
		}
		if full < rows {
			packStrips(dst[full*n:], a.from(full, 0).transposed(), n, rows-full, 6)
		}
		return
	}
	x := 0
	for ; x+32 <= rows; x += 32 {
		packFourHeights512(n, at32(dst, x*n), at32(a.v, x), 4*a.right)
	}
	for ; x < rows; x += 16 {
		packHeights512(n, at32(dst, x*n), at32(a.v, x), 4*a.right, min(rows-x, 16))
	}
}

// packColumnsVector packs b, whose rows or columns are contiguous.
func packColumnsVector(p Path, dst []float32, b view[float32], n, cols, across int) {
	x := 0
	for ; p == AVX2 && across == 16 && b.right == 1 && x+64 <= cols; x += 64 {
		packFourRows256(n, at32(dst, x*n), at32(b.v, x), 4*b.down)
	}
	for ; x < cols; x += across {
		strip, w := x*n, min(across, cols-x)
		switch {
		case b.right == 1 && p == AVX2:
			for y := 0; y < w; y += 16 {
				part := min(16, w-y)
				v := (part + 7) / 8
				packRows256(n, at32(dst, strip+y), 4*across, at32(b.v, x+y), 4*b.down, v, part-8*(v-1))
			}
		case b.right == 1:
			for y := 0; y < w; y += 48 {
				part := min(48, w-y)
				v := (part + 15) / 16
				packRows512(n, at32(dst, strip+y), 4*across, at32(b.v, x+y), 4*b.down, v, part-16*(v-1))
			}
		case p == AVX2:
			for y := 0; y < w; y += 8 {
				packColumns256(n, at32(dst, strip+y), 4*across, at32(b.v, (x+y)*b.right), 4*b.right, min(8, w-y))
			}
		default:
			for y := 0; y < w; y += 16 {
				packColumns512(n, at32(dst, strip+y), 4*across, at32(b.v, (x+y)*b.right), 4*b.right, min(16, w-y))
			}
		}
	}
}

// peakVector runs the measuring loop of a path and returns the width of its
// vectors; 0 if it has none.
func peakVector(p Path, n int) int {
	switch {
	case p >= AVX512:
		peak512(n)
		return 16
	case p == AVX2:
		peak256(n)
		return 8
	}
	return 0
}

// tileVector computes one whole tile c from packed operands with k terms.
func tileVector(p Path, k int, a, b, c []float32) {
	if p == AVX2 {
		mul256x6x2whole(k, at32(a, 0), 4, 4*6, at32(b, 0), 4*16, at32(c, 0), 4*16, nil, 0, 8)
		return
	}
	mul512x8x3(k, at32(a, 0), 4, 4*8, at32(b, 0), 4*48, at32(c, 0), 4*48, nil, 0, 16)
}

// readsUnpacked reports whether the tile kernel can read operands that are not packed.
func readsUnpacked(p Path) bool { return true }
