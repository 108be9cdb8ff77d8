package token

import "fmt"

// An unknownError says that a character is not in the vocabulary.
type unknownError struct {
	Char   rune
	Offset int // in bytes, from 0
	Line   int // from 1
	Vocab  int // size of the vocabulary
}

func (e *unknownError) Error() string {
	return fmt.Sprintf("character %q (%U) at byte %d, line %d, is not among the %d characters of the vocabulary: take it out, or use bytes, which can encode any text",
		e.Char, e.Char, e.Offset, e.Line, e.Vocab)
}

// A utf8Error says that a byte is not part of a UTF-8 character.
type utf8Error struct {
	Byte   byte
	Offset int // in bytes, from 0
	Line   int // from 1
}

func (e *utf8Error) Error() string {
	return fmt.Sprintf("byte 0x%02x at offset %d, line %d, is not UTF-8: convert the text to UTF-8, or use bytes, which can encode anything", e.Byte, e.Offset, e.Line)
}
