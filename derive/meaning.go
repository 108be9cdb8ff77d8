package derive

import (
	"slices"
	"strings"
)

// Scope is the names of the world with their types.
func (w *World) Scope() *Scope { return w.program().scope }

// Meaning is what a name of the world is, in words; "" where the world has no such name.
func (w *World) Meaning(name string) string {
	for _, d := range w.names {
		if d.name == name {
			return d.title
		}
	}
	return ""
}

// Names lists the names that a line uses, in their order, each once; what stands behind where
// is among them. Its error is an *Error.
func Names(line string) (names []string, err error) {
	add := func(n string) {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	src, bound, _ := strings.Cut(line, " where ")
	parts := []string{src}
	if bound != "" {
		parts = append(parts, definitions(bound)...)
	}
	for _, p := range parts {
		l, err := ParseLine(p)
		if err != nil {
			return nil, err
		}
		if l.Name != "" {
			add(l.Name)
		}
		for _, e := range l.Sides {
			e.walk(func(e *Expr) {
				if e.op == opName {
					add(e.name)
				}
			})
		}
	}
	return names, nil
}
