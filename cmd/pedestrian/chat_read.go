package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// maxTurn is the longest line of a conversation in bytes.
const maxTurn = 1 << 20

// readTurns reads lines, until there are no more or done is closed.
func readTurns(in io.Reader, done <-chan struct{}) <-chan line {
	lines := make(chan line)
	go func() {
		defer close(lines)
		s := bufio.NewScanner(in)
		s.Buffer(nil, maxTurn)
		send := func(l line) bool {
			select {
			case lines <- l:
				return true
			case <-done:
				return false
			}
		}
		for s.Scan() {
			if !send(line{text: strings.ToValidUTF8(s.Text(), "\ufffd")}) {
				return
			}
		}
		if err := s.Err(); err != nil {
			send(line{err: fmt.Errorf("reading what is said: %w", err)})
		}
	}()
	return lines
}
