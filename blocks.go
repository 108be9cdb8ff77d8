package pedestrian

import (
	"encoding/binary"
	"fmt"
)

// Numbers of Q8 are in blocks, as q8_0 of ggml has them: 32 whole numbers of 8 bits with a
// common scale in half precision. A number is the whole number times the scale, which is a
// float32 exactly. The numbers of a block are added up by a product: they are of one column
// of a matrix, or of one row of a table. Such a column or row is a line.
//
// In memory sixteen lines are a panel, so that products read panels from their beginnings to
// their ends. A panel has block after block: the scales of the lines, two bytes each, the
// lower first; then the first number of each line, the second of each line, and so on.
// Lines that a last panel has beyond those of the parameter are zero.
const (
	BlockLen   = 32 // numbers of a block
	BlockBytes = 34 // of a block of one line: the scale, then the numbers, as ggml stores it

	panelLines      = 16
	panelBlockBytes = panelLines * BlockBytes
)

// lines returns the number of lines of s, and of numbers in one.
func (s Slot) lines() (n, length int) {
	if s.Role == Table {
		return s.Rows, s.Cols
	}
	return s.Cols, s.Rows
}

// HasBlocks says whether the lines of s, a matrix or a table, are whole blocks: the columns
// of a matrix, the rows of a table. Otherwise Q8 cannot hold it.
func (s Slot) HasBlocks() bool {
	_, length := s.lines()
	return !s.Vec() && length%BlockLen == 0
}

// Bytes is the memory of the numbers of s in storage of. wide is the size of one that is Wide.
func (s Slot) Bytes(of Storage, wide int) int64 {
	n := int64(s.Rows) * int64(s.Cols)
	switch {
	case of == Wide || s.Vec() || of == Q8 && !s.HasBlocks():
		return int64(wide) * n
	case of == Q8:
		lines, length := s.lines()
		return int64(ceil(lines, panelLines)) * int64(length/BlockLen) * panelBlockBytes
	}
	return 2 * n
}

func ceil(n, by int) int { return (n + by - 1) / by }

// blockAt is where block k of a line is in its memory: the scale, and the first number.
func (t Tensor[T]) blockAt(line, k int) (scale, first int) {
	_, length := t.lines()
	block := (line/panelLines*(length/BlockLen) + k) * panelBlockBytes
	return block + 2*(line%panelLines), block + 2*panelLines + line%panelLines
}

// mustHold panics unless t is in Q8 and has these blocks.
func (t Tensor[T]) mustHold(fn string, line, first, bytes int) (blocks int) {
	n, length := t.lines()
	blocks = bytes / BlockBytes
	if t.Narrow.Blocks == nil || bytes%BlockBytes != 0 || line < 0 || line >= n || first < 0 || first+blocks > length/BlockLen {
		panic(fmt.Sprintf("pedestrian.Tensor.%s: %d bytes from block %d of line %d on: %s holds %d lines of %d numbers as %q", fn, bytes, first, line, t.Name, n, length, t.Narrow.Storage))
	}
	return blocks
}

// SetBlocks sets blocks of a line of t, which is in Q8, from block first on, to those that
// ggml's bytes stand for: BlockBytes each.
func (t Tensor[T]) SetBlocks(line, first int, from []byte) {
	to := t.Narrow.Blocks
	for k := range t.mustHold("SetBlocks", line, first, len(from)) {
		scale, at := t.blockAt(line, first+k)
		b := from[k*BlockBytes:][:BlockBytes]
		to[scale], to[scale+1] = b[0], b[1]
		numbers := to[at:][:panelLines*(BlockLen-1)+1]
		for i, v := range b[2:] {
			numbers[panelLines*i] = v
		}
	}
}

// Blocks sets dst to the bytes that SetBlocks takes for the same blocks.
func (t Tensor[T]) Blocks(dst []byte, line, first int) {
	from := t.Narrow.Blocks
	for k := range t.mustHold("Blocks", line, first, len(dst)) {
		scale, at := t.blockAt(line, first+k)
		b := dst[k*BlockBytes:][:BlockBytes]
		b[0], b[1] = from[scale], from[scale+1]
		for i := range b[2:] {
			b[2+i] = from[at+panelLines*i]
		}
	}
}

// readBlocks is Read of numbers in Q8.
func (t Tensor[T]) readBlocks(dst []T, first int) {
	from := t.Narrow.Blocks
	row, col := first/t.Cols, first%t.Cols
	line, at := &col, &row
	if t.Role == Table {
		line, at = &row, &col
	}
	for i := range dst {
		scale, number := t.blockAt(*line, *at/BlockLen)
		d := fromF16(binary.LittleEndian.Uint16(from[scale:]))
		dst[i] = T(int8(from[number+panelLines*(*at%BlockLen)])) * T(d)
		if col++; col == t.Cols {
			row, col = row+1, 0
		}
	}
}
