package kernel

// What measurements of the AVX-512 kernels at training shapes gave.
const (
	directRows = 512       // up to so many rows of a, packing b does not pay
	aliasRows  = 16        // the same where all rows of b lie in one set of the first cache
	directLeft = 128 << 10 // up to so many elements, packing aᵗ does not pay
	partRows   = 1024      // of the largest part
	partCols   = 192       // of the largest part: a block of them, packed, fits in 300 kB
	packMin    = 32 << 10  // elements that are worth a part of packing
	leftStrips = 4         // of a, packed together: two cache lines of a row at a time
	partMin    = 1 << 18   // multiplications that are worth a part of computing
	nearMax    = 128 << 10 // elements of a small b: half of the second cache
	partsEach  = 4         // parts a thread, if they are large enough: the last ones even out
)

// plan chooses the tile kernel, the places and the parts. The length of a block
// may depend on the number of terms only: it decides about rounding.
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
	t.packLeft, t.packRight = true, inPart
	if t.path != Portable && direct(t.path) {
		t.packLeft = t.a.right != 1 && t.m*t.k > directLeft
		rows := directRows
		if t.b.down*4%4096 == 0 {
			rows = aliasRows
		}
		if t.b.right == 1 && t.m <= rows {
			t.packRight = nowhere
		}
		if is32[T]() && turns(t.f32()) {
			t.packRight = turned
		}
	}
	t.part = size{roundUp(ceil(t.m, ceil(t.m, partRows)), t.tile.down), roundUp(partCols, t.tile.across)}
	if t.rows = threads > 1 && t.n*t.k <= nearMax && t.m >= 2*threads*t.tile.down; t.rows {
		t.part.down = roundUp(ceil(t.m, roundUp(ceil(t.m, t.part.down), threads)), t.tile.down)
	}
	for threads > 1 && ceil(t.m, t.part.down)*ceil(t.n, t.part.across) < partsEach*threads {
		half := size{t.part.down, roundUp(ceil(min(t.part.across, t.n), 2), t.tile.across)}
		if half.across >= t.part.across {
			half = size{roundUp(ceil(t.part.down, 2), t.tile.down), t.part.across}
		}
		if half == t.part || half.down*half.across*t.k < partMin {
			break
		}
		t.part = half
	}
	if t.packRight == inPart && t.m > t.part.down {
		t.packRight = shared
	}
}

// Rows, columns and terms count from the corner in work.

// packRows packs rows [i, i1) of terms [k, k1) of a to strips at dst.
func (t *product[T]) packRows(dst []T, k, k1, i, i1 int) {
	if t.path != Portable {
		packRowsVector(t.f32(), as32(dst), k, k1, i, i1)
		return
	}
	packStrips(dst, t.a.from(t.i0+i, t.k0+k).transposed(), k1-k, i1-i, goDown)
}

// packColumns packs columns [j, j1) of terms [k, k1) of b to strips at dst.
func (t *product[T]) packColumns(dst []T, k, k1, j, j1 int) {
	if t.path != Portable {
		packColumnsVector(t.f32(), as32(dst), k, k1, j, j1)
		return
	}
	packStrips(dst, t.b.from(t.k0+k, t.j0+j), k1-k, j1-j, goAcross)
}

// tiles computes rows [i, i1) and columns [j, j1) of c from terms [k, k1), and
// adds them to what earlier terms gave. right are the columns of b, if packed.
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
