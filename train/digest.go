package train

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
)

// A digest writes, counts and hashes. The hash is taken by another goroutine, beside
// the writing and the syncing, for which the processor mostly waits.
type digest struct {
	w      io.Writer
	n      int64
	chunks chan []byte
	spare  chan []byte // chunks to use again
	sum    chan string
}

const (
	digestChunk  = 64 << 10 // bytes
	digestChunks = 32       // that the hash may be behind
)

// newDigest begins a digest, which must be ended.
func newDigest(w io.Writer) *digest {
	d := &digest{w: w, chunks: make(chan []byte, digestChunks), spare: make(chan []byte, digestChunks), sum: make(chan string, 1)}
	go func() {
		h := sha256.New()
		for c := range d.chunks {
			h.Write(c)
			select {
			case d.spare <- c[:0]:
			default:
			}
		}
		d.sum <- hex.EncodeToString(h.Sum(nil))
	}()
	return d
}

func (d *digest) Write(p []byte) (n int, err error) {
	n, err = d.w.Write(p)
	if n < len(p) && err == nil {
		err = io.ErrShortWrite
	}
	d.n += int64(n)
	for p = p[:n]; len(p) > 0; {
		var c []byte
		select {
		case c = <-d.spare:
		default:
			c = make([]byte, 0, min(len(p), digestChunk))
		}
		c = append(c, p[:min(len(p), max(cap(c), 1))]...)
		p = p[len(c):]
		d.chunks <- c
	}
	return n, err
}

// end takes no more and returns the SHA-256 of all that was written.
func (d *digest) end() string {
	close(d.chunks)
	return <-d.sum
}
