package corpus

import (
	"math/bits"
	"slices"
)

// Rows is the number of rows in one epoch.
func (p *Packed) Rows() int { return p.Stats.Rows }

// MaxStarts is the largest number of document starts in one row.
func (p *Packed) MaxStarts() int { return p.starts }

// Batch fills B rows for training. The run has had at rows before, over all epochs; Batch
// gives the next B. tokens and targets are B×T, row-major. It returns the positions in the
// batch where documents begin, in the memory of starts; if starts has room for B·MaxStarts,
// nothing is allocated. Positions after the last document of a row have token 0, target
// Ignored, and are documents of padding. Batch panics if a slice is not of size B·T or there
// are no rows.
func (p *Packed) Batch(at uint64, B int, tokens, targets, starts []int32) []int32 {
	checkBatch("corpus.Packed.Batch", B, p.T, tokens, targets)
	starts = starts[:0]
	for i := range B {
		starts = p.fill(p.row(at+uint64(i)), i, tokens, targets, starts)
	}
	return starts
}

// targetsIn is the number of targets that count in the next B rows, after at rows.
func (p *Packed) targetsIn(at uint64, B int) (n int) {
	for i := range B {
		n += int(p.targets[p.row(at+uint64(i))])
	}
	return n
}

// Sweep fills B rows for evaluation: the rows first, first+1, … in their stored order, and
// rows of padding after the last. All rows together have every target once. Otherwise it is
// as Batch.
func (p *Packed) Sweep(first, B int, tokens, targets, starts []int32) []int32 {
	checkBatch("corpus.Packed.Sweep", B, p.T, tokens, targets)
	starts = starts[:0]
	for i := range B {
		starts = p.fill(first+i, i, tokens, targets, starts)
	}
	return starts
}

// row is the index of the row that follows after at rows, over all epochs.
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

// shuffle draws the order of the rows in an epoch: a permutation, each with equal
// probability.
func (p *Packed) shuffle(epoch uint64) {
	p.epoch = epoch
	for i := range p.order {
		j, _ := bits.Mul64(hash(p.seed, epoch, uint64(i)), uint64(i+1))
		p.order[i] = p.order[j]
		p.order[j] = int32(i)
	}
}

// fill writes a row as row i of a batch; padding if there is no such row.
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

// Places lists where the documents of the row that follows after at rows were read.
func (p *Packed) Places(at uint64) []Place {
	row := p.row(at)
	var places []Place
	for _, c := range p.pieces[p.rows[row]:p.rows[row+1]] {
		i, _ := slices.BinarySearch(p.examples.ends, c.from+1)
		places = append(places, p.examples.Place(i))
	}
	return places
}
