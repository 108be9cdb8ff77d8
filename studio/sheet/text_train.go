package sheet

import (
	"fmt"
	"math"
	"strings"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// trained is the answer to "train".
type trained struct {
	From        int      `json:"from"`
	Count       int      `json:"count"`
	Layers      []string `json:"layers"`
	Evaluations []struct {
		Step int      `json:"step"`
		Loss *float64 `json:"loss"`
	} `json:"evaluations"`
	Snapshots int           `json:"snapshots"`
	Most      int           `json:"most"`
	Rates     []studio.Rate `json:"rates"`
	Ended     string        `json:"ended"`
	Uniform   float64       `json:"uniform"`
	Unigram   float64       `json:"unigram"`
	Bigram    float64       `json:"bigram"`
	Floor     float64       `json:"floor"`
}

// atOnce is how many updates one request asks for, as the page does.
const atOnce = 25

// printTraining prints the training of the story model up to the step of the sheet's state.
func (s *Sheet) printTraining(p *printer, _ string) error {
	at := s.State.Step
	var t trained
	var losses, norms []float64
	var layers [][]float64
	unseen := map[int]*float64{}
	for from := 0; from == 0 || from < at; {
		r := studio.Request{Op: "train", Next: max(1, min(atOnce, at-from)), State: studio.State{Model: story, Seed: s.State.Seed, Rates: s.State.Rates, Step: from}}
		t = trained{}
		numbers, err := s.askAbout(r, &t)
		if err != nil {
			return err
		}
		width := 2 + len(t.Layers)
		layers = append(layers, make([][]float64, len(t.Layers)-len(layers))...)
		for i := range t.Count {
			if from+i == at { // the least that is asked for is one update
				break
			}
			u := numbers[i*width : (i+1)*width]
			losses, norms = append(losses, u[0]), append(norms, u[1])
			for k, x := range u[2:] {
				layers[k] = append(layers[k], x)
			}
		}
		for _, e := range t.Evaluations {
			unseen[e.Step] = e.Loss
		}
		if from += t.Count; t.Count == 0 || t.Ended != "" {
			break
		}
	}
	p.line("%s", p.in(bold, "Training, live"))
	p.prose(0, "A small network learns the built-in stories, character by character. Every other screen shows the network as it is at the step of its address.")
	p.line("")
	var rates []string
	for _, r := range t.Rates {
		rates = append(rates, fmt.Sprintf("%s from step %d on", setting(r.Rate), r.From))
	}
	p.prose(0, fmt.Sprintf("Step %d of at most %d; seed %d; learning rate %s.", at, t.Most, s.State.Seed, strings.Join(rates, ", ")))
	if n := len(losses); n > 0 {
		p.prose(0, fmt.Sprintf("Loss %s nats per character on its batch; norm of the gradient %s.", significant(losses[n-1], 3), significant(norms[n-1], 2)))
	} else {
		p.line("Nothing is learnt yet.")
	}
	if t.Ended != "" {
		p.prose(0, "It ended: "+t.Ended+".")
	}
	p.prose(0, fmt.Sprintf("Predictors without a network: uniform %.2f, unigram %.2f, bigram %.2f; the floor, which knows the grammar, %.2f.", t.Uniform, t.Unigram, t.Bigram, t.Floor))
	p.line("")
	const bars = 36
	rows := [][]string{{"step", "loss", "loss, unseen text", ""}}
	for step := 0; step <= at; step += t.Snapshots {
		batch, old, bar := "", "?", ""
		if step > 0 && step <= len(losses) {
			batch = fmt.Sprintf("%.2f", losses[step-1])
		}
		if x := unseen[step]; x != nil {
			old = fmt.Sprintf("%.2f", *x)
			bar = p.in(orange, strings.Repeat("▇", max(0, min(bars, int(math.Round(*x/t.Uniform*bars))))))
		}
		rows = append(rows, []string{fmt.Sprint(step), batch, old, bar})
	}
	p.table("rrrl", rows)
	if len(losses) > 0 {
		p.line("")
		rows := [][]string{{"norm of the gradient of", fmt.Sprintf("at step %d", at), "over the steps"}}
		for k, name := range t.Layers {
			x := layers[k]
			rows = append(rows, []string{name, p.in(blue, significant(x[len(x)-1], 2)), p.bar(narrowed(x, 34), blue)})
		}
		p.table("lrl", rows)
	}
	p.line("")
	p.prose(0, "Another step, seed and learning rate: pedestrian look '#/train?step=200&seed=1&rates=0:.01'; what the network is there: '#/table/1?model=story&step=200'.")
	return nil
}
