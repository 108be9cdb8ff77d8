package main

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// onTerminal explains on a terminal. A key is typed when a prompt has come since the last one.
// It returns what was on the screen.
func onTerminal(t *testing.T, keys, typed string, all bool) (screen string, err error) {
	t.Helper()
	window, program := openTerminal(t)
	defer window.Close()
	done := make(chan error, 1)
	go func() {
		err := explainOptions{all: all, in: program, w: newOutput(program)}.run(typed)
		program.Close()
		done <- err
	}()
	window.SetReadDeadline(time.Now().Add(2 * time.Minute))
	answered := 0
	for buf := make([]byte, 4096); ; {
		n, err := window.Read(buf)
		screen += string(buf[:n])
		if asked := strings.Count(screen, "q: end"); asked > answered && answered < len(keys) {
			if state, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS); err != nil || state.Lflag&(unix.ICANON|unix.ISIG) != 0 {
				t.Errorf("it asks before it listens: %v, a key may be lost", err)
			}
			if _, err := window.WriteString(keys[answered : answered+1]); err != nil {
				t.Fatal(err)
			}
			answered++
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("nothing came for two minutes after %q", screen)
		}
		if err != nil { // EIO: the other end is closed
			break
		}
	}
	return screen, <-done
}

// On a terminal a move comes when Enter is pressed; q ends, and so does Ctrl-C with its exit
// code; --all waits for nobody. NO_COLOR holds there too.
func TestMovesOnATerminal(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	for _, c := range []struct {
		keys        string
		all         bool
		code, moves int
		ended       bool
	}{
		{"\rq", false, 0, 2, false},
		{"\r\r \r", false, 0, 5, true},
		{"\x03", false, 130, 1, false},
		{"", true, 0, 5, true},
	} {
		screen, err := onTerminal(t, c.keys, "25", c.all)
		var v verdictError
		errors.As(err, &v)
		moves := 0
		for _, line := range strings.Split(screen, "\n") {
			line = line[strings.LastIndexByte(strings.TrimRight(line, "\r"), '\r')+1:]
			if rest := strings.TrimLeft(line, " "); len(line)-len(rest) == 2 && len(rest) > 3 && rest[0] >= '1' && rest[0] <= '9' && rest[1:3] == "  " && strings.Contains(rest, "=") {
				moves++
			}
		}
		if int(v) != c.code || err != nil && v == 0 || moves != c.moves || strings.Contains(screen, "What belongs to it") != c.ended || strings.Contains(screen, "\x1b[") {
			t.Errorf("%q, all %v: %v and %d moves, want %d and %d; to the end %v:\n%s", c.keys, c.all, err, moves, c.code, c.moves, c.ended, screen)
		}
	}
}

func TestPressed(t *testing.T) {
	for keys, want := range map[string][2]bool{"\r\n ": {true, true}, "qQ\x03\x04\x1b": {false, true}, "xX1\t": {false, false}} {
		for i := range len(keys) {
			if goOn, known := pressed(keys[i]); goOn != want[0] || known != want[1] {
				t.Errorf("%q: %v, %v", keys[i], goOn, known)
			}
		}
	}
}
