package corpus

import (
	"errors"
	"fmt"
	"slices"
)

// A Source is a file of examples, and what it was read as.
type Source struct {
	Path     string         `json:"path"`
	Format   Format         `json:"format"`
	Packed   string         `json:"packed,omitempty"` // "gzip" or "zstd"
	Layout   string         `json:"layout,omitempty"` // of the columns; "" where there are none
	Columns  []string       `json:"columns,omitempty"`
	Ignored  map[string]int `json:"ignored,omitempty"` // columns that were not used, and how often something is in them
	Examples int            `json:"examples"`
	LeftOut  int            `json:"left_out,omitempty"` // examples in which the answer or the text is empty
	LeftAt   *Place         `json:"left_at,omitempty"`  // the first of them
}

// A collector makes records of the objects of a file.
type collector struct {
	columns Columns
	table   bool // every object has every column, so that an empty one is like an empty line
	source  Source
	each    func(Record) error
	objects func(object, Place) error // is given what was read as it is, where not nil

	layout *layout
	kind   Kind
	first  Place
}

// add makes a record of an object that stands at a place, which the error names.
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
	if err != nil && isMissing(err) && c.passes(o, r.layout) {
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
	c.note(r)
	if err := c.each(r); err != nil {
		return fmt.Errorf("%v: %w", at, err)
	}
	return nil
}

// passes says whether an example with an empty answer is left out, not refused. A table
// without the column is no such example.
func (c *collector) passes(o object, l *layout) bool {
	v := c.columns.view(o)
	if c.table {
		return !slices.ContainsFunc(l.needs, func(name string) bool { return !v.has(name) })
	}
	return l.others || len(c.columns) > 0
}

// maxNoted is the most columns that are remembered as ignored.
const maxNoted = 100

// note counts a record and its columns.
func (c *collector) note(r Record) {
	s := &c.source
	if s.Examples++; s.Layout == "" {
		s.Layout, s.Columns = r.layout.name, r.used
	}
	for _, name := range r.ignored {
		name = shorten(name)
		if s.Ignored == nil {
			s.Ignored = map[string]int{}
		}
		if len(s.Ignored) < maxNoted || s.Ignored[name] > 0 {
			s.Ignored[name]++
		}
	}
}

// end says whether a file held any example.
func (c *collector) end(file, write string) error {
	switch {
	case c.source.Examples > 0:
		return nil
	case c.source.LeftOut > 0:
		return fmt.Errorf("%s: of %d examples none has anything in the column that is learnt", file, c.source.LeftOut)
	}
	return fmt.Errorf("%s: %w", file, errors.New("the file holds no examples: "+write))
}
