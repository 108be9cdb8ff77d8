package parquet

import (
	"errors"

	"github.com/parquet-go/parquet-go/format"
)

// A Struct is a value with named parts.
type Struct []Field

// A Field is a part of a Struct.
type Field struct {
	Name  string // of the column, and its value in this row
	Value any
}

// Unread is a value of a type that is not supported: a date in 96 bits.
type Unread struct{}

// A part has the entries of one leaf for a value.
type part struct {
	leaf    *node
	entries []entry
}

var errLevels = errors.New("the parts of a list or a structure do not fit together: the file is damaged, fetch it again")

// readRow returns the value of a column in the next row.
func readRow(column *node, leaves []*cursor) (any, error) {
	var parts []part
	for _, l := range column.allLeaves() {
		entries, err := leaves[l.leaf].row()
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{l, entries})
	}
	return column.value(parts)
}

// value returns the value of n; parts are those of its leaves.
func (n *node) value(parts []part) (any, error) {
	for _, p := range parts {
		if len(p.entries) == 0 {
			return nil, errLevels
		}
	}
	there := parts[0].entries[0].def >= n.def
	for _, p := range parts {
		if (p.entries[0].def >= n.def) != there {
			return nil, errLevels
		}
	}
	if n.repetition == format.Repeated {
		list := []any{}
		if !there {
			return list, nil
		}
		err := n.elements(parts, func(parts []part) error {
			v, err := n.content(parts)
			list = append(list, v)
			return err
		})
		return list, err
	}
	if !there {
		return nil, nil
	}
	return n.content(parts)
}

// elements splits parts at the beginning of each element of n, a repeated node.
func (n *node) elements(parts []part, each func([]part) error) error {
	at := make([]int, len(parts))
	for {
		element := make([]part, len(parts))
		more := 0
		for i, p := range parts {
			from, to := at[i], at[i]+1
			for to < len(p.entries) && p.entries[to].rep > n.rep {
				to++
			}
			if at[i] = to; to < len(p.entries) {
				more++
			}
			element[i] = part{p.leaf, p.entries[from:to]}
		}
		if err := each(element); err != nil {
			return err
		}
		if more == 0 {
			return nil
		} else if more < len(parts) {
			return errLevels
		}
	}
}

// content returns the value of n, which is not null.
func (n *node) content(parts []part) (any, error) {
	if n.isLeaf() {
		if len(parts[0].entries) != 1 {
			return nil, errLevels
		}
		return parts[0].entries[0].value, nil
	}
	if n.isList() {
		child := n.children[0]
		v, err := child.value(parts)
		list, ok := v.([]any)
		if err != nil || !ok || !child.wraps(n.name) {
			return v, err
		}
		for i, e := range list {
			list[i] = e.(Struct)[0].Value
		}
		return list, nil
	}
	s := make(Struct, 0, len(n.children))
	for _, c := range n.children {
		k := c.leaves()
		v, err := c.value(parts[:k])
		if err != nil {
			return nil, err
		}
		s, parts = append(s, Field{c.name, v}), parts[k:]
	}
	return s, nil
}
