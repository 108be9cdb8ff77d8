package kernel

// A product is the state of one c = a b. It is the Task that first packs operands, if that
// is faster, and then computes parts of c.
//
// Packed operands are stored in strips, in the order in which the tile kernels read them. A
// strip of b has the width of a tile and holds its columns term by term; a strip of a has
// the height of a tile and holds its rows term by term. A strip at the edge has the same
// width and is filled up with zeros.
type product[T Float] struct {
	c    Mat[T]
	a, b view[T] // m×k and k×n
	bias []T
	acc  bool
	m, n int
	k    int
	path Path

	tile      size     // of the tile kernel
	block     int      // number of terms that are summed before they are added to c
	packLeft  bool     // a is packed before parts are computed
	packRight packMode // how b is packed
	part      size     // size of a part of c
	rows      bool     // consecutive parts have the same rows, not the same columns

	left, right []T  // packed
	packing     bool // the packing phase is running
	i0, j0, k0  int  // corner in c and first term of the current piece
	mi, ni, ki  int  // rows, columns and terms of the current piece
	leftParts   int  // number of parts of the packing phase that pack a
}

type size struct{ down, across int }

// A packMode says how b is packed.
type packMode int

const (
	unpacked              packMode = iota // not packed: read in place
	packedPerPart                         // each part packs the columns that it needs
	packedOnce                            // packed once, before all parts
	transposedInRegisters                 // not packed: read in place and transposed in registers
)

// The number of elements that are packed at a time: of b, and of a for each thread. A thread
// reads its packed rows of a for every part of the columns; they should stay in its cache.
var (
	rightMax = 4 << 20
	leftMax  = 256 << 10
)

// multiply computes any of the products: c is m×n, a is m×k, b is k×n.
func multiply[T Float](p *Pool, c Mat[T], a, b view[T], k int, bias []T, acc bool) {
	if c.Rows == 0 || c.Cols == 0 {
		return
	}
	if k == 0 {
		productOfNothing(c, bias, acc)
		return
	}
	if p == nil {
		p = spares.Get().(*Pool)
		defer spares.Put(p)
	}
	p.Terms += uint64(c.Rows) * uint64(c.Cols) * uint64(k)
	t := task[T](p)
	*t = product[T]{c: c, a: a, b: b, bias: bias, acc: acc, m: c.Rows, n: c.Cols, k: k}
	t.plan(p.Threads())
	t.run(p)
	*t = product[T]{} // do not keep the matrices alive
}

func task[T Float](p *Pool) *product[T] {
	if t, ok := any(&p.f32).(*product[T]); ok {
		return t
	}
	return any(&p.f64).(*product[T])
}

func productOfNothing[T Float](c Mat[T], bias []T, acc bool) {
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

// run computes c in pieces whose packed operands fit in the scratch memory.
func (t *product[T]) run(p *Pool) {
	rows, cols, terms := t.m, t.n, t.k
	if t.packRight == packedOnce {
		cols = min(cols, max(rightMax/terms/t.part.across, 1)*t.part.across)
		terms = min(terms, max(rightMax/cols/t.block, 1)*t.block)
	}
	if t.packLeft {
		most := leftMax * p.Threads()
		rows = min(rows, max(most/terms/t.part.down, 1)*t.part.down)
		terms = min(terms, max(most/rows/t.block, 1)*t.block)
	}
	for t.j0 = 0; t.j0 < t.n; t.j0 += cols {
		t.ni = min(cols, t.n-t.j0)
		for t.k0 = 0; t.k0 < t.k; t.k0 += terms {
			t.ki = min(terms, t.k-t.k0)
			packRight := t.packRight == packedOnce
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
		parts = ceil(t.mi, t.packWidth(t.tile.down, leftStrips))
	}
	t.leftParts = parts
	if right {
		t.right = floats[T](&p.scratch.right, roundUp(t.ni, t.tile.across)*t.ki)
		parts += ceil(t.ni, t.packWidth(t.tile.across, 1))
	}
	if parts > 0 {
		t.packing = true
		p.Run(parts, t)
		t.packing = false
	}
}

// packWidth is the number of rows or columns that one part packs: a multiple of together
// strips of the given width.
func (t *product[T]) packWidth(strip, together int) int {
	return roundUp(max(packMin/(strip*t.ki), 1), together) * strip
}

// Do runs one part of the current phase.
func (t *product[T]) Do(w *Pool, part int) {
	if t.packing {
		t.packPart(w, part)
		return
	}
	i, j := t.corner(part)
	i1, j1 := min(i+t.part.down, t.mi), min(j+t.part.across, t.ni)
	step := j1 - j
	switch { // all blocks of terms of few columns: a row of b, or a panel, is read from memory in one go
	case t.packRight == transposedInRegisters:
		step = transposeCols
	case t.packRight == unpacked && t.b.inBlocks():
		step = blockColumns(t.m)
	}
	for ; j < j1; j += step {
		end := min(j+step, j1)
		for k := 0; k < t.ki; k += t.block {
			k1 := min(k+t.block, t.ki)
			var right []T
			switch t.packRight {
			case packedPerPart:
				right = floats[T](&w.scratch.right, roundUp(end-j, t.tile.across)*(k1-k))
				t.packColumns(w, right, k, k1, j, end)
			case packedOnce:
				right = t.right[k*roundUp(t.ni, t.tile.across)+j*(k1-k):]
			}
			t.tiles(right, k, k1, i, i1, j, end)
		}
	}
}

// corner is the first row and column of a part of c. Consecutive parts of a thread have the
// same rows if b is small, because the thread has these rows in its cache, and otherwise the
// same columns of b.
func (t *product[T]) corner(part int) (i, j int) {
	if t.rows {
		across := ceil(t.ni, t.part.across)
		i, j = part/across, part%across
	} else {
		down := ceil(t.mi, t.part.down)
		i, j = part%down, part/down
	}
	return i * t.part.down, j * t.part.across
}

// packPart runs one part of the packing phase.
func (t *product[T]) packPart(w *Pool, part int) {
	width := t.packWidth(t.tile.down, leftStrips)
	if part < t.leftParts {
		i, i1 := part*width, min((part+1)*width, t.mi)
		for k := 0; k < t.ki; k += t.block {
			k1 := min(k+t.block, t.ki)
			t.packRows(w, t.left[k*roundUp(t.mi, t.tile.down)+i*(k1-k):], k, k1, i, i1)
		}
		return
	}
	width = t.packWidth(t.tile.across, 1)
	j := (part - t.leftParts) * width
	j1 := min(j+width, t.ni)
	for k := 0; k < t.ki; k += t.block {
		k1 := min(k+t.block, t.ki)
		t.packColumns(w, t.right[k*roundUp(t.ni, t.tile.across)+j*(k1-k):], k, k1, j, j1)
	}
}
