package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
)

// FuzzRead reads whole files. What is accepted is what an independent reader of JSON
// says, fills the file exactly, can be read, and is the same after it was written.
func FuzzRead(f *testing.F) {
	for i, b := range badFiles() {
		if i%9 == 0 && len(b.file) < 2000 {
			f.Add(b.file)
		}
	}
	f.Add(fileOf("{"+one+","+two+`,"__metadata__":{"format":"pt"}}   `, 16))
	f.Add(fileOf(`{"\u0061\ud83d\ude00":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"":{"dtype":"F16","shape":[0,3],"data_offsets":[0,0]}}`, 8))
	f.Add(write(f, BF16, float32(1), float32(math.Inf(1)), float32(math.NaN())))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") || err.(*formatError).reason == "" || len(err.Error()) > 600 {
				t.Errorf("not one line: %q", err)
			}
			return
		}
		n := binary.LittleEndian.Uint64(data)
		var header map[string]json.RawMessage
		if err := json.Unmarshal(data[8:8+n], &header); err != nil {
			t.Fatalf("%q was accepted, and is not JSON: %v", data[8:8+n], err)
		}
		delete(header, "__metadata__")
		if len(header) != len(file.Tensors) {
			t.Errorf("%d tensors of %d", len(file.Tensors), len(header))
		}
		covered := int64(0)
		var entries []Entry[float64]
		for _, x := range file.Tensors {
			var want struct {
				DType   DType    `json:"dtype"`
				Shape   []int    `json:"shape"`
				Offsets [2]int64 `json:"data_offsets"`
			}
			if err := json.Unmarshal(header[x.Name], &want); err != nil || want.DType != x.DType || !slices.Equal(want.Shape, x.Shape) || want.Offsets != [2]int64{x.begin, x.end} || x.begin != covered {
				t.Fatalf("%+v, in the file %+v, after byte %d: %v", x, want, covered, err)
			}
			if covered = x.end; x.Bytes()*8 != int64(x.Len()*x.DType.Bits()) {
				t.Errorf("%+v: %d bytes", x, x.Bytes())
			}
			numbers := make([]float64, x.Len())
			if Decode(file, x, 0, numbers) == nil && slices.Contains([]DType{F64, F32, F16, BF16}, x.DType) {
				entries = append(entries, Entry[float64]{Name: x.Name, DType: x.DType, Shape: x.Shape, Data: numbers})
			}
		}
		if covered != int64(len(data))-8-int64(n) {
			t.Errorf("%d bytes of tensors in a file of %d", covered, len(data))
		}
		var again bytes.Buffer
		if err := Write(&again, file.Metadata, entries); err != nil {
			t.Fatal(err)
		}
		back, err := Read(bytes.NewReader(again.Bytes()), int64(again.Len()))
		if err != nil || len(back.Tensors) != len(entries) || len(back.Metadata) != len(file.Metadata) {
			t.Fatalf("written again: %v", err)
		}
		for i, e := range entries {
			numbers := make([]float64, e.Len())
			if err := Decode(back, back.Tensors[i], 0, numbers); err != nil {
				t.Fatal(err)
			}
			for j, v := range e.Data {
				if numbers[j] != v && v == v {
					t.Errorf("%s[%d]: %g came back as %g", e.Name, j, v, numbers[j])
				}
			}
		}
	})
}
