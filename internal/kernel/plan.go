package kernel

// Thresholds, measured with the AVX-512 kernels at the shapes of training.
const (
	directRows     = 512       // up to this many rows of a, packing b is slower
	aliasRows      = 16        // the same on AVX2, and if all rows of b lie in one set of the first-level cache
	nearRows       = 128       // the same on AVX2, if rows of b are near
	nearBytes      = 2 << 10   // rows of b are near if they are up to this many bytes apart
	directLeft     = 128 << 10 // up to this many elements, packing aᵗ is slower
	partRows       = 1024      // of the largest part
	partCols       = 192       // columns of the largest part: a packed block of them fits in 300 kB
	packMin        = 32 << 10  // smallest number of elements in a part of packing
	leftStrips     = 4         // strips of a that are packed together: two cache lines of a row at a time
	partMin        = 1 << 18   // smallest number of multiplications in a part
	smallMax       = 128 << 10 // largest number of elements of a small b: half of the second-level cache
	transposeCols  = 16        // rows of b that are transposed in registers before the next ones
	partsPerThread = 4         // parts per thread, if they are large enough: threads then end at about the same time
)

// plan chooses the tile, how operands are packed, and the parts. The length of a block must
// depend on the number of terms only, because rounding depends on it.
func (t *product[T]) plan(threads int) {
	t.path = Portable
	if is32[T]() {
		t.path = current
	}
	longest := goBlock
	t.tile = size{goDown, goAcross}
	if t.path != Portable {
		t.tile, longest = vectorTile(t.path, t.m, t.n)
	}
	t.block = roundUp(ceil(t.k, ceil(t.k, longest)), 8)
	t.packLeft, t.packRight = true, packedPerPart
	if t.path != Portable && readsUnpacked(t.path) {
		t.packLeft = t.a.right != 1 && t.m*t.k > directLeft || t.a.isNarrow()
		rows := directRows
		switch {
		case t.path == AVX2 && 4*t.b.down <= nearBytes && !t.b.isNarrow():
			rows = nearRows
		case t.path == AVX2 || t.b.down*4%4096 == 0:
			rows = aliasRows
		}
		if t.b.right == 1 && t.m <= rows && (!t.b.isNarrow() || readsNarrow(t.f32())) {
			t.packRight = unpacked
		}
		if canTranspose(t.f32()) {
			t.packRight = transposedInRegisters
		}
	}
	t.part = size{roundUp(ceil(t.m, ceil(t.m, partRows)), t.tile.down), roundUp(partCols, t.tile.across)}
	if t.rows = threads > 1 && t.n*t.k <= smallMax && t.m >= 2*threads*t.tile.down; t.rows {
		t.part.down = roundUp(ceil(t.m, roundUp(ceil(t.m, t.part.down), threads)), t.tile.down)
	}
	for threads > 1 && ceil(t.m, t.part.down)*ceil(t.n, t.part.across) < partsPerThread*threads {
		half := size{t.part.down, roundUp(ceil(min(t.part.across, t.n), 2), t.tile.across)}
		if half.across >= t.part.across {
			half = size{roundUp(ceil(t.part.down, 2), t.tile.down), t.part.across}
		}
		if half == t.part || half.down*half.across*t.k < partMin {
			break
		}
		t.part = half
	}
	// On AVX2, packing a small b again for each part takes less time than waiting for the other threads.
	if t.packRight == packedPerPart && t.m > t.part.down && !(t.rows && t.path == AVX2) {
		t.packRight = packedOnce
	}
}

// Below, rows, columns and terms count from the corner (t.i0, t.j0, t.k0).

// packRows packs rows [i, i1) of terms [k, k1) of a to strips at dst.
func (t *product[T]) packRows(w *Pool, dst []T, k, k1, i, i1 int) {
	a, n, rows := t.a.from(t.i0+i, t.k0+k), k1-k, i1-i
	switch {
	case a.isNarrow():
		packStrips(dst, a.widened(&w.scratch.wide, rows, n).transposed(), n, rows, t.tile.down)
	case t.path != Portable:
		packRowsVector(t.f32(), as32(dst), k, k1, i, i1)
	default:
		packStrips(dst, a.transposed(), n, rows, goDown)
	}
}

// packColumns packs columns [j, j1) of terms [k, k1) of b to strips at dst.
func (t *product[T]) packColumns(w *Pool, dst []T, k, k1, j, j1 int) {
	b, n, across := t.b.from(t.k0+k, t.j0+j), k1-k, t.tile.across
	if !b.isNarrow() {
		t.packStrips(dst, b, n, j1-j)
		return
	}
	x := 0
	if t.path != Portable {
		if b.inBlocks() {
			x = packBlocksVector(t.path, as32(dst), b.narrow.Blocks, b.right == 1, n, j1-j, across)
		} else {
			x = packNarrowVector(t.path, as32(dst), b.f32(), n, j1-j, across)
		}
	}
	few := roundUp(64, across) // columns, which are packed while they are in the cache
	for ; x < j1-j; x += few {
		cols := min(few, j1-j-x)
		t.packStrips(dst[x*n:], b.from(0, x).widened(&w.scratch.wide, n, cols), n, cols)
	}
}

// packStrips packs the first n rows and the first columns of b to strips at dst.
func (t *product[T]) packStrips(dst []T, b view[T], n, columns int) {
	if t.path != Portable {
		packColumnsVector(t.path, as32(dst), b.f32(), n, columns, t.tile.across)
		return
	}
	packStrips(dst, b, n, columns, goAcross)
}

// tiles computes rows [i, i1) and columns [j, j1) of c from terms [k, k1), and adds them to
// the sums of earlier terms. right holds the columns of b if they are packed.
func (t *product[T]) tiles(right []T, k, k1, i, i1, j, j1 int) {
	if t.path != Portable {
		tilesVector(t.f32(), as32(right), k, k1, i, i1, j, j1)
		return
	}
	for ; i < i1; i += goDown {
		left := t.left[k*roundUp(t.mi, goDown)+i*(k1-k):][:goDown*(k1-k)]
		for x := j; x < j1; x += goAcross {
			s := dot2x4(left, right[(x-j)*(k1-k):][:goAcross*(k1-k)])
			for r := range min(goDown, i1-i) {
				t.store(s[r*goAcross:][:min(goAcross, j1-x)], t.i0+i+r, t.j0+x, t.k0+k == 0)
			}
		}
	}
}

func (t *product[T]) f32() *product[float32] { return any(t).(*product[float32]) }

func (v view[T]) f32() view[float32] {
	return view[float32]{v: as32(v.v), down: v.down, right: v.right, narrow: v.narrow}
}
