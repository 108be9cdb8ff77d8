package durable

import (
	"bytes"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// memory is a file that is read from memory.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// Checksums are those of the blocks, in whatever pieces the bytes come.
func TestBlockSums(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	data := make([]byte, 3*blockSize+5)
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	for _, size := range []int{0, 1, blockSize - 1, blockSize, blockSize + 1, len(data)} {
		var want blockSums
		for block := range slices.Chunk(data[:size], blockSize) {
			want = append(want, crc32.Checksum(block, crc32.MakeTable(crc32.Castagnoli)))
		}
		for _, piece := range []int{size + 1, blockSize, 300_001, 4097} {
			var b blockSummer
			for part := range slices.Chunk(data[:size], piece) {
				b.Write(part)
			}
			if !slices.Equal(b.sums, want) || len(want) != blocks(int64(size)) {
				t.Errorf("%d bytes in pieces of %d: %x, want %x", size, piece, b.sums, want)
			}
		}
		text, _ := want.MarshalText()
		var back blockSums
		if err := back.UnmarshalText(text); err != nil || !slices.Equal(back, want) || len(text) != 8*len(want) {
			t.Errorf("%s came back as %x, %v", text, back, err)
		}
		b := newBlockFile(memory{bytes.NewReader(data[:size])}, want)
		for range 50 {
			from := rng.IntN(size + 1)
			p := make([]byte, rng.IntN(size/2+10))
			n, err := b.ReadAt(p, int64(from))
			if in := data[from:min(size, from+len(p))]; !bytes.Equal(p[:n], in) || (err == io.EOF) != (n < len(p)) || err != nil && err != io.EOF {
				t.Errorf("%d bytes at %d of %d: %d, %v", len(p), from, size, n, err)
			}
		}
	}
	b := newBlockFile(memory{bytes.NewReader(data)}, make(blockSums, 4))
	copy(b.sums, blockSums{crc32.Checksum(data[:blockSize], castagnoli)})
	if _, err := b.ReadAt(make([]byte, 100), 7); err != nil {
		t.Errorf("the first block, which is whole: %v", err)
	}
	if err := b.rest(); err == nil || !strings.Contains(err.Error(), "bytes 1048576 to 2097151 changed") {
		t.Errorf("the second, which nobody has read: %v", err)
	}
}
