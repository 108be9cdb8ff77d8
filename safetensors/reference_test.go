package safetensors

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"flag"
	"io"
	"os"
	"testing"
)

var mutated = flag.String("mutated", "../testdata/safetensors/mutated.gz", "files and the reference's verdicts, as testdata/safetensors/make.py writes them")

// stricter are the rules that the reference does not have, or not in this form: it takes
// dimensions of 2⁶³ and more where another one is zero.
var stricter = map[reason]bool{reasonDuplicate: true, reasonUnknownKey: true, reasonNotAnObject: true, reasonNotUTF8: true, reasonTooMany: true, reasonNumber: true, reasonOverflow: true}

// No mutated file is taken that the reference refuses; where it is the other way round,
// a rule of ours is the reason.
func TestReference(t *testing.T) {
	f, err := os.Open(*mutated)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	files, taken := 0, 0
	refused := map[reason]int{}
	for ; len(all) > 0; files++ {
		theirs, n := all[0] == 1, binary.LittleEndian.Uint32(all[1:])
		file := all[5 : 5+n]
		all = all[5+n:]
		_, err := Read(bytes.NewReader(file), int64(n))
		switch {
		case err == nil && !theirs:
			t.Errorf("%q is taken, and the reference refuses it", file)
		case err == nil:
			taken++
		case theirs:
			reason := err.(*formatError).reason
			if refused[reason]++; !stricter[reason] {
				t.Errorf("%q: %v, and the reference takes it", file, err)
			}
		}
	}
	if files < 2000 || taken < files/5 {
		t.Errorf("%d files, %d taken", files, taken)
	}
	t.Logf("%d files, %d taken by both, taken by the reference alone: %v", files, taken, refused)
}
