package corpus

import (
	"errors"
	"fmt"
	"slices"
)

// A Source is a file of examples and how it was read.
type Source struct {
	Path     string         `json:"path"`               // of the file
	Format   Format         `json:"format"`             // recognized, or chosen
	Packed   string         `json:"packed,omitempty"`   // "gzip" or "zstd"
	Layout   string         `json:"layout,omitempty"`   // layout of the columns; "" in text files
	Columns  []string       `json:"columns,omitempty"`  // columns that were read
	Ignored  map[string]int `json:"ignored,omitempty"`  // columns that were not used, and in how many examples they are not empty
	Examples int            `json:"examples"`           // examples that were read
	LeftOut  int            `json:"left_out,omitempty"` // examples without an answer or a text
	LeftAt   *Place         `json:"left_at,omitempty"`  // place of the first of those
}

// A collector turns the objects of a file into records.
type collector struct {
	columns Columns
	table   bool // the file is a table: every object has every column, an empty field means no more than an empty line
	source  Source
	each    func(Record) error
	objects func(object, Place) error // if not nil, gets the objects themselves

	layout *layout
	kind   Kind
	first  Place
}

// add turns the object at a place into a record. Errors name the place.
func (c *collector) add(o object, at Place) error {
	if c.objects != nil {
		c.source.Examples++
		if err := c.objects(o, at); err != nil {
			return fmt.Errorf("%v: %w", at, err)
		}
		return nil
	}
	r, err := o.record(c.columns, c.layout)
	if r.layout != nil {
		c.layout = r.layout
	}
	if err != nil && isMissing(err) && c.leavesOut(o, r.layout) {
		if c.source.LeftOut++; c.source.LeftAt == nil {
			c.source.LeftAt = &at
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("%v: %w", at, err)
	}
	if c.kind == "" {
		c.kind, c.first = r.Kind, at
	}
	if r.Kind != c.kind {
		return fmt.Errorf("%v: the example is of kind %s, and that of line %d of kind %s: put them into two files", at, r.Kind, c.first.Line, c.kind)
	}
	r.Place = at
	c.count(r)
	if err := c.each(r); err != nil {
		return fmt.Errorf("%v: %w", at, err)
	}
	return nil
}

// leavesOut reports whether an example without an answer is left out, not refused. A table
// in which the whole column is missing is refused.
func (c *collector) leavesOut(o object, l *layout) bool {
	v := c.columns.view(o)
	if c.table {
		return !slices.ContainsFunc(l.required, func(name string) bool { return !v.has(name) })
	}
	return l.skipEmpty || len(c.columns) > 0
}

// maxIgnored is the largest number of ignored columns that are counted.
const maxIgnored = 100

// note counts a record and its columns.
func (c *collector) count(r Record) {
	s := &c.source
	if s.Examples++; s.Layout == "" {
		s.Layout, s.Columns = r.layout.name, r.used
	}
	for _, name := range r.ignored {
		name = shorten(name)
		if s.Ignored == nil {
			s.Ignored = map[string]int{}
		}
		if len(s.Ignored) < maxIgnored || s.Ignored[name] > 0 {
			s.Ignored[name]++
		}
	}
}

// end returns an error if the file had no examples. write says what the file should contain.
func (c *collector) end(file, write string) error {
	switch {
	case c.source.Examples > 0:
		return nil
	case c.source.LeftOut > 0:
		return fmt.Errorf("%s: of %d examples none has anything in the column that is learnt", file, c.source.LeftOut)
	}
	return fmt.Errorf("%s: %w", file, errors.New("the file holds no examples: "+write))
}
