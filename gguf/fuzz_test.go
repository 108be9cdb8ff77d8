package gguf

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A header is refused, or it is written again as it was: no panic, and no memory
// that the file does not pay for.
func FuzzRead(f *testing.F) {
	whole, err := os.ReadFile("../testdata/gguf/reference.gguf")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(head(0, 0).Bytes())
	f.Add(head(1, 0).tensor("a", []uint64{32, 2}, Q8_0, 0).pad(68))
	f.Add(head(1, 1).text(alignmentKey).u32(kindU32, 8).tensor("a", nil, F32, 0).pad(4))
	f.Add(head(0, 1).text("a").u32(kindArray, kindString).u64(2).text("b").text("").Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		tensors := append([]Tensor(nil), file.Tensors...)
		header, _, err := appendHeader(nil, file.Version, file.Pairs, tensors)
		if err != nil {
			t.Fatalf("read and not to be written: %v", err)
		}
		again := append(header, data[min(uint64(len(data)), file.start):]...)
		file2, err := Read(bytes.NewReader(again), int64(len(again)))
		if err != nil {
			t.Fatalf("written and not to be read: %v", err)
		}
		if diff := cmp.Diff(file, file2, cmp.AllowUnexported(Tensor{}), cmpopts.IgnoreUnexported(File{}), cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("not the same when written again:\n%s", diff)
		}
		for _, tensor := range file.Tensors {
			if types[tensor.Type].name != "" && tensor.Elements() < 1<<20 {
				file.Decode(make([]float32, tensor.Elements()), tensor)
			}
		}
	})
}
