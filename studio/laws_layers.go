package studio

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// showNorm hands an error back through the last norm, with a part along 1 and ā added to it.
func showNorm(d *demonstration) error {
	a := d.s.value("lnFinal.a_prev")
	gain := d.s.value("w_10").V
	ones := make(paper.Vec, a.D)
	for j := range ones {
		ones[j] = 1
	}
	normal, back := paper.LayerNorm(nil, a, ones, nil, 0)
	g := d.s.value("D_11").Had(paper.Rows(gain, a.N))
	pushed := g.Add(normal.Add(paper.Rows(ones, a.N)).Scale(d.knob))
	before, _, _ := back(g)
	down, _, _ := back(pushed)
	if d.broken {
		_, deviation := paper.Moments(a, 0)
		down = pushed.Div(paper.Cols(deviation, a.D))
	}
	transposed := make(paper.Vec, a.N)
	for i := range transposed {
		transposed[i] = 1
	}
	batch, batchBack := paper.BatchNorm(nil, a.T(), transposed, nil, 0)
	batchDown, _, _ := batchBack(pushed.T())
	scale := largestOf(pushed.V) * float64(a.D)
	d.small("largest sum of a row of the error that is handed down", largestOf(down.SumFeatures()), scale)
	d.small("the same along ā", largestOf(down.FeatureDot(normal)), scale)
	d.small("what was added changes it by", largestOf(down.Sub(before).V), scale)
	d.small("ā against batch normalization of the transpose, transposed", largestOf(normal.Sub(batch.T()).V), 1)
	d.small("the same of the error", largestOf(down.Sub(batchDown.T()).V), scale)
	words := d.words(d.s)
	d.panel("normalized, ā", Value, normal, "lnFinal.abar_prev", words, nil)
	d.panel("error that comes in, with the gain", Error, pushed, "", words, nil)
	d.panel("error that is handed down", Error, down, "lnFinal.D_prev", words, nil)
	return nil
}

// adapted is the session with an adapter beside the logits whose u is not zero: of the rank of
// the state, or of rank 2 where it has none.
func (s *Session) adapted(size float64) (*Session, error) {
	st := s.state()
	if st.Rank == 0 {
		st.Rank = 2
	}
	x, err := s.again(st)
	if err != nil {
		return nil, err
	}
	own := x.apart()
	u := own.adapter.Logits.Up
	draw := drawn(pedestrian.Config{Vocab: u.Rows, Context: 1, Width: u.Cols, Heads: 1, Blocks: 1, Activation: pedestrian.ReLU}, st.Seed+2)
	for k := range u.V {
		u.V[k] += size * draw.Tok.V[k]
	}
	return own.rewritten(func(string, *Session, paper.Mat) {}), nil
}

// showFrozen compares the error below an adapted layer with differences of the loss.
func showFrozen(d *demonstration) error {
	s, err := d.s.adapted(d.knob)
	if err != nil {
		return err
	}
	truth := s
	if d.broken {
		s = s.rewritten(func(id string, now *Session, v paper.Mat) {
			if id == "D_11" { // α = 1 here
				copy(v.V, now.value("D_12").Mul(now.value("d_11").Mul(now.value("u_11")).T()).V)
			}
		})
	}
	slopes := paper.Mat{}
	for _, id := range []string{"D_11", "dw_10"} {
		c, err := truth.Check(id)
		if err != nil {
			return err
		}
		if c.Why != "" && !c.OK {
			return fmt.Errorf("%s cannot be compared: %s", id, c.Why)
		}
		v := s.value(id)
		if id == "D_11" {
			slopes = paper.Mat{N: v.N, D: v.D, V: c.Slopes}
		}
		worst := 0.0
		for k, x := range c.Slopes {
			if !math.IsNaN(x) {
				worst = max(worst, math.Abs(v.V[k]-x)/max(gradcheck.DifferenceFloor, math.Abs(v.V[k]), math.Abs(x)))
			}
		}
		what := map[string]string{"D_11": "the error below the logits", "dw_10": "the gradient of the norm's gain, below it"}[id]
		d.claims = append(d.claims, gradcheck.Claim{What: what + ", against differences of the loss: largest deviation", Value: gradcheck.Number(worst), Limit: gradcheck.DifferenceTolerance, OK: worst <= gradcheck.DifferenceTolerance})
	}
	words := d.words(s)
	d.panel("error below the logits, by the formula", Error, s.value("D_11"), "D_11", words, nil)
	d.panel("differences of the loss", Error, slopes, "", words, nil)
	d.panel("part of the frozen path", Error, truth.value("logits.frozen.D_prev"), "", words, nil)
	d.panel("part of the adapter", Error, truth.value("logits.lora.D_prev"), "", words, nil)
	return nil
}

