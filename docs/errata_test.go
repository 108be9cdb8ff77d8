package docs_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	// A block of figures is a marker such as
	//
	//	<!-- figures: TestErratumS1 -->
	//
	// with a fenced block below it, if there is one yet.
	figures = regexp.MustCompile("(?m)^<!-- figures: (\\w+) -->\n(?:```\n(?s:.*?)^```\n)?")
	runLine = regexp.MustCompile(`^=== RUN\s+(\w+)$`)
	logLine = regexp.MustCompile(`^\s+\w+_test\.go:\d+: (.*)$`)
	tiny    = regexp.MustCompile(`-?\d+(\.\d+)?e-\d+`)
)

// noise is the size below which a figure is rounding, or the error of a central
// difference, and differs from machine to machine: it is printed as 0.
const noise = 1e-9

// TestErrataFigures checks that the figures in errata.md are what the
// counter-examples log; with -update it makes them so.
func TestErrataFigures(t *testing.T) {
	cmd := exec.Command("go", "test", "./gradcheck", "-run", "^TestErratum", "-v")
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go test ./gradcheck: %v\n%s", err, out)
	}
	logs, test := map[string][]string{}, ""
	for line := range strings.Lines(string(out)) {
		line = strings.TrimRight(line, "\n")
		if m := runLine.FindStringSubmatch(line); m != nil {
			test = m[1]
		} else if m := logLine.FindStringSubmatch(line); m != nil {
			logs[test] = append(logs[test], tiny.ReplaceAllStringFunc(m[1], func(s string) string {
				if v, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(v) < noise {
					return "0"
				}
				return s
			}))
		}
	}
	const path = "errata.md"
	text := chapters(t)[path]
	want := figures.ReplaceAllStringFunc(text, func(block string) string {
		name := figures.FindStringSubmatch(block)[1]
		if len(logs[name]) == 0 {
			t.Errorf("%s quotes %s, which logs nothing", path, name)
			return block
		}
		return fmt.Sprintf("<!-- figures: %s -->\n```\n%s\n```\n", name, strings.Join(logs[name], "\n"))
	})
	for name := range logs {
		if !strings.Contains(text, "<!-- figures: "+name+" -->") {
			t.Errorf("%s does not quote the figures of %s", path, name)
		}
	}
	switch {
	case want == text:
	case !*update:
		t.Errorf("%s: figures differ from what the tests log: run go test ./docs -run TestErrataFigures -update", path)
	default:
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
