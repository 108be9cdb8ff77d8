package token

import "unicode/utf8"

// Files of byte-level tokenizers write each byte as one visible character: printable bytes
// of Latin-1 as themselves, the other 68 as U+0100 onward in the order of their values. A
// space is Ġ, a line end Ċ. The ids of GPT-2's first 256 tokens have the same order:
// printable bytes first.
var (
	letterOf [256]rune  // the character of a byte
	byteOf   [324]int16 // the byte of a character, or none
	byteByID [256]byte  // the byte whose token has this id in GPT-2
)

func init() {
	for i := range byteOf {
		byteOf[i] = none
	}
	id, next := 0, rune(256)
	for b := range 256 {
		if printable(b) {
			letterOf[b], byteByID[id] = rune(b), byte(b)
			id++
		}
	}
	for b := range 256 {
		if !printable(b) {
			letterOf[b], byteByID[id] = next, byte(b)
			id, next = id+1, next+1
		}
	}
	for b, r := range letterOf {
		byteOf[r] = int16(b)
	}
}

func printable(b int) bool {
	return b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xff && b != 0xad
}

// toByteLevel writes the bytes of a token in byte-level characters.
func toByteLevel(text string) string {
	out := make([]byte, 0, len(text)+8)
	for i := range len(text) {
		out = utf8.AppendRune(out, letterOf[text[i]])
	}
	return string(out)
}

// fromByteLevel returns the bytes of a text in byte-level characters. ok is false if a
// character stands for no byte.
func fromByteLevel(text string) (string, bool) {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		if int(r) >= len(byteOf) || byteOf[r] == none {
			return "", false
		}
		out = append(out, byte(byteOf[r]))
	}
	return string(out), true
}
