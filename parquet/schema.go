package parquet

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// A node is a column, or a part of one.
type node struct {
	name       string
	repetition format.FieldRepetitionType
	element    format.SchemaElement
	children   []*node // nil for a leaf
	leaf       int     // its index among the leaves

	// The definition and repetition level of a value that is present: how many optional and
	// repeated nodes there are down to this one, and how many repeated ones.
	def, rep int
}

func (n *node) isLeaf() bool { return n.children == nil }

func (n *node) leaves() (count int) { return len(n.allLeaves()) }

func (n *node) allLeaves() []*node {
	if n.isLeaf() {
		return []*node{n}
	}
	var all []*node
	for _, c := range n.children {
		all = append(all, c.allLeaves()...)
	}
	return all
}

// schema makes the tree of nodes from the footer's list, which has parents before children.
func (f *File) schema() error {
	elements := f.meta.Schema
	if len(elements) > maxColumns {
		return fmt.Errorf("it has %d parts: more than %d are not read", len(elements), maxColumns)
	}
	at, leaves := 0, 0
	var build func(def, rep, depth int) (*node, error)
	build = func(def, rep, depth int) (*node, error) {
		if at == len(elements) {
			return nil, errors.New("it ends before its last part: the file is damaged, fetch it again")
		}
		if depth > maxDepth {
			return nil, fmt.Errorf("more than %d structures in each other", maxDepth)
		}
		e := elements[at]
		at++
		n := &node{name: e.Name, element: e, repetition: e.RepetitionType.V}
		if depth > 0 && n.repetition != format.Required {
			def++
			if n.repetition == format.Repeated {
				rep++
			}
		}
		n.def, n.rep = def, rep
		if e.Type.Valid && e.NumChildren.V == 0 {
			n.leaf = leaves
			leaves++
			return n, nil
		}
		if e.NumChildren.V < 0 || int(e.NumChildren.V) > len(elements)-at || e.NumChildren.V == 0 && depth > 0 {
			return nil, fmt.Errorf("%q has %d parts: the file is damaged, fetch it again", e.Name, e.NumChildren.V)
		}
		n.children = []*node{}
		for range e.NumChildren.V {
			c, err := build(def, rep, depth+1)
			if err != nil {
				return nil, err
			}
			n.children = append(n.children, c)
		}
		return n, nil
	}
	root, err := build(0, 0, 0)
	if err != nil {
		return err
	}
	if root.isLeaf() || at != len(elements) {
		return errors.New("it is not one tree: the file is damaged, fetch it again")
	}
	f.root = root
	return nil
}

// isList says whether n is a list, whose only child is repeated.
func (n *node) isList() bool {
	_, logical := n.element.LogicalType.Value.(*format.ListType)
	list := logical || n.element.ConvertedType.Valid && n.element.ConvertedType.V == deprecated.List
	return list && len(n.children) == 1 && n.children[0].repetition == format.Repeated
}

// wraps says whether the repeated node in a list only wraps the element, its only child. In files
// of old writers the repeated node itself is the element.
func (n *node) wraps(list string) bool {
	return len(n.children) == 1 && !n.isList() && n.name != "array" && n.name != list+"_tuple"
}
