package sheet

import (
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/pedestrian-ml/pedestrian/paper"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// A Terminal is what a sheet is printed for.
type Terminal struct {
	Width   int // columns; 0 = 80
	Colours int // it shows: 0 = none, 256, or 1<<24
}

// A printer prints lines, and keeps the first error.
type printer struct {
	Terminal
	w     io.Writer
	err   error
	first func(*printer) // prints what stands above the first line; nil: nothing
}

func (p *printer) line(format string, args ...any) {
	if above := p.first; above != nil {
		p.first = nil
		above(p)
	}
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, strings.TrimRight(fmt.Sprintf(format, args...), " "))
	}
}

// prose prints words, broken where the screen ends, behind a margin.
func (p *printer) prose(margin int, text string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && margin+columns(line)+1+columns(word) > p.Width {
			p.line("%*s%s", margin, "", line)
			line = ""
		}
		line += map[bool]string{true: " "}[line != ""] + word
	}
	if line != "" {
		p.line("%*s%s", margin, "", line)
	}
}

// Colours of text, which stand out on light and on dark ground.
const (
	bold   = "1"
	faint  = "2"
	orange = "38;5;166"
	blue   = "38;5;32"
)

func (p *printer) in(code, s string) string {
	if p.Colours == 0 || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// hue is the colour of what belongs to a pass.
func hue(k studio.Kind) string {
	if backward(k) {
		return blue
	}
	return orange
}

func backward(k studio.Kind) bool { return k == studio.Error || k == studio.Gradient }

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

// columns is how many columns text takes.
func columns(text string) (n int) {
	for _, r := range escapes.ReplaceAllString(text, "") {
		if !unicode.Is(unicode.Mn, r) {
			n++
		}
	}
	return n
}

// cut is text in at most n columns.
func cut(text string, n int) string {
	if r := []rune(text); len(r) > n {
		if n < 4 {
			return string(r[:n])
		}
		return string(r[:n-1]) + "…"
	}
	return text
}

// left and right fill text with blanks to n columns.
func left(text string, n int) string  { return text + strings.Repeat(" ", max(0, n-columns(text))) }
func right(text string, n int) string { return strings.Repeat(" ", max(0, n-columns(text))) + text }

// Shades of positive and of negative numbers, for terminals without colours: four steps by the
// square root, so that small numbers are seen.
var (
	positive = []rune("░▒▓█")
	negative = []rune("-=≡■")
	bars     = []rune("▁▂▃▄▅▆▇█")
)

const shadesLegend = "+ ░▒▓█   − -=≡■   blank: near zero   ∘ zero by theorem   / not seen"

func shade(x, top float64) rune {
	t := math.Sqrt(math.Abs(x) / top)
	if top == 0 || t < .125 {
		return ' '
	}
	at := min(3, int(t*4))
	if x < 0 {
		return negative[at]
	}
	return positive[at]
}

// A textMap is a matrix as it is printed: each cell with its digits, or as a shade.
type textMap struct {
	node   *studio.Node
	title  string   // behind its symbol
	rows   []string // names of its rows; nil: as the node has them
	cols   []string
	change bool // its numbers are what changed
	v      paper.Mat
	hidden paper.Mat // -∞ where a cell is not seen; empty: all are
	top    float64
	scale  scale
	cell   int  // columns of a cell
	digits bool // it has digits
}

// textMap is a tensor in cells as wide as the room has, with digits where they fit.
func (s *Sheet) textMap(id string, room int) textMap {
	n := s.Node(id)
	m := textMap{node: n, v: s.shown(id), change: s.changes(n)}
	if n.Hidden != "" && !m.change {
		m.hidden = s.Values(n.Hidden)
	}
	return m.fitted(room)
}

// panelMap is a panel of an answer, in cells as wide as the room has.
func panelMap(x studio.Panel, numbers []float64, room int) textMap {
	m := textMap{node: &studio.Node{MathML: x.MathML, Kind: x.Kind, Rows: x.Rows, Cols: x.Cols}, title: x.Title, rows: x.RowHeads, cols: x.ColHeads,
		v: paper.Mat{N: x.Rows, D: x.Cols, V: numbers[x.At : x.At+x.Rows*x.Cols]}}
	if m.rows == nil {
		m.rows = counted(x.Rows)
	}
	if m.cols == nil {
		m.cols = counted(x.Cols)
	}
	return m.fitted(room)
}

// counted are the names of n rows or columns that have none; a single one needs none.
func counted(n int) []string {
	if n == 1 {
		return []string{""}
	}
	all := make([]string, n)
	for i := range all {
		all[i] = strconv.Itoa(i + 1)
	}
	return all
}

// fitted is m in cells as wide as the room has, with digits where they fit.
func (m textMap) fitted(room int) textMap {
	_, m.top = studio.Size(m.v)
	m.scale = scaleOf(m.top)
	m.cell, m.digits = m.widest()+2, true
	if m.cell*m.v.D > room {
		m.digits = false
		if m.cell = 2; 2*m.v.D > room {
			m.cell = 1
		}
	}
	return m
}

// widest is how many columns the digits of a cell take at most.
func (m *textMap) widest() (w int) {
	for _, x := range m.v.V {
		w = max(w, columns(m.scale.digits(x)))
	}
	return w
}

func (m *textMap) isHidden(k int) bool {
	return math.IsInf(m.v.V[k], -1) || m.hidden.V != nil && math.IsInf(m.hidden.V[k], -1)
}

// caption is the name of the tensor, its equation, its shape and its unit.
func (p *printer) caption(m textMap) string {
	eq := ""
	if m.node.Eq != "" {
		eq = " (" + m.node.Eq + ")"
	}
	unit := m.scale.unit()
	if unit != "" && m.digits {
		unit = ", " + unit
	} else {
		unit = ""
	}
	if !m.digits {
		unit = ", most " + significant(m.top, 3)
	}
	if m.change {
		unit += ", new − old"
	}
	name := p.in(hue(m.node.Kind), Plain(m.node.MathML))
	if m.title != "" {
		name += map[bool]string{true: "  "}[m.node.MathML != ""] + m.title
	}
	return name + fmt.Sprintf("%s  %d×%d%s", eq, m.v.N, m.v.D, unit)
}

// row is one row of a map, columns from up to to.
func (p *printer) row(m textMap, i, from, to int) string {
	var b strings.Builder
	for j := from; j < to; j++ {
		b.WriteString(p.cellText(m, i*m.v.D+j))
	}
	return b.String()
}

func (p *printer) cellText(m textMap, k int) string {
	x := m.v.V[k]
	switch {
	case m.isHidden(k):
		return p.in(faint, right("/", m.cell))
	case math.IsNaN(x) || math.IsInf(x, 0):
		return right("?", m.cell)
	}
	text := ""
	if x == 0 && backward(m.node.Kind) && !m.change {
		text = "∘"
	}
	if m.digits {
		if text == "" {
			text = m.scale.digits(x)
		}
		if p.Colours == 0 {
			return string(shade(x, m.top)) + right(text, m.cell-2) + " "
		}
		return p.filled(x, m, right(text, m.cell-1)+" ")
	}
	if p.Colours == 0 {
		if text == "" {
			text = strings.Repeat(string(shade(x, m.top)), m.cell)
		}
		return right(text, m.cell)
	}
	if text == "" && x < 0 && level(x, m.top) > 1 {
		text = "-"
	}
	return p.filled(x, m, right(text, m.cell))
}

// filled is text on the colour of a number, dark on light, whatever the terminal's own colours.
func (p *printer) filled(x float64, m textMap, text string) string {
	r := valueRamp
	if backward(m.node.Kind) {
		r = errorRamp
	}
	rgb := zeroLight
	if n := level(x, m.top); n > 0 {
		rgb = r.rgb(n, x < 0)
	}
	if p.Colours > 256 {
		return fmt.Sprintf("\x1b[38;2;23;22;19;48;2;%d;%d;%dm%s\x1b[0m", rgb>>16, rgb>>8&255, rgb&255, text)
	}
	return fmt.Sprintf("\x1b[38;5;16;48;5;%dm%s\x1b[0m", nearest256(rgb), text)
}

// nearest256 is the colour of the palette of 256 that is nearest to one in sRGB.
func nearest256(rgb int) int {
	best, least := 0, math.Inf(1)
	steps := []int{0, 95, 135, 175, 215, 255}
	try := func(n, r, g, b int) {
		d := func(x, y int) float64 { return float64((x - y) * (x - y)) }
		if e := d(r, rgb>>16) + d(g, rgb>>8&255) + d(b, rgb&255); e < least {
			best, least = n, e
		}
	}
	for i := range 216 {
		try(16+i, steps[i/36], steps[i/6%6], steps[i%6])
	}
	for i := range 24 {
		try(232+i, 8+10*i, 8+10*i, 8+10*i)
	}
	return best
}

// bar shows positive numbers as heights, the largest the full height; a dot is exactly zero.
func (p *printer) bar(all []float64, code string) string {
	top := 0.0
	for _, x := range all {
		top = max(top, x)
	}
	var b strings.Builder
	for _, x := range all {
		switch {
		case x == 0:
			b.WriteRune('∘')
		case top == 0 || math.IsNaN(x):
			b.WriteRune('?')
		default:
			b.WriteRune(bars[min(len(bars)-1, int(x/top*float64(len(bars))))])
		}
	}
	return p.in(code, b.String())
}
