package main

import (
	"fmt"
	"html"
	"math"
	"regexp"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
	"github.com/pedestrian-ml/pedestrian/studio/sheet"
)

// A canvas is an SVG that grows.
type canvas struct {
	b             strings.Builder
	name          string
	width, height float64
}

func newCanvas(name string, width, height float64, title, description string) *canvas {
	c := &canvas{name: name, width: width, height: height}
	fmt.Fprintf(&c.b, `<svg xmlns="http://www.w3.org/2000/svg" width="%g" height="%g" viewBox="0 0 %g %g" role="img" aria-labelledby="%s-title %s-desc"><title id="%s-title">%s</title><desc id="%s-desc">%s</desc><style>%s</style>`,
		width, height, width, height, name, name, name, html.EscapeString(title), name, html.EscapeString(description), sheet.Style(false))
	c.b.WriteByte('\n')
	fmt.Fprintf(&c.b, "<rect class=\"paper\" width=\"%g\" height=\"%g\"/>\n", width, height)
	return c
}

func (c *canvas) String() string { return c.b.String() + "</svg>\n" }

func (c *canvas) add(format string, args ...any) { fmt.Fprintf(&c.b, format+"\n", args...) }

// text writes a line; class is of the style sheet of package sheet. In it _{…} is below the line,
// ^{…} above.
func (c *canvas) text(class string, x, y float64, text string) {
	c.add(`<text class="%s" x="%s" y="%s">%s</text>`, class, sheet.Coordinate(x), sheet.Coordinate(y), marked(text))
}

// box is a layer: its name, and what stands below it.
func (c *canvas) box(x, y, w, h float64, name, below string) {
	c.add(`<rect class="box" x="%s" y="%s" width="%s" height="%s" rx="3"/>`, sheet.Coordinate(x-w/2), sheet.Coordinate(y-h/2), sheet.Coordinate(w), sheet.Coordinate(h))
	if below == "" {
		c.text("mid b", x, y+5, name)
		return
	}
	c.text("mid b", x, y-2, name)
	c.text("mid small", x, y+14, below)
}

// line is a line of a class with an arrow at its end, which is as far from the last point as the
// arrow is long.
func (c *canvas) line(pass string, points ...float64) {
	n := len(points)
	x1, y1, x2, y2 := points[n-4], points[n-3], points[n-2], points[n-1]
	length := math.Hypot(x2-x1, y2-y1)
	ux, uy := (x2-x1)/length, (y2-y1)/length
	points[n-2], points[n-1] = x2-7*ux, y2-7*uy
	d := "M"
	for i := 0; i < n; i += 2 {
		if i > 0 {
			d += "L"
		}
		d += sheet.Coordinate(points[i]) + " " + sheet.Coordinate(points[i+1])
	}
	c.add(`<path class="l%s" d="%s"/>`, pass, d)
	c.add(`<path class="d%s" d="M%s %sL%s %sL%s %sz"/>`, pass, sheet.Coordinate(x2), sheet.Coordinate(y2), sheet.Coordinate(x2-9*ux-4.5*uy), sheet.Coordinate(y2-9*uy+4.5*ux), sheet.Coordinate(x2-9*ux+4.5*uy), sheet.Coordinate(y2-9*uy-4.5*ux))
}

// both is an edge downwards with its two passes: the forward pass at the left, the backward pass
// at the right, against it.
func (c *canvas) both(x1, y1, x2, y2 float64) {
	off := 6.5 * max(1, math.Hypot(x2-x1, y2-y1)/(y2-y1)*.9)
	c.line("v", x1-off, y1, x2-off, y2)
	c.line("e", x2+off, y2, x1+off, y1)
}

// plus is a circle in which a sum is taken; dot is a place where something is read twice.
func (c *canvas) plus(pass string, x, y float64) {
	c.add(`<circle class="n%s" cx="%s" cy="%s" r="9"/><path class="l%s" d="M%s %sh9M%s %sv9"/>`, pass, sheet.Coordinate(x), sheet.Coordinate(y), pass, sheet.Coordinate(x-4.5), sheet.Coordinate(y), sheet.Coordinate(x), sheet.Coordinate(y-4.5))
}

func (c *canvas) dot(pass string, x, y float64) {
	c.add(`<circle class="d%s" cx="%s" cy="%s" r="4.5"/>`, pass, sheet.Coordinate(x), sheet.Coordinate(y))
}

// heads of every drawing: which colour is which pass.
func (c *canvas) passes(x, y float64) {
	c.text("v b end", x-14, y, "values, forward ↓")
	c.text("e b", x+14, y, "↑ errors, backward")
}

// marked turns _{…} and ^{…} into raised and lowered text.
func marked(text string) string {
	var b strings.Builder
	for text != "" {
		i := strings.IndexAny(text, "_^")
		if i < 0 || i+1 >= len(text) || text[i+1] != '{' {
			b.WriteString(html.EscapeString(text))
			break
		}
		end := i + strings.IndexByte(text[i:], '}')
		dy := 3
		if text[i] == '^' {
			dy = -6
		}
		fmt.Fprintf(&b, `%s<tspan class="sub%s" dy="%d">%s</tspan><tspan dy="%d">&#8203;</tspan>`, html.EscapeString(text[:i]), map[bool]string{true: " up"}[upright.MatchString(text[i+2:end])], dy, html.EscapeString(text[i+2:end]), -dy)
		text = text[end+1:]
	}
	return letters.Replace(b.String())
}

var (
	upright = regexp.MustCompile(`^[0-9]|[a-z]{2}`) // numbers and words below a letter
	letters = strings.NewReplacer("Δ", `<tspan class="up">Δ</tspan>`, "(", `<tspan class="up">(</tspan>`, ")", `<tspan class="up">)</tspan>`, "⟦", `<tspan class="chip">(`, "⟧", ")</tspan>")
)

// equation is an entry of the registry.
func equation(number string) paper.Equation {
	e, ok := paper.FindEquation(number)
	if !ok {
		panic("diagram: the registry has no equation " + number)
	}
	return e
}

// chip is the number of an equation, which must be one of the registry.
func chip(number string) string { return "⟦" + equation(number).Number + "⟧" }

// shape is the shape of an equation's left side, as the registry has it, with its indices lowered.
func shape(number string) string { return lowered(equation(number).Shapes) }

// lowered writes n_T×d_ρ with indices.
func lowered(shape string) string {
	parts := strings.Split(shape, "×")
	for i, p := range parts {
		if base, index, ok := strings.Cut(p, "_"); ok {
			parts[i] = base + "_{" + strings.Trim(index, "{}") + "}"
		}
	}
	return strings.Join(parts, "×")
}
