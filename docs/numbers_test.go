package docs_test

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/derive"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// numbersBlock is a block of worked numbers: lines "name = [1 2; 3 4]" and "formula = value".
var numbersBlock = regexp.MustCompile("(?ms)^```numbers\n(.*?)^```$")

// worked evaluates the blocks of numbers of a page by package derive. It returns how many
// equalities it compared.
func worked(t *testing.T, name, page string) (compared int) {
	t.Helper()
	names := map[string]paper.Mat{}
	for _, b := range numbersBlock.FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(b[1]) {
			sides := strings.Split(strings.TrimSpace(line), " = ")
			if len(sides) < 2 {
				t.Errorf("%s: %q has no equality", name, line)
				continue
			}
			values := make([]paper.Mat, len(sides))
			first := 0
			if word := sides[0]; regexp.MustCompile(`^[A-Za-z]\w*$`).MatchString(word) { // it is given, also anew
				first = 1
			}
			for i, side := range sides[first:] {
				v, err := literal(side, names)
				if err != nil {
					t.Errorf("%s: %s: %v", name, side, err)
					return compared
				}
				values[first+i] = v
			}
			if first == 1 {
				names[sides[0]] = values[1]
			}
			for i := first + 1; i < len(sides); i++ {
				compared++
				if !equal(values[first], values[i]) {
					t.Errorf("%s: %q: %s is %v", name, strings.TrimSpace(line), sides[first], values[first])
				}
			}
		}
	}
	return compared
}

// literal is the matrix "[1 2; 3 4]", whose entries are formulas without spaces, or a formula.
func literal(text string, names map[string]paper.Mat) (paper.Mat, error) {
	inner, ok := strings.CutPrefix(text, "[")
	if !ok {
		return derive.Evaluate(text, names)
	}
	rows := strings.Split(strings.TrimSuffix(inner, "]"), ";")
	m := paper.Mat{N: len(rows)}
	for _, row := range rows {
		entries := strings.Fields(row)
		if m.D = len(entries); len(m.V)%m.D != 0 {
			return m, fmt.Errorf("rows of several lengths")
		}
		for _, entry := range entries {
			v, err := derive.Evaluate(entry, nil)
			if err != nil {
				return m, err
			}
			m.V = append(m.V, v.V...)
		}
	}
	return m, nil
}

// equal allows the rounding of sums of a few numbers.
func equal(a, b paper.Mat) bool {
	if a.N != b.N || a.D != b.D {
		return false
	}
	for i := range a.V {
		if !(math.Abs(a.V[i]-b.V[i]) <= rounded*(1+math.Abs(b.V[i]))) {
			return false
		}
	}
	return true
}

// TestPrerequisites: the worked numbers are right.
func TestPrerequisites(t *testing.T) {
	page, err := os.ReadFile("prerequisites.md")
	if err != nil {
		t.Fatal(err)
	}
	if n := worked(t, "prerequisites.md", string(page)); n < 30 {
		t.Errorf("%d equalities were compared", n)
	}
	for _, c := range [][2]string{{"frob(A, B)", "71"}, {"A", "[1 2; 3 5]"}} {
		names := map[string]paper.Mat{"A": mat(2, 2, 1, 2, 3, 4), "B": mat(2, 2, 5, 6, 7, 8)}
		have, err := literal(c[0], names)
		want, err2 := literal(c[1], names)
		if err != nil || err2 != nil || equal(have, want) {
			t.Errorf("%s = %s passes", c[0], c[1])
		}
	}
}
