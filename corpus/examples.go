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

// A Place is where a document was read.
type Place struct {
	File string `json:"file"`           // path
	Line int    `json:"line,omitempty"` // from 1; 0 = the whole file
}

// String is file:line, the form that editors understand.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Examples are documents of tokens with a loss mask.
type Examples struct {
	Tokens []int32 // of all documents, one after the other
	Learn  []bool  // the loss mask: whether the token is a target

	ends   []int // end of each document in Tokens
	files  []string
	places []place
}

// A place is a Place whose file is an index into files.
type place struct{ file, line int32 }

// Add appends a document. learn is its loss mask, one for each token; nil means that all are
// learnt. The first token is never a target, whatever learn says.
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

// reserve is called after each document. When x has *next tokens or more, it checks that
// there is memory for twice as many, and sets *next to that number.
func (x *Examples) reserve(next *int) error {
	n := len(x.Tokens)
	if n < *next {
		return nil
	}
	*next = 2 * n
	const token, document = 5, 16                     // bytes
	need := int64(token*n+document*x.Len()) / 10 * 26 // append copies from 1.6 to 2 times the size: both exist then
	return memory.Ask(need, fmt.Sprintf("after %d documents and %d tokens twice as many need another", x.Len(), n), "give fewer")
}

// Len is the number of documents.
func (x *Examples) Len() int { return len(x.ends) }

// Document returns the tokens and the loss mask of document i.
func (x *Examples) Document(i int) (tokens []int32, learn []bool) {
	from, to := x.span(i)
	return x.Tokens[from:to], x.Learn[from:to]
}

// span is the range of document i in Tokens.
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

// Digest is the SHA-256 of all documents in their order, with their loss masks.
func (x *Examples) Digest() string {
	h := sha256.New()
	for i := range x.Len() {
		x.hashDocument(h, i)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// hashDocument writes document i to the hash h: its length, then tokens and loss mask.
func (x *Examples) hashDocument(h io.Writer, i int) {
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
		x.hashDocument(h, i)
		h.Sum(all[i][:0])
	}
	return all
}

// Overlap returns the indices of the documents of val that are in train too, with equal
// tokens and loss mask. A validation loss on them measures what was memorised.
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

// Split divides the documents for training and validation. The place of a document depends
// on its content and the seed only: equal documents stay together, and documents that are
// added to a file do not move the others. Each goes to validation with probability fraction;
// at least one does. The error says that fraction is not between 0 and 1, or that nothing is
// left for training.
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
