package studio

import (
	"fmt"
	"math"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// Limits of the screen of the adapter, and where it begins.
const (
	maxAdapterSteps   = 200
	maxAlpha          = 8
	startRank         = 2
	startAlpha        = 1.0
	startAdapterSteps = 40
	adapterRate       = .05 // of Adam
	adapterChecks     = 48  // cells of a gradient that are compared with differences
)

// shownAdapter answers "adapter": a layer with an adapter beside it, both passes.
type shownAdapter struct {
	Revision int               `json:"rev"`
	Rank     int               `json:"rank"`
	MaxRank  int               `json:"maxRank"`
	Alpha    float64           `json:"alpha"`
	Steps    int               `json:"steps"`
	MaxSteps int               `json:"maxSteps"`
	Frozen   int               `json:"frozen"`  // numbers of w
	Trained  int               `json:"trained"` // numbers of d and u
	Ranks    []rankOfMatrix    `json:"ranks"`
	Claims   []gradcheck.Claim `json:"claims"`
	Panels   []Panel           `json:"panels"` // by their keys
	Losses   []*float64        `json:"losses"` // before each step, and after the last
}

// A rankOfMatrix says how many independent rows a matrix has, by its singular values, and what
// part of the sum of its squares the first r of them hold.
type rankOfMatrix struct {
	Key      string    `json:"key"` // of its panel
	Rank     int       `json:"rank"`
	Limit    int       `json:"limit"` // that a theorem sets
	Why      string    `json:"why"`
	Singular []float64 `json:"singular"`
	Kept     float64   `json:"kept"` // by the first r
}

// adapter answers "adapter": an adapter beside the logits after some steps on the sentence, in
// which everything else is frozen.
func (c *Core) adapter(r Request, s *Session) (shownAdapter, []float64, error) {
	out := shownAdapter{Revision: r.Revision, Rank: s.State.Rank, MaxRank: min(MaxRank, s.Model.Config.Width, s.Model.Config.Vocab), Alpha: startAlpha, Steps: startAdapterSteps}
	if r.Alpha != nil {
		out.Alpha = *r.Alpha
	}
	if r.Steps != nil {
		out.Steps = *r.Steps
	}
	if !(out.Alpha >= 0 && out.Alpha <= maxAlpha) {
		return out, nil, fmt.Errorf("α goes from 0 to %d", maxAlpha)
	}
	if out.Steps < 0 || out.Steps > maxAdapterSteps {
		return out, nil, fmt.Errorf("an adapter is trained for 0 to %d steps", maxAdapterSteps)
	}
	if s.State.Rank == 0 {
		st := s.State
		st.Rank = startRank
		var err error
		if s, err = c.Session(st); err != nil {
			return out, nil, err
		}
		out.Rank = startRank
	}
	out.MaxSteps = s.mostSteps(maxAdapterSteps)
	out.Steps = min(out.Steps, out.MaxSteps)
	frozen := s
	s = s.withAlpha(out.Alpha)
	for _, l := range s.trainAdapter(out.Steps) {
		out.Losses = append(out.Losses, finite(l))
	}
	s = s.rewritten(func(string, *Session, paper.Mat) {})

	d := &demonstration{s: s}
	words, vocabulary := d.words(s), s.Model.Words
	v := s.value
	down, up, w := v("d_11"), v("u_11"), s.logitsWeight()
	product := down.Mul(up).Scale(out.Alpha)
	merged := w.Add(product)
	gradient := v(s.logitsGradient())
	show := func(key, title string, kind Kind, m paper.Mat, node string, rows, cols []string) {
		d.panel(title, kind, m, node, rows, cols)
		d.panels[len(d.panels)-1].Key = key
	}
	show("w", "frozen weight", Parameter, w, s.logitsNode(), nil, vocabulary)
	show("d", "down", Parameter, down, "d_11", nil, nil)
	show("u", "up", Parameter, up, "u_11", nil, vocabulary)
	show("product", "what the adapter adds to the weight, α d u", Parameter, product, "", nil, vocabulary)
	show("merged", "merged: w + α d u", Parameter, merged, "", nil, vocabulary)
	show("a", "input", Value, v("a_11"), "a_11", words, nil)
	show("ad", "in the adapter's r features", Value, v("a_11").Mul(down), "", words, nil)
	show("frozen", "what the frozen layer makes", Value, v("logits.frozen.a_i"), "logits.frozen.a_i", words, vocabulary)
	show("adapter", "what the adapter adds", Value, v("logits.lora.a_i"), "logits.lora.a_i", words, vocabulary)
	show("y", "logits", Value, v("a_12"), "a_12", words, vocabulary)
	show("D", "error that comes in", Error, v("D_12"), "D_12", words, vocabulary)
	show("Dfrozen", "through the frozen weight", Error, v("logits.frozen.D_prev"), "logits.frozen.D_prev", words, nil)
	show("Dadapter", "through the adapter", Error, v("logits.lora.D_prev"), "logits.lora.D_prev", words, nil)
	show("Dprev", "error that is handed down", Error, v("D_11"), "D_11", words, nil)
	show("dw", "gradient of the frozen weight: it is not used", Gradient, gradient, s.logitsGradient(), nil, vocabulary)
	show("dd", "gradient of down", Gradient, v("dd_11"), "dd_11", nil, nil)
	show("du", "gradient of up", Gradient, v("du_11"), "du_11", nil, vocabulary)

	rank := func(key string, m paper.Mat, limit int, why string) {
		x := rankOfMatrix{Key: key, Limit: limit, Why: why, Singular: singular(m)}
		x.Rank = rankOf(x.Singular)
		all := 0.0
		for k, y := range x.Singular {
			if all += y * y; k < out.Rank {
				x.Kept += y * y
			}
		}
		if x.Kept /= all; all == 0 {
			x.Kept = 1
		}
		out.Ranks = append(out.Ranks, x)
		d.claims = append(d.claims, gradcheck.Claim{What: "rank of " + map[string]string{"product": "α d u", "dw": "∂L/∂w", "w": "w", "merged": "w + α d u"}[key], Value: gradcheck.Number(x.Rank), Limit: gradcheck.Number(limit), OK: x.Rank <= limit})
	}
	n := len(s.seq.Tokens)
	rank("product", product, out.Rank, "it passes r features")
	rank("dw", gradient, min(n, w.N, w.D), "one layer of rank one for each token")
	rank("w", w, min(w.N, w.D), "its shape")

	size := func(ms ...paper.Mat) (most float64) {
		for _, m := range ms {
			most = max(most, largestOf(m.V))
		}
		return most
	}
	logits := v("a_11").Mul(merged)
	if s.node("b_11") != nil {
		logits = logits.Bias(v("b_11").V)
	}
	d.small("merged into one weight: logits against those of the two layers", size(logits.Sub(v("a_12"))), size(logits)*float64(w.N))
	below := v("D_12").Mul(merged.T())
	d.small("the same of the error that is handed down", size(below.Sub(v("D_11"))), size(v("D_12"), merged)*float64(w.D))
	d.small("∂L/∂d against α (∂L/∂w) uᵗ (45)", size(gradient.Mul(up.T()).Scale(out.Alpha).Sub(v("dd_11"))), size(gradient, up)*float64(w.D))
	d.small("∂L/∂u against α dᵗ (∂L/∂w) (46)", size(down.T().Mul(gradient).Scale(out.Alpha).Sub(v("du_11"))), size(gradient, down)*float64(w.N))
	d.small("dᵗ (∂L/∂d) against (∂L/∂u) uᵗ", size(down.T().Mul(v("dd_11")).Sub(v("du_11").Mul(up.T()))), size(gradient, down, up)*float64(w.N*w.D))
	d.none("the frozen weight moved by", size(w.Sub(frozen.logitsWeight())))
	for _, id := range []string{"dd_11", "du_11"} {
		check, err := s.check(id, adapterChecks)
		if err != nil {
			return out, nil, err
		}
		worst := math.NaN() // where it is no gradient of the loss
		if check.Worst != nil && (check.OK || check.Cells > 0) {
			worst = *check.Worst
		}
		d.claims = append(d.claims, gradcheck.Claim{What: map[string]string{"dd_11": "∂L/∂d", "du_11": "∂L/∂u"}[id] + " against differences of the loss: largest deviation", Value: gradcheck.Number(worst), Limit: gradcheck.DifferenceTolerance, OK: check.OK})
	}
	out.Frozen, out.Trained = len(w.V), len(down.V)+len(up.V)
	out.Panels, out.Claims = d.panels, d.claims
	return out, d.numbers, nil
}

// logitsNode is the parameter that makes the logits: the table of embeddings where it is tied.
func (s *Session) logitsNode() string {
	if s.Model.Config.Tied {
		return "w_tok"
	}
	return "w_11"
}

// logitsWeight is that parameter as a weight of the logits.
func (s *Session) logitsWeight() paper.Mat {
	w := s.value(s.logitsNode())
	if s.Model.Config.Tied {
		return w.T()
	}
	return w
}

// withAlpha is the session with an adapter of its own whose multiplier is alpha.
func (s *Session) withAlpha(alpha float64) *Session {
	own := s.apart()
	a := own.adapter.Config
	a.Alpha = alpha
	own.adapter = pedestrian.NewAdapter[float64](s.adapter.Base, a)
	copy(own.adapter.Slab, s.adapter.Slab)
	return own
}

// trainAdapter lets Adam take steps on the adapter alone, with its own sentence, and returns the
// losses before each step and after the last.
func (s *Session) trainAdapter(steps int) (losses []float64) {
	reduction := paper.Sum
	if s.State.Mean {
		reduction = paper.Mean
	}
	batch := []paper.Sequence{s.seq}
	const beta1, beta2, eps = .9, .999, 1e-8
	m, v := make([]float64, len(s.adapter.Slab)), make([]float64, len(s.adapter.Slab))
	for step := range steps {
		loss, back := paper.Network(nil, s.params, s.adapter, batch, reduction)
		losses = append(losses, loss)
		_, g := back()
		for k, x := range g.Slab {
			m[k] += (1 - beta1) * (x - m[k])
			v[k] += (1 - beta2) * (x*x - v[k])
			s.adapter.Slab[k] -= adapterRate * m[k] / (1 - math.Pow(beta1, float64(step+1))) / (math.Sqrt(v[k]/(1-math.Pow(beta2, float64(step+1)))) + eps)
		}
	}
	loss, _ := paper.Network(nil, s.params, s.adapter, batch, reduction)
	return append(losses, loss)
}
