package sheet

import (
	"fmt"
	"html"
	"math"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// Sizes of the drawing of the block, in pixels.
const (
	blockWidth = 880
	pitch      = 47.0 // from one station to the next
	boxWidth   = 196.0
	boxHeight  = 33.0
	firstY     = 58.0
)

// Drawing is the block with both passes, an SVG that stands alone: stations down the middle,
// each value at the left with its norm and its map, its error at the right at the same height.
func (s *Sheet) Drawing() string {
	all := s.stations()
	height := firstY + float64(len(all)-1)*pitch + 24
	var b strings.Builder
	title := fmt.Sprintf("One block of a GPT, both passes, on “%s”", s.text())
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%s" viewBox="0 0 %d %s" role="img" aria-labelledby="block-title block-desc"><title id="block-title">%s</title><desc id="block-desc">%s</desc><style>%s</style>`,
		blockWidth, Coordinate(height), blockWidth, Coordinate(height), html.EscapeString(title), html.EscapeString(s.described()), Style(true))
	fmt.Fprintf(&b, `<rect class="paper" width="%d" height="%s"/>`, blockWidth, Coordinate(height))
	s.drawBlock(&b, all)
	return b.String() + "</svg>\n"
}

func (s *Sheet) text() string {
	var words []string
	for t := range s.Sequence().Tokens {
		words = append(words, s.word(t))
	}
	return strings.Join(words, " ")
}

// described is the drawing in words.
func (s *Sheet) described() string {
	var b strings.Builder
	b.WriteString("Values go down at the left, errors go up at the right, each error at the height of its value. ")
	for _, x := range s.stations() {
		if x.value == "" || x.error == "" {
			continue
		}
		v, e := s.Values(x.value), s.Values(x.error)
		nv, _ := studio.Size(v)
		ne, _ := studio.Size(e)
		fmt.Fprintf(&b, "a%s, made by %s: %d by %d, norm %s, its error's %s. ", lowered(fmt.Sprint(x.number)), x.layer, v.N, v.D, significant(nv, 3), significant(ne, 3))
	}
	return strings.TrimSpace(b.String())
}

func (s *Sheet) drawBlock(b *strings.Builder, all []station) {
	cx := blockWidth / 2.0
	xl, xr := cx-boxWidth/2+24, cx+boxWidth/2-24
	y := func(i int) float64 { return firstY + float64(i)*pitch }
	thick := func(id string) float64 {
		if id == "" {
			return 1.5
		}
		norm, _ := studio.Size(s.Values(id))
		return 1 + 1.45*max(0, min(3.2, math.Log10(max(norm, 1e-9)/.02)))
	}
	line := func(class string, w float64, d string, args ...any) {
		fmt.Fprintf(b, `<path class="%s" style="stroke-width:%s" d="%s"/>`, class, Coordinate(w), fmt.Sprintf(d, args...))
	}
	last := len(all) - 1
	for i := range last {
		to := y(i + 1)
		if i == last-1 {
			to = y(i) + pitch/2
		}
		line("lv", thick(all[max(i, 1)].value), "M%s %sV%s", Coordinate(xl), Coordinate(y(i)), Coordinate(to))
		if i > 0 {
			line("le", thick(all[i].error), "M%s %sV%s", Coordinate(xr), Coordinate(y(i)), Coordinate(to))
		}
	}
	line("le", thick(all[1].error), "M%s %sV%s", Coordinate(xr), Coordinate(y(0)+pitch/2), Coordinate(y(1)))
	arc := func(class string, x, outside, from, to, w float64) {
		r := 12.0
		if outside < x {
			r = -r
		}
		line(class, w, "M%s %sH%sQ%s %s %s %sV%sQ%s %s %s %sH%s", Coordinate(x), Coordinate(from), Coordinate(outside-r), Coordinate(outside), Coordinate(from), Coordinate(outside), Coordinate(from+12), Coordinate(to-12), Coordinate(outside), Coordinate(to), Coordinate(outside-r), Coordinate(to), Coordinate(x))
	}
	left, right := cx-boxWidth/2-22, cx+boxWidth/2+22
	arc("lv", xl, left, y(1), y(4)+pitch/2, thick(all[1].value))
	arc("lv", xl, left, y(5), y(9)+pitch/2, thick(all[5].value))
	arc("le", xr, right, y(1), y(5), thick(all[5].error))
	arc("le", xr, right, y(5), y(10), thick(all[10].error))
	for i := 1; i <= last; i++ {
		middle := y(i) - pitch/2
		if all[i].layer == "skip" {
			fmt.Fprintf(b, `<text class="small mid" x="%s" y="%s">%s</text>`, Coordinate(cx), Coordinate(middle+4), symbols(all[i].equations))
			plus(b, "v", xl, middle)
			continue
		}
		fmt.Fprintf(b, `<rect class="box" x="%s" y="%s" width="%s" height="%s" rx="3"/><text class="mid b" x="%s" y="%s">%s</text>`, Coordinate(cx-boxWidth/2), Coordinate(middle-boxHeight/2), Coordinate(boxWidth), Coordinate(boxHeight), Coordinate(cx), Coordinate(middle-1), html.EscapeString(all[i].layer))
		fmt.Fprintf(b, `<text class="small mid" x="%s" y="%s">%s</text>`, Coordinate(cx), Coordinate(middle+12), html.EscapeString(all[i].equations))
	}
	for _, i := range []int{1, 5} {
		fmt.Fprintf(b, `<circle class="dv" cx="%s" cy="%s" r="4"/>`, Coordinate(xl), Coordinate(y(i)))
		plus(b, "e", xr, y(i))
	}
	fmt.Fprintf(b, `<circle class="de" cx="%s" cy="%s" r="4"/>`, Coordinate(xr), Coordinate(y(10)))
	for i := 2; i < last; i++ { // heads of arrows, between the layers
		arrow(b, "dv", xl, y(i)+1, 1)
		if i != 5 && i != 10 {
			arrow(b, "de", xr, y(i)-1, -1)
		}
	}
	fmt.Fprintf(b, `<text class="v b end" x="%s" y="24">values, forward ↓</text><text class="e b" x="%s" y="24">↑ errors, backward</text>`, Coordinate(cx-18), Coordinate(cx+18))
	near, room := boxWidth/2+34, cx-boxWidth/2-100.0
	for i, x := range all[:last] {
		if i == 0 {
			fmt.Fprintf(b, `<text class="sym v end" x="%s" y="%s">%s</text><text class="small" x="%s" y="%s">ids are names, not numbers: no error</text>`, Coordinate(cx-near), Coordinate(y(0)+5), symbols("a0"), Coordinate(cx+near), Coordinate(y(0)+4))
			fmt.Fprintf(b, `<text class="small end" x="%s" y="%s">%s</text>`, Coordinate(cx-near-44), Coordinate(y(0)+4), html.EscapeString(s.text()))
			continue
		}
		s.drawStation(b, x.value, symbols(fmt.Sprintf("a%d", i)), cx-near, y(i), room, -1)
		s.drawStation(b, x.error, symbols(fmt.Sprintf("Δ%d", i)), cx+near, y(i), room, 1)
	}
}