// showRank cuts the text, and takes the gradient of the expanding layer apart.
func showRank(d *demonstration) error {
	n := int(d.knob)
	st := d.s.state()
	st.Tokens, st.Targets, st.Edits = st.Tokens[:n], st.Targets[:n], d.s.parameterEdits()
	s, err := d.s.again(st)
	if err != nil {
		return err
	}
	const id = "b0.dw_6"
	g := s.value(id)
	d.reading = "“" + strings.Join(d.words(s), " ") + "”"
	if d.broken {
		other := st
		other.Tokens, other.Targets = slices.Clone(st.Tokens), slices.Clone(st.Targets)
		for t := range other.Tokens {
			other.Tokens[t] = (other.Tokens[t] + 1) % s.Model.Config.Vocab
		}
		o, err := d.s.again(other)
		if err != nil {
			return err
		}
		g = g.Add(o.value(id))
		d.reading += " and “" + strings.Join(d.words(o), " ") + "”"
	}
	values := singular(g)
	rank := rankOf(values)
	d.claims = append(d.claims, gradcheck.Claim{What: fmt.Sprintf("rank of the gradient, which has %d × %d numbers: singular values above 10⁻¹² of the largest", g.N, g.D), Value: gradcheck.Number(rank), Limit: gradcheck.Number(n), OK: rank <= n})
	d.panel("gradient of the expanding layer", Gradient, g, id, nil, nil)
	d.panel("its singular values", Gradient, paper.Mat{N: 1, D: len(values), V: values}, "", nil, nil)
	return nil
}

// showAdam trains on the sentence with the gradient of the key bias as a sum.
func showAdam(d *demonstration) error {
	const rate, beta1, beta2 = .01, .9, .999
	eps := 1e-8
	if d.broken {
		eps = 1e-30
	}
	s := d.s.apart()
	bias := s.node(d.at + "b_k")
	query := s.node(d.at + "b_q")
	if bias == nil || query == nil {
		return fmt.Errorf("the keys of this network have no bias")
	}
	first := s.value(bias.ID).Sub(paper.Zeros(1, bias.Cols))
	firstQuery := s.value(query.ID).Sub(paper.Zeros(1, query.Cols))
	loss0, most := 0.0, 0.0
	m, v := make([]float64, len(s.params.Slab)), make([]float64, len(s.params.Slab))
	reduction := paper.Sum
	if s.State.Mean {
		reduction = paper.Mean
	}
	for step := 1; step <= int(d.knob); step++ {
		tr := &paper.Trace{}
		loss, back := paper.Network(tr, s.params, s.adapter, []paper.Sequence{s.seq}, reduction)
		dp, _ := back()
		if step == 1 {
			loss0 = loss
		}
		now := *s
		now.Trace = tr
		g := dp.Tensor(bias.slot)
		for k, x := range keyGradient(&now, d.at) {
			g.V[bias.cols[k]] = x // what an automatic derivative has in the place of 0
			most = max(most, math.Abs(x))
		}
		for k, x := range dp.Slab {
			m[k] += (1 - beta1) * (x - m[k])
			v[k] += (1 - beta2) * (x*x - v[k])
			s.params.Slab[k] -= rate * m[k] / (1 - math.Pow(beta1, float64(step))) / (math.Sqrt(v[k]/(1-math.Pow(beta2, float64(step)))) + eps)
		}
	}
	walk, queries := s.value(bias.ID).Sub(first), s.value(query.ID).Sub(firstQuery)
	d.small("largest gradient of the key bias in any step", most, 1)
	limit := lawVisible * rate * d.knob
	walked := largestOf(walk.V)
	d.claims = append(d.claims, gradcheck.Claim{What: "the key bias moved by", Value: gradcheck.Number(walked), Limit: gradcheck.Number(limit), OK: walked <= limit})
	d.visible("the query bias moved by", largestOf(queries.V))
	d.reading = fmt.Sprintf("the loss went from %.3f to %.3f", loss0, s.rewritten(func(string, *Session, paper.Mat) {}).Loss)
	d.panel("key bias, new − old", Parameter, walk, bias.ID, nil, nil)
	d.panel("query bias, new − old", Parameter, queries, query.ID, nil, nil)
	return nil
}
