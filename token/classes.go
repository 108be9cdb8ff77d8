package token

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"sync"
	"unicode/utf8"
)

// A class is the category of a character in GPT-2's split pattern: \p{L}, \p{N}, \s or none
// of them. A byte that is not part of a character is decoded as U+FFFD, a symbol.
type class uint8

const (
	symbol class = iota
	letter
	number
	space
)

// classesBin holds the classes of all code points: for each run of equal classes the
// number 4·length + class, as a uvarint. They are of Unicode 16.0, taken from
// the reference (testdata/classes.py). They are pinned here because package unicode
// changes with the version of Go: 1.26 has Unicode 15.0, in which 4,924 letters and
// 80 numbers of 16.0 are unassigned.
//
//go:embed classes.bin
var classesBin []byte

// wordsBin holds in the same form which characters are \w in a regular expression (1):
// letters, marks, digits and connectors such as _.
//
//go:embed words.bin
var wordsBin []byte

var (
	classes = sync.OnceValue(func() *classTable { return readClasses(classesBin) })

	// smolClasses are the classes for SmolLM's digits. They are taken from a later Unicode
	// than the others: 13 more characters are numbers.
	smolClasses = sync.OnceValue(func() *classTable {
		t := readClasses(classesBin)
		for _, r := range "\U00011de0\U00011de1\U00011de2\U00011de3\U00011de4\U00011de5\U00011de6\U00011de7\U00011de8\U00011de9\U00016ff4\U00016ff5\U00016ff6" {
			t.set(r, number)
		}
		return t
	})

	words = sync.OnceValue(func() *classTable { return readClasses(wordsBin) })
)

// readClasses makes a table in two steps: blocks of 256 code points, equal blocks stored
// once.
func readClasses(bin []byte) *classTable {
	t, blocks := &classTable{}, map[[256]class]uint16{}
	var block [256]class
	r := 0
	for rest := bin; len(rest) > 0; {
		v, n := binary.Uvarint(rest)
		if n <= 0 {
			panic("token: an embedded table of classes is damaged")
		}
		rest = rest[n:]
		for range v / 4 {
			block[r%256] = class(v % 4)
			if r++; r%256 == 0 {
				at, seen := blocks[block]
				if !seen {
					at = uint16(len(t.blocks))
					blocks[block] = at
					t.blocks = append(t.blocks, block)
				}
				t.block[r/256-1] = at
			}
		}
	}
	if r != utf8.MaxRune+1 {
		panic(fmt.Sprintf("token: an embedded table of classes ends at %U", r))
	}
	return t
}

// set changes the class of one character.
func (t *classTable) set(r rune, c class) {
	block := t.blocks[t.block[r>>8]]
	block[r&255] = c
	t.block[r>>8] = uint16(len(t.blocks))
	t.blocks = append(t.blocks, block)
}

type classTable struct {
	block  [(utf8.MaxRune + 1) / 256]uint16
	blocks [][256]class
}

func (t *classTable) of(r rune) class { return t.blocks[t.block[r>>8]][r&255] }

// at is the class of the character that begins at text[i], and its length in bytes.
func (t *classTable) at(text string, i int) (class, int) {
	if c := text[i]; c < utf8.RuneSelf {
		return asciiClass[c], 1
	}
	r, size := utf8.DecodeRuneInString(text[i:])
	return t.of(r), size
}

var asciiClass = func() (a [utf8.RuneSelf]class) {
	for c := range a {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			a[c] = letter
		case c >= '0' && c <= '9':
			a[c] = number
		case c == ' ' || c >= '\t' && c <= '\r':
			a[c] = space
		}
	}
	return a
}()
