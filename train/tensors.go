package train

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// shapeOf returns a tensor's shape for safetensors, in which vectors have one dimension.
func shapeOf(t pedestrian.Tensor[float32]) []int {
	if t.Vec() {
		return []int{t.Cols}
	}
	return []int{t.Rows, t.Cols}
}

// writeTensors writes ts as a safetensors file of float32 in the order given.
func writeTensors(w io.Writer, metadata map[string]string, ts []pedestrian.Tensor[float32]) error {
	entries := make([]safetensors.Entry[float32], len(ts))
	for i, t := range ts {
		entries[i] = safetensors.Entry[float32]{Name: t.Name, DType: safetensors.F32, Shape: shapeOf(t), Data: t.V}
	}
	return safetensors.Write(w, metadata, entries)
}

// readTensors fills ts from a safetensors file of size bytes, which must hold these
// tensors with these shapes, as float32, and no others.
func readTensors(r io.ReaderAt, size int64, ts []pedestrian.Tensor[float32]) (metadata map[string]string, err error) {
	f, err := openTensors(r, size, ts)
	if err != nil {
		return nil, err
	}
	for _, t := range ts {
		in, _ := f.Lookup(t.Name)
		if err := safetensors.Decode(f, in, 0, t.V); err != nil {
			return nil, err
		}
	}
	return f.Metadata, nil
}

// openTensors reads the header of a safetensors file of size bytes, which must hold tensors with
// the names and shapes of ts, as float32, and no others.
func openTensors(r io.ReaderAt, size int64, ts []pedestrian.Tensor[float32]) (*safetensors.File, error) {
	f, err := safetensors.Read(r, size)
	if err != nil {
		return nil, err
	}
	names := make(map[string]bool, len(ts))
	for _, t := range ts {
		names[t.Name] = true
		in, ok := f.Lookup(t.Name)
		if !ok {
			return nil, fmt.Errorf("tensor %s is missing", t.Name)
		}
		if in.DType != safetensors.F32 {
			return nil, fmt.Errorf("tensor %s has numbers of type %s: a checkpoint holds F32", t.Name, in.DType)
		}
		if !slices.Equal(in.Shape, shapeOf(t)) {
			return nil, fmt.Errorf("tensor %s is %s in the file and %s by its configuration: a checkpoint of other sizes",
				t.Name, shapeText(in.Shape), t.Shape())
		}
	}
	for _, in := range f.Tensors {
		if !names[in.Name] {
			return nil, fmt.Errorf("tensor %.80q is not one of this network", in.Name)
		}
	}
	return f, nil
}

// shapeText returns a shape as text, like pedestrian.Tensor.Shape.
func shapeText(shape []int) string {
	s := ""
	for i, n := range shape {
		if i > 0 {
			s += "x"
		}
		s += strconv.Itoa(n)
	}
	if s == "" {
		return "one number"
	}
	return s
}
