package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// watched is an output that hands everything on unfolded, and notes lines that are too
// long when they are folded in the file that WIDE names.
func watched(f *os.File) *output {
	width, _ := strconv.Atoi(os.Getenv("COLUMNS"))
	o := newOutput(&narrow{width: width, found: func(line string) {
		log, err := os.OpenFile(os.Getenv("WIDE"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err == nil {
			fmt.Fprintf(log, "%s: %s\n", strings.Join(os.Args[1:], " "), line)
			log.Close()
		}
	}})
	o.copy = f
	return o
}

// A narrow writer finds lines that are longer than width and could be shorter.
type narrow struct {
	width int
	found func(line string)
	line  []byte
}

func (n *narrow) Write(p []byte) (int, error) {
	for _, c := range p {
		if c != '\n' {
			n.line = append(n.line, c)
			continue
		}
		line := string(n.line)
		if at := strings.LastIndexByte(line, '\r'); at >= 0 {
			line = line[at+1:]
		}
		if columns(line) > n.width && strings.Contains(strings.TrimSpace(colours.ReplaceAllString(line, "")), " ") {
			n.found(line)
		}
		n.line = n.line[:0]
	}
	return len(p), nil
}

// Every help text, and what is shown of the equations, fits 40 columns. At 80, where less is
// folded, every help text does, and every eighth equation.
func TestColumns(t *testing.T) {
	var calls [][]string
	var walk func(c *cobra.Command, path []string)
	walk = func(c *cobra.Command, path []string) {
		calls = append(calls, append(slices.Clone(path), "--help"))
		for _, sub := range c.Commands() {
			walk(sub, append(slices.Clone(path), sub.Name()))
		}
	}
	walk(newRootCmd(), nil)
	if len(calls) < 20 {
		t.Fatalf("%d commands: this tests too little", len(calls))
	}
	calls = append(calls, []string{}, []string{"explain"}, []string{"params"}, []string{"params", "--rank", "4"}, []string{"tokenizer", "show", "The king's unbelievable hat, which he wears on every day of the week but one, and then another hat"},
		[]string{"data", "../../testdata/lm-eval/texts.jsonl"}, []string{"verify", "--only", "R30"}, []string{"verify", "--case", "gelu", "--only", "w_q"}, []string{"inspect", "../../testdata/peft/bases/tied"})
	for _, width := range []int{40, 80} {
		t.Setenv("COLUMNS", strconv.Itoa(width))
		calls := slices.Clone(calls)
		for i, e := range paper.Equations {
			if width == 40 || i%8 == 0 {
				calls = append(calls, []string{"explain", e.Number})
			}
		}
		for _, args := range calls {
			out := &narrow{width: width, found: func(line string) {
				t.Errorf("%d columns, %s: a line of %d: %s", width, strings.Join(args, " "), columns(line), line)
			}}
			var stderr bytes.Buffer
			if code := run(args, out, &stderr); code != 0 {
				t.Errorf("%s: exit code %d: %s", strings.Join(args, " "), code, stderr.String())
			}
		}
	}
}

func TestFold(t *testing.T) {
	for _, c := range []struct {
		line  string
		width int
		want  string
	}{
		{"a prose line of several words", 12, "a prose line\nof several\nwords"},
		{"label   what it says in words", 20, "label   what it says\n        in words"},
		{"  label   what it says in words", 20, "  label   what it\n          says in\n          words"},
		{"a label that is long   and text", 20, "a label that is long\n  and text"},
		{"one/very/long/path/without/any/blank", 20, "one/very/long/path/without/any/blank"},
		{"see one/very/long/path/without/any/blank or not", 20, "see\none/very/long/path/without/any/blank\nor not"},
		{"a  b                 x", 20, "a  b\n   x"},
		{"----------------------", 20, "--------------------"},
		{"\x1b[1mbold\x1b[0m and more words here", 14, "\x1b[1mbold\x1b[0m and more\nwords here"},
		{"Δ_{i-1} Σ ρ ā of columns", 13, "Δ_{i-1} Σ ρ ā\nof columns"},
	} {
		if got := strings.Join(fold(c.line, c.width), "\n"); got != c.want {
			t.Errorf("fold(%q, %d) is\n%s\nwant\n%s", c.line, c.width, got, c.want)
		}
	}
}

// What comes in pieces, goes back to its beginning, or is verbatim is not folded.
func TestOutputFolds(t *testing.T) {
	var b bytes.Buffer
	o := &output{Writer: &b, width: 20}
	for _, p := range []string{"a line that is longer than this\n", "a piece ", "and another piece that is long\nshort\n", "\rmoving and moving and moving\x1b[K", "\r\x1b[K"} {
		if n, err := io.WriteString(o, p); n != len(p) || err != nil {
			t.Fatalf("%d of %d bytes, %v", n, len(p), err)
		}
	}
	fmt.Fprintf(verbatim(o), `{"json": "of a line that is longer"}`+"\n")
	want := "a line that is\nlonger than this\na piece and another piece that is long\nshort\n\rmoving and moving and moving\x1b[K\r\x1b[K" + `{"json": "of a line that is longer"}` + "\n"
	if b.String() != want {
		t.Errorf("written is\n%q, want\n%q", b.String(), want)
	}
}

func TestUnfill(t *testing.T) {
	got := unfill("one\ntwo\n\nthree\n  a list\n  of two\nfour\nfive")
	if want := "one two\n\nthree\n  a list\n  of two\nfour five"; got != want {
		t.Errorf("unfill gives %q, want %q", got, want)
	}
}
