package token

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A Stream decodes tokens one by one, for printing while a network generates. It returns
// whole characters: the first bytes of a character wait for the rest. A byte that cannot be
// part of a character becomes U+FFFD; so a terminal never gets invalid text.
type Stream struct {
	t       *Tokenizer
	pending []byte // the beginning of a character
}

// Stream returns a new stream of t.
func (t *Tokenizer) Stream() *Stream {
	return &Stream{t: t, pending: make([]byte, 0, 2*utf8.UTFMax)}
}

// Next adds a token and returns the characters that it completes: often one, sometimes none.
// It panics if id is outside the vocabulary.
func (s *Stream) Next(id int32) string {
	if id < 0 || int(id) >= s.t.Vocab() {
		panic(fmt.Sprintf("token.Stream.Next: id %d is outside the vocabulary of %d", id, s.t.Vocab()))
	}
	s.pending = append(s.pending, s.t.text[id]...)
	return s.decode(false)
}

// Flush ends the text. It returns U+FFFD for each byte of an incomplete character, and
// resets the stream for another text.
func (s *Stream) Flush() string { return s.decode(true) }

// decode decodes the complete characters; all bytes at the end of the text.
func (s *Stream) decode(end bool) string {
	var b strings.Builder
	for len(s.pending) > 0 && (end || utf8.FullRune(s.pending)) {
		r, size := utf8.DecodeRune(s.pending)
		b.WriteRune(r)
		s.pending = s.pending[:copy(s.pending, s.pending[size:])]
	}
	return b.String()
}
