package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/pedestrian-ml/pedestrian/lesson"
)

// moves prints the derivation, one move at a time where somebody waits. It says whether to go on.
func (t lecturer) moves(l *lesson.Lesson) (goOn bool, err error) {
	if len(l.Moves) == 0 {
		return true, nil
	}
	if l.Derived != "" {
		t.heading("The derivation: " + l.Derived)
	} else {
		t.heading("What " + l.Registry.Derivation + " says")
	}
	for i, m := range l.Moves {
		if i > 0 && t.wait != nil {
			if goOn, err := t.wait(); err != nil || !goOn {
				return false, err
			}
		}
		if m.Block != nil {
			if i > 0 {
				t.line("")
			}
			t.block(*m.Block)
			continue
		}
		number := fmt.Sprintf("%3d  ", i+1)
		for j, part := range breakFormula(m.Shown[0], terminalWidth(t.w)-9) {
			if j > 0 {
				number, part = "     ", "    "+part
			}
			t.line("%s%s", number, part)
		}
		for _, r := range wrap(m.Reason, terminalWidth(t.w)-5) {
			t.line("     %s", t.p.dim(r))
		}
	}
	return true, nil
}

// waiter is a function that waits for a key between two moves, nil where no person sits at
// both ends. Enter and the blank go on; q, Escape and the end of input end; Ctrl-C ends with its exit code.
func waiter(in io.Reader, w io.Writer) func() (bool, error) {
	keyboard, isFile := in.(*os.File)
	if !isFile || !term.IsTerminal(int(keyboard.Fd())) || !isTerminal(w) {
		return nil
	}
	p := newPainter(w)
	return func() (bool, error) {
		const ask = "     Enter: the next move, q: end"
		old, err := term.MakeRaw(int(keyboard.Fd()))
		if err != nil {
			return false, fmt.Errorf("reading a key: %w", err)
		}
		fmt.Fprint(w, p.dim(ask)) // once every key is heard: before, Ctrl-C would be taken for a signal
		key := make([]byte, 1)
		goOn, known := false, false
		for !known {
			n, readErr := keyboard.Read(key)
			if n == 0 || readErr != nil {
				break
			}
			goOn, known = pressed(key[0])
		}
		err = term.Restore(int(keyboard.Fd()), old)
		fmt.Fprint(w, "\r"+strings.Repeat(" ", len(ask))+"\r")
		if err == nil && key[0] == 3 {
			err = verdictError(130)
		}
		return goOn, err
	}
}

// pressed says what a key means between two moves, and whether it means anything.
func pressed(key byte) (goOn, known bool) {
	switch key {
	case '\r', '\n', ' ':
		return true, true
	case 'q', 'Q', 3, 4, 27:
		return false, true
	}
	return false, false
}
