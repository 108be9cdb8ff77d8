package corpus

import (
	"fmt"
	"slices"
	"strings"
)

// A compiler expands the rules into nodes, from the end of the story to its beginning.
type compiler struct {
	*Grammar
	memo  map[string]int // node of a rule with given arguments and a given next node
	stack []string       // names of the rules that are being expanded
}

func (c *compiler) add(n node) int {
	c.nodes = append(c.nodes, n)
	return len(c.nodes) - 1
}

// rule expands a rule that is followed by the node next, and returns the node of the rule.
func (c *compiler) rule(r *rule, args []string, next int) (int, error) {
	if len(args) != len(r.params) {
		return 0, fmt.Errorf("line %d: rule %s has %d parameters and is called with %d arguments", r.line, r.name, len(r.params), len(args))
	}
	if slices.Contains(c.stack, r.name) {
		return 0, fmt.Errorf("line %d: rule %s calls itself by way of %s", r.line, r.name, strings.Join(c.stack, ", "))
	}
	key := fmt.Sprint(r.name, args, next)
	if id, ok := c.memo[key]; ok {
		return id, nil
	}
	c.stack = append(c.stack, r.name)
	defer func() { c.stack = c.stack[:len(c.stack)-1] }()
	var total uint64
	for _, b := range r.bodies {
		total += b.weight
	}
	n := node{rule: r.name}
	for _, b := range r.bodies {
		to, err := c.body(b, r.params, args, next)
		if err != nil {
			return 0, err
		}
		n.choices = append(n.choices, choice{to, b.weight, float64(b.weight) / float64(total)})
	}
	id := n.choices[0].to
	if len(n.choices) > 1 {
		id = c.add(n)
	}
	c.memo[key] = id
	return id, nil
}

// body expands one alternative of a rule.
func (c *compiler) body(b body, params, args []string, next int) (int, error) {
	subst := func(name string) string {
		if i := slices.Index(params, name); i >= 0 {
			return args[i]
		}
		return name
	}
	for _, it := range slices.Backward(b.items) {
		if len(c.nodes) >= maxNodes {
			return 0, fmt.Errorf("line %d: the grammar unfolds into more than %d nodes", b.line, maxNodes)
		}
		switch {
		case it.call != nil:
			name := subst(it.call[0])
			r := c.src.rules[name]
			if r == nil {
				return 0, fmt.Errorf("line %d: there is no rule %.40q", b.line, name)
			}
			var with []string
			for _, a := range it.call[1:] {
				with = append(with, subst(a))
			}
			var err error
			if next, err = c.rule(r, with, next); err != nil {
				return 0, err
			}
		case it.slot != nil:
			i, err := c.slot(it.slot, subst)
			if err != nil {
				return 0, fmt.Errorf("line %d: %w", b.line, err)
			}
			next = c.add(node{slot: i + 1, next: next})
		default:
			next = c.add(node{text: it.text, next: next})
		}
	}
	return next, nil
}

// slot returns the index of the slot written as {role} or {role.form}, and adds the slot if
// it is new.
func (c *compiler) slot(written []string, subst func(string) string) (int, error) {
	name, form := written[0], ""
	if len(written) > 1 {
		form = written[1]
	}
	capital := name != lowerFirst(name) || form != lowerFirst(form)
	name, form = subst(lowerFirst(name)), lowerFirst(form)
	i := c.src.role(name)
	if i < 0 || len(written) > 2 {
		return 0, fmt.Errorf("there is no role {%.40s}", strings.Join(written, "."))
	}
	r, f := c.src.roles[i], 0
	if form != "" {
		if f = slices.Index(r.forms, form); f < 0 {
			return 0, fmt.Errorf("role %s has no form %.40q; it has %s", name, form, strings.Join(r.forms, ", "))
		}
	}
	s := slot{role: i, form: f, capital: capital, name: name + "." + r.forms[f]}
	if k := slices.IndexFunc(c.slots, func(o slot) bool { return o.name == s.name && o.capital == capital }); k >= 0 {
		return k, nil
	}
	if len(c.slots) == maxValues {
		return 0, fmt.Errorf("more than %d forms of roles are in use", maxValues)
	}
	total := sumWeights(r, ^uint64(0))
	for v, val := range r.values {
		text := val.texts[f]
		if capital {
			text = strings.ToUpper(text[:1]) + text[1:]
		}
		k := slices.IndexFunc(s.groups, func(g group) bool { return g.text == text })
		if k < 0 {
			k = len(s.groups)
			s.groups = append(s.groups, group{text: text})
		}
		s.groups[k].values |= 1 << v
		s.groups[k].p += float64(val.weight) / total
		s.length += float64(val.weight) / total * float64(len(text))
	}
	c.slots = append(c.slots, s)
	return len(c.slots) - 1, nil
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// sumWeights adds the weights of a set of values of r; bit i of values stands for value i.
func sumWeights(r *role, values uint64) (sum float64) {
	for i, v := range r.values {
		if values>>i&1 != 0 {
			sum += float64(v.weight)
		}
	}
	return sum
}

// numberCells numbers the characters of all nodes, and finds for each node which roles occur
// from there on and the longest text from there to the end.
func (g *Grammar) numberCells() error {
	g.live = make([]uint8, len(g.nodes))
	longest := make([]int, len(g.nodes)) // from here to the end
	for id := range g.nodes {
		n := &g.nodes[id]
		n.cell = len(g.cells)
		if id > 0 && n.choices == nil {
			g.live[id] = g.live[n.next]
			longest[id] = len(n.text) + longest[n.next]
		}
		for _, ch := range n.choices {
			g.live[id] |= g.live[ch.to]
			longest[id] = max(longest[id], longest[ch.to])
		}
		if n.slot > 0 {
			g.live[id] |= 1 << g.slots[n.slot-1].role
			width := 0
			for _, gr := range g.slots[n.slot-1].groups {
				g.addCells(gr.text, id)
				width = max(width, len(gr.text))
			}
			longest[id] += width
		}
		g.addCells(n.text, id)
		if len(g.cells) > maxCells {
			return fmt.Errorf("the grammar unfolds into more than %d characters", maxCells)
		}
	}
	g.longest = longest[g.start]
	return nil
}

func (g *Grammar) addCells(text string, node int) {
	for i := range len(text) {
		g.cells = append(g.cells, cell{text[i], i == len(text)-1, node})
	}
}
