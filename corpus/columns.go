package corpus

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Columns map the name of a field in a layout to the name of its column in a file: "prompt":
// "question". A field that is not in the map has a column of its own name.
type Columns map[string]string

// ParseColumns adds mappings such as "prompt=question,completion=answer" to a copy of c. The
// error says that a name is no field of any layout, or that no layout has all these fields.
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
	return out, out.validate()
}

// String writes c in the form that ParseColumns reads.
func (c Columns) String() string {
	var pairs []string
	for _, name := range fields() {
		if column, ok := c[name]; ok {
			pairs = append(pairs, name+"="+column)
		}
	}
	return strings.Join(pairs, ",")
}

// validate returns an error if no layout has all fields of c.
func (c Columns) validate() error {
	if len(c) > 0 && !slices.ContainsFunc(layouts, func(l *layout) bool { return l.hasAll(c) }) {
		return fmt.Errorf("%s are fields of different layouts: the layouts are %s", strings.Join(slices.Sorted(maps.Keys(c)), " and "), layoutFields())
	}
	return nil
}

// A view is an object whose fields are read by their names in a layout.
type view struct {
	object
	columns Columns
	hidden  map[string]bool // columns that Columns assigns to a field of another name
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

// column is the name of the column of a field, "" if that column belongs to another field.
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

// has reports whether the object has the column of a field, even an empty one.
func (v view) has(name string) bool {
	name = v.column(name)
	return slices.ContainsFunc(v.object, func(f field) bool { return name != "" && f.name == name })
}

// isEmpty reports whether a value has no content. Where the examples of a data set differ,
// each has all fields, and null or an empty value in those that it does not need.
func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case []any:
		return len(v) == 0
	case object:
		return !slices.ContainsFunc(v, func(f field) bool { return !isEmpty(f.value) })
	}
	return false
}
