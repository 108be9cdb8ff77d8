// Package golden is for tests: what other programs computed in float64, as the scripts
// under testdata wrote it, and the networks of transformers in testdata/llama.
package golden

import (
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"testing"
)

// An Array is one tensor of a file.
type Array struct {
	Shape []int  // rows and columns; a vector has its length alone
	F64   []byte // the numbers, float64, little-endian, row-major
}

// Numbers returns the entries of a.
func (a Array) Numbers() []float64 {
	v := make([]float64, len(a.F64)/8)
	for i := range v {
		v[i] = math.Float64frombits(binary.LittleEndian.Uint64(a.F64[8*i:]))
	}
	return v
}

// Read decodes a file of JSON that is compressed with gzip into the value that to points to.
func Read(t testing.TB, path string, to any) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err == nil {
		err = json.NewDecoder(z).Decode(to)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
