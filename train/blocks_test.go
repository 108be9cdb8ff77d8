package train

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

const blockSize = 1 << 20 // bytes that have a checksum of their own

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
		data := n.Data
		i, _ := v.fs.Tree.Find(path.Join("disk/run/step-000001", name))
		before := v.fs.Tree[i].Data
		count := (len(data) + blockSize - 1) / blockSize
		if count < 4 || name == momentsFile && len(data) < 8<<20 {
			t.Fatalf("%s has %d bytes", name, len(data))
		}
		spoil := func(what string, block int, change func(d []byte)) {
			n.Data = slices.Clone(data)
			change(n.Data)
			if !bytes.Equal(n.Data, data) {
				tried++
				place := fmt.Sprintf("%s: bytes %d to %d changed", name, block*blockSize, min(len(data), (block+1)*blockSize)-1)
				if err := verify(v.fs, victimDir); err == nil || !strings.Contains(err.Error(), place) {
					t.Errorf("%s: %v, want %s", what, err, place)
				}
				if tried%11 == 0 {
					v.passedOver(t, what, place)
				}
			}
			n.Data = data
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
