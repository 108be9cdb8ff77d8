package sheet

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// printBlock prints the loss of every token, the stations of both passes beside the layers of a
// block, and the head that is shown.
func (s *Sheet) printBlock(p *printer) {
	s.printLosses(p)
	p.line("")
	s.printStations(p)
	p.line("")
	if s.Before != nil {
		s.printMoved(p)
		p.line("")
	}
	s.printHead(p)
}

// lossBar is how many columns the longest bar of the losses takes.
const lossBar = 30

func (s *Sheet) printLosses(p *printer) {
	losses, probability := s.Losses()
	top, wide := 0.0, 6
	for t, l := range losses {
		if l != nil {
			top = max(top, *l)
		}
		wide = max(wide, min(14, columns(s.word(t))), min(14, columns(s.target(t))))
	}
	var old []*float64
	was := ""
	if s.Before != nil {
		old, _ = s.Before.Losses()
		was = "    was"
	}
	p.line("%s", p.in(faint, fmt.Sprintf("     %s  %s     p   loss%s", left("token", wide), left("target", wide), was)))
	for t, l := range losses {
		line := fmt.Sprintf("%3d  %s  %s", t+1, left(cut(s.word(t), wide), wide), left(cut(s.target(t), wide), wide))
		if l == nil {
			p.line("%s     –      –", line)
			continue
		}
		before, bar := "", ""
		if old != nil && old[t] != nil {
			before = fmt.Sprintf("  %5.2f", *old[t])
		}
		if top > 0 {
			bar = strings.Repeat("▇", int(math.Round(*l/top*lossBar)))
		}
		p.line("%s  %s  %s%s  %s", line, right(scale{decimals: 2}.digits(*probability[t]), 4), right(fmt.Sprintf("%.2f", *l), 5), before, bar)
	}
}

// drawn is how the columns of the drawing are divided: a side for each pass, and the layers.
const layerWidth = 30

// printStations draws the block: its values at the left, downwards; its errors at the right, at
// the height of their values, upwards. A bar has the norm of each token's row.
func (s *Sheet) printStations(p *printer) {
	n := len(s.Sequence().Tokens)
	room := (p.Width - layerWidth - 34) / 2 // of a bar
	if s.Before != nil {
		room -= 3 // norms are two numbers
	}
	wide := max(2, min(n, room))
	side := 18 + wide
	p.line("%s%s%s", right(p.in(orange, "values, forward ↓"), side), strings.Repeat(" ", layerWidth+2), p.in(blue, "↑ errors, backward"))
	all := s.stations()
	for i, x := range all {
		if i > 0 {
			s.printLayer(p, x, side)
		}
		if i == len(all)-1 {
			break
		}
		value, err := right(fmt.Sprintf("ids   a%s", lowered("0")), side), p.in(faint, "ids are names: no error")
		if i > 0 {
			value, err = s.side(p, x.value, wide, true), s.side(p, x.error, wide, false)
		}
		p.line("%s %s %s", left(value, side), s.rails(p, i), err)
	}
	note := "Beside a name: the Frobenius norm, and a bar for the row of each token, the highest full. An error has the shape of its value."
	if n > wide {
		note = "Beside a name: the Frobenius norm, and bars for the rows of the tokens, several to a bar, the highest full. An error has the shape of its value."
	}
	if s.Before != nil {
		note += " Bars are of what changed, ∘ is no change; a norm that changed is old→new."
	}
	if c := s.Model.Config.Blocks; c > 1 {
		note += fmt.Sprintf(" This is block %d of 0 to %d.", s.Block, c-1)
	}
	p.line("")
	p.prose(0, note)
}

// side is a value or an error at its station.
func (s *Sheet) side(p *printer, id string, wide int, value bool) string {
	if id == "" {
		return ""
	}
	n, v := s.Node(id), s.shown(id)
	norm := s.norm(id, map[bool]int{true: 3, false: 2}[s.Before == nil])
	shape := fmt.Sprintf("%d×%d", n.Rows, n.Cols)
	bar := narrowed(rowNorms(v), wide)
	code := hue(n.Kind)
	symbol := p.in(code, Plain(n.MathML))
	if !value {
		return fmt.Sprintf("%s %s %s", left(symbol, 3), left(p.bar(bar, code), wide), norm)
	}
	if size := left(shape, 6) + " " + right(norm, 6); s.Before == nil {
		norm = size
	}
	return right(fmt.Sprintf("%s %s %s", right(norm, 13), left(p.bar(bar, code), wide), right(symbol, 3)), 18+wide)
}

// narrowed has at most n numbers, each the largest of some that stand side by side.
func narrowed(all []float64, n int) []float64 {
	if len(all) <= n {
		return all
	}
	out := make([]float64, n)
	for i, x := range all {
		k := i * n / len(all)
		out[k] = max(out[k], x)
	}
	return out
}

// rails are what passes the station between two layers: the skip at the outside, and the two
// passes through the layers.
func (s *Sheet) rails(p *printer, i int) string {
	outer := func(begin, end string) string {
		switch {
		case i == 1 || i == 5:
			return begin
		case i > 1 && i < 5 || i > 5 && i < 10:
			return "│"
		}
		return end
	}
	l, r := " ", " "
	if i > 0 && i < 12 {
		l, r = outer("┌", " "), outer("┐", " ")
		if i == 10 {
			l, r = " ", "┐"
		}
	}
	values, errors := "↓", "↑"
	switch i {
	case 0:
		errors = " "
	case 1, 5:
		values, errors = "●", "⊕"
	case 10:
		errors = "●"
	}
	dash := func(on bool) string {
		if on {
			return "──"
		}
		return "  "
	}
	fork, join := i == 1 || i == 5, i == 1 || i == 5 || i == 10
	middle := strings.Repeat(" ", layerWidth-8)
	return p.in(orange, l+dash(fork)+values) + middle + p.in(blue, errors+dash(join)+r)
}

