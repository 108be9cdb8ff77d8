package gradcheck

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// A Mutant is a known bug after it was planted, and what noticed it.
type Mutant struct {
	ID    string `json:"id"` // M1…M48, at bf16 B1…B31
	Title string `json:"title"`
	Where string `json:"where"` // what was replaced
	Case  string `json:"case"`  // where it was planted

	Differences []string `json:"differences,omitempty"` // rows that differ from finite differences
	Engine64    []string `json:"engine64,omitempty"`    // parameters, or the loss, that differ from package engine's
	Engine32    []string `json:"engine32,omitempty"`    // the same in float32
	BF16        []string `json:"bf16,omitempty"`        // rows at bf16 that differ from package engine's
	Laws        []string `json:"laws,omitempty"`        // identities that no longer hold

	Diagnosis string `json:"diagnosis,omitempty"` // what the numbers look like, in the row that says most

	Paper *Pass `json:"-"` // with the bug in it; nil at bf16
}

// Caught says whether any check noticed.
func (m Mutant) Caught() bool {
	return len(m.Differences)+len(m.Engine64)+len(m.Engine32)+len(m.BF16)+len(m.Laws) > 0
}

// By lists the checks that noticed, for people.
func (m Mutant) By() (by []string) {
	add := func(check string, rows []string) {
		switch n := len(rows); {
		case n == 1:
			by = append(by, fmt.Sprintf("%s (%s)", check, rows[0]))
		case n > 1:
			by = append(by, fmt.Sprintf("%s (%d rows, %s first)", check, n, rows[0]))
		}
	}
	add("differences", m.Differences)
	add("engine64", m.Engine64)
	add("engine32", m.Engine32)
	add("bf16", m.BF16)
	if len(m.Laws) > 0 {
		by = append(by, "identities "+strings.Join(m.Laws, ", "))
	}
	return by
}

// mutantEntries is how many entries of each row are differentiated for a mutant:
// with three random directions, which see every entry, they find each of M1…M48.
const mutantEntries = 3

// A host is a clean case that bugs are planted in.
type host struct {
	Point
	clean   *pass
	plan    *plan
	options Options
}

func newHost(ctx context.Context, name string, o Options) (*host, error) {
	c, ok := Find(name)
	if !ok {
		panic("gradcheck: no case " + name + " to plant in")
	}
	if c.Config.ScaleByBlock || c.Adapter != nil && (c.Adapter.DoRA || c.Adapter.Dropout > 0) || !paper.OwnHeads(c.Config) { // bugs of whole gradients: directions see them
		o.Entries = 1
	}
	h := &host{Point: c.At(o.Seed, kinkMargin*o.Step), options: o}
	h.clean = h.run(nil)
	h.plan = h.clean.plan(o)
	return h, h.plan.run(ctx, h.Point, nil, o)
}

// Mutants plants every bug, one at a time, and reports what noticed each. The
// error is ctx's.
func Mutants(ctx context.Context, seed uint64, threads int) ([]Mutant, error) {
	if seed == 0 {
		seed = 1
	}
	return hosts{}.mutants(ctx, Options{Seed: seed, Step: DefaultStep, Threads: threads, Entries: mutantEntries})
}

// Plant is the pass with the bug of that name, M1…M48, in its case at the point of a seed.
func Plant(id string, seed uint64) (r *Pass, ok bool) {
	for _, b := range bugs {
		if b.id == id {
			c, _ := Find(b.host)
			p := c.At(seed, kinkMargin*DefaultStep)
			return p.run(b.make(p)).result(), true
		}
	}
	return nil, false
}

// hosts are the cases that bugs were planted in, by name. One is made where it is first
// asked for, since its differences serve all bugs of the backward pass.
type hosts map[string]*host

func (hs hosts) of(ctx context.Context, name string, o Options) (*host, error) {
	if h := hs[name]; h != nil {
		return h, nil
	}
	h, err := newHost(ctx, name, o)
	if err == nil {
		hs[name] = h
	}
	return h, err
}

func (hs hosts) mutants(ctx context.Context, o Options) (all []Mutant, err error) {
	for _, b := range bugs {
		h, err := hs.of(ctx, b.host, o)
		if err != nil {
			return nil, err
		}
		m, err := h.plantBug(ctx, b)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// plantBug runs every check against the pass with the bug in it.
func (h *host) plantBug(ctx context.Context, b bug) (Mutant, error) {
	m, _, _, err := h.examine(ctx, b)
	return m, err
}

// examine is plantBug, with the rows: error signals in the order of the backward pass, then
// parameters.
func (h *host) examine(ctx context.Context, b bug) (m Mutant, signals, parameters []Row, err error) {
	m = Mutant{ID: b.id, Title: b.title, Where: b.where, Case: h.Name}
	pl := b.make(h.Point)
	pass := h.run(pl)
	d := h.plan
	if b.forward { // the differences are those of the planted forward pass
		o := h.options
		o.Entries = 1 // every number of every row is wrong: directions see that
		d = pass.plan(o)
		if err := d.run(ctx, h.Point, pl, o); err != nil {
			return m, nil, nil, err
		}
	}
	m.Paper = pass.result()
	parameters, signals = d.rows(pass)
	cleanParameters, cleanSignals := d.rows(h.clean)
	best := diagnosis{rank: unknown}
	failed := func(rows, clean []Row) {
		for i := range rows {
			r := &rows[i]
			if r.Differences.OK && r.Directions.OK {
				continue
			}
			m.Differences = append(m.Differences, r.Name)
			if b.forward { // every number is another: there is nothing to compare term by term
				continue
			}
			if g := h.diagnose(r.analytic, clean[i].analytic, r.Cols, append(pass.terms(r), h.clean.terms(r)...)); g.rank < best.rank {
				best, m.Diagnosis = g, r.Name+": "+g.text
			}
		}
	}
	byTime := func(a, b Row) int { return a.order - b.order } // the first wrong signal is where the bug is
	slices.SortStableFunc(signals, byTime)
	slices.SortStableFunc(cleanSignals, byTime)
	failed(signals, cleanSignals)
	failed(parameters, cleanParameters)
	for _, l := range laws {
		if l.recorded && !l.on(pass).OK {
			m.Laws = append(m.Laws, l.id)
		}
	}
	return m, signals, parameters, nil
}
