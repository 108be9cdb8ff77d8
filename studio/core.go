package studio

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A Core answers requests. Its zero value is ready; it may be used by several goroutines. It
// keeps the sessions of the last states, for a screen asks several things of one.
type Core struct {
	More []*Model // networks beside [Models]

	// Other answers requests whose op the core does not know: a header that JSON has, and
	// numbers. ok says whether there is such an op. nil = there are none.
	Other func(c *Core, r Request) (header any, numbers []float64, ok bool, err error)

	opening sync.Mutex // held while a session is computed
	mu      sync.Mutex
	kept    []keptSession // the newest at the end
	hunter  gradcheck.Hunter
}

type keptSession struct {
	key string
	s   *Session
}

// A core keeps so many sessions, or as many as have so many numbers together; but always two,
// which a comparison needs. One of the lesson has ten thousand, the largest four million.
const (
	maxKept        = 8
	maxKeptNumbers = 8_000_000
)

// Handle answers one request. A request that is wrong is answered by a header with "error",
// and ok is false.
func (c *Core) Handle(b []byte) (response []byte, ok bool) {
	r, err := parse(b)
	var header any
	var numbers []float64
	if err == nil {
		header, numbers, err = c.answer(r)
	}
	if err == nil {
		if response, err = encode(header, numbers); err == nil {
			return response, true
		}
	}
	response, err = encode(struct {
		Revision int    `json:"rev"`
		Error    string `json:"error"`
	}{r.Revision, err.Error()}, nil)
	if err != nil {
		panic(err) // two fields that JSON has
	}
	return response, false
}

func (c *Core) answer(r Request) (header any, numbers []float64, err error) {
	switch r.Op {
	case "registry":
		return registry(r), nil, nil
	case "derivation":
		e, ok := paper.FindEquation(r.ID)
		if !ok {
			return nil, nil, fmt.Errorf("there is no equation %q", clip(r.ID))
		}
		return struct {
			Revision int       `json:"rev"`
			Passages []passage `json:"passages"`
		}{r.Revision, derivation(e)}, nil, nil
	case "book":
		return struct {
			Revision int           `json:"rev"`
			Chapters []bookChapter `json:"chapters"`
		}{r.Revision, book()}, nil, nil
	case "chapter":
		header, err = chapter(r)
		return header, nil, err
	case "search":
		hits, err := search(r.Answer)
		return struct {
			Revision int   `json:"rev"`
			Hits     []hit `json:"hits"`
		}{r.Revision, hits}, nil, err
	case "counterexample":
		header, err = counterExample(r)
		return header, nil, err
	case "laws":
		return laws(r), nil, nil
	case "identity":
		header, err = evaluated(r)
		return header, nil, err
	case "exercises", "exercise", "shape", "grade", "hint":
		header, numbers, err = derived(r)
		return header, numbers, err
	case "derivations":
		return struct {
			Revision    int               `json:"rev"`
			Derivations []derivationTitle `json:"derivations"`
		}{r.Revision, derivations()}, nil, nil
	case "lines":
		header, err = checkLines(r)
		return header, nil, err
	case "plan":
		header, err = lessonPlan(r)
		return header, nil, err
	case "sheet":
		w, err := sheet(r.ID)
		return struct {
			Revision int `json:"rev"`
			worksheet
		}{r.Revision, w}, nil, err
	case "bugs", "bug", "planted", "number", "judge", "clue", "solution":
		header, err = c.hunted(r)
		return header, nil, err
	}
	if c.Other != nil {
		if header, numbers, ok, err := c.Other(c, r); ok {
			return header, numbers, err
		}
	}
	s, err := c.Session(r.State)
	if err != nil {
		return nil, nil, err
	}
	switch r.Op {
	case "open":
		return opened{r.Revision, s.Model, s.nodes, Tables, c.models()}, nil, nil
	case "trace":
		return c.trace(r, s)
	case "params":
		header, err = count(r, s)
		return header, nil, err
	case "adapter":
		header, numbers, err = c.adapter(r, s)
		return header, numbers, err
	case "law":
		header, numbers, err = c.demonstrate(r, s)
		return header, numbers, err
	case "check":
		check, err := s.Check(r.ID)
		return struct {
			Revision int `json:"rev"`
			Check
		}{r.Revision, check}, check.Slopes, err
	case "layers":
		l, err := s.Layers(r.ID)
		return struct {
			Revision int `json:"rev"`
			Layers
		}{r.Revision, l}, l.Numbers, err
	case "curve":
		v, err := s.Curve(r.ID, r.Row, r.Col)
		return struct {
			Revision int `json:"rev"`
			VCurve
		}{r.Revision, v}, v.Numbers, err
	case "look":
		m, err := s.Look(r.ID, r.Row, r.Col)
		return struct {
			Revision int `json:"rev"`
			*Microscope
		}{r.Revision, m}, nil, err
	case "nudge":
		n, err := s.Nudge(r.ID, r.Row, r.Col, r.Epsilon)
		return struct {
			Revision int `json:"rev"`
			Nudge
		}{r.Revision, n}, nil, err
	}
	return nil, nil, fmt.Errorf("there is no request %q", clip(r.Op))
}

func (c *Core) models() []*Model { return append(slices.Clip(Models), c.More...) }

