package main

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"io"
	"strings"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A picture is a plot with its legend beside it, where no curve comes.
type picture struct {
	plot   *plot.Plot
	legend plot.Legend
	words  []string // what the legend says, for those who do not see it
}

const (
	pictureWidth, pictureHeight = 18 * vg.Centimeter, 11 * vg.Centimeter

	pictureEdge = 12 * vg.Inch / 72 // around everything: half of the last tick's number stands in it
)

// draw draws the picture on c.
func (p *picture) draw(c vg.CanvasSizer) {
	all := draw.New(c)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	all = draw.Crop(all, pictureEdge, -pictureEdge, pictureEdge, -pictureEdge)
	p.legend.Top, p.legend.Padding = true, pictureEdge/4
	r := p.legend.Rectangle(all)
	beside := r.Max.X - r.Min.X + 2*pictureEdge
	p.plot.Draw(draw.Crop(all, 0, -beside, 0, 0))
	p.legend.Draw(draw.Crop(all, all.Max.X-all.Min.X-beside, 0, 0, 0))
}

// png writes the picture as PNG.
func (p *picture) png(w io.Writer) error {
	c := vgimg.New(pictureWidth, pictureHeight)
	p.draw(c)
	_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(w)
	return err
}

// svg writes the picture as SVG. Letters are drawn as outlines: it looks the same where
// the font is missing. What they say stands in the description.
func (p *picture) svg(w io.Writer) error {
	c := vgsvg.New(pictureWidth, pictureHeight)
	p.draw(outlined{c})
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return err
	}
	head, tail, ok := strings.Cut(b.String(), "<g ")
	if !ok {
		return fmt.Errorf("the drawing has no group: %.40q", b.String())
	}
	about := fmt.Sprintf("<title>%s</title>\n<desc>%s</desc>\n", html.EscapeString(p.plot.Y.Label.Text), html.EscapeString(strings.Join(p.words, ", ")))
	_, err := io.WriteString(w, head+about+"<g "+tail)
	return err
}

// outlined is a canvas that draws letters as what they look like.
type outlined struct{ *vgsvg.Canvas }

// FillString draws text whose line begins at pt.
func (c outlined) FillString(f font.Face, pt vg.Point, text string) {
	units := fixed.Int26_6(f.Face.UnitsPerEm())
	scale := f.Font.Size / vg.Length(units)
	var buf sfnt.Buffer
	var path vg.Path
	x, before := vg.Length(0), sfnt.GlyphIndex(0)
	for i, letter := range text {
		glyph, err := f.Face.GlyphIndex(&buf, letter)
		if err != nil {
			continue
		}
		if i > 0 {
			if kern, err := f.Face.Kern(&buf, before, glyph, units, 0); err == nil {
				x += vg.Length(kern) * scale
			}
		}
		outline, err := f.Face.LoadGlyph(&buf, glyph, units, nil)
		if err != nil {
			continue
		}
		at := func(p fixed.Point26_6) vg.Point { // there, y goes down
			return vg.Point{X: pt.X + x + vg.Length(p.X)*scale, Y: pt.Y - vg.Length(p.Y)*scale}
		}
		for k, s := range outline {
			switch s.Op {
			case sfnt.SegmentOpMoveTo:
				if k > 0 {
					path.Close()
				}
				path.Move(at(s.Args[0]))
			case sfnt.SegmentOpLineTo:
				path.Line(at(s.Args[0]))
			case sfnt.SegmentOpQuadTo:
				path.QuadTo(at(s.Args[0]), at(s.Args[1]))
			case sfnt.SegmentOpCubeTo:
				path.CubeTo(at(s.Args[0]), at(s.Args[1]), at(s.Args[2]))
			}
		}
		if len(outline) > 0 {
			path.Close()
		}
		if advance, err := f.Face.GlyphAdvance(&buf, glyph, units, 0); err == nil {
			x += vg.Length(advance) * scale
		}
		before = glyph
	}
	if len(path) > 0 {
		c.Fill(path)
	}
}
