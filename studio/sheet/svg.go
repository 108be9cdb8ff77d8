package sheet

import (
	"fmt"
	"html"
	"math"
	"sort"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// Style is the style sheet of a drawing: the colours of the studio, light and dark, and those of
// its maps if it has maps. A drawing has it inside, so that it is read everywhere.
func Style(maps bool) string {
	var light, dark strings.Builder
	for n := 1; n <= levels && maps; n++ {
		for _, c := range []struct {
			name        string
			light, dark ramp
			negative    bool
		}{{"v", valueRamp, valueDark, false}, {"e", errorRamp, errorDark, false}, {"n", valueRamp, valueDark, true}} {
			fmt.Fprintf(&light, ".%s%d{fill:#%06x;background:#%06x}", c.name, n, c.light.rgb(n, c.negative), c.light.rgb(n, c.negative))
			fmt.Fprintf(&dark, ".%s%d{fill:#%06x;background:#%06x}", c.name, n, c.dark.rgb(n, c.negative), c.dark.rgb(n, c.negative))
		}
	}
	return fmt.Sprintf(`svg{--paper:#fdfcf9;--ink:#1d1c19;--ink-2:#57534b;--ink-3:#6f6b62;--rule:#d9d5ca;--value:#a8480b;--error:#1b5aa3;--value-line:#d4701f;--error-line:#3f82d0;--hatch:#b9b4a7;--wash:#f6f4ee}
text{font:13px Inter,system-ui,-apple-system,"Segoe UI",sans-serif;fill:var(--ink)}.sym{font:italic 19px "STIX Two Text",STIX,Cambria,Georgia,serif}.sym .r{font-style:normal}.sub{font-size:.72em}.m{font:italic 17px "STIX Two Text",STIX,Cambria,Georgia,serif}.m .up{font-style:normal}.chip{font:400 12px Inter,system-ui,-apple-system,"Segoe UI",sans-serif;fill:var(--ink-2)}.up{font-style:normal}.small{font-size:12px;fill:var(--ink-2)}.b{font-weight:600}.mid{text-anchor:middle}.end{text-anchor:end}.v{fill:var(--value)}.e{fill:var(--error)}
.paper{fill:var(--paper)}.box{fill:var(--paper);stroke:var(--ink-3)}.wash{fill:var(--wash);stroke:var(--rule)}.lv{stroke:var(--value-line);fill:none;stroke-width:2.5}.le{stroke:var(--error-line);fill:none;stroke-width:2.5}.li{stroke:var(--ink-3);fill:none;stroke-width:1.25}.nv{stroke:var(--value-line);fill:var(--paper);stroke-width:1.75}.ne{stroke:var(--error-line);fill:var(--paper);stroke-width:1.75}.dv{fill:var(--value-line)}.de{fill:var(--error-line)}.di{fill:var(--ink-3)}
.z{fill:#%06x;background:#%06x}.dash{stroke:#171613;stroke-opacity:.75;fill:none}.hatch{stroke:var(--hatch);fill:none}.dot{stroke:var(--ink-2);fill:none}
%s
@media(prefers-color-scheme:dark){svg{--paper:#151412;--ink:#ece8de;--ink-2:#b8b2a6;--ink-3:#9a9488;--rule:#3a3731;--value:#f2a063;--error:#8bbaf2;--value-line:#d97f36;--error-line:#5b95dc;--hatch:#57534a;--wash:#1c1b18}.z{fill:#%06x;background:#%06x}.dash{stroke:#fff}%s}`, zeroLight, zeroLight, light.String(), zeroDark, zeroDark, dark.String())
}

// mapSVG draws a tensor at x, y with square cells: one path for each colour, a dash in negative
// cells, hatches where a token is not seen, a hollow dot where an error is exactly zero.
func mapSVG(b *strings.Builder, v, hidden paper.Mat, k studio.Kind, x, y, cell float64) {
	_, top := studio.Size(v)
	gap := 0.0
	if cell >= 3 {
		gap = min(1, cell/6)
	}
	class := "v"
	if backward(k) {
		class = "e"
	}
	paths := map[string]*strings.Builder{}
	var order []string
	add := func(class, format string, args ...any) {
		if paths[class] == nil {
			paths[class], order = &strings.Builder{}, append(order, class)
		}
		fmt.Fprintf(paths[class], format, args...)
	}
	side := Coordinate(cell - gap)
	for i := range v.N {
		for j := range v.D {
			q, X, Y := v.At(i, j), x+float64(j)*cell, y+float64(i)*cell
			if math.IsInf(q, -1) || hidden.V != nil && math.IsInf(hidden.At(i, j), -1) {
				s := cell - gap
				add("hatch", "M%s %sL%s %sM%s %sL%s %s", Coordinate(X), Coordinate(Y+s), Coordinate(X+s), Coordinate(Y), Coordinate(X), Coordinate(Y+s/2), Coordinate(X+s/2), Coordinate(Y))
				continue
			}
			name := "z"
			if n := level(q, top); n > 0 {
				name = fmt.Sprintf("%s%d", map[bool]string{true: "n", false: class}[q < 0], n)
			}
			add(name, "M%s %sh%sv%sh-%sz", Coordinate(X), Coordinate(Y), side, side, side)
			switch s := cell - gap; {
			case q == 0 && backward(k) && cell >= 5:
				r := s * .2
				add("dot", "M%s %sa%s %s 0 1 0 %s 0a%s %s 0 1 0 -%s 0", Coordinate(X+s/2-r), Coordinate(Y+s/2), Coordinate(r), Coordinate(r), Coordinate(2*r), Coordinate(r), Coordinate(r), Coordinate(2*r))
			case q < 0 && cell >= 5:
				add("dash", "M%s %sh%s", Coordinate(X+s*.3), Coordinate(Y+s/2), Coordinate(s*.4))
			}
		}
	}
	sort.SliceStable(order, func(i, j int) bool { return marks[order[i]] < marks[order[j]] })
	for _, name := range order {
		fmt.Fprintf(b, `<path class="%s" d="%s"/>`, name, paths[name].String())
	}
}

// marks are drawn above the cells.
var marks = map[string]int{"dash": 1, "dot": 1}

// Coordinate writes a coordinate of a drawing, with at most two decimals.
func Coordinate(x float64) string {
	s := strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.2f", x), "0"), ".")
	if s == "-0" || s == "" {
		return "0"
	}
	return s
}

// mini is a small map as a drawing of its own, for a page whose style sheet has Style.
func (s *Sheet) mini(id string, cell float64) string {
	n, v := s.Node(id), s.Values(id)
	var hidden paper.Mat
	if n.Hidden != "" {
		hidden = s.Values(n.Hidden)
	}
	w, h := float64(v.D)*cell, float64(v.N)*cell
	var b strings.Builder
	fmt.Fprintf(&b, `<svg role="img" aria-label="%s" width="%s" height="%s" viewBox="0 0 %s %s">`, html.EscapeString(fmt.Sprintf("map of %s, %d by %d", Plain(n.MathML), v.N, v.D)), Coordinate(w), Coordinate(h), Coordinate(w), Coordinate(h))
	mapSVG(&b, v, hidden, n.Kind, 0, 0, cell)
	return b.String() + "</svg>"
}