// Session is a state, computed now or kept.
func (c *Core) Session(state State) (*Session, error) {
	key, err := json.Marshal(state)
	if err != nil {
		return nil, fmt.Errorf("the state is not one that JSON has: %w", err)
	}
	if s := c.keeps(string(key)); s != nil {
		return s, nil
	}
	c.opening.Lock()
	defer c.opening.Unlock()
	if s := c.keeps(string(key)); s != nil { // computed meanwhile
		return s, nil
	}
	s, err := openAmong(c.models(), state)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = append(c.kept, keptSession{string(key), s})
	numbers := 0
	for _, k := range c.kept {
		numbers += k.s.numbers()
	}
	for len(c.kept) > maxKept || numbers > maxKeptNumbers && len(c.kept) > 2 {
		numbers -= c.kept[0].s.numbers()
		c.kept = slices.Delete(c.kept, 0, 1)
	}
	return s, nil
}

// keeps is a session that is kept, or nil.
func (c *Core) keeps(key string) *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, k := range c.kept {
		if k.key == key {
			c.kept = append(slices.Delete(c.kept, i, i+1), k)
			return k.s
		}
	}
	return nil
}

// opened is what does not change with the numbers: names, tables, words.
type opened struct {
	Revision int      `json:"rev"`
	Model    *Model   `json:"model"`
	Nodes    []Node   `json:"nodes"`
	Tables   []Table  `json:"tables"`
	Models   []*Model `json:"models"`
}

// traced is the header of a trace. Norms stand in the order of the nodes; they are nil where
// they are not finite.
type traced struct {
	Revision int        `json:"rev"`
	Loss     *float64   `json:"loss"` // nil where it is not a number
	Tokens   []int      `json:"tokens"`
	Targets  []int      `json:"targets"`
	Losses   []*float64 `json:"losses"` // of every token, as they count
	P        []*float64 `json:"p"`      // probability of its target
	Norms    []*float64 `json:"norms"`
	Max      []*float64 `json:"max"` // largest entry without its sign, of those that are finite
	At       []int      `json:"at"`  // where the numbers of a node begin; -1: they are not here

	Looks []*Microscope `json:"looks,omitempty"` // as they were asked for

	BeforeLoss   *float64   `json:"beforeLoss,omitempty"`
	BeforeLosses []*float64 `json:"beforeLosses,omitempty"`
	BeforeNorms  []*float64 `json:"beforeNorms,omitempty"`
	ChangeAt     []int      `json:"changeAt,omitempty"` // where the changes of a node begin, new less old; 0 exactly where nothing changed
	Change       []*float64 `json:"change,omitempty"`   // the largest of them, without its sign
}

// A trace holds so many numbers, and so many microscopes.
const (
	maxNumbers = 200_000
	maxLooks   = 8
)

func (c *Core) trace(r Request, s *Session) (traced, []float64, error) {
	h := traced{Revision: r.Revision, Loss: finite(s.Loss), Tokens: s.seq.Tokens, Targets: s.seq.Targets}
	h.Losses, h.P = s.perToken()
	wanted := map[string]bool{}
	for _, id := range r.Want {
		if id != "*" && s.node(id) == nil {
			return h, nil, fmt.Errorf("there is no tensor %q in this network", clip(id))
		}
		wanted[id] = true
	}
	if len(r.Looks) > maxLooks {
		return h, nil, fmt.Errorf("%d microscopes: at most %d come with a trace", len(r.Looks), maxLooks)
	}
	for _, ref := range r.Looks {
		m, err := s.Look(ref.ID, ref.Row, ref.Col)
		if err != nil {
			return h, nil, err
		}
		h.Looks = append(h.Looks, m)
	}
	var numbers []float64
	put := func(m paper.Mat, want bool) int {
		if !want || len(numbers)+len(m.V) > maxNumbers {
			return -1
		}
		numbers = append(numbers, m.V...)
		return len(numbers) - len(m.V)
	}
	var before *Session
	if r.Before != nil {
		var err error
		if before, err = c.Session(*r.Before); err != nil {
			return h, nil, fmt.Errorf("what it is compared with: %w", err)
		}
		if before.layout != s.layout {
			return h, nil, fmt.Errorf("the two states are of different networks, or of texts of different length")
		}
		h.BeforeLoss = finite(before.Loss)
		h.BeforeLosses, _ = before.perToken()
	}
	for _, n := range s.nodes {
		v := s.value(n.ID)
		want := wanted["*"] || wanted[n.ID]
		norm, top := size(v)
		h.Norms, h.Max, h.At = append(h.Norms, finite(norm)), append(h.Max, finite(top)), append(h.At, put(v, want))
		if before != nil {
			b := before.value(n.ID)
			bn, _ := size(b)
			difference, most := change(v, b)
			h.BeforeNorms, h.ChangeAt = append(h.BeforeNorms, finite(bn)), append(h.ChangeAt, put(difference, want))
			h.Change = append(h.Change, finite(most))
		}
	}
	return h, numbers, nil
}

// size is the Frobenius norm and the largest entry of what is finite.
func size(m paper.Mat) (norm, top float64) {
	for _, x := range m.V {
		if !math.IsInf(x, 0) {
			norm += x * x
			top = max(top, math.Abs(x))
		}
	}
	return math.Sqrt(norm), top
}

// change is a less b, and the largest entry of that. Where both are -∞ it is 0.
func change(a, b paper.Mat) (d paper.Mat, most float64) {
	d = paper.Zeros(a.N, a.D)
	for i, x := range a.V {
		if x != b.V[i] {
			d.V[i] = x - b.V[i]
			most = max(most, math.Abs(d.V[i]))
		}
	}
	return d, most
}

// perToken is the loss of every token, and the probability of its target; nil without one.
func (s *Session) perToken() (losses, p []*float64) {
	l, y := s.value("l"), s.value("y_pred")
	for t, target := range s.seq.Targets {
		if target == paper.Ignored {
			losses, p = append(losses, nil), append(p, nil)
			continue
		}
		losses, p = append(losses, finite(l.V[t])), append(p, finite(y.At(t, target)))
	}
	return losses, p
}
