package kernel

// A product is one c = a b on its way: the Task that packs operands where that
// pays, and then computes parts of c.
//
// Packed operands lie in strips, as the tile kernels read them: a strip of b is
// as wide as a tile and holds its columns term after term, a strip of a is as
// high as a tile and holds its rows term after term. A strip at the edge is as
// wide as the others; what fills it up is zero.
type product[T Float] struct {
	c    Mat[T]
	a, b view[T] // m×k and k×n
	bias []T
	acc  bool
	m, n int
	k    int
	path Path

	tile      size  // of the tile kernel
	block     int   // terms of a sum that are added up in one go
	packLeft  bool  // a is packed before anything else
	packRight place // where b is packed
	part      size  // of c, computed in one part

	left, right []T  // packed
	packing     bool // the phase
	i0, j0, k0  int  // the corner of c, and the first term, in work
	mi, ni, ki  int  // how much of them
	leftParts   int  // parts of the packing phase that pack a
}

type size struct{ down, across int }

// A place says where an operand is packed.
type place int

const (
	nowhere place = iota // it is read where it lies
	inPart               // in each part, what the part needs
	shared               // before all parts, for all of them
)

// What measurements of the AVX-512 kernels at training shapes gave.
const (
	directRows = 512       // up to so many rows of a, packing b does not pay
	aliasRows  = 16        // the same where all rows of b lie in one set of the first cache
	directLeft = 128 << 10 // up to so many elements, packing aᵗ does not pay
	partRows   = 1024      // of the largest part
	partCols   = 192       // of the largest part: a block of them, packed, fits in 300 kB
	packMin    = 32 << 10  // elements that are worth a part of packing
	partMin    = 1 << 18   // multiplications that are worth a part of computing
	partsEach  = 4         // parts a thread, if they are large enough: the last ones even out
)

// packedMax is how many elements of an operand are packed at a time.
var packedMax = 4 << 20

// multiply is the common form of the products: c is m×n, a is m×k, b is k×n.
func multiply[T Float](p *Pool, c Mat[T], a, b view[T], k int, bias []T, acc bool) {
	if c.Rows == 0 || c.Cols == 0 {
		return
	}
	if k == 0 {
		noTerms(c, bias, acc)
		return
	}
	if p == nil {
		p = spare.Get().(*Pool)
		defer spare.Put(p)
	}
	t := task[T](p)
	*t = product[T]{c: c, a: a, b: b, bias: bias, acc: acc, m: c.Rows, n: c.Cols, k: k}
	t.plan(p.Threads())
	t.run(p)
	*t = product[T]{} // keep nobody's matrices alive
}

func task[T Float](p *Pool) *product[T] {
	if t, ok := any(&p.f32).(*product[T]); ok {
		return t
	}
	return any(&p.f64).(*product[T])
}

func noTerms[T Float](c Mat[T], bias []T, acc bool) {
	for i := range c.Rows {
		row := c.Row(i)
		if !acc {
			clear(row)
		}
		for j, v := range bias {
			row[j] += v
		}
	}
}

func ceil(n, by int) int { return (n + by - 1) / by }

func roundUp(n, to int) int { return ceil(n, to) * to }

// run walks over c in pieces whose packed operands fit in the scratch.
func (t *product[T]) run(p *Pool) {
	rows, cols, terms := t.m, t.n, t.k
	if t.packRight == shared {
		cols = min(cols, max(packedMax/terms/t.part.across, 1)*t.part.across)
		terms = min(terms, max(packedMax/cols/t.block, 1)*t.block)
	}
	if t.packLeft {
		rows = min(rows, max(packedMax/terms/t.part.down, 1)*t.part.down)
		terms = min(terms, max(packedMax/rows/t.block, 1)*t.block)
	}
	for t.j0 = 0; t.j0 < t.n; t.j0 += cols {
		t.ni = min(cols, t.n-t.j0)
		for t.k0 = 0; t.k0 < t.k; t.k0 += terms {
			t.ki = min(terms, t.k-t.k0)
			packRight := t.packRight == shared
			for t.i0 = 0; t.i0 < t.m; t.i0 += rows {
				t.mi = min(rows, t.m-t.i0)
				t.pack(p, packRight)
				packRight = false
				p.Run(ceil(t.mi, t.part.down)*ceil(t.ni, t.part.across), t)
			}
		}
	}
}

// pack runs the packing phase.
func (t *product[T]) pack(p *Pool, right bool) {
	parts := 0
	if t.packLeft {
		t.left = floats[T](&p.scratch.left, roundUp(t.mi, t.tile.down)*t.ki)
		parts = ceil(t.mi, t.packWidth(t.tile.down))
	}
	t.leftParts = parts
	if right {
		t.right = floats[T](&p.scratch.right, roundUp(t.ni, t.tile.across)*t.ki)
		parts += ceil(t.ni, t.packWidth(t.tile.across))
	}
	if parts > 0 {
		t.packing = true
		p.Run(parts, t)
		t.packing = false
	}
}

// packWidth is how many rows or columns one part packs, in strips of a width.
func (t *product[T]) packWidth(strip int) int { return max(packMin/(strip*t.ki), 1) * strip }

// Do is one part of a phase.
func (t *product[T]) Do(w *Pool, part int) {
	if t.packing {
		t.packPart(part)
		return
	}
	rows := ceil(t.mi, t.part.down)
	i, j := part%rows*t.part.down, part/rows*t.part.across
	i1, j1 := min(i+t.part.down, t.mi), min(j+t.part.across, t.ni)
	for k := 0; k < t.ki; k += t.block {
		k1 := min(k+t.block, t.ki)
		var right []T
		switch t.packRight {
		case inPart:
			right = floats[T](&w.scratch.right, roundUp(j1-j, t.tile.across)*(k1-k))
			t.packColumns(right, k, k1, j, j1)
		case shared:
			right = t.right[k*roundUp(t.ni, t.tile.across)+j*(k1-k):]
		}
		t.tiles(right, k, k1, i, i1, j, j1)
	}
}

// packPart is one part of the packing phase.
func (t *product[T]) packPart(part int) {
	width := t.packWidth(t.tile.down)
	if part < t.leftParts {
		i, i1 := part*width, min((part+1)*width, t.mi)
		for k := 0; k < t.ki; k += t.block {
			k1 := min(k+t.block, t.ki)
			t.packRows(t.left[k*roundUp(t.mi, t.tile.down)+i*(k1-k):], k, k1, i, i1)
		}
		return
	}
	width = t.packWidth(t.tile.across)
	j := (part - t.leftParts) * width
	j1 := min(j+width, t.ni)
	for k := 0; k < t.ki; k += t.block {
		k1 := min(k+t.block, t.ki)
		t.packColumns(t.right[k*roundUp(t.ni, t.tile.across)+j*(k1-k):], k, k1, j, j1)
	}
}

// What follows counts rows, columns and terms from the corner in work.

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
	}
	t.part = size{roundUp(ceil(t.m, ceil(t.m, partRows)), t.tile.down), roundUp(partCols, t.tile.across)}
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
