package token

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A Stream decodes tokens as they come, for printing while a network is still
// writing. What it returns consists of whole characters: the first bytes of a
// character wait until the rest has come. A byte that cannot be part of any
// character comes out as U+FFFD, so that a terminal never sees broken text.
type Stream struct {
	t    *Tokenizer
	wait []byte // the beginning of a character
}

// Stream returns a new stream of t.
func (t *Tokenizer) Stream() *Stream {
	return &Stream{t: t, wait: make([]byte, 0, 2*utf8.UTFMax)}
}

// Next takes the next token and returns the characters that it completes, often
// one, sometimes none. It panics if id is outside the vocabulary.
func (s *Stream) Next(id int32) string {
	if id < 0 || int(id) >= s.t.Vocab() {
		panic(fmt.Sprintf("token.Stream.Next: id %d is outside the vocabulary of %d", id, s.t.Vocab()))
	}
	s.wait = append(s.wait, s.t.text[id]...)
	return s.take(false)
}

// Flush ends the text: it returns U+FFFD for each byte of a character that was
// never completed, and makes the stream ready for another text.
func (s *Stream) Flush() string { return s.take(true) }

// take decodes what can be decoded, or everything at the end of the text.
func (s *Stream) take(end bool) string {
	var b strings.Builder
	for len(s.wait) > 0 && (end || utf8.FullRune(s.wait)) {
		r, size := utf8.DecodeRune(s.wait)
		b.WriteRune(r)
		s.wait = s.wait[:copy(s.wait, s.wait[size:])]
	}
	return b.String()
}
