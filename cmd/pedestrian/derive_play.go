package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/pedestrian-ml/pedestrian/derive"
)

// An attempt is a line of the log.
type attempt struct {
	Time     time.Time     `json:"time"`
	Exercise string        `json:"exercise"`
	Answer   string        `json:"answer"`
	Status   derive.Status `json:"status"`
	ID       string        `json:"id"`
	Hints    int           `json:"hints"` // that had been asked for
}

// An attemptLog is a file to which attempts are added.
type attemptLog struct {
	path string
	off  bool
}

// statePath is where attempts are kept; "" where there is no home.
func statePath() string {
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "pedestrian", "derive.jsonl")
}

// add writes an attempt down. Where that fails, a line on stderr says so, and the answer
// counts all the same.
func (l attemptLog) add(exercise, answer string, v derive.Verdict, hints int, stderr io.Writer) {
	if l.off || l.path == "" || len(answer) > 4*derive.MaxLength { // what is so long is refused, and makes lines that nobody reads
		return
	}
	line, err := json.Marshal(attempt{time.Now().UTC().Truncate(time.Second), exercise, answer, v.Status, v.ID, hints})
	if err == nil {
		err = os.MkdirAll(filepath.Dir(l.path), 0o700)
	}
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			_, err = f.Write(append(line, '\n'))
			err = errors.Join(err, f.Close())
		}
	}
	if err != nil {
		fmt.Fprintf(stderr, "note: the attempt is not written down: %v (--no-log says nothing)\n", err)
	}
}

// done are the exercises that were answered rightly.
func (l attemptLog) done() map[string]bool {
	done := map[string]bool{}
	f, err := os.Open(l.path)
	if err != nil {
		return done
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<16)
	for lines.Scan() {
		var a attempt
		if json.Unmarshal(lines.Bytes(), &a) == nil && a.Status == derive.Right {
			done[a.Exercise] = true
		}
	}
	return done
}

// play asks one exercise until it is answered rightly, or the input ends. On a terminal
// the line can be edited, and its shape is shown below it.
func play(in io.Reader, w, stderr io.Writer, x *derive.Exercise, log attemptLog) error {
	ask(w, x)
	prompt := "> "
	if x.Target != "" {
		prompt = "dL/d" + x.Target + " = "
	}
	read, restore := lineReader(in, w, x, prompt)
	defer restore()
	hints, answered, solved := 0, false, false
	for !solved {
		line, err := read()
		line = strings.TrimSpace(line)
		if err != nil && line == "" {
			break
		}
		switch strings.ToLower(line) {
		case "":
			continue
		case "quit", "exit", "q!":
			return leave(w, answered)
		case "help", "?", "names":
			ask(w, x)
			continue
		case "hint":
			if hints < len(x.Hints) {
				fmt.Fprintf(w, "Hint %d of %d: %s\n", hints+1, len(x.Hints), x.Hints[hints])
				hints++
			} else {
				fmt.Fprintln(w, "There are no more hints; solution shows a right form.")
			}
			continue
		case "solution":
			fmt.Fprintf(w, "A right form: %s\n", x.Solution())
			log.add(x.ID, "solution", derive.Verdict{Status: derive.Refused, ID: "solution"}, hints, stderr)
			continue
		}
		v := x.Grade(line)
		log.add(x.ID, line, v, hints, stderr)
		v.Repair = ""
		if place := strings.Repeat(" ", len([]rune(prompt))+max(v.Column-1, 0)); v.Column > 0 && isTerminal(w) {
			fmt.Fprintf(w, "%s%s\n", place, strings.Repeat("^", max(1, min(v.End-v.Column, len([]rune(line))-v.Column+1))))
		}
		printVerdict(w, x, line, v, !isTerminal(w))
		answered, solved = true, v.Status == derive.Right
	}
	if !solved {
		return leave(w, answered)
	}
	if next := following(x); next != "" {
		fmt.Fprintf(w, "Next: pedestrian derive %s\n", next)
	}
	return nil
}

// leave ends without a right answer: exit code 1 if there was a wrong one.
func leave(w io.Writer, answered bool) error {
	fmt.Fprintln(w)
	if answered {
		return verdictError(1)
	}
	return nil
}

// following is the exercise after x on the path.
func following(x *derive.Exercise) string {
	for i, y := range derive.Exercises[:len(derive.Exercises)-1] {
		if y == x {
			return derive.Exercises[i+1].ID
		}
	}
	return ""
}

