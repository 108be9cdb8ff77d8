package main

import (
	"encoding/json"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/term"

	"github.com/pedestrian-ml/pedestrian/internal/mpi"
)

// isTerminal says whether w is a terminal that a person looks at. One without columns, in a process
// that a launcher has started, is where mpirun of Open MPI reads from: it may write to a file.
func isTerminal(w io.Writer) bool {
	f, ok := file(w)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return false
	}
	if _, started := mpi.Launched(os.Getenv); started {
		width, _, err := term.GetSize(int(f.Fd()))
		return err == nil && width > 0
	}
	return true
}

// file is the file behind w, where there is one.
func file(w io.Writer) (*os.File, bool) {
	if o, ok := w.(*output); ok {
		w = o.Writer
	}
	f, ok := w.(*os.File)
	return f, ok
}

// unfolded is a width that no line reaches.
const unfolded = 1 << 20

// terminalWidth is the number of columns of w; where it is no terminal what the variable
// COLUMNS says, of which 0 stands for lines of any length, or 80.
func terminalWidth(w io.Writer) int {
	if f, ok := file(w); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	n, err := strconv.Atoi(os.Getenv("COLUMNS"))
	switch {
	case err != nil || n < 0:
		return 80
	case n == 0:
		return unfolded
	}
	return n
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// columns is how many columns of a terminal text takes: colours take none, and marks that are
// set above a letter neither.
func columns(text string) (n int) {
	for _, r := range colours.ReplaceAllString(text, "") {
		if !unicode.Is(unicode.Mn, r) {
			n++
		}
	}
	return n
}

// wrap breaks text between words into lines of at most width characters.
func wrap(text string, width int) (lines []string) {
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := ""
		for _, word := range strings.Split(paragraph, " ") {
			if line != "" && columns(line)+1+columns(word) > width {
				lines, line = append(lines, strings.TrimRight(line, " ")), ""
			}
			if line != "" {
				line += " "
			}
			line += word
		}
		lines = append(lines, line)
	}
	return lines
}

// A painter colours text for a terminal; it leaves it alone in a pipe and where
// NO_COLOR is set (no-color.org).
type painter bool

func newPainter(w io.Writer) painter {
	return painter(isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

func (p painter) in(code, s string) string {
	if !p {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p painter) bold(s string) string { return p.in("1", s) }
func (p painter) dim(s string) string  { return p.in("2", s) }
func (p painter) good(s string) string { return p.in("34", s) } // blue and orange, never red and green
func (p painter) bad(s string) string  { return p.in("1;33", s) }

// commas writes n with a comma between thousands: 85,120,849.
func commas(n int) string {
	s := strconv.Itoa(n)
	from := 0
	if n < 0 {
		from = 1
	}
	for i := len(s) - 3; i > from; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// writeJSON writes v as one indented JSON document.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(verbatim(w))
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
