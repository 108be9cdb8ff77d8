package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// What is written is what is read: names, shapes, metadata, every bit, in either order.
func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	long := make([]float64, 3*chunk/8+5)
	for i := range long {
		long[i] = math.Float64frombits(rng.Uint64())
	}
	entries := []Entry[float64]{
		{Name: "z", DType: F16, Shape: []int{3}, Data: []float64{1, -2, 0.5}},
		{Name: "b\"ä<\n", DType: F64, Shape: []int{len(long)}, Data: long},
		{Name: "scalar", DType: F32, Make: func() []float64 { return []float64{7} }},
		{Name: "empty", DType: F32, Shape: []int{2, 0}},
		{Name: "a", DType: BF16, Shape: []int{1, 2}, Data: []float64{math.Inf(1), -3}},
	}
	metadata := map[string]string{"format": "pt", "é": "\"\\\u2028"}
	for _, sorted := range []bool{false, true} {
		want := slices.Clone(entries)
		if sorted {
			Sort(want)
			if want[0].Name != "b\"ä<\n" || want[1].Name != "empty" || want[2].Name != "scalar" || want[3].Name != "a" || want[4].Name != "z" {
				t.Error("not sorted by type, then name")
			}
		}
		var b bytes.Buffer
		if err := Write(&b, metadata, want); err != nil {
			t.Fatal(err)
		}
		if n := binary.LittleEndian.Uint64(b.Bytes()); n%8 != 0 {
			t.Errorf("a header of %d bytes", n)
		}
		f := open(t, b.Bytes())
		if len(f.Metadata) != 2 || f.Metadata["é"] != "\"\\\u2028" || f.Metadata["format"] != "pt" || len(f.Tensors) != len(want) {
			t.Errorf("%v, %d tensors", f.Metadata, len(f.Tensors))
		}
		for i, e := range want {
			got := f.Tensors[i]
			data := e.Data
			if data == nil && e.Make != nil {
				data = e.Make()
			}
			if got.Name != e.Name || got.DType != e.DType || !slices.Equal(got.Shape, e.Shape) || got.Len() != e.Len() {
				t.Errorf("%+v came back as %+v", e.Name, got)
			}
			back := make([]float64, got.Len())
			if err := Decode(f, got, 0, back); err != nil {
				t.Error(err)
			}
			for j := range back {
				if math.Float64bits(back[j]) != math.Float64bits(data[j]) {
					t.Fatalf("%s[%d]: %g came back as %g", e.Name, j, data[j], back[j])
				}
			}
		}
	}
	if f := open(t, write(t, F32, float32(1))); f.Metadata != nil {
		t.Error("metadata out of nothing")
	}
}

type failing struct{ after int }

var errFull = errors.New("full")

func (w *failing) Write(b []byte) (int, error) {
	if w.after -= len(b); w.after < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestWriteRefuses(t *testing.T) {
	x := Entry[float32]{Name: "x", DType: F32, Shape: []int{2}, Data: []float32{1, 2}}
	for want, c := range map[string]struct {
		metadata map[string]string
		entries  []Entry[float32]
	}{
		"are not UTF-8":                  {map[string]string{"k": "\xff"}, []Entry[float32]{x}},
		`the metadata "\xff"`:            {map[string]string{"\xff": ""}, []Entry[float32]{x}},
		`two tensors have the name "x"`:  {nil, []Entry[float32]{x, x}},
		`have the name "__metadata__"`:   {nil, []Entry[float32]{{Name: "__metadata__", DType: F32, Shape: []int{0}}}},
		`the name "\xff" is not UTF-8`:   {nil, []Entry[float32]{{Name: "\xff", DType: F32, Shape: []int{0}}}},
		"or has more than 1024 bytes":    {nil, []Entry[float32]{{Name: strings.Repeat("n", 1025), DType: F32, Shape: []int{0}}}},
		`tensor "h": 65520 is too large`: {nil, []Entry[float32]{{Name: "h", DType: F16, Shape: []int{1}, Data: []float32{65520}}}},
	} {
		if err := Write(io.Discard, c.metadata, c.entries); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	mustPanic(t, `safetensors.Write: 2 numbers of "x", whose shape is [3]`, func() {
		Write(io.Discard, nil, []Entry[float32]{{Name: "x", DType: F32, Shape: []int{3}, Data: x.Data}})
	})
	mustPanic(t, `safetensors.Write: "x" as "I8"`, func() { Write(io.Discard, nil, []Entry[float32]{{Name: "x", DType: "I8"}}) })
	for _, n := range []int{0, 8, 66} {
		if err := Write(&failing{n}, nil, []Entry[float32]{x}); !errors.Is(err, errFull) {
			t.Errorf("full after %d bytes: %v", n, err)
		}
	}
}
