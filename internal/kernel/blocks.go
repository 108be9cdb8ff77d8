package kernel

// Blocks holds the numbers of a matrix in blocks of 32, as pedestrian.Q8 orders them: a line
// of the matrix, a column or a row, is a row of blocks, and sixteen lines are a panel.
type Blocks struct {
	V      []byte // panel after panel
	Length int    // numbers of a line, a multiple of 32
	Rows   bool   // lines are the rows of the matrix; otherwise its columns

	line, at int // of a view: its first line, and the number in it that is the first
}

const (
	blockLen        = 32
	panelLines      = 16
	panelScales     = 2 * panelLines                    // bytes of the scales of a block, one of each line
	panelBlockBytes = panelScales + blockLen*panelLines // of a block of a panel
)

func (b Blocks) on() bool { return b.V != nil }

// sub is b from row r and column c of its matrix on.
func (b Blocks) sub(r, c int) Blocks {
	if b.Rows {
		r, c = c, r
	}
	b.at, b.line = b.at+r, b.line+c
	return b
}

// panel is the offset in V of the block of a panel that has the number of lines at.
func (b Blocks) panel(panel, at int) int {
	return (panel*(b.Length/blockLen) + at/blockLen) * panelBlockBytes
}

// number is the number at of a line.
func (b Blocks) number(line, at int) float32 {
	line, at = b.line+line, b.at+at
	block := b.V[b.panel(line/panelLines, at):][:panelBlockBytes]
	lane := line % panelLines
	return float32(int8(block[panelScales+at%blockLen*panelLines+lane])) * scaleOf(block, lane)
}

// scaleOf is the scale of a line of a panel.
func scaleOf(block []byte, lane int) float32 {
	return f16Float(uint16(block[2*lane]) | uint16(block[2*lane+1])<<8)
}

// inBlocks reports whether v is in blocks.
func (v view[T]) inBlocks() bool { return v.narrow.Blocks.on() }

// widenBlocks sets wide to numbers [at, at+terms) of lines [line, line+lines) of b, counted
// from its first. A row of wide, stride numbers apart, holds a number of every line; what it
// has beyond them is undefined.
//
//	for t, l { wide[t*stride+l] = b.number(line+l, at+t) }
func widenBlocks[T Float](wide []T, stride int, b Blocks, line, lines, at, terms int) {
	line, at = b.line+line, b.at+at
	for l := -(line % panelLines); l < lines; l += panelLines {
		panel := b.V[b.panel((line+l)/panelLines, at):]
		if vectors && hasVectors[T]() && l >= 0 && l+panelLines <= stride {
			widenPanelVector(as32(wide)[l:], stride, panel, at%blockLen, terms)
			continue
		}
		for lane := max(0, -l); lane < min(panelLines, lines-l); lane++ {
			widenLine(wide[l+lane:], stride, panel, lane, at%blockLen, terms)
		}
	}
}

// widenLine sets every stride-th number of dst to those of a line of a panel from number at on.
func widenLine[T Float](dst []T, stride int, panel []byte, lane, at, terms int) {
	for t := 0; t < terms; {
		scale := T(scaleOf(panel, lane))
		for ; at < blockLen && t < terms; at, t = at+1, t+1 {
			dst[t*stride] = T(int8(panel[panelScales+at*panelLines+lane])) * scale
		}
		if at = 0; t < terms {
			panel = panel[panelBlockBytes:]
		}
	}
}

// widenedBlocks is widened of a v in blocks.
func (v view[T]) widenedBlocks(buf *[]byte, rows, cols int) view[T] {
	lines, terms := cols, rows
	if v.right == 0 {
		lines, terms = rows, cols
	}
	stride := roundUp(lines, panelLines)
	wide := view[T]{v: floats[T](buf, terms*stride), down: stride, right: 1}
	widenBlocks(wide.v, stride, v.narrow.Blocks, 0, lines, 0, terms)
	if v.right == 0 {
		return wide.transposed()
	}
	return wide
}

// blockColumns is the number of columns of a b in blocks that are read at the same time for m
// rows of a: with more rows, sums leave registers for fewer.
func blockColumns(m int) int {
	if m > 4 {
		return 3 * panelLines
	}
	return 4 * panelLines
}

// numberAt is the number in row i and column j of the matrix.
func (b Blocks) numberAt(i, j int) float32 {
	if b.Rows {
		return b.number(i, j)
	}
	return b.number(j, i)
}
