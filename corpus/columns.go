package corpus

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Columns say from which column a field of an example is read that a file calls by
// another name: "prompt": "question". A field that is not among them has its own name.
type Columns map[string]string

// ParseColumns reads "prompt=question,completion=answer" over c, which stays as it is.
// The error says which name is no field of an example, or that the fields belong to no
// layout together.
func (c Columns) ParseColumns(text string) (Columns, error) {
	out := Columns{}
	maps.Copy(out, c)
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, column, ok := strings.Cut(pair, "=")
		if name = strings.TrimSpace(name); !ok || column == "" {
			return nil, fmt.Errorf("%.40q: write name=column, such as prompt=question", pair)
		}
		if !slices.Contains(fields(), name) {
			return nil, fmt.Errorf("%.40q is no field of an example: choose %s", name, strings.Join(fields(), ", "))
		}
		out[name] = column
	}
	return out, out.Validate()
}

// String is c as ParseColumns reads it.
func (c Columns) String() string {
	var pairs []string
	for _, name := range fields() {
		if column, ok := c[name]; ok {
			pairs = append(pairs, name+"="+column)
		}
	}
	return strings.Join(pairs, ",")
}

// Validate says whether there is a layout with all fields of c.
func (c Columns) Validate() error {
	if len(c) > 0 && !slices.ContainsFunc(layouts, func(l *layout) bool { return l.hasAll(c) }) {
		return fmt.Errorf("%s are fields of different layouts: the layouts are %s", strings.Join(slices.Sorted(maps.Keys(c)), " and "), layoutFields())
	}
	return nil
}

// A view is an object whose fields are found by their names in a layout.
type view struct {
	object
	columns Columns
	hidden  map[string]bool // columns that are another field's
}

func (c Columns) view(o object) view {
	v := view{object: o, columns: c}
	for name, column := range c {
		if c[column] == "" && name != column {
			if v.hidden == nil {
				v.hidden = map[string]bool{}
			}
			v.hidden[column] = true
		}
	}
	return v
}

// column is where a field is read, "" if its name is a column of another field.
func (v view) column(name string) string {
	if column, ok := v.columns[name]; ok {
		return column
	}
	if v.hidden[name] {
		return ""
	}
	return name
}

// get is the value of a field, nil if it is missing or null.
func (v view) get(name string) any {
	if name = v.column(name); name == "" {
		return nil
	}
	return v.object.get(name)
}

// has says whether there is a column for a field, whatever is in it.
func (v view) has(name string) bool {
	name = v.column(name)
	return slices.ContainsFunc(v.object, func(f field) bool { return name != "" && f.name == name })
}

// absent says whether a value says nothing: data sets in which examples differ write a
// field in all of them, and null, or something empty, where an example has it not.
func absent(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case []any:
		return len(v) == 0
	case object:
		return !slices.ContainsFunc(v, func(f field) bool { return !absent(f.value) })
	}
	return false
}
