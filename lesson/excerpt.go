package lesson

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// A Place is a piece of code, as it was built.
type Place struct {
	Func  string   `json:"func"` // such as "paper.Attention"
	File  string   `json:"file"` // from the root of the tree
	Line  int      `json:"line"` // of the equation in it, from 1
	From  int      `json:"from"` // line number of the first of Lines
	Lines []string `json:"lines"`
	Marks []int    `json:"marks"` // the lines of the equation, by their numbers in the file
}

// around is how many lines are shown before the first line of an equation and behind the last.
const around = 2

// placeOf finds the function of an equation in the source, and in it the lines that record or
// cite its number. Where it leaves that to another function, it finds the one that records it.
// Of a long function it gives those lines and some around them.
func placeOf(e paper.Equation) *Place {
	name, ok := strings.CutPrefix(e.Func, "paper.")
	if !ok {
		return nil
	}
	var own *Place
	for _, f := range sourceFunctions() {
		var marks []int
		for i, l := range f.lines {
			if f.name == name && records(l, e.Number) {
				marks = append(marks, f.first+i)
			}
		}
		switch {
		case f.name == name && marks != nil:
			return f.place(marks)
		case f.name == name:
			own = f.place(nil)
		}
	}
	for _, f := range sourceFunctions() {
		var marks []int
		for i, l := range f.lines {
			if recordsStep(l, e.Number) {
				marks = append(marks, f.first+i)
			}
		}
		if marks != nil {
			return f.place(marks)
		}
	}
	return own
}

// A sourceFunction is a function of package paper.
type sourceFunction struct {
	name, file string
	first      int // line number
	lines      []string
}

var declaration = regexp.MustCompile(`^func (?:\(\w+ \*?(\w+)\) )?(\w+)[\[(]`)

// sourceFunctions reads the source once.
var sourceFunctions = sync.OnceValue(func() (all []sourceFunction) {
	files, err := fs.Glob(paper.Source, "*.go")
	if err != nil {
		panic("lesson: " + err.Error()) // the pattern is right
	}
	for _, file := range files {
		text, err := fs.ReadFile(paper.Source, file)
		if err != nil {
			panic("lesson: " + err.Error()) // it is embedded
		}
		lines := strings.Split(string(text), "\n")
		for i := 0; i < len(lines); i++ {
			m := declaration.FindStringSubmatch(lines[i])
			if m == nil {
				continue
			}
			f := sourceFunction{name: strings.TrimPrefix(m[1]+"."+m[2], "."), file: "paper/" + file, first: i + 1}
			for ; ; i++ {
				f.lines = append(f.lines, lines[i])
				if lines[i] == "}" || len(f.lines) == 1 && strings.HasSuffix(lines[i], "}") {
					break
				}
			}
			all = append(all, f)
		}
	}
	return all
})

// place is the part of a function around some of its lines, or its beginning.
func (f sourceFunction) place(marks []int) *Place {
	p := &Place{Func: "paper." + f.name, File: f.file, Line: f.first, Marks: marks}
	from, to := 0, min(len(f.lines)-1, 7*around)
	if marks != nil {
		p.Line = marks[0]
		from, to = max(0, marks[0]-f.first-around), min(len(f.lines)-1, marks[len(marks)-1]-f.first+around)
	}
	for from < to && strings.TrimSpace(f.lines[from]) == "" {
		from++
	}
	for to > from && strings.TrimSpace(f.lines[to]) == "" {
		to--
	}
	p.From, p.Lines = f.first+from, slices.Clone(f.lines[from:to+1])
	return p
}

// recordsStep says whether a line of code records the left side of an equation.
func recordsStep(line, number string) bool {
	return strings.Contains(line, `Eq("`+number+`"`) || strings.Contains(line, `Vec("`+number+`"`)
}

// records says whether a line of code records an equation or cites it.
func records(line, number string) bool {
	return recordsStep(line, number) || strings.Contains(line, "("+number+")")
}
