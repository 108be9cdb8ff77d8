package sheet

import (
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// An adapter is the answer to "adapter".
type adapter struct {
	Rank     int               `json:"rank"`
	MaxRank  int               `json:"maxRank"`
	Alpha    float64           `json:"alpha"`
	Steps    int               `json:"steps"`
	MaxSteps int               `json:"maxSteps"`
	Frozen   int               `json:"frozen"`
	Trained  int               `json:"trained"`
	Ranks    []rankOfMatrix    `json:"ranks"`
	Claims   []gradcheck.Claim `json:"claims"`
	Panels   []studio.Panel    `json:"panels"`
	Losses   []*float64        `json:"losses"`
}

type rankOfMatrix struct {
	Key      string    `json:"key"`
	Rank     int       `json:"rank"`
	Limit    int       `json:"limit"`
	Why      string    `json:"why"`
	Singular []float64 `json:"singular"`
	Kept     float64   `json:"kept"`
}

// matrixNames are what the adapter's matrices are called, by their keys.
var matrixNames = map[string]string{"product": "α d u", "dw": "∂L/∂w", "w": "w, frozen"}

// printAdapter prints a layer with an adapter beside it: both passes, ranks, and what holds.
func (s *Sheet) printAdapter(p *printer, _ string) error {
	var a adapter
	numbers, err := s.ask(studio.Request{Op: "adapter", Alpha: s.Alpha, Steps: s.Steps}, &a)
	if err != nil {
		return err
	}
	of := map[string]studio.Panel{}
	for _, x := range a.Panels {
		of[x.Key] = x
	}
	norm := func(key string) string { return orNone(of[key].Norm, 3) }
	p.line("%s", p.in(bold, "LoRA: an adapter beside the frozen logits"))
	p.prose(0, "The weight of the logits does not learn. Beside it stand two thin ones, down to r features and up again, and only these learn. (43) (44) (45) (46) (FC+LoRA)")
	p.line("")
	p.prose(0, fmt.Sprintf("Rank r = %d of at most %d, multiplier α = %s, %s of Adam of at most %d. %d numbers learn, %d of this weight stay.", a.Rank, a.MaxRank, setting(a.Alpha), count(a.Steps, "step"), a.MaxSteps, a.Trained, a.Frozen))
	if losses := finiteOf(a.Losses); len(losses) == 1 {
		p.prose(0, "Before the first step u is zero: the adapter adds nothing, and no error passes to d.")
	} else {
		p.prose(0, fmt.Sprintf("Loss %s → %s  %s", significant(losses[0], 3), significant(losses[len(losses)-1], 3), p.bar(narrowed(losses, 40), orange)))
	}
	p.line("")
	p.table("wrr", [][]string{
		{"norms", p.in(orange, "values ↓"), p.in(blue, "errors ↑")},
		{"in: the input; the error that is handed down", norm("a"), norm("Dprev")},
		{"  through the frozen weight", norm("frozen"), norm("Dfrozen")},
		{"  through the adapter", norm("adapter"), norm("Dadapter")},
		{"out: the logits; the error that comes in", norm("y"), norm("D")},
	})
	p.line("")
	rows := [][]string{{"singular values", "rank", "at most", "why", fmt.Sprintf("first %d hold", a.Rank)}}
	for _, r := range a.Ranks {
		kept := "–"
		if r.Key != "w" && len(r.Singular) > 0 && r.Singular[0] > 0 {
			kept = significant(100*r.Kept, 3) + " %"
		}
		rows = append(rows, []string{matrixNames[r.Key], fmt.Sprint(r.Rank), fmt.Sprint(r.Limit), r.Why, kept})
	}
	p.table("lrrwr", rows)
	for _, r := range a.Ranks {
		var all []string
		for _, x := range r.Singular {
			all = append(all, significant(x, 3))
		}
		p.prose(2, matrixNames[r.Key]+": "+strings.Join(all, "  "))
	}
	p.line("")
	p.claims(a.Claims)
	s.panels(p, a.Panels, numbers)
	p.line("")
	p.prose(0, "Another rank, multiplier and number of steps: pedestrian look '#/lora?rank=4&alpha=2&steps=100'.")
	return nil
}

// finiteOf are the numbers of a list, with 0 for what is none.
func finiteOf(all []*float64) (v []float64) {
	for _, x := range all {
		if x == nil {
			x = new(float64)
		}
		v = append(v, *x)
	}
	return v
}
