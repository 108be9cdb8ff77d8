package corpus

import (
	"fmt"
	"strconv"
	"strings"
)

// This file reads the notation of a grammar; [NewGrammar] describes it.

// A source is a parsed grammar.
type source struct {
	roles []*role
	rules map[string]*rule
	first *rule // the rule of a story
}

// A role is a part in a story. One of its values plays it throughout the story.
type role struct {
	name   string
	forms  []string
	values []value
}

// A value has one text for each form of its role.
type value struct {
	weight uint64
	texts  []string
}

// A rule has a body for each alternative.
type rule struct {
	name   string
	params []string
	bodies []body
	line   int
}

type body struct {
	weight uint64
	items  []item
	line   int
}

// An item is literal text, a slot {role.form}, or a call [rule arguments].
type item struct {
	text string
	slot []string // role and form as written; the form may be missing
	call []string // rule and arguments
}

const (
	maxRoles  = 8
	maxValues = 64
	maxWeight = 1 << 20
)

func readSource(text string) (*source, error) {
	s := &source{rules: map[string]*rule{}}
	var inRole *role
	var inRule *rule
	for n, line := range strings.Split(text, "\n") {
		n++
		if i := strings.Index(line, "#"); i >= 0 {
			line = line[:i]
		}
		indented := strings.HasPrefix(line, "\t") || strings.HasPrefix(line, " ")
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		var err error
		switch {
		case !indented:
			inRole, inRule, err = s.head(line, n)
		case inRole != nil:
			err = inRole.value(line)
		case inRule != nil:
			err = inRule.body(line, n)
		default:
			err = fmt.Errorf("an indented line before any role or rule")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if s.first == nil {
		return nil, fmt.Errorf("there is no rule: the first rule is what a story is")
	}
	for _, r := range s.roles {
		if len(r.values) == 0 {
			return nil, fmt.Errorf("role %s has no values", r.name)
		}
	}
	for _, r := range s.rules {
		if len(r.bodies) == 0 {
			return nil, fmt.Errorf("line %d: rule %s has no alternatives", r.line, r.name)
		}
	}
	return s, nil
}

// head reads a line that is not indented: the head of a role or a rule, or a word list.
func (s *source) head(line string, n int) (*role, *rule, error) {
	list := ""
	if before, after, ok := strings.Cut(line, ":"); ok {
		line, list = before, after
	}
	words := strings.Fields(line)
	if len(words) < 2 {
		return nil, nil, fmt.Errorf("%.40q is neither \"role NAME FORM…\", \"rule NAME PARAMETER…\" nor \"words NAME: a, b\"", line)
	}
	for _, w := range words {
		if strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") != "" {
			return nil, nil, fmt.Errorf("the name %.40q has something else than the letters a to z", w)
		}
	}
	kind, name, rest := words[0], words[1], words[2:]
	if s.rules[name] != nil || s.role(name) >= 0 {
		return nil, nil, fmt.Errorf("the name %s is taken", name)
	}
	switch {
	case kind == "role" && len(rest) > 0 && list == "":
		if len(s.roles) == maxRoles {
			return nil, nil, fmt.Errorf("more than %d roles", maxRoles)
		}
		r := &role{name: name, forms: rest}
		s.roles = append(s.roles, r)
		return r, nil, nil
	case kind == "rule" && list == "", kind == "words" && len(rest) == 0 && list != "":
		r := &rule{name: name, params: rest, line: n}
		s.rules[name] = r
		if kind == "words" {
			for _, w := range strings.Split(list, ",") {
				if err := r.body(strings.TrimSpace(w), n); err != nil {
					return nil, nil, err
				}
			}
			return nil, nil, nil
		}
		if s.first == nil {
			s.first = r
		}
		return nil, r, nil
	}
	return nil, nil, fmt.Errorf("%.40q is neither \"role NAME FORM…\", \"rule NAME PARAMETER…\" nor \"words NAME: a, b\"", line)
}

// role is the index of the role called name, or -1.
func (s *source) role(name string) int {
	for i, r := range s.roles {
		if r.name == name {
			return i
		}
	}
	return -1
}

func (r *role) value(line string) error {
	weight, line, err := weighted(line)
	if err != nil {
		return err
	}
	texts := strings.Split(line, "|")
	for i := range texts {
		texts[i] = strings.ReplaceAll(strings.TrimSpace(texts[i]), "_", " ")
		if err := checkLiteral(texts[i]); err != nil {
			return err
		}
		if texts[i] == "" {
			return fmt.Errorf("a value of role %s has an empty form", r.name)
		}
	}
	if len(texts) != len(r.forms) {
		return fmt.Errorf("a value of role %s has %d forms, and the role has %d", r.name, len(texts), len(r.forms))
	}
	for _, v := range r.values {
		if strings.Join(v.texts, "|") == strings.Join(texts, "|") {
			return fmt.Errorf("role %s has the value %s twice", r.name, texts[0])
		}
	}
	if len(r.values) == maxValues {
		return fmt.Errorf("role %s has more than %d values", r.name, maxValues)
	}
	r.values = append(r.values, value{weight, texts})
	return nil
}

func (r *rule) body(line string, n int) error {
	weight, line, err := weighted(line)
	if err != nil {
		return err
	}
	b := body{weight: weight, line: n}
	if line == "-" {
		line = ""
	}
	for line != "" {
		i := strings.IndexAny(line, "{[}]")
		if i < 0 {
			i = len(line)
		}
		if i > 0 {
			text := strings.ReplaceAll(line[:i], "_", " ")
			if err := checkLiteral(text); err != nil {
				return err
			}
			b.items = append(b.items, item{text: text})
			line = line[i:]
			continue
		}
		inside, rest, ok := "", "", false
		switch line[0] {
		case '{':
			inside, rest, ok = strings.Cut(line[1:], "}")
			b.items = append(b.items, item{slot: strings.Split(inside, ".")})
		case '[':
			inside, rest, ok = strings.Cut(line[1:], "]")
			b.items = append(b.items, item{call: strings.Fields(inside)})
		}
		if !ok || strings.TrimSpace(inside) == "" || strings.ContainsAny(inside, "{[") {
			return fmt.Errorf("a bracket is not closed, not opened or empty at %.40q", line)
		}
		line = rest
	}
	r.bodies = append(r.bodies, b)
	return nil
}

// weighted splits "3 * text" into weight and text; without a number the weight is 1.
func weighted(line string) (weight uint64, text string, err error) {
	number, rest, ok := strings.Cut(line, " * ")
	if !ok {
		return 1, line, nil
	}
	weight, err = strconv.ParseUint(number, 10, 64)
	if err != nil || weight < 1 || weight > maxWeight {
		return 0, "", fmt.Errorf("the weight %.40q is not a whole number from 1 to %d", number, maxWeight)
	}
	return weight, strings.TrimSpace(rest), nil
}

// checkLiteral returns an error if text is not printable ASCII. So one character is one
// byte, and line ends occur only in the blank line after a story.
func checkLiteral(text string) error {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return fmt.Errorf("byte 0x%02x in %.40q: a grammar's text is printable ASCII", text[i], text)
		}
	}
	return nil
}
