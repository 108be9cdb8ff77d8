package corpus

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

// Long says what happens to a document that does not fit into a row.
type Long string

const (
	LongCut      Long = "cut"      // the rest goes into another row, without the beginning as context; every target counts
	LongTruncate Long = "truncate" // the rest is left out
)

// PackOptions say how documents are put into rows.
type PackOptions struct {
	Long Long   // "" means LongCut
	Pad  bool   // each document has a row of its own; otherwise a row holds as many as fit
	Seed uint64 // of the order of the rows
}

// padChunk is the length of the documents that padding is divided into. Attention within
// padding costs no more than within documents of this length.
const padChunk = 64

// Packed holds documents in rows of T tokens. A document of n tokens takes n-1 positions: at
// each, the input is a token and the target is the next one. Documents are packed by best
// fit decreasing: the longest first, each into the row with the least free space that is
// large enough. Little padding is left. The row of a document depends on the lengths only.
//
// In training each epoch has its own random order of the rows, a pure function of seed and
// epoch. So the position of a run in its data is one integer, the number of rows that it has
// had. Only one goroutine may use a Packed at a time.
type Packed struct {
	T     int       // tokens per row
	Stats PackStats // counts of rows, documents and targets

	examples *Examples
	pieces   []piece // in the order of their rows
	rows     []int   // index in pieces where each row begins, and len(pieces)
	targets  []int32 // targets of each row
	starts   int     // largest number of document starts in a row
	seed     uint64

	epoch uint64
	order []int32 // the rows in the order of epoch
}

// A piece is a range of input tokens, from … to-1, in the tokens of all documents. Its
// targets are one position later.
type piece struct{ from, to int }

func (p piece) len() int { return p.to - p.from }

// PackStats count what happened to the documents.
type PackStats struct {
	Rows      int     `json:"rows"`      // number of rows
	Documents int     `json:"documents"` // documents in rows, whole or in part
	Inputs    int     `json:"inputs"`    // tokens in rows, without padding
	Targets   int     `json:"targets"`   // targets that count
	Padding   float64 `json:"padding"`   // share of padding in the rows, 0 to 1
	Long      int     `json:"long"`      // documents longer than a row: cut, or truncated
	Lost      int     `json:"lost"`      // targets that were truncated
	Skipped   int     `json:"skipped"`   // documents, and pieces of long ones, without a target
}

// Pack puts x, which is not copied, into rows of T tokens. There are no rows if x has no
// target. Pack panics if T < 1 or o.Long is unknown.
func Pack(x *Examples, T int, o PackOptions) *Packed {
	if T < 1 || o.Long != "" && o.Long != LongCut && o.Long != LongTruncate {
		panic(fmt.Sprintf("corpus.Pack: rows of %d tokens, long documents %q", T, o.Long))
	}
	p := &Packed{T: T, examples: x, seed: o.Seed}
	pieces := p.cut(o.Long)
	row := make([]int32, len(pieces))
	if o.Pad {
		for i := range row {
			row[i] = int32(i)
		}
	} else {
		bestFit(row, pieces, T)
	}
	p.placeRows(pieces, row)
	p.order = make([]int32, p.Rows())
	p.shuffle(0)
	return p
}

// cut divides the documents into pieces of at most T tokens.
func (p *Packed) cut(long Long) (pieces []piece) {
	for i := range p.examples.Len() {
		from, end := p.examples.span(i)
		end-- // the last token is a target only
		if end-from > p.T {
			p.Stats.Long++
			if long == LongTruncate {
				p.Stats.Lost += p.countTargets(piece{from + p.T, end})
				end = from + p.T
			}
		}
		if from >= end {
			p.Stats.Skipped++
		}
		before := len(pieces)
		for ; from < end; from += p.T {
			if c := (piece{from, min(from+p.T, end)}); p.countTargets(c) > 0 {
				pieces = append(pieces, c)
			} else {
				p.Stats.Skipped++
			}
		}
		if len(pieces) > before {
			p.Stats.Documents++
		}
	}
	return pieces
}

// countTargets is the number of targets of c that count.
func (p *Packed) countTargets(c piece) (n int) {
	for _, l := range p.examples.Learn[c.from+1 : c.to+1] {
		if l {
			n++
		}
	}
	return n
}

// bestFit sets the row of each piece by best fit decreasing. Of pieces with equal length the
// first is placed first. Of rows with equal free space the one that was filled last is
// taken.
func bestFit(row []int32, pieces []piece, T int) {
	order := make([]int32, len(pieces))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(pieces[b].len(), pieces[a].len()) })
	byRoom := make([][]int32, T+1)     // rows by their free space
	nonEmpty := make([]uint64, T/64+1) // bit r: there is a row with free space r
	rows := int32(0)
	for _, i := range order {
		n := pieces[i].len()
		room := T
		word, above := n/64, ^uint64(0)<<(n%64)
		for ; word < len(nonEmpty); word++ {
			if w := nonEmpty[word] & above; w != 0 {
				room = word*64 + bits.TrailingZeros64(w)
				break
			}
			above = ^uint64(0)
		}
		if k := len(byRoom[room]); word < len(nonEmpty) {
			row[i] = byRoom[room][k-1]
			if byRoom[room] = byRoom[room][:k-1]; k == 1 {
				nonEmpty[room/64] &^= 1 << (room % 64)
			}
		} else {
			row[i] = rows
			rows++
		}
		byRoom[room-n] = append(byRoom[room-n], row[i])
		nonEmpty[(room-n)/64] |= 1 << ((room - n) % 64)
	}
}

// placeRows sorts the pieces by row, within a row in the order of the documents, and counts.
func (p *Packed) placeRows(pieces []piece, row []int32) {
	order := make([]int32, len(pieces))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(row[a], row[b]) })
	p.pieces = make([]piece, len(pieces))
	for i, k := range order {
		if i == 0 || row[k] != row[order[i-1]] {
			p.rows, p.targets = append(p.rows, i), append(p.targets, 0)
		}
		c := pieces[k]
		p.pieces[i] = c
		n := p.countTargets(c)
		p.targets[len(p.targets)-1] += int32(n)
		p.Stats.Targets += n
		p.Stats.Inputs += c.len()
	}
	p.Stats.Rows = len(p.rows)
	p.rows = append(p.rows, len(pieces))
	p.starts = (p.T + padChunk - 1) / padChunk // a row of padding
	for i := range p.Stats.Rows {
		used := 0
		for _, c := range p.pieces[p.rows[i]:p.rows[i+1]] {
			used += c.len()
		}
		p.starts = max(p.starts, p.rows[i+1]-p.rows[i]+(p.T-used+padChunk-1)/padChunk)
	}
	if p.Stats.Rows > 0 {
		p.Stats.Padding = 1 - float64(p.Stats.Inputs)/(float64(p.Stats.Rows)*float64(p.T))
	}
}
