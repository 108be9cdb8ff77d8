package corpus

import (
	"math/bits"
	"slices"
)

// Rows is the number of rows, which is one epoch.
func (p *Packed) Rows() int { return p.Stats.Rows }

// MaxStarts is the most that one row adds to the starts of a batch.
func (p *Packed) MaxStarts() int { return p.starts }

// Batch fills B rows of training: those that come after at rows, counted from the
// beginning of the run, through one epoch after another. Tokens and targets are B×T,
// row-major. It returns where documents begin in the batch, in starts, which is
// emptied first; with room for B·MaxStarts nothing is allocated. What a row does not
// fill has token 0 and target Ignored, and is of no document. It panics if a slice
// is not of size B·T or there are no rows.
func (p *Packed) Batch(at uint64, B int, tokens, targets, starts []int32) []int32 {
	checkBatch("corpus.Packed.Batch", B, p.T, tokens, targets)
	starts = starts[:0]
	for i := range B {
		starts = p.fill(p.row(at+uint64(i)), i, tokens, targets, starts)
	}
	return starts
}

// Counted is the number of targets that count in the B rows after at.
func (p *Packed) Counted(at uint64, B int) (n int) {
	for i := range B {
		n += int(p.counted[p.row(at+uint64(i))])
	}
	return n
}

// Sweep fills B rows of an evaluation: the rows first, first+1, … in the order in
// which they were laid; after the last, rows of padding. All rows together have every
// target once. It is Batch otherwise.
func (p *Packed) Sweep(first, B int, tokens, targets, starts []int32) []int32 {
	checkBatch("corpus.Packed.Sweep", B, p.T, tokens, targets)
	starts = starts[:0]
	for i := range B {
		starts = p.fill(first+i, i, tokens, targets, starts)
	}
	return starts
}

// row is the row that comes after at rows.
func (p *Packed) row(at uint64) int {
	n := uint64(p.Rows())
	if n == 0 {
		panic("corpus.Packed: there are no rows")
	}
	if epoch := at / n; epoch != p.epoch {
		p.shuffle(epoch)
	}
	return int(p.order[at%n])
}

// shuffle draws the order of an epoch: a permutation, each as likely as any other.
func (p *Packed) shuffle(epoch uint64) {
	p.epoch = epoch
	for i := range p.order {
		j, _ := bits.Mul64(hash(p.seed, epoch, uint64(i)), uint64(i+1))
		p.order[i] = p.order[j]
		p.order[j] = int32(i)
	}
}

// fill writes a row, or padding if there is no such row, as number i of a batch.
func (p *Packed) fill(row, i int, tokens, targets, starts []int32) []int32 {
	x, at, end := p.examples, i*p.T, (i+1)*p.T
	if row < p.Rows() {
		for _, c := range p.pieces[p.rows[row]:p.rows[row+1]] {
			starts = append(starts, int32(at))
			for j := c.from; j < c.to; j++ {
				tokens[at], targets[at] = x.Tokens[j], Ignored
				if x.Learn[j+1] {
					targets[at] = x.Tokens[j+1]
				}
				at++
			}
		}
	}
	for j := at; j < end; j++ {
		if (j-at)%padChunk == 0 {
			starts = append(starts, int32(j))
		}
		tokens[j], targets[j] = 0, Ignored
	}
	return starts
}

// Places is where the documents of the row that comes after at rows were read.
func (p *Packed) Places(at uint64) []Place {
	row := p.row(at)
	var places []Place
	for _, c := range p.pieces[p.rows[row]:p.rows[row+1]] {
		i, _ := slices.BinarySearch(p.examples.ends, c.from+1)
		places = append(places, p.examples.Place(i))
	}
	return places
}