// ask prints the question and the names that may be used.
func ask(w io.Writer, x *derive.Exercise) {
	p := newPainter(w)
	fmt.Fprintf(w, "%s\n%s\n\n", p.bold(x.ID+": "+x.Title), x.Ask)
	if x.Level == derive.Predict {
		for i, c := range x.Choices {
			fmt.Fprintf(w, "  %d  %s\n", i+1, c.Text)
		}
		fmt.Fprint(w, "\nType the number of what is right; hint, solution, quit.\n")
		return
	}
	s := x.Scope()
	fmt.Fprintf(w, "Wanted: %s\n", s.Sizes(x.Wanted()))
	for _, n := range s.Names() {
		t, _ := s.Type(n)
		if t.Kind == derive.Number {
			fmt.Fprintf(w, "  %-10s %s\n", n, x.Meaning(n))
			continue
		}
		fmt.Fprintf(w, "  %-10s %s, %s\n", n, x.Meaning(n), t)
	}
	if x.Template != "" {
		fmt.Fprintf(w, "\n  %s\n", x.Template)
	}
	fmt.Fprint(w, "\nx' transpose, @ product, * entry by entry, ~v repeats a vector, sum_tokens(x), rowdot(x, y).\nType a formula; hint, names, solution, quit.\n")
}

// lineReader reads lines: with an editor on a terminal, else one after the other. restore
// gives the terminal back.
func lineReader(in io.Reader, w io.Writer, x *derive.Exercise, prompt string) (read func() (string, error), restore func()) {
	keyboard, isFile := in.(*os.File)
	screen, onScreen := file(w)
	if isFile && onScreen && term.IsTerminal(int(keyboard.Fd())) && isTerminal(w) {
		if old, err := term.MakeRaw(int(keyboard.Fd())); err == nil {
			_ = term.Restore(int(keyboard.Fd()), old) // raw only while a line is typed
			return editor(keyboard, screen, x, prompt), func() {}
		}
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<16)
	return func() (string, error) {
		fmt.Fprint(w, prompt)
		if !lines.Scan() {
			return "", errors.Join(io.EOF, lines.Err())
		}
		fmt.Fprintln(w)
		return lines.Text(), nil
	}, func() {}
}

// editor reads a line on a terminal. Below it stands the shape of what is typed so far.
func editor(keyboard, screen *os.File, x *derive.Exercise, prompt string) func() (string, error) {
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{keyboard, screen}, prompt)
	below := func(text string) { // at a saved place, one line further down
		fmt.Fprintf(screen, "\x1b7\x1b[1B\r\x1b[2K%s\x1b8", text)
	}
	if x == nil {
		below = func(string) {}
	}
	t.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
		switch {
		case x == nil || x.Level == derive.Predict:
			return "", 0, false
		case key == '\t':
			return complete(x, line, pos)
		case key < ' ':
			return "", 0, false
		}
		pos = min(pos, len(line)) // of bytes
		so := line[:pos] + string(key) + line[pos:]
		shape, err := x.Look(so)
		if err != nil {
			shape = ""
		}
		below(strings.Repeat(" ", len([]rune(prompt))) + shape)
		return "", 0, false
	}
	return func() (string, error) {
		old, err := term.MakeRaw(int(keyboard.Fd()))
		if err != nil {
			return "", err
		}
		fmt.Fprint(screen, "\r\n\x1b[A") // room for the line below
		if width, height, err := term.GetSize(int(screen.Fd())); err == nil {
			_ = t.SetSize(width, height)
		}
		line, err := t.ReadLine()
		fmt.Fprint(screen, "\x1b[2K")
		return line, errors.Join(err, term.Restore(int(keyboard.Fd()), old))
	}
}

// complete ends the name before the cursor, where only one begins so.
func complete(x *derive.Exercise, line string, pos int) (string, int, bool) {
	pos = min(pos, len(line))
	from := strings.LastIndexFunc(line[:pos], func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_')
	}) + 1
	start := line[from:pos]
	found := ""
	for _, n := range append(x.Scope().Names(), derive.Functions()...) {
		if start != "" && strings.HasPrefix(n, start) {
			if found != "" {
				return "", 0, false
			}
			found = n
		}
	}
	if found == "" {
		return "", 0, false
	}
	return line[:from] + found + line[pos:], from + len(found), true
}