// drawStation draws a symbol with the norm below it and the map beside it, away from the middle.
func (s *Sheet) drawStation(b *strings.Builder, id, symbol string, x, y, room float64, side float64) {
	if id == "" {
		return
	}
	n, v := s.Node(id), s.Values(id)
	norm, _ := studio.Size(v)
	anchor, class := "", "v"
	if side < 0 {
		anchor = " end"
	}
	mark := ""
	if backward(n.Kind) {
		class = "e"
		if c, ok := s.checked(id); ok && c.OK {
			mark = " ✓"
		}
	}
	fmt.Fprintf(b, `<text class="sym %s%s" x="%s" y="%s">%s</text><text class="small%s" x="%s" y="%s">%s</text>`, class, anchor, Coordinate(x), Coordinate(y-1), symbol, anchor, Coordinate(x), Coordinate(y+17), significant(norm, 3)+mark)
	cell := min(6.75, (pitch-5)/float64(v.N), room/float64(v.D))
	var hidden paper.Mat
	at := x + 66
	if side < 0 {
		at = x - 54 - float64(v.D)*cell
	}
	mapSVG(b, v, hidden, n.Kind, at, y-float64(v.N)*cell/2, cell)
}

// plus is a circle in which a sum is taken.
func plus(b *strings.Builder, pass string, x, y float64) {
	fmt.Fprintf(b, `<circle class="n%s" cx="%s" cy="%s" r="8"/><path class="l%s" style="stroke-width:1.6" d="M%s %sh8M%s %sv8"/>`, pass, Coordinate(x), Coordinate(y), pass, Coordinate(x-4), Coordinate(y), Coordinate(x), Coordinate(y-4))
}

// arrow is a head of an arrow at x, y; down is 1 or -1.
func arrow(b *strings.Builder, class string, x, y, down float64) {
	fmt.Fprintf(b, `<path class="%s" d="M%s %sh9l-4.5 %sz"/>`, class, Coordinate(x-4.5), Coordinate(y-4*down), Coordinate(8*down))
}

// symbols sets letters of the network with their indices: "a5 = a1 + a4".
func symbols(text string) string {
	var b strings.Builder
	for i, word := range strings.Fields(text) {
		if i > 0 {
			b.WriteByte(' ')
		}
		base, index := word, ""
		for _, letter := range []string{"a", "Δ"} {
			if rest, ok := strings.CutPrefix(word, letter); ok {
				base, index = letter, rest
			}
		}
		if index == "" {
			b.WriteString(html.EscapeString(word))
			continue
		}
		if base == "Δ" {
			base = `<tspan class="up">Δ</tspan>`
		}
		fmt.Fprintf(&b, `%s<tspan class="sub up" dy="4">%s</tspan><tspan dy="-4">&#8203;</tspan>`, base, index)
	}
	return b.String()
}
