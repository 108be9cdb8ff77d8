package hub

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// TestHeadInPieces reads logits of their own that are longer than what is read at once.
func TestHeadInPieces(t *testing.T) {
	p := pedestrian.NewParams[float32](pedestrian.Config{Vocab: 2*rowsAtOnce + 23, Context: 3, Width: 6, Heads: 2, Blocks: 1,
		Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true})
	for _, x := range p.Tensors() {
		for i := range x.V {
			x.V[i] = float32(i%1021) / 1024
		}
	}
	path := filepath.Join(t.TempDir(), "m")
	if err := SaveHuggingFace(path, &Model[float32]{Params: p}, SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	m, err := Load[float32](d, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.Params.Logits.W.V, p.Logits.W.V) || !slices.Equal(m.Params.Slab, p.Slab) {
		t.Error("what comes back is not what was written")
	}
}

// TestFileThatFitsExactly: a file of weights may be as large as it may be.
func TestFileThatFitsExactly(t *testing.T) {
	p := pedestrian.NewParams[float32](pedestrian.Config{Vocab: 8, Context: 3, Width: 6, Heads: 2, Blocks: 1,
		Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, Tied: true})
	for less, files := range []int{1, 3} { // two of weights and the index
		path := filepath.Join(t.TempDir(), "m")
		if err := SaveHuggingFace(path, &Model[float32]{Params: p}, SaveOptions{MaxShard: 4*int64(p.Count()) - int64(less)}); err != nil {
			t.Fatal(err)
		}
		names, err := filepath.Glob(filepath.Join(path, "model*"))
		if err != nil || len(names) != files {
			t.Errorf("%d bytes less than all: %d files, not %d: %v, %v", less, len(names), files, names, err)
		}
	}
}
