package studio

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A Session is a state that was computed: both passes with all their steps. After Open nothing
// changes it, so several goroutines may ask it.
type Session struct {
	State State        // that was asked for
	Model *Model       // its network
	Loss  float64      // of the whole text
	Trace *paper.Trace // every step of both passes, the edits in it

	*layout
	seq     paper.Sequence
	params  *pedestrian.Params[float64]
	adapter *pedestrian.Adapter[float64]
	edits   map[int][]cellEdit // of steps
	masks   map[int][]cellEdit // of the step ρ^causal of a head
	held    map[int]held       // of steps
	cut     map[int]bool       // steps of errors of held values
}

// A cellEdit is an edit of a step. shift is by how much it changed the number; it stays when
// something before it is nudged, so that differences are those of the pass with the edit in it.
type cellEdit struct {
	cell  int
	value float64
	shift float64
}

// layouts are kept: they depend on the configuration, the adapter and the number of tokens alone.
var layouts struct {
	sync.Mutex
	m map[string]*layout
}

// Open computes a state of one of [Models], or says what is wrong with it.
func Open(state State) (*Session, error) { return openAmong(Models, state) }

func openAmong(models []*Model, state State) (*Session, error) {
	m, err := find(state.Model, models)
	if err != nil {
		return nil, err
	}
	if state.Rank < 0 || state.Rank > MaxRank {
		return nil, fmt.Errorf("rank %d: an adapter here has 0 to %d", state.Rank, MaxRank)
	}
	if len(state.Edits) > maxEdits {
		return nil, fmt.Errorf("%d edits: at most %d", len(state.Edits), maxEdits)
	}
	s := &Session{State: state, Model: m, edits: map[int][]cellEdit{}, masks: map[int][]cellEdit{}, held: map[int]held{}, cut: map[int]bool{}}
	if s.seq, err = state.sequence(m); err != nil {
		return nil, err
	}
	if s.params, err = m.Params(state); err != nil {
		return nil, err
	}
	if state.Rank > 0 {
		s.adapter = fresh(m.Config, state.Rank, state.Seed)
	}
	s.layout = s.named(fmt.Sprintf("%v %d %d", m.Config, state.Rank, len(s.seq.Tokens)))
	if err := s.apply(state.Edits); err != nil {
		return nil, err
	}
	if err := s.hold(state.Held); err != nil {
		return nil, err
	}
	s.Trace = &paper.Trace{}
	loss, back := s.forward(s.Trace, true, nil)
	back()
	s.Loss = loss
	s.tie()
	return s, nil
}

// tie makes the gradient of w_tok whole where the logits share it: the pass recorded that of the
// table, and the logits add theirs, transposed (R27).
func (s *Session) tie() {
	if !s.Model.Config.Tied {
		return
	}
	table, logits := s.node("dw_tok"), s.value(s.logitsGradient())
	sum := paper.Zeros(table.Rows, table.Cols)
	for i := range sum.N {
		for j := range sum.D {
			sum.V[i*sum.D+j] = s.Trace.Steps[table.step].V.At(i, j) + logits.At(j, i)
		}
	}
	s.Trace.Steps[table.step].V = sum
}

// logitsGradient is the id of the gradient of the logits' matrix.
func (s *Session) logitsGradient() string {
	if s.adapter != nil {
		return "logits.frozen.dw"
	}
	return "logits.dw"
}

// Parameters are those of the network, with the edits in them. They belong to the session.
func (s *Session) Parameters() *pedestrian.Params[float64] { return s.params }

// Tokens are what the network reads.
func (s *Session) Tokens() []int { return s.seq.Tokens }

// again is another state of the network of s.
func (s *Session) again(state State) (*Session, error) { return openAmong([]*Model{s.Model}, state) }

// fresh is an adapter beside the logits as training begins: d drawn, u = 0.
func fresh(c pedestrian.Config, rank int, seed uint64) *pedestrian.Adapter[float64] {
	a := pedestrian.NewAdapter[float64](c, pedestrian.AdapterConfig{Rank: rank, Alpha: 1, Scaling: pedestrian.ScalePaper, Targets: []pedestrian.Target{pedestrian.TargetLogits}})
	d := drawn(pedestrian.Config{Vocab: rank, Context: 1, Width: c.Width, Heads: 1, Blocks: 1, Activation: pedestrian.ReLU}, seed+1)
	copy(a.Logits.Down.V, d.Tok.V) // as many numbers as d has
	return a
}

func (s *Session) named(key string) *layout {
	layouts.Lock()
	defer layouts.Unlock()
	if l := layouts.m[key]; l != nil {
		return l
	}
	tr := &paper.Trace{}
	_, back := s.forward(tr, false, nil)
	split := len(tr.Steps)
	back()
	l := newLayout(tr, split, s.params, s.adapter)
	if layouts.m == nil || len(layouts.m) >= 64 {
		layouts.m = map[string]*layout{}
	}
	layouts.m[key] = l
	return l
}

