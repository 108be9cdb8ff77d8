package kernel

// A product is one c = a b on its way: the Task that first packs b, and a where
// its rows are not contiguous, and then computes tiles of c.
//
// Packed operands lie in strips, as the tile kernels read them: a strip of b is
// `across` columns wide and holds them k after k, a strip of a is `down` rows
// high and holds them k after k. A strip at the edge is as wide as the others;
// what fills it up is zero.
type product[T Float] struct {
	c         Mat[T]
	a, b      view[T] // a is m×k, b k×n
	bias      []T
	acc       bool
	m, n, k   int
	path      Path
	tile      size // of the tile kernel
	block     int  // terms of a sum that are added up in one go
	left      []T  // a packed; nil: read where it is
	right     []T  // b packed; nil: read where it is
	packing   bool // the phase
	i0, j0    int  // the corner of c in work
	k0        int  // the first term in work
	mi, ni    int  // its size
	ki        int  // its terms
	part      size // of c, computed in one part
	leftParts int  // parts of the packing phase that pack a
}

type size struct{ down, across int }

const (
	packedMax = 4 << 20  // elements of an operand that are packed at a time
	partMin   = 1 << 18  // multiplications that are worth a part of their own
	packMin   = 32 << 10 // elements that are worth a part of packing
	partRows  = 192      // the largest part: its operands for one block of
	partCols  = 384      // terms and its piece of c fit in 1 MiB
	partsEach = 8        // parts a thread, if they are large enough: the last ones even out
)

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
	t.plan()
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

func roundUp(n, to int) int { return (n + to - 1) / to * to }

func ceil(n, by int) int { return (n + by - 1) / by }

// run walks over c in pieces whose packed operands fit in the scratch.
func (t *product[T]) run(p *Pool) {
	packLeft, packRight := t.packs()
	terms, rows, cols := t.k, t.m, t.n
	if packRight {
		cols = min(cols, max(roundUp(packedMax/terms, t.tile.across), 2*partCols))
		terms = min(terms, max(packedMax/cols/t.block, 1)*t.block)
	}
	if packLeft {
		rows = min(rows, max(packedMax/terms/t.tile.down, 1)*t.tile.down)
	}
	for t.j0 = 0; t.j0 < t.n; t.j0 += cols {
		t.ni = min(cols, t.n-t.j0)
		for t.k0 = 0; t.k0 < t.k; t.k0 += terms {
			t.ki = min(terms, t.k-t.k0)
			rightDone := !packRight
			for t.i0 = 0; t.i0 < t.m; t.i0 += rows {
				t.mi = min(rows, t.m-t.i0)
				t.pack(p, packLeft, !rightDone)
				rightDone = true
				t.compute(p)
			}
		}
	}
}

// pack runs the packing phase.
func (t *product[T]) pack(p *Pool, left, right bool) {
	t.leftParts = 0
	parts := 0
	if left {
		t.left = floats[T](&p.scratch.left, roundUp(t.mi, t.tile.down)*t.ki)
		t.leftParts = ceil(ceil(t.mi, t.tile.down), t.stripsPerPart(t.tile.down))
		parts = t.leftParts
	}
	if right {
		t.right = floats[T](&p.scratch.right, roundUp(t.ni, t.tile.across)*t.ki)
		parts += ceil(ceil(t.ni, t.tile.across), t.stripsPerPart(t.tile.across))
	}
	if parts > 0 {
		t.packing = true
		p.Run(parts, t)
		t.packing = false
	}
}

// stripsPerPart is how many strips of a width one part packs.
func (t *product[T]) stripsPerPart(width int) int { return max(packMin/(width*t.ki), 1) }

// compute runs the computing phase.
func (t *product[T]) compute(p *Pool) {
	t.part = size{min(roundUp(t.mi, t.tile.down), roundUp(partRows, t.tile.down)), min(roundUp(t.ni, t.tile.across), roundUp(partCols, t.tile.across))}
	for want := partsEach * p.Threads(); p.Threads() > 1 && ceil(t.mi, t.part.down)*ceil(t.ni, t.part.across) < want; {
		half := size{roundUp(ceil(t.part.down, 2), t.tile.down), t.part.across}
		if t.part.down < t.part.across {
			half = size{t.part.down, roundUp(ceil(t.part.across, 2), t.tile.across)}
		}
		if half == t.part || half.down*half.across*t.ki < partMin {
			break
		}
		t.part = half
	}
	p.Run(ceil(t.mi, t.part.down)*ceil(t.ni, t.part.across), t)
}

// Do is one part of the phase.
func (t *product[T]) Do(_ *Pool, part int) {
	switch {
	case t.packing && part < t.leftParts:
		n := t.stripsPerPart(t.tile.down) * t.tile.down
		t.packLeft(part*n, min((part+1)*n, t.mi))
	case t.packing:
		n := t.stripsPerPart(t.tile.across) * t.tile.across
		part -= t.leftParts
		t.packRight(part*n, min((part+1)*n, t.ni))
	default:
		rows := ceil(t.mi, t.part.down)
		i, j := part%rows*t.part.down, part/rows*t.part.across
		t.tiles(i, min(i+t.part.down, t.mi), j, min(j+t.part.across, t.ni))
	}
}
