package token

import "hash/maphash"

// A wordCache maps words to their tokens: a hash table with open addressing, at most half
// full. Words and tokens lie one after the other, so that a new word allocates nothing of its
// own. The hash function is drawn at random for each table, so that a text cannot cause many
// collisions on purpose.
type wordCache struct {
	seed   maphash.Seed
	slots  []wordSlot
	count  int
	text   []byte  // of all words
	tokens []int32 // of all words
}

// A wordSlot is a word of the table; one of length 0 is empty.
type wordSlot struct {
	hash     uint64
	at       uint32 // where its text begins
	length   uint32 // of its text
	from, to int32  // its tokens
}

// Limits of the cache of an encoder: about 12 MB, when no two bytes are merged. A full cache
// is cleared.
const (
	cachedWords = 1 << 15 // number of words
	cachedWord  = 64      // bytes of the longest cached word
)

// get returns the tokens of word. The hash is for put; a word of no slot has none.
func (c *wordCache) get(word string) (tokens []int32, hash uint64, ok bool) {
	if len(c.slots) == 0 {
		c.seed, c.slots = maphash.MakeSeed(), make([]wordSlot, 1<<10)
	}
	hash = maphash.String(c.seed, word)
	for i := hash; ; i++ {
		s := &c.slots[i&uint64(len(c.slots)-1)]
		if s.length == 0 {
			return nil, hash, false
		}
		if s.hash == hash && string(c.text[s.at:s.at+s.length]) == word {
			return c.tokens[s.from:s.to], hash, true
		}
	}
}

// put adds a word that get did not find, with its hash. The word has at least one byte.
func (c *wordCache) put(word string, hash uint64, tokens []int32) {
	switch {
	case c.count == cachedWords:
		clear(c.slots)
		c.count, c.text, c.tokens = 0, c.text[:0], c.tokens[:0]
	case 2*c.count == len(c.slots):
		before := c.slots
		c.slots = make([]wordSlot, 2*len(before))
		for _, s := range before {
			if s.length > 0 {
				c.place(s)
			}
		}
	}
	s := wordSlot{hash, uint32(len(c.text)), uint32(len(word)), int32(len(c.tokens)), int32(len(c.tokens) + len(tokens))}
	c.text, c.tokens = append(c.text, word...), append(c.tokens, tokens...)
	c.place(s)
	c.count++
}

// place puts s into the first free slot for it.
func (c *wordCache) place(s wordSlot) {
	i := s.hash & uint64(len(c.slots)-1)
	for c.slots[i].length > 0 {
		i = (i + 1) & uint64(len(c.slots)-1)
	}
	c.slots[i] = s
}
