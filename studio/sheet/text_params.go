package sheet

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// countedParams is the answer to "params".
type countedParams struct {
	Sizes  studio.Sizes `json:"sizes"`
	Ledger []term       `json:"ledger"`
	Total  int          `json:"total"`

	Figures []struct {
		Name  string  `json:"name"`
		Count int     `json:"count"`
		Share float64 `json:"share"`
	} `json:"figures"`
	Adapter  []term `json:"adapter"`
	Trained  int    `json:"trained"`
	InMemory int    `json:"inMemory"`
}

type term struct {
	pedestrian.Term
	Total int `json:"total"`
}

var (
	netForm  = regexp.MustCompile(`^\d{1,9}(,\d{1,9}){4}(,[A-Za-z]+\d{0,7}){0,14}$`)
	rankForm = regexp.MustCompile(`^r\d+$`)
)

// sizesOf reads "50257,1024,768,12,12,tied,nobias,r16,qkv,logits".
func sizesOf(text string) (*studio.Sizes, error) {
	if !netForm.MatchString(text) {
		return nil, &Refused{fmt.Errorf("net=%s are no sizes: they are vocabulary, context, width, heads and blocks with commas between, and then tied, nobias, r16 and layers such as qkv", text)}
	}
	parts := strings.Split(text, ",")
	z := new(studio.Sizes)
	for k, to := range []*int{&z.Vocab, &z.Context, &z.Width, &z.Heads, &z.Blocks} {
		*to, _ = strconv.Atoi(parts[k]) // netForm
	}
	for _, part := range parts[5:] {
		switch {
		case part == "tied":
			z.Tied = true
		case part == "nobias":
			z.NoBias = true
		case rankForm.MatchString(part):
			z.Rank, _ = strconv.Atoi(part[1:])
		default:
			z.Targets = append(z.Targets, part)
		}
	}
	return z, nil
}

// grouped writes a count with a blank at every thousand.
func grouped(n int) string {
	t := strconv.Itoa(n)
	for i := len(t) - 3; i > 0; i -= 3 {
		t = t[:i] + " " + t[i:]
	}
	return t
}

func percent(x float64) string {
	if x >= .9995 {
		return significant(100*x, 3) + " %"
	}
	return significant(100*x, 2) + " %"
}

// printParams prints the ledger of the network, or of the sizes that are set.
func (s *Sheet) printParams(p *printer, _ string) error {
	r := studio.Request{Op: "params"}
	if s.Net != "" {
		var err error
		if r.Sizes, err = sizesOf(s.Net); err != nil {
			return err
		}
		p.first = nil // it is about another network
	}
	var c countedParams
	if _, err := s.ask(r, &c); err != nil {
		return err
	}
	z := c.Sizes
	p.line("%s", p.in(bold, "Parameters"))
	p.prose(0, "Every number that training may change, term by term, as section 7 of the paper counts them.")
	p.line("")
	sizes := fmt.Sprintf("vocabulary %d, context %d, width %d, heads %d, blocks %d", z.Vocab, z.Context, z.Width, z.Heads, z.Blocks)
	if z.Tied {
		sizes += ", tied logits"
	}
	if z.NoBias {
		sizes += ", no biases"
	}
	p.prose(0, sizes)
	total := grouped(c.Total) + " parameters"
	switch {
	case c.InMemory == c.Total:
		total += fmt.Sprintf(", the same as the %s numbers that are here ✓", grouped(c.InMemory))
	case c.InMemory > 0:
		total += fmt.Sprintf(", but there are %s numbers here ≠", grouped(c.InMemory))
	}
	p.line("%s", total)
	p.line("")
	ledger := func(all []term, sum int) {
		rows := [][]string{{"layer", "formula", "each", "times", "in all", "share"}}
		for _, t := range all {
			times := ""
			if t.Times > 1 {
				times = "× " + strconv.Itoa(t.Times)
			}
			rows = append(rows, []string{t.Name, t.Formula, grouped(t.Count), times, grouped(t.Total), percent(float64(t.Total) / float64(c.Total))})
		}
		rows = append(rows, []string{p.in(bold, "in all"), "", "", "", p.in(bold, grouped(sum)), percent(float64(sum) / float64(c.Total))})
		p.table("wlrrrr", rows)
	}
	ledger(c.Ledger, c.Total)
	p.line("")
	rows := [][]string{{"what the paper asks of them", "", "share"}}
	for _, f := range c.Figures {
		share := ""
		if f.Share > 0 {
			share = percent(f.Share)
		}
		rows = append(rows, []string{f.Name, grouped(f.Count), share})
	}
	p.table("wrr", rows)
	if len(c.Adapter) > 0 {
		p.line("")
		p.prose(0, fmt.Sprintf("An adapter of rank %d beside %s trains %s numbers, %s of the network, which stays frozen.", z.Rank, strings.Join(z.Targets, ", "), grouped(c.Trained), percent(float64(c.Trained)/float64(c.Total))))
		p.line("")
		ledger(c.Adapter, c.Trained)
	}
	if s.Net == "" {
		p.line("")
		rows := [][]string{{"tensor", "where", "shape", "numbers", "norm", "gradient's"}}
		for _, n := range s.Nodes() {
			if n.Kind != studio.Parameter {
				continue
			}
			gradient := ""
			if s.Node(n.Partner) != nil {
				gradient = s.norm(n.Partner, 3)
			}
			rows = append(rows, []string{p.in(orange, n.ID), n.At, fmt.Sprintf("%d×%d", n.Rows, n.Cols), fmt.Sprint(n.Rows * n.Cols), s.norm(n.ID, 3), p.in(blue, gradient)})
		}
		p.table("lwrrrr", rows)
	}
	p.line("")
	p.prose(0, "Other sizes: pedestrian look '#/params?net=50257,1024,768,12,12,r16,qkv,logits'. Whole families: pedestrian params.")
	return nil
}