// printLayer is the layer between two stations.
func (s *Sheet) printLayer(p *printer, x station, side int) {
	skip := x.number > 1 && x.number < 6 || x.number > 5 && x.number < 11
	l, r := " ", " "
	if skip {
		l, r = "│", "│"
	}
	name := x.layer
	if x.layer == "skip" {
		name = plainSkip(x.equations)
		p.line("%s %s%s%s", strings.Repeat(" ", side), p.in(orange, "└──⊕"), centred(name, layerWidth-8), p.in(blue, "│  │"))
		return
	}
	if x.equations != "" {
		name += " " + x.equations
	}
	p.line("%s %s%s%s", strings.Repeat(" ", side), p.in(orange, l), "["+centred(cut(name, layerWidth-4), layerWidth-4)+"]", p.in(blue, r))
}

func plainSkip(equation string) string {
	return strings.NewReplacer("a10", "a₁₀", "a1", "a₁", "a4", "a₄", "a5", "a₅", "a9", "a₉").Replace(equation)
}

func centred(text string, n int) string {
	free := max(0, n-columns(text))
	return strings.Repeat(" ", free/2) + text + strings.Repeat(" ", free-free/2)
}

// printHead prints ρ of the head beside its error.
func (s *Sheet) printHead(p *printer) {
	p.line("%s", p.in(bold, fmt.Sprintf("Block %d, head %d", s.Block, s.Head)))
	p.prose(0, s.WhyHead())
	p.line("")
	s.printAttention(p)
}

// WhyHead says how the head was chosen, with the measure of the others.
func (s *Sheet) WhyHead() string {
	all := slices.Clone(s.Heads)
	slices.SortStableFunc(all, func(a, b Attention) int { return -compare(a.Weight, b.Weight) })
	if len(all) == 1 {
		return "The network has one head."
	}
	var list []string
	mine := 0.0
	for _, a := range s.Heads {
		if a.Block == s.Block && a.Head == s.Head {
			mine = a.Weight
		}
	}
	for _, a := range all {
		if (a.Block != s.Block || a.Head != s.Head) && len(list) < 3 {
			list = append(list, fmt.Sprintf("block %d head %d %.2f", a.Block, a.Head, a.Weight))
		}
	}
	if all[0].Weight == 0 {
		return "The text is too short to tell the heads apart."
	}
	most := "Most tokens are looked back at in this head"
	if mine < all[0].Weight {
		most = "This head was asked for, or changed"
	}
	return fmt.Sprintf("%s: of every token but the first, the largest weight that one at least two later puts on it is %.2f in the mean (others: %s).", most, mine, strings.Join(list, ", "))
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Attention prints what [Sheet.Text] prints of the head at the end of the block.
func (s *Sheet) Attention(w io.Writer, t Terminal) error {
	p := &printer{Terminal: t, w: w}
	s.printAttention(p)
	return p.err
}

// printAttention prints ρ of the head that is shown beside Δ^causal, the error on its scores, and
// says in words where the largest numbers are.
func (s *Sheet) printAttention(p *printer) {
	at := fmt.Sprintf("b%d.h%d.", s.Block, s.Head)
	s.printPair(p, at+"rho", at+"D_causal")
	s.printLegend(p)
	if s.Before != nil {
		return // it would be about numbers that are not shown
	}
	p.line("")
	s.printStrongest(p, at)
}

// printLegend says what the shades mean, where there are no colours.
func (s *Sheet) printLegend(p *printer) {
	if p.Colours == 0 {
		p.line("%s", shadesLegend)
	}
}

// printStrongest says where the head looks most decidedly, and which score the loss answers most to.
func (s *Sheet) printStrongest(p *printer, at string) {
	rho, d := s.Values(at+"rho"), s.Values(at+"D_causal")
	row, col, most := -1, 0, 0.0
	for i := range rho.N {
		for j := 1; j < i-1; j++ {
			if rho.At(i, j) > most {
				row, col, most = i, j, rho.At(i, j)
			}
		}
	}
	token := func(t int) string { return fmt.Sprintf("“%s” (%d)", s.word(t), t+1) }
	if row >= 0 {
		p.prose(0, fmt.Sprintf("Looks back most: %s at %s, %s.", token(row), token(col), scale{decimals: 2}.digits(most)))
	}
	row, col, most = 0, 0, 0
	for i := range d.N {
		for j := range d.D {
			if math.Abs(d.At(i, j)) > most {
				row, col, most = i, j, math.Abs(d.At(i, j))
			}
		}
	}
	if most > 0 {
		x := d.At(row, col)
		p.prose(0, fmt.Sprintf("The loss answers most to the score of %s on %s: ∂L/∂ = %s, so a higher score would %s the loss. Every row of Δ sums to zero (26): what one token gains, the others lose.", token(row), token(col), significant(x, 3), map[bool]string{true: "lower", false: "raise"}[x < 0]))
	}
}
