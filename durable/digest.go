package durable

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"sync"
)

// A digest buffers, sums up, writes and counts.
type digest struct {
	w     io.Writer
	sum   io.Writer // a hash.Hash of everything, a *blockSummer, or io.Discard
	n     int64     // bytes that were written
	err   error     // of w, which ends the writing
	chunk []byte
}

const digestChunk = 256 << 10 // bytes: a part of what a processor has for itself

// digestChunks are to be used again, from one file and one checkpoint to the next.
var digestChunks = sync.Pool{New: func() any { return new([digestChunk]byte) }}

// newSum is what takes the digest of a file, by blocks or of everything.
func newSum(blocks bool) io.Writer {
	if blocks {
		return &blockSummer{}
	}
	return sha256.New()
}

// newDigest begins a digest, which must be flushed.
func newDigest(w, sum io.Writer) *digest {
	return &digest{w: w, sum: sum, chunk: digestChunks.Get().(*[digestChunk]byte)[:0]}
}

// AvailableBuffer is an empty slice with room, as that of bufio.Writer: what is
// appended to it and then given to Write is not copied.
func (d *digest) AvailableBuffer() []byte { return d.chunk[len(d.chunk):] }

func (d *digest) Write(p []byte) (n int, err error) {
	for n < len(p) && d.err == nil {
		room := d.chunk[len(d.chunk):cap(d.chunk)]
		k := min(len(p)-n, len(room))
		if &room[0] != &p[n] {
			copy(room, p[n:n+k])
		}
		d.chunk = d.chunk[:len(d.chunk)+k]
		n += k
		if len(d.chunk) == cap(d.chunk) {
			d.push()
		}
	}
	return n, d.err
}

// push sums the chunk up, while it is still in the processor, and writes it.
func (d *digest) push() {
	d.sum.Write(d.chunk)
	n, err := d.w.Write(d.chunk)
	if n < len(d.chunk) && err == nil {
		err = io.ErrShortWrite
	}
	d.n += int64(n)
	d.err = err
	d.chunk = d.chunk[:0]
}

// flush writes what is left; the digest takes no more.
func (d *digest) flush() error {
	if d.err == nil {
		d.push()
	}
	digestChunks.Put((*[digestChunk]byte)(d.chunk[:digestChunk]))
	d.chunk = nil
	return d.err
}

// setSum notes what sum has taken.
func (e *fileEntry) setSum(sum io.Writer) {
	switch sum := sum.(type) {
	case hash.Hash:
		e.SHA256 = hex.EncodeToString(sum.Sum(nil))
	case *blockSummer:
		e.CRC32C = sum.sums
	}
}
