package safetensors

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

// TestNaNStaysNaN: whatever bits a NaN has, in no shorter type is it an infinity.
func TestNaNStaysNaN(t *testing.T) {
	for bit := range 23 {
		for _, sign := range []uint32{0, 1 << 31} {
			v := math.Float32frombits(sign | 0xff<<23 | 1<<bit)
			for _, d := range []DType{BF16, F16} {
				b, err := Append(nil, []float32{v}, d)
				if err != nil {
					t.Fatal(err)
				}
				back := make([]float32, 1)
				if err := Convert(back, b, d); err != nil || back[0] == back[0] {
					t.Errorf("NaN of bits %#x becomes %g in %s, %v", math.Float32bits(v), back[0], d, err)
				}
			}
		}
	}
}

// TestNumbersAreAligned: whatever the names, numbers begin at a multiple of 8.
func TestNumbersAreAligned(t *testing.T) {
	for n := range 17 {
		var b bytes.Buffer
		if err := Write(&b, nil, []Entry[float32]{{Name: strings.Repeat("x", n+1), DType: F32, Shape: []int{1}, Data: []float32{7}}}); err != nil {
			t.Fatal(err)
		}
		if size := binary.LittleEndian.Uint64(b.Bytes()); size%8 != 0 {
			t.Errorf("a name of %d bytes: a header of %d", n+1, size)
		}
	}
}

// TestLongTensor reads a tensor that is longer than what is read at once.
func TestLongTensor(t *testing.T) {
	data := make([]float32, 2*chunk/4+77)
	for i := range data {
		data[i] = float32(i)
	}
	var b bytes.Buffer
	if err := Write(&b, nil, []Entry[float32]{{Name: "x", DType: F32, Shape: []int{len(data)}, Data: data}}); err != nil {
		t.Fatal(err)
	}
	f, err := Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	x, _ := f.Lookup("x")
	got := make([]float32, len(data)-5)
	if err := Decode(f, x, 5, got); err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if v != data[5+i] {
			t.Fatalf("number %d is %g", 5+i, v)
		}
	}
}
