package corpus

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

// A Long says what happens to a document that does not fit into a row.
type Long string

const (
	LongCut      Long = "cut"      // it goes on in another row, without what came before; every target counts
	LongTruncate Long = "truncate" // what does not fit is left out
)

// PackOptions say how documents are laid into rows.
type PackOptions struct {
	Long Long   // "" means LongCut
	Pad  bool   // a row of its own for each document; otherwise as many as fit
	Seed uint64 // of the order of the rows
}

// padChunk is the length of the documents that padding is divided into: attention
// within them is all that padding costs there.
const padChunk = 64

// Packed is documents in rows of T tokens. A document of n tokens takes n-1 places:
// at each, the input is a token and the target the next. Documents are laid by best
// fit, the longest first: each into the row with the least room that holds it. That
// leaves next to no padding, and which document lies where depends on the lengths
// alone.
//
// In training the rows come in an order that is drawn anew for each epoch, a pure
// function of the seed and the epoch. So where a run stands in its data is one
// integer, the number of rows that it has had. A Packed belongs to one goroutine at
// a time.
type Packed struct {
	T     int
	Stats PackStats

	examples *Examples
	pieces   []piece // row by row
	rows     []int   // where a row begins in pieces, and the end
	counted  []int32 // targets of each row
	starts   int     // the most that a row has
	seed     uint64

	epoch uint64
	order []int32 // of the rows in epoch
}

// A piece is the tokens from … to-1 of all documents, as inputs; their targets are
// one further.
type piece struct{ from, to int }

func (p piece) len() int { return p.to - p.from }

// PackStats say what became of the documents.
type PackStats struct {
	Rows      int     `json:"rows"`
	Documents int     `json:"documents"` // that are in rows, at least in part
	Inputs    int     `json:"inputs"`    // tokens in rows, padding aside
	Targets   int     `json:"targets"`   // those that count
	Padding   float64 `json:"padding"`   // its share of the rows
	Long      int     `json:"long"`      // documents longer than a row: cut, or truncated
	Lost      int     `json:"lost"`      // targets that truncation took away
	Skipped   int     `json:"skipped"`   // documents, and pieces of long ones, that have no target
}

// Pack lays x, which is not copied, into rows of T tokens. It panics if T is not
// positive or Long is unknown. There may be no row at the end, if x has no target.
func Pack(x *Examples, T int, o PackOptions) *Packed {
	if T < 1 || o.Long != "" && o.Long != LongCut && o.Long != LongTruncate {
		panic(fmt.Sprintf("corpus.Pack: rows of %d tokens, long documents %q", T, o.Long))
	}
	p := &Packed{T: T, examples: x, seed: o.Seed}
	pieces := p.divide(o.Long)
	row := make([]int32, len(pieces))
	if o.Pad {
		for i := range row {
			row[i] = int32(i)
		}
	} else {
		bestFit(row, pieces, T)
	}
	p.lay(pieces, row)
	p.order = make([]int32, p.Rows())
	p.shuffle(0)
	return p
}

// divide makes pieces of at most T tokens of the documents.
func (p *Packed) divide(long Long) (pieces []piece) {
	for i := range p.examples.Len() {
		from, end := p.examples.span(i)
		end-- // the last token is a target only
		if end-from > p.T {
			p.Stats.Long++
			if long == LongTruncate {
				p.Stats.Lost += p.learnt(piece{from + p.T, end})
				end = from + p.T
			}
		}
		if from >= end {
			p.Stats.Skipped++
		}
		before := len(pieces)
		for ; from < end; from += p.T {
			if c := (piece{from, min(from+p.T, end)}); p.learnt(c) > 0 {
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

// learnt is the number of targets of c that count.
func (p *Packed) learnt(c piece) (n int) {
	for _, l := range p.examples.Learn[c.from+1 : c.to+1] {
		if l {
			n++
		}
	}
	return n
}

// bestFit sets the row of each piece: best fit decreasing. Of pieces of one length
// the first comes first, and of rows with one room the one that got its last piece last.
func bestFit(row []int32, pieces []piece, T int) {
	order := make([]int32, len(pieces))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(pieces[b].len(), pieces[a].len()) })
	with := make([][]int32, T+1)   // rows by their room
	some := make([]uint64, T/64+1) // bit r: there is a row with room r
	rows := int32(0)
	for _, i := range order {
		n := pieces[i].len()
		room := T
		word, above := n/64, ^uint64(0)<<(n%64)
		for ; word < len(some); word++ {
			if w := some[word] & above; w != 0 {
				room = word*64 + bits.TrailingZeros64(w)
				break
			}
			above = ^uint64(0)
		}
		if k := len(with[room]); word < len(some) {
			row[i] = with[room][k-1]
			if with[room] = with[room][:k-1]; k == 1 {
				some[room/64] &^= 1 << (room % 64)
			}
		} else {
			row[i] = rows
			rows++
		}
		with[room-n] = append(with[room-n], row[i])
		some[(room-n)/64] |= 1 << ((room - n) % 64)
	}
}

// lay puts the pieces in the order of their rows, within a row in that of the
// documents.
func (p *Packed) lay(pieces []piece, row []int32) {
	order := make([]int32, len(pieces))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(row[a], row[b]) })
	p.pieces = make([]piece, len(pieces))
	for i, k := range order {
		if i == 0 || row[k] != row[order[i-1]] {
			p.rows, p.counted = append(p.rows, i), append(p.counted, 0)
		}
		c := pieces[k]
		p.pieces[i] = c
		n := p.learnt(c)
		p.counted[len(p.counted)-1] += int32(n)
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
