package gradcheck

import (
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// A signal is an error signal that a pass recorded, with the forward step whose
// gradient it claims to be (see paper.Signals).
type signal struct {
	name string     // in the paper's symbols, such as "Δ^raw head 0"
	step paper.Step // recorded on the way back
	of   string     // name of the forward step at the same place
	how  string
	when int // its place in the order of the pass
}

// signals lists every error signal of the pass in the order of paper.Signals,
// place by place. It panics when a step named like an error signal is not in
// that list: then the list has a hole.
func (r *pass) signals() []signal {
	known := map[[2]string][]signal{}
	for i, s := range r.tr.Steps[r.split:] {
		if !strings.HasPrefix(s.Name, "Δ") || s.Name == "Δ_{logits}" { // the logits' error is recorded again as Δ_12
			continue
		}
		k := [2]string{s.Name, s.Eq}
		known[k] = append(known[k], signal{step: s, when: i})
	}
	var all []signal
	for _, p := range paper.Signals {
		k := [2]string{p.Error, p.Eq}
		for _, s := range known[k] {
			s.name, s.of = p.Error+whereOf(s.step), p.Of
			s.how = fmt.Sprintf("nudging %s, the %s", p.Of, p.Title)
			all = append(all, s)
		}
		delete(known, k)
	}
	for k := range known {
		panic(fmt.Sprintf("gradcheck: error signal %s of (%s) is not in paper.Signals", k[0], k[1]))
	}
	return all
}

// whereOf tells heads and layers apart, whose signals share their names.
func whereOf(s paper.Step) string {
	at := strings.Split(s.At, ".")
	where, layer := "", ""
	for i := 0; i < len(at); i++ {
		switch at[i] {
		case "seq", "block":
			i++
		case "head", "kv":
			where += " " + at[i] + " " + at[i+1]
			i++
		default:
			layer += " " + at[i]
		}
	}
	if s.Name == "Δ_{i-1}" {
		if s.Eq == "35" {
			layer = " heads"
		}
		return " of" + strings.Replace(layer, " qkv ", " ", 1) + where
	}
	return where
}

// signalJobs differentiates the loss with respect to the forward step that s is
// the gradient of, by adding to it on its way through the trace.
func (m *numeric) signalJobs(s signal, h float64) (jobs []job) {
	nudged := func(add func(v []float64)) perturbation {
		return func(f paper.Step) paper.Mat {
			if f.Name != s.of || f.At != s.step.At {
				return f.V
			}
			v := paper.Mat{N: f.V.N, D: f.V.D, V: append([]float64(nil), f.V.V...)}
			add(v.V)
			return v
		}
	}
	for _, i := range m.entries() {
		jobs = append(jobs, func(e *evaluator) {
			m.slope[i], m.refused[i] = Slope(h, func(x float64) (float64, bool) {
				return e.loss(nudged(func(v []float64) { v[i] += x }))
			})
		})
	}
	for i := range m.along {
		d := &m.along[i]
		jobs = append(jobs, func(e *evaluator) {
			d.slope, d.refused = Slope(h, func(x float64) (float64, bool) {
				return e.loss(nudged(func(v []float64) {
					for j := range v {
						v[j] += x * d.v[j]
					}
				}))
			})
		})
	}
	return jobs
}

// signalRow is the row of an error signal, nothing compared yet.
func (r *pass) signalRow(s signal, n *numeric) Row {
	v := s.step.V
	row := Row{Name: s.name, At: s.step.At, Shape: fmt.Sprintf("%dx%d", v.N, v.D), Eq: s.step.Eq, How: s.how, Cols: v.D,
		analytic: v.V, numeric: n, symbol: s.step.Name, order: s.when}
	if row.Eq == "" {
		row.Eq = "–"
	}
	return row
}
