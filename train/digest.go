package train

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"sync"
)

// A digest buffers, writes, counts and hashes. The hash is taken by another goroutine,
// beside the writing and the syncing, for which the processor mostly waits.
type digest struct {
	w     io.Writer
	n     int64 // bytes that were written
	err   error // of w, which ends the writing
	chunk []byte
	hash  hash.Hash

	chunks chan []byte   // for the other goroutine; nil while there is none
	done   chan struct{} // it has hashed them all
}

const (
	digestChunk = 256 << 10 // bytes
	digestLag   = 16        // chunks that the hash may be behind
	hashedHere  = 32 << 10  // bytes that are hashed sooner than another processor wakes up
)

// digestChunks are to be used again, from one file and one checkpoint to the next.
var digestChunks = sync.Pool{New: func() any { return new([digestChunk]byte) }}

// newDigest begins a digest. It must be flushed, for what it holds, and then ended by
// sum.
func newDigest(w io.Writer) *digest {
	return &digest{w: w, hash: sha256.New(), chunk: digestChunks.Get().(*[digestChunk]byte)[:0]}
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
			d.chunk = digestChunks.Get().(*[digestChunk]byte)[:0]
		}
	}
	return n, d.err
}

// push writes the chunk and gives it away to be hashed.
func (d *digest) push() {
	n, err := d.w.Write(d.chunk)
	if n < len(d.chunk) && err == nil {
		err = io.ErrShortWrite
	}
	d.n += int64(n)
	d.err = err
	if d.chunks == nil && d.n <= hashedHere {
		d.hashed(d.chunk)
		return
	}
	if d.chunks == nil {
		chunks, done := make(chan []byte, digestLag), make(chan struct{})
		d.chunks, d.done = chunks, done
		go func() {
			for c := range chunks {
				d.hashed(c)
			}
			close(done)
		}()
	}
	d.chunks <- d.chunk
}

// hashed hashes a chunk and gives it back.
func (d *digest) hashed(c []byte) {
	d.hash.Write(c)
	digestChunks.Put((*[digestChunk]byte)(c[:digestChunk]))
}

// flush writes what is left. The hash goes on beside what comes next.
func (d *digest) flush() error {
	if d.err == nil {
		d.push()
		d.chunk = nil
	}
	d.end()
	return d.err
}

func (d *digest) end() {
	if d.chunks != nil {
		close(d.chunks)
		d.chunks = nil
	}
}

// sum takes no more and returns the SHA-256 of all that was written.
func (d *digest) sum() string {
	d.end()
	if d.done != nil {
		<-d.done
	}
	return hex.EncodeToString(d.hash.Sum(nil))
}
