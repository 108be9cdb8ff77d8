package sheet

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"math"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/studio/ui"
)

//go:embed page.html page.css
var files embed.FS

var page = template.Must(template.New("page.html").ParseFS(files, "page.html"))

// A pageData is what the template of the page is filled with.
type pageData struct {
	Title   string
	About   string
	Counted string
	Loss    string
	Reduced string // "sum" or "mean"
	Style   template.CSS
	Words   []string
	Losses  []pageLoss
	Drawing template.HTML
	Why     string
	Head    string
	Pair    []pageGrid
	Tables  []pageTable
	Command string
}

type pageLoss struct {
	N                      int
	Token, Target, P, Loss string
	Bar                    float64 // width in percent
}

type pageTable struct {
	Key, Title, Lead string
	Gradients        bool
	Rows             []pageRow
}

type pageRow struct {
	Name, EqF, EqB, Note, Says string
	Forward, Backward          template.HTML
	Value, Error               pageSide
	Missing                    bool
	Grids                      []pageGrid
}

// A pageSide is one tensor in a closed row.
type pageSide struct {
	Map                template.HTML
	Shape, Norm, Check string
}

// A pageGrid is a tensor with its digits, or as a map where it has very many.
type pageGrid struct {
	Error   bool
	Name    string // of the symbol, to be spoken
	Symbol  template.HTML
	Caption string
	Map     template.HTML // of one that is too large for digits
	Heads   []string
	Rows    []pageGridRow
}

type pageGridRow struct {
	Name  string
	Cells []pageCell
}

type pageCell struct{ Class, Text string }

// mostDigits is how many cells a tensor may have to be shown with digits on the page.
const mostDigits = 600

// Page writes a page in one file with everything that the screens block and table have. It has no
// script and asks for nothing.
func (s *Sheet) Page(w io.Writer) error {
	d := pageData{
		Title: fmt.Sprintf("Both passes of “%s”", s.text()), About: s.about(), Counted: s.Counted(), Loss: significant(s.Loss, 4), Why: s.WhyHead(),
		Head: fmt.Sprintf("Block %d, head %d", s.Block, s.Head), Reduced: map[bool]string{false: "sum", true: "mean"}[s.State.Mean],
	}
	style, err := styles()
	if err != nil {
		return err
	}
	d.Style = template.CSS(style)
	losses, p := s.Losses()
	top := 0.0
	for _, l := range losses {
		if l != nil {
			top = max(top, *l)
		}
	}
	for t, l := range losses {
		d.Words = append(d.Words, s.word(t))
		x := pageLoss{N: t + 1, Token: s.word(t), Target: s.target(t)}
		if l != nil {
			x.P, x.Loss, x.Bar = scale{decimals: 2}.digits(*p[t]), fmt.Sprintf("%.2f", *l), 100**l/math.Max(top, 1e-9)
		}
		d.Losses = append(d.Losses, x)
	}
	d.Drawing = template.HTML(strings.Replace(s.Drawing(), "<style>"+Style(true)+"</style>", "", 1)) // the page has it
	at := fmt.Sprintf("b%d.h%d.", s.Block, s.Head)
	d.Pair = []pageGrid{s.grid(at + "rho"), s.grid(at + "D_causal")}
	for _, t := range studio.Tables {
		d.Tables = append(d.Tables, s.pageTable(t))
	}
	if err := page.Execute(w, d); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}

// styles are those of the studio's page, of the drawings, and of this page.
func styles() (string, error) {
	studio, err := fs.ReadFile(ui.Files(), "studio.css")
	if err != nil {
		return "", fmt.Errorf("writing the page: %w", err)
	}
	own, err := files.ReadFile("page.css")
	if err != nil {
		return "", fmt.Errorf("writing the page: %w", err)
	}
	return string(studio) + Style(true) + string(own), nil
}

func (s *Sheet) pageTable(t studio.Table) pageTable {
	x := pageTable{Key: t.Key, Title: strings.TrimSuffix(t.Title, ", live"), Lead: t.Lead, Gradients: t.Key == "3"}
	if t.Heads {
		x.Title += fmt.Sprintf(" · block %d, head %d", s.Block, s.Head)
	}
	for _, r := range t.Rows {
		value, err := s.here(r.Value), s.here(r.Error)
		row := pageRow{Name: r.Name, Forward: template.HTML(r.Forward), Backward: template.HTML(r.Backward), EqF: r.EqF, EqB: r.EqB, Note: r.Note, Says: r.Says}
		if row.Missing = s.Node(value) == nil; !row.Missing {
			row.Value, row.Grids = s.pageSide(value), append(row.Grids, s.grid(value))
			ids := []string{}
			if s.Node(err) != nil {
				row.Error = s.pageSide(err)
				ids = append(ids, err)
			}
			for _, id := range r.Extra {
				ids = append(ids, s.here(id))
			}
			for _, id := range ids {
				if s.Node(id) != nil {
					row.Grids = append(row.Grids, s.grid(id))
				}
			}
		}
		x.Rows = append(x.Rows, row)
	}
	return x
}

func (s *Sheet) pageSide(id string) pageSide {
	n, v := s.Node(id), s.Values(id)
	norm, _ := studio.Size(v)
	x := pageSide{Shape: fmt.Sprintf("%d×%d", n.Rows, n.Cols), Norm: significant(norm, 3)}
	x.Map = template.HTML(s.mini(id, min(9, 92/float64(v.D), 130/float64(v.N))))
	if c, ok := s.checked(id); ok {
		x.Check = mark(c)
	}
	return x
}

func (s *Sheet) grid(id string) pageGrid {
	n, v := s.Node(id), s.Values(id)
	var hidden paper.Mat
	if n.Hidden != "" {
		hidden = s.Values(n.Hidden)
	}
	_, top := studio.Size(v)
	sc := scaleOf(top)
	g := pageGrid{Error: backward(n.Kind), Name: Plain(n.MathML), Symbol: template.HTML(n.MathML), Caption: fmt.Sprintf("%d × %d", n.Rows, n.Cols)}
	if len(v.V) > mostDigits {
		g.Caption += ", largest " + significant(top, 3)
		g.Map = template.HTML(s.mini(id, min(14, max(2, 880/float64(v.D)))))
		return g
	}
	if u := sc.unit(); u != "" {
		g.Caption += ", " + u
	}
	class := map[bool]string{false: "v", true: "e"}[g.Error]
	for j := range v.D {
		g.Heads = append(g.Heads, s.columnName(n, j))
	}
	for i := range v.N {
		row := pageGridRow{Name: s.rowName(n, i)}
		for j := range v.D {
			x := v.At(i, j)
			c := pageCell{Class: "z", Text: sc.digits(x)}
			switch l := level(x, top); {
			case math.IsInf(x, -1) || hidden.V != nil && math.IsInf(hidden.At(i, j), -1):
				c = pageCell{Class: "mask"}
			case x == 0 && g.Error:
				c = pageCell{Class: "null"}
			case l > 0:
				c.Class = fmt.Sprintf("%s%d", map[bool]string{false: class, true: "n"}[x < 0], l)
			}
			row.Cells = append(row.Cells, c)
		}
		g.Rows = append(g.Rows, row)
	}
	return g
}
