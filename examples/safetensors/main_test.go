package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian/safetensors"
)

func TestHalve(t *testing.T) {
	var b bytes.Buffer
	numbers := []float32{1, -2.5, 1 + 1.0/256, 3e38, 0, 7} // the third lies in the middle of two numbers of bf16
	if err := safetensors.Write(&b, map[string]string{"format": "pt"}, []safetensors.Entry[float32]{
		{Name: "w", DType: safetensors.F32, Shape: []int{2, 3}, Data: numbers},
	}); err != nil {
		t.Fatal(err)
	}
	from, to := filepath.Join(t.TempDir(), "a.safetensors"), filepath.Join(t.TempDir(), "b.safetensors")
	if err := os.WriteFile(from, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := halve(from, to); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Read(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 6)
	w, ok := f.Lookup("w")
	if !ok || w.DType != safetensors.BF16 || f.Metadata["format"] != "pt" {
		t.Fatalf("%+v, %v", w, f.Metadata)
	}
	if err := safetensors.Decode(f, w, 0, got); err != nil {
		t.Fatal(err)
	}
	if want := []float32{1, -2.5, 1, 3.0040553e38, 0, 7}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if halve(from, to) == nil {
		t.Error("it writes over a file that is there")
	}
}
