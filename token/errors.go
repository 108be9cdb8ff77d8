package token

import "fmt"

// Unknown is the error for a character that is not in the vocabulary.
type Unknown struct {
	Char   rune
	Offset int // in bytes, from 0
	Line   int // from 1
	Vocab  int // tokens in the vocabulary that lacks it
}

func (e *Unknown) Error() string {
	return fmt.Sprintf("character %q (%U) at byte %d, line %d, is not among the %d characters of the vocabulary: take it out, or use bytes, which can encode any text",
		e.Char, e.Char, e.Offset, e.Line, e.Vocab)
}

// NotUTF8 is the error for a byte that is not part of a UTF-8 character.
type NotUTF8 struct {
	Byte   byte
	Offset int // in bytes, from 0
	Line   int // from 1
}

func (e *NotUTF8) Error() string {
	return fmt.Sprintf("byte 0x%02x at offset %d, line %d, is not UTF-8: convert the text to UTF-8, or use bytes, which can encode anything", e.Byte, e.Offset, e.Line)
}
