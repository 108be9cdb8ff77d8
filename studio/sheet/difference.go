package sheet

import (
	"cmp"
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian/paper"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// changes says whether a map of n shows what the edits changed, and not what is.
func (s *Sheet) changes(n *studio.Node) bool { return s.Before != nil && n.Kind != studio.Mask }

// shown is what a map of a tensor shows: its numbers, or with a difference new less old, which
// is 0 exactly where nothing changed.
func (s *Sheet) shown(id string) paper.Mat {
	v := s.Values(id)
	if !s.changes(s.Node(id)) {
		return v
	}
	old, d := s.Before.Values(id), paper.Zeros(v.N, v.D)
	for k, x := range v.V {
		if x != old.V[k] {
			d.V[k] = x - old.V[k]
		}
	}
	return d
}

// norm is the norm of a tensor in n digits, and with a difference, where it changed, the old one
// before it.
func (s *Sheet) norm(id string, n int) string {
	now, _ := studio.Size(s.Values(id))
	if s.Before != nil {
		if old, _ := studio.Size(s.Before.Values(id)); old != now {
			return significant(old, n) + "→" + significant(now, n)
		}
	}
	return significant(now, n)
}

// A Change is what the edits did to one tensor.
type Change struct {
	ID     string   `json:"id"`
	Before *float64 `json:"before"` // norms; null where they are not finite
	After  *float64 `json:"after"`
	Norm   *float64 `json:"norm"` // of the difference
	Most   *float64 `json:"most"` // its largest entry, without its sign
}

// Changes are the tensors that the edits changed, those whose difference is largest beside what
// they were first; of a sheet without a difference there are none.
func (s *Sheet) Changes() (all []Change) {
	if s.Before == nil {
		return nil
	}
	share := map[string]float64{}
	for _, n := range s.Nodes() {
		d, most := studio.Size(s.shown(n.ID))
		if !s.changes(&n) || most == 0 {
			continue
		}
		old, _ := studio.Size(s.Before.Values(n.ID))
		now, _ := studio.Size(s.Values(n.ID))
		share[n.ID] = d / old
		if old == 0 {
			share[n.ID] = math.Inf(1)
		}
		all = append(all, Change{n.ID, finite(old), finite(now), finite(d), finite(most)})
	}
	slices.SortStableFunc(all, func(a, b Change) int { return cmp.Compare(share[b.ID], share[a.ID]) })
	return all
}

// mostMoved is how many changed tensors the block lists.
const mostMoved = 12

// printMoved lists what changed most.
func (s *Sheet) printMoved(p *printer) {
	all := s.Changes()
	p.line("%s", p.in(bold, "What changed most"))
	if len(all) == 0 {
		p.line("Nothing changed.")
		return
	}
	rows := [][]string{{"tensor", "norm", "change", "largest"}}
	for _, c := range all[:min(len(all), mostMoved)] {
		rows = append(rows, []string{p.in(hue(s.Node(c.ID).Kind), c.ID), s.norm(c.ID, 3), orNone(c.Norm, 2), orNone(c.Most, 2)})
	}
	p.table("lrrr", rows)
	total := 0
	for _, n := range s.Nodes() {
		if s.changes(&n) {
			total++
		}
	}
	p.prose(0, "The order is that of the change beside the old norm. "+count(len(all), "tensor")+" changed, "+count(total-len(all), "tensor")+" did not.")
}
