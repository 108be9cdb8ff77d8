package main

import (
	"errors"
	"io"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// An output is standard output or standard error. It folds lines that are longer than
// its width, and remembers the first write that failed, so that no command ends with 0
// when what it printed was lost. A reader that has gone away, as head does, is no failure.
type output struct {
	io.Writer
	width int // of a line
	col   int // of the line that was begun
	err   error

	copy io.Writer // for tests: is given everything as it was before it was folded
}

// newOutput folds at the width that terminalWidth tells, but never below 20.
func newOutput(w io.Writer) *output { return &output{Writer: w, width: max(20, terminalWidth(w))} }

// Write folds every line that p holds from its beginning to its end; a line that comes
// in pieces is left as it is, and so is one that goes back to its beginning.
func (o *output) Write(p []byte) (int, error) {
	if o.copy != nil {
		o.copy.Write(p)
	}
	var b strings.Builder
	for line := range strings.SplitAfterSeq(string(p), "\n") {
		text, whole := strings.CutSuffix(line, "\n")
		if o.col == 0 && whole && !strings.Contains(text, "\r") && columns(text) > o.width {
			b.WriteString(strings.Join(fold(text, o.width), "\n") + "\n")
			continue
		}
		b.WriteString(line)
		if o.col += columns(text); whole {
			o.col = 0
		}
	}
	if _, err := o.write([]byte(b.String())); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (o *output) write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if err != nil && o.err == nil && !errors.Is(err, syscall.EPIPE) {
		o.err = err
	}
	return n, err
}

// verbatim is w without folding: for what a machine reads, and for texts whose lines
// are not ours.
func verbatim(w io.Writer) io.Writer {
	if o, ok := w.(*output); ok {
		return asIs{o}
	}
	return w
}

type asIs struct{ o *output }

func (v asIs) Write(p []byte) (int, error) {
	if i := strings.LastIndexByte(string(p), '\n'); i >= 0 {
		v.o.col = columns(string(p[i+1:]))
	} else {
		v.o.col += columns(string(p))
	}
	if v.o.copy != nil {
		return v.o.copy.Write(p)
	}
	return v.o.write(p)
}

var (
	words = regexp.MustCompile(` *[^ ]+`)
	gaps  = regexp.MustCompile(`[^ ]( {2,})[^ ]`)
)

// fold breaks a line between words so that it fits width columns. The other lines are
// indented as far as the last column of the first that begins in its left half, or else
// a little further than that line. A word that is longer stays whole; a rule of dashes
// is shortened.
func fold(line string, width int) (lines []string) {
	if strings.Trim(line, "-") == "" || strings.Trim(line, "─") == "" {
		return []string{string([]rune(line)[:width])}
	}
	plain := colours.ReplaceAllString(line, "")
	start := columns(plain) - columns(strings.TrimLeft(plain, " "))
	indent := start + 2
	for _, gap := range gaps.FindAllStringSubmatchIndex(plain, -1) {
		if end := columns(plain[:gap[3]]); end > start && end <= width/2 {
			indent = end
		}
	}
	if start == 0 && indent == 2 && gaps.FindStringIndex(plain) == nil {
		indent = 0 // prose
	}
	indent = min(indent, width/2)
	margin := strings.Repeat(" ", indent)
	current := ""
	for _, word := range words.FindAllString(line, -1) {
		if current != "" && columns(current)+columns(word) > width && strings.TrimSpace(colours.ReplaceAllString(current, "")) != "" {
			lines = append(lines, strings.TrimRight(current, " "))
			current, word = margin, strings.TrimLeft(word, " ")
		}
		current += word
	}
	return append(lines, strings.TrimRight(current, " "))
}

// unfill puts the lines of each paragraph of text into one, for fold to break where they
// are read; a line that is indented stays one.
func unfill(text string) string {
	var b strings.Builder
	open := false // a line that more can be added to
	for line := range strings.SplitSeq(text, "\n") {
		switch prose := line != "" && line[0] != ' '; {
		case b.Len() == 0:
		case open && prose:
			b.WriteByte(' ')
		default:
			b.WriteByte('\n')
		}
		b.WriteString(line)
		open = line != "" && line[0] != ' '
	}
	return b.String()
}

// unfillAll does so with the texts of all commands.
func unfillAll(cmd *cobra.Command) {
	cmd.Long = unfill(cmd.Long)
	for _, c := range cmd.Commands() {
		unfillAll(c)
	}
}
