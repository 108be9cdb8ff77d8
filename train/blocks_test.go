package train

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
)

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
		b := newBlockFile(memReader{bytes.NewReader(data[:size])}, want)
		for range 50 {
			from := rng.IntN(size + 1)
			p := make([]byte, rng.IntN(size/2+10))
			n, err := b.ReadAt(p, int64(from))
			if in := data[from:min(size, from+len(p))]; !bytes.Equal(p[:n], in) || (err == io.EOF) != (n < len(p)) || err != nil && err != io.EOF {
				t.Errorf("%d bytes at %d of %d: %d, %v", len(p), from, size, n, err)
			}
		}
	}
	b := newBlockFile(memReader{bytes.NewReader(data)}, make(blockSums, 4))
	copy(b.sums, blockSums{crc32.Checksum(data[:blockSize], castagnoli)})
	if _, err := b.ReadAt(make([]byte, 100), 7); err != nil {
		t.Errorf("the first block, which is whole: %v", err)
	}
	if err := b.rest(); err == nil || !strings.Contains(err.Error(), "bytes 1048576 to 2097151 changed") {
		t.Errorf("the second, which nobody has read: %v", err)
	}
}

// A file that is summed up by another goroutine has the same sums, and an error of the
// disk is told once that one has ended.
func TestSummedBeside(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789abcdef"), 200_000)
	for _, failing := range []bool{false, true} {
		var entries []fileEntry
		for _, size := range []int64{0, summedBeside} {
			m := newMemFS()
			fs := hookFS{m, func(what, name string) error {
				if failing && what == "write" {
					return failure(what, name, syscall.ENOSPC)
				}
				return nil
			}}
			f := textFile("x"+tensorSuffix, text)
			f.bytes = size
			e, err := writeFile(fs, ".", f)
			if failing != errors.Is(err, syscall.ENOSPC) || err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("failing %v: %v", failing, err)
			}
			entries = append(entries, e)
		}
		if a, b := entries[0], entries[1]; !failing && (!slices.Equal(a.CRC32C, b.CRC32C) || a.Bytes != b.Bytes || len(a.CRC32C) != 4) {
			t.Errorf("%+v and %+v", a, b)
		}
	}
}

// wideOptions is a run whose files have several blocks, the moments more than are summed
// up before they are written.
func wideOptions() Options {
	o := microOptions()
	o.Width, o.Hidden, o.Blocks = 256, 1024, 2
	return o
}

// What lies in a file of several blocks elsewhere than it was, or in that of another
// step, is found, and the place is told: blocks and pieces of blocks that were exchanged,
// one that is there twice, one of the step before, a bit in any block.
func TestDamagedBlockIsNamed(t *testing.T) {
	v := newVictimOf(t, wideOptions(), checkpointFiles)
	tried := 0
	for _, name := range []string{modelFile, momentsFile} {
		n := v.file[name]
		data := n.data
		i, _ := v.fs.tree.find(path.Join("disk/run/step-000001", name))
		before := v.fs.tree[i].data
		count := blocks(int64(len(data)))
		if count < 4 || name == momentsFile && int64(len(data)) < summedBeside {
			t.Fatalf("%s has %d bytes", name, len(data))
		}
		spoil := func(what string, block int, change func(d []byte)) {
			n.data = slices.Clone(data)
			change(n.data)
			if !bytes.Equal(n.data, data) {
				tried++
				place := fmt.Sprintf("%s: bytes %d to %d changed", name, block*blockSize, min(len(data), (block+1)*blockSize)-1)
				if err := verify(v.fs, victimDir); err == nil || !strings.Contains(err.Error(), place) {
					t.Errorf("%s: %v, want %s", what, err, place)
				}
				if tried%5 == 0 {
					v.passedOver(t, what, place)
				}
			}
			n.data = data
		}
		at := func(d []byte, block, from, size int) []byte {
			return d[block*blockSize+from : min(len(d), block*blockSize+from+size)]
		}
		exchange := func(a, b []byte) {
			c := slices.Clone(a)
			copy(a, b)
			copy(b, c)
		}
		for b := range count {
			spoil("a bit", b, func(d []byte) { at(d, b, 777, 1)[0] ^= 4 })
			spoil("of the step before", b, func(d []byte) { copy(at(d, b, 0, blockSize), at(before, b, 0, blockSize)) })
			if b+1 < count {
				spoil("exchanged", b, func(d []byte) { exchange(at(d, b, 0, blockSize), at(d, b+1, 0, len(at(d, b+1, 0, blockSize)))) })
				spoil("twice", b+1, func(d []byte) { copy(at(d, b+1, 0, blockSize), at(d, b, 0, blockSize)) })
			}
			for _, size := range []int{4, 512, 4096, 65536} {
				if b*blockSize+3*size <= len(data) {
					spoil(fmt.Sprintf("%d bytes exchanged", size), b, func(d []byte) { exchange(at(d, b, 0, size), at(d, b, 2*size, size)) })
				}
			}
		}
	}
	if tried < 50 {
		t.Errorf("%d changes", tried)
	}
	t.Logf("%d changes", tried)
}