// apply puts the edits in their places: parameters change at once, steps as the pass comes to them.
func (s *Session) apply(edits []Edit) error {
	for _, e := range edits {
		n := s.node(e.ID)
		switch {
		case n == nil:
			return fmt.Errorf("there is no tensor %q in this network", clip(e.ID))
		case e.Row < 0 || e.Row >= n.Rows || e.Col < 0 || e.Col >= n.Cols:
			return fmt.Errorf("%s is %d×%d: it has no cell %d,%d", e.ID, n.Rows, n.Cols, e.Row+1, e.Col+1)
		}
		if err := e.check(); err != nil {
			return err
		}
		if n.Kind == Mask {
			if e.Value != nil && *e.Value != 0 {
				return fmt.Errorf("%s: a mask has 0 where a token is seen, and -∞ where it is not", e.ID)
			}
			v := math.Inf(-1)
			if e.Value != nil {
				v = 0
			}
			k := s.node(strings.TrimSuffix(n.ID, "m") + "rho_causal").step
			s.masks[k] = append(s.masks[k], cellEdit{cell: e.Row*n.Cols + e.Col, value: v})
			continue
		}
		if e.Value == nil {
			return fmt.Errorf("%s: only a mask can be -∞", e.ID)
		}
		switch {
		case n.Kind == Parameter:
			t := s.tensor(n)
			t.V[e.Row*t.Cols+n.cols[e.Col]] = *e.Value
		case n.ID == "a_0" || strings.HasSuffix(n.ID, "ohe"):
			return fmt.Errorf("%s: a token is changed by its word", e.ID)
		default:
			s.edits[n.step] = append(s.edits[n.step], cellEdit{cell: e.Row*n.Cols + e.Col, value: *e.Value})
		}
	}
	for k := range s.masks {
		if err := s.blind(k); err != nil {
			return err
		}
	}
	return nil
}

// blind refuses a mask that leaves a token nothing to see: its row of ρ would be 0/0.
func (s *Session) blind(k int) error {
	n := s.nodes[k]
	m := s.mask(k)
	for t := range n.Rows {
		seen := false
		for _, x := range m.Row(t) {
			seen = seen || x == 0
		}
		if !seen {
			return fmt.Errorf("%s: token %d would see none, not even itself: leave one entry of its row at 0", strings.TrimSuffix(n.ID, "rho_causal")+"m", t+1)
		}
	}
	return nil
}

// mask is the mask of the head whose ρ^causal is step k.
func (s *Session) mask(k int) paper.Mat {
	m := paper.Causal(s.nodes[k].Rows)
	for _, e := range s.masks[k] {
		m.V[e.cell] = e.value
	}
	return m
}

// forward runs the forward pass and returns its pullback. The edits take their values in it,
// or, when first is false, shift what is there as they did at first. nudge, if any, then
// changes a step. A held value stays what it was at first, whatever changes.
func (s *Session) forward(tr *paper.Trace, first bool, nudge func(step int, v paper.Mat)) (loss float64, back func()) {
	if len(s.edits)+len(s.masks)+len(s.held) > 0 || nudge != nil {
		tr.Rewrite = func(st paper.Step) paper.Mat {
			k := len(tr.Steps)
			edits, masks := s.edits[k], s.masks[k]
			kept := s.keep(k, st.V, first)
			if edits == nil && masks == nil && nudge == nil {
				return kept
			}
			v := paper.Mat{N: st.V.N, D: st.V.D, V: append([]float64(nil), kept.V...)}
			for _, m := range masks {
				v.V[m.cell] = tr.Steps[k-1].V.V[m.cell] + m.value // ρ^scaled stands before it
			}
			for i := range edits {
				e := &edits[i]
				if first {
					e.shift += e.value - v.V[e.cell]
					v.V[e.cell] = e.value
				} else {
					v.V[e.cell] += e.shift
				}
			}
			if nudge != nil {
				nudge(k, v)
			}
			if _, is := s.held[k]; is && !first {
				return kept
			}
			return v
		}
	}
	reduction := paper.Sum
	if s.State.Mean {
		reduction = paper.Mean
	}
	loss, pull := paper.Network(tr, s.params, s.adapter, []paper.Sequence{s.seq}, reduction)
	return loss, func() { pull() }
}

// numbers is how many numbers the session holds.
func (s *Session) numbers() int {
	n := len(s.params.Slab)
	for _, st := range s.Trace.Steps {
		n += len(st.V.V)
	}
	return n
}

// tensor is the tensor that a parameter lies in.
func (s *Session) tensor(n *Node) pedestrian.Tensor[float64] {
	if n.ID == "d_11" || n.ID == "u_11" {
		return s.adapter.Tensor(n.slot)
	}
	return s.params.Tensor(n.slot)
}

// apart is the session with parameters of its own, to be nudged: others may be reading those of s.
func (s *Session) apart() *Session {
	own := *s
	own.params = pedestrian.NewParams[float64](s.params.Config)
	copy(own.params.Slab, s.params.Slab)
	if s.adapter != nil {
		own.adapter = pedestrian.NewAdapter[float64](s.adapter.Base, s.adapter.Config)
		copy(own.adapter.Slab, s.adapter.Slab)
	}
	return &own
}

// value is the numbers of a node. It panics when there is no such node.
func (s *Session) value(id string) paper.Mat {
	n := s.node(id)
	if n == nil {
		panic("studio: no node " + strconv.Quote(id))
	}
	switch {
	case n.step >= 0:
		return s.Trace.Steps[n.step].V
	case n.Kind == Mask:
		return s.mask(s.node(strings.TrimSuffix(id, "m") + "rho_causal").step)
	}
	t := s.tensor(n)
	m := paper.Zeros(n.Rows, n.Cols)
	for i := range n.Rows {
		for j, c := range n.cols {
			m.V[i*n.Cols+j] = t.V[i*t.Cols+c]
		}
	}
	return m
}

// clip shortens what a stranger sent, to be quoted.
func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
