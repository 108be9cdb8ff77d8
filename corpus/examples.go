package corpus

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"github.com/pedestrian-ml/pedestrian/internal/memory"
)

// A Place is where a document was read: a file, and the line in it where a file
// holds several, counted from 1; 0 stands for the whole file.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
}

// String is file:line, as editors understand it.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Examples are documents as tokens, together with what of them is to be learnt.
type Examples struct {
	Tokens []int32 // of all documents, one after the other
	Learn  []bool  // whether a token is to be predicted by those before it in its document

	ends   []int // of each document in Tokens
	files  []string
	places []place
}

// A place is a Place whose file is a number.
type place struct{ file, line int32 }

// Add appends a document. learn says which of its tokens are to be learnt; nil
// means all. The first token is not predicted by anything, whatever learn says.
func (x *Examples) Add(tokens []int32, learn []bool, from Place) {
	if learn != nil && len(learn) != len(tokens) {
		panic(fmt.Sprintf("corpus.Examples.Add: %d tokens and %d marks", len(tokens), len(learn)))
	}
	at := len(x.Tokens)
	x.Tokens = append(x.Tokens, tokens...)
	x.Learn = append(x.Learn, learn...)
	for len(x.Learn) < len(x.Tokens) {
		x.Learn = append(x.Learn, true)
	}
	if at < len(x.Learn) {
		x.Learn[at] = false
	}
	x.ends = append(x.ends, len(x.Tokens))
	if len(x.files) == 0 || x.files[len(x.files)-1] != from.File {
		x.files = append(x.files, from.File)
	}
	x.places = append(x.places, place{int32(len(x.files) - 1), int32(from.Line)})
}

// room asks for the memory that x takes until it has twice as many tokens, each time that
// it has next of them.
func (x *Examples) room(next *int) error {
	n := len(x.Tokens)
	if n < *next {
		return nil
	}
	*next = 2 * n
	const token, document = 5, 16                     // bytes
	need := int64(token*n+document*x.Len()) / 10 * 26 // while it grows from 1.6 to 2 times, both are there
	return memory.Ask(need, fmt.Sprintf("after %d documents and %d tokens twice as many need another", x.Len(), n), "give fewer")
}

// Len is the number of documents.
func (x *Examples) Len() int { return len(x.ends) }

// Document returns document i: its tokens, and which of them are learnt.
func (x *Examples) Document(i int) (tokens []int32, learn []bool) {
	from, to := x.span(i)
	return x.Tokens[from:to], x.Learn[from:to]
}

func (x *Examples) span(i int) (from, to int) {
	if i > 0 {
		from = x.ends[i-1]
	}
	return from, x.ends[i]
}

// Place is where document i was read.
func (x *Examples) Place(i int) Place {
	p := x.places[i]
	return Place{x.files[p.file], int(p.line)}
}

// Targets is the number of tokens that are learnt.
func (x *Examples) Targets() (n int) {
	for _, l := range x.Learn {
		if l {
			n++
		}
	}
	return n
}

// Digest is the SHA-256 of all documents, their order and what is learnt of them.
func (x *Examples) Digest() string {
	h := sha256.New()
	for i := range x.Len() {
		x.write(h, i)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// write writes document i to h, so that no two documents look alike.
func (x *Examples) write(h io.Writer, i int) {
	tokens, learn := x.Document(i)
	buf := make([]byte, 0, 1<<12)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(len(tokens)))
	for j, t := range tokens {
		v := uint64(t) << 1
		if learn[j] {
			v |= 1
		}
		if buf = binary.LittleEndian.AppendUint64(buf, v); len(buf) >= 1<<12-8 {
			h.Write(buf)
			buf = buf[:0]
		}
	}
	h.Write(buf)
}

// fingerprints are the SHA-256 of the documents.
func (x *Examples) fingerprints() [][sha256.Size]byte {
	all := make([][sha256.Size]byte, x.Len())
	h := sha256.New()
	for i := range all {
		h.Reset()
		x.write(h, i)
		h.Sum(all[i][:0])
	}
	return all
}

// Overlap returns the documents of val that are in train too, word for word: a
// validation loss on them measures what was memorised.
func Overlap(train, val *Examples) (documents []int) {
	seen := map[[sha256.Size]byte]bool{}
	for _, f := range train.fingerprints() {
		seen[f] = true
	}
	for i, f := range val.fingerprints() {
		if seen[f] {
			documents = append(documents, i)
		}
	}
	return documents
}

// Split divides the documents for training and validation. Where a document goes
// depends on what is in it and on the seed alone, so that equal documents stay
// together and a file that grows does not move what was there. Each goes to
// validation with the given probability; at least one does. The error says that
// the fraction is not between 0 and 1, or that nothing would be left to train on.
func (x *Examples) Split(fraction float64, seed uint64) (train, val *Examples, err error) {
	if !(fraction > 0 && fraction < 1) {
		return nil, nil, fmt.Errorf("split the documents: the fraction for validation is %g: it must be between 0 and 1, such as 0.1", fraction)
	}
	draws := make([]uint64, x.Len())
	for i, f := range x.fingerprints() {
		draws[i] = hash(seed, binary.LittleEndian.Uint64(f[:])) >> 11
	}
	limit := uint64(fraction * (1 << 53))
	if len(draws) > 0 {
		limit = max(limit, slices.Min(draws))
	}
	train, val = &Examples{}, &Examples{}
	for i, d := range draws {
		to := train
		if d <= limit {
			to = val
		}
		tokens, learn := x.Document(i)
		to.Add(tokens, learn, x.Place(i))
	}
	if train.Len() == 0 {
		return nil, nil, fmt.Errorf("split the documents: %d documents, equal ones kept together, leave nothing to train on beside %g of them for validation: give more, or a file for validation", x.Len(), fraction)
	}
	return train, val, nil
}
