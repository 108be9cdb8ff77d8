package token

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Stream decodes tokens one by one, for printing while a network generates. It returns
// whole characters: the first bytes of a character wait for the rest. A byte that cannot be
// part of a character becomes U+FFFD; so a terminal never gets invalid text.
type Stream struct {
	t       *Tokenizer
	pending []byte // the beginning of a character
	begins  bool   // a space at the beginning is dropped, as in Decode
}

// Stream returns a new stream of t, for a text from its beginning.
func (t *Tokenizer) Stream() *Stream {
	return &Stream{t: t, pending: make([]byte, 0, 2*utf8.UTFMax), begins: t.trims()}
}

// StreamAfter returns a new stream for the text that goes on from before. It matters for
// SentencePiece, where a text that begins and a text that goes on with a word have the same
// tokens: the space is part of the text if before has any text but special tokens.
func (t *Tokenizer) StreamAfter(before []int32) *Stream {
	s := t.Stream()
	s.begins = s.begins && !slices.ContainsFunc(before, func(id int32) bool { return !t.IsSpecial(id) })
	return s
}

// Next adds a token and returns the characters that it completes: often one, sometimes none.
// It panics if id is outside the vocabulary.
func (s *Stream) Next(id int32) string {
	if id < 0 || int(id) >= s.t.Vocab() {
		panic(fmt.Sprintf("token.Stream.Next: id %d is outside the vocabulary of %d", id, s.t.Vocab()))
	}
	text := s.t.text[id]
	if s.begins {
		text = strings.TrimPrefix(text, " ")
		s.begins = false
	}
	s.pending = append(s.pending, text...)
	return s.decode(false)
}

// Flush ends the text. It returns U+FFFD for each byte of an incomplete character, and
// resets the stream for another text.
func (s *Stream) Flush() string {
	s.begins = s.t.trims()
	return s.decode(true)
}

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
