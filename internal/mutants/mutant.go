package main

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

//go:embed list
var lists embed.FS

// A Mutant is a slip that is planted in the code.
//
// In a list it is written so, after which an empty line follows or nothing:
//
//	== clip-forgotten
//	The gradient is not clipped.
//	file train/step.go
//	@ func clipScale(
//	- return limit / norm
//	+ return 1
//	kill ./train TestTrajectory
//
// The text behind "- " occurs once in the file, in full lines or in a part of one;
// several lines are one text. An anchor, "@ ", which occurs once in the file itself,
// says in which declaration: the text occurs once from there to the next line that
// begins with "}" or ")". "+ " is what takes its place, and several changes may be
// made. "kill" names a package and a pattern of tests; the first line is the narrowest.
// "make vec256 FILE" runs the mutated generator and puts what it makes in the place of
// FILE, and "path AVX2" says what the processor must have. A list begins with "wider",
// the packages whose tests are run when these have seen nothing.
type Mutant struct {
	Name  string // package/name
	About string
	Group string // package, and path where there is one
	Edits []Edit
	Made  []Made
	Tests []Test
	Wider []Test // for what these do not see
	Path  string
	at    string // file and line of the list
}

// An Edit replaces a text in a file.
type Edit struct {
	File, Anchor, Old, New string
}

// A Made is a file that a program of the generator makes.
type Made struct{ Program, File string }

// A Test is a package and a pattern of its tests, "" for all of them.
type Test struct{ Package, Pattern string }

// load reads the lists.
func load() ([]Mutant, error) {
	entries, err := lists.ReadDir("list")
	if err != nil {
		return nil, err
	}
	var all []Mutant
	seen := map[string]string{}
	for _, e := range entries {
		text, err := lists.ReadFile("list/" + e.Name())
		if err != nil {
			return nil, err
		}
		ms, err := parse("internal/mutants/list/"+e.Name(), string(text))
		if err != nil {
			return nil, err
		}
		for _, m := range ms {
			if before, ok := seen[m.Name]; ok {
				return nil, fmt.Errorf("%s: %s is the name of the mutant at %s, too: take another", m.at, m.Name, before)
			}
			seen[m.Name] = m.at
		}
		all = append(all, ms...)
	}
	return all, nil
}

// parse reads one list.
func parse(name, text string) (all []Mutant, err error) {
	prefix := strings.TrimSuffix(filepath.Base(name), ".txt")
	var wider []Test
	var m *Mutant
	var e *Edit
	file, plus := "", false // plus: what the edit e puts in was read
	flush := func() error {
		switch {
		case m == nil:
			return nil
		case m.About == "" || len(m.Edits) == 0 || len(m.Tests) == 0:
			return fmt.Errorf("%s: %s: a mutant is a sentence, a change of a file and a test that sees it", m.at, m.Name)
		}
		for _, e := range m.Edits {
			if e.Old == "" || e.Old == e.New {
				return fmt.Errorf("%s: %s: a change of %s that changes nothing", m.at, m.Name, e.File)
			}
		}
		m.Group = prefix
		if m.Path != "" {
			m.Group += ", " + m.Path
		}
		m.Wider = wider
		all = append(all, *m)
		m, e, file = nil, nil, ""
		return nil
	}
	for i, line := range strings.Split(text, "\n") {
		at := fmt.Sprintf("%s:%d", name, i+1)
		key, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "":
			err = flush()
		case key == "#":
		case key == "wider" && m == nil:
			for _, p := range strings.Fields(rest) {
				wider = append(wider, Test{Package: p})
			}
		case key == "==":
			if err = flush(); err == nil {
				m = &Mutant{Name: prefix + "/" + rest, at: at}
			}
		case m == nil:
			err = fmt.Errorf("%s: %q: a mutant begins with \"== \" and its name", at, line)
		case key == "file":
			file, e = rest, nil
		case key == "@":
			m.Edits = append(m.Edits, Edit{File: file, Anchor: rest})
			e, plus = &m.Edits[len(m.Edits)-1], false
		case key == "-":
			if e == nil || plus {
				m.Edits = append(m.Edits, Edit{File: file})
				e = &m.Edits[len(m.Edits)-1]
			}
			e.Old, plus = join(e.Old, rest), false
		case key == "+" && e != nil:
			e.New, plus = join(e.New, rest), true
		case key == "make":
			program, made, ok := strings.Cut(rest, " ")
			if !ok {
				err = fmt.Errorf("%s: make names a program of the generator and a file", at)
			}
			m.Made = append(m.Made, Made{program, made})
		case key == "path":
			m.Path = rest
		case key == "kill":
			p, pattern, _ := strings.Cut(rest, " ")
			m.Tests = append(m.Tests, Test{p, pattern})
		case m.About == "" && len(m.Edits) == 0:
			m.About = line
		default:
			err = fmt.Errorf("%s: %q is out of place: see mutant.go", at, line)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, flush()
}

func join(text, line string) string {
	if text == "" {
		return line
	}
	return text + "\n" + line
}

// apply returns the mutated files by their names, of which those of the tree are root's.
func (m Mutant) apply(root string) (map[string]string, error) {
	files := map[string]string{}
	for _, e := range m.Edits {
		text, ok := files[e.File]
		if !ok {
			b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(e.File)))
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w: write the new name into the list", m.at, m.Name, err)
			}
			text = string(b)
		}
		text, err := e.replace(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %s: %w", m.at, m.Name, e.File, err)
		}
		files[e.File] = text
	}
	return files, nil
}

// replace makes the change in the text of a file.
func (e Edit) replace(text string) (string, error) {
	from, to := 0, len(text)
	if e.Anchor != "" {
		if n := strings.Count(text, e.Anchor); n != 1 {
			return "", fmt.Errorf("the anchor %q occurs %d times, not once: %s", e.Anchor, n, update)
		}
		from = strings.Index(text, e.Anchor)
		for _, end := range []string{"\n}", "\n)"} {
			if i := strings.Index(text[from:to], end); i >= 0 {
				to = from + i
			}
		}
	}
	if n := strings.Count(text[from:to], e.Old); n != 1 {
		return "", fmt.Errorf("the text %q occurs %d times, not once: %s", e.Old, n, update)
	}
	return text[:from] + strings.Replace(text[from:to], e.Old, e.New, 1) + text[to:], nil
}

// update says what to do about a text that is no longer there.
const update = "where the code has moved, write the line as it is now (or an anchor, \"@ \") into the list; " +
	"where nobody can make this slip any more, take the mutant out"
