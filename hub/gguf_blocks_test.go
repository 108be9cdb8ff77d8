package hub

import (
	"path/filepath"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gguf"
)

// TestRowsOfHalfABlock: with rows of 48 a matrix is no whole number of blocks of Q8_0, and
// is written in half precision; one with rows of 96 is quantized.
func TestRowsOfHalfABlock(t *testing.T) {
	p := pedestrian.NewParams[float32](pedestrian.Config{Vocab: 256, Context: 4, Width: 48, Heads: 2, Blocks: 1, Hidden: 96,
		Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, Tied: true})
	path := filepath.Join(t.TempDir(), "m.gguf")
	writeGGUF(t, path, p, gguf.Q8_0)
	f, _ := openGGUF(t, path)
	for name, want := range map[string]gguf.Type{"blk.0.ffn_up.weight": gguf.F16, "blk.0.ffn_down.weight": gguf.Q8_0, "token_embd.weight": gguf.F16} {
		if tensor, ok := f.Tensor(name); !ok || tensor.Type != want {
			t.Errorf("%s: %v of %s, want %s", name, ok, tensor.Type, want)
		}
	}
}
