package sheet

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// chosen is the answer to "next".
type chosen struct {
	Prompt  int `json:"prompt"`
	Taken   int `json:"taken"`
	Choices []struct {
		Token int     `json:"token"`
		P     float64 `json:"p"`
		Q     float64 `json:"q"`
	} `json:"choices"`
	Left   int        `json:"left"`
	Full   bool       `json:"full"`
	Keys   [2]int     `json:"keys"`
	Values [2]int     `json:"values"`
	Apart  [3]float64 `json:"apart"`
	Rows   int        `json:"rows"`
	Scores [2]int     `json:"scores"`
}

// howItWrites reads "temperature,top-k,top-p,seed,tokens of the prompt"; "" is how the page begins.
func howItWrites(text string) (r studio.Request, err error) {
	if text == "" {
		text = ".8,0,0,1,0"
	}
	var x [5]float64
	parts := strings.Split(text, ",")
	for k := range x {
		if len(parts) != len(x) {
			break
		}
		if x[k], err = strconv.ParseFloat(parts[k], 64); err != nil || x[k] < 0 || k != 0 && k != 2 && x[k] != float64(int(x[k])) {
			parts = nil
		}
	}
	if len(parts) != len(x) {
		return r, &Refused{fmt.Errorf("write=%s does not say how to write: that is temperature, top-k, top-p, seed and tokens of the prompt, such as .8,0,0,1,3", text)}
	}
	return studio.Request{Op: "next", Temperature: x[0], TopK: int(x[1]), TopP: x[2], Draw: uint64(x[3]), Prompt: int(x[4])}, nil
}

// printGenerated prints what may come after the text, and what the cache holds.
func (s *Sheet) printGenerated(p *printer, _ string) error {
	r, err := howItWrites(s.Write)
	if err != nil {
		return err
	}
	r.Block, r.Head, r.Prompt = s.Block, s.Head, min(r.Prompt, len(s.Tokens()))
	var c chosen
	numbers, err := s.ask(r, &c)
	if err != nil {
		return err
	}
	p.line("%s", p.in(bold, "Token by token"))
	p.prose(0, "The network says how likely each token is; temperature, top-k and top-p say which may come; the seed draws one. Keys and values of old tokens are kept: nothing of them is computed again.")
	p.line("")
	limit := func(what string, x float64) string {
		if x == 0 {
			return what + " all"
		}
		return what + " " + setting(x)
	}
	p.prose(0, fmt.Sprintf("Temperature %s, %s, %s, seed %d. %s given, %d written.", setting(r.Temperature), limit("top-k", float64(r.TopK)), limit("top-p", r.TopP), r.Draw, count(c.Prompt, "token"), len(s.Tokens())-c.Prompt))
	if c.Full {
		p.prose(0, "What the network reads here is full. A writer would forget the older half, and read the rest again as a new beginning.")
	}
	p.line("")
	most := 0.0
	for _, x := range c.Choices {
		most = max(most, x.P, x.Q)
	}
	rows := [][]string{{"what may come next", "network", "sampled", "", ""}}
	for _, x := range c.Choices {
		q, drawn := "–", ""
		if x.Q > 0 {
			q = scale{decimals: 3}.digits(x.Q)
		}
		if x.Token == c.Taken {
			drawn = "drawn"
		}
		rows = append(rows, []string{s.Model.Words[x.Token], scale{decimals: 3}.digits(x.P), q, p.in(orange, strings.Repeat("▇", int(x.P/most*30+.5))), drawn})
	}
	p.table("lrrll", rows)
	p.prose(0, fmt.Sprintf("%d of %d tokens may come; the likeliest are listed.", c.Left, len(s.Model.Words)))
	p.line("")
	p.line("%s", p.in(bold, fmt.Sprintf("What is kept · block %d, head %d", s.Block, s.Head)))
	difference := fmt.Sprintf("rounding: keys %s, values %s, logits %s", significant(c.Apart[0], 2), significant(c.Apart[1], 2), significant(c.Apart[2], 2))
	if c.Apart == [3]float64{} {
		difference = "0 exactly: kept rows have the bits of computed ones"
	}
	p.fact("with it", fmt.Sprintf("1 row a layer, %s a head", count(c.Scores[0], "score")))
	p.fact("without", fmt.Sprintf("%s a layer, %s a head", count(c.Rows, "row"), count(c.Scores[1], "score")))
	p.fact("difference", difference)
	var words []string
	for t := range s.Tokens() {
		words = append(words, s.word(t))
	}
	n := c.Keys[0] * c.Keys[1]
	s.panels(p, []studio.Panel{{Title: "keys", Kind: studio.Value, Rows: c.Keys[0], Cols: c.Keys[1], RowHeads: words}, {Title: "values", Kind: studio.Value, Rows: c.Values[0], Cols: c.Values[1], RowHeads: words, At: n}}, numbers)
	if !c.Full {
		var ids []string
		for _, id := range append(s.Tokens()[:len(s.Tokens()):len(s.Tokens())], c.Taken) {
			ids = append(ids, fmt.Sprint(id))
		}
		model := ""
		if s.State.Model != "" {
			model = "model=" + s.State.Model + "&"
		}
		p.line("")
		p.prose(0, fmt.Sprintf("With the token that is drawn: pedestrian look '#/generate?%stok=%s&write=%g,%d,%g,%d,%d'.", model, strings.Join(ids, "."), r.Temperature, r.TopK, r.TopP, r.Draw, c.Prompt))
	}
	return nil
}
