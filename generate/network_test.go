package generate

import (
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/internal/random"
	"github.com/pedestrian-ml/pedestrian/token"
)

// writer is a network with random weights, large enough for text that varies.
func writer(t *testing.T, tok *token.Tokenizer, change func(*pedestrian.Config)) *Writer {
	t.Helper()
	return writerIn(t, tok, engine.Float32, change)
}

func writerIn(t *testing.T, tok *token.Tokenizer, precision engine.Precision, change func(*pedestrian.Config)) *Writer {
	t.Helper()
	c := pedestrian.Config{Vocab: tok.Vocab() + 3, Context: 11, Width: 16, Heads: 2, Blocks: 2, Activation: pedestrian.GELU, Eps: 1e-5, Bias: true, Tied: true}
	if change != nil {
		change(&c)
	}
	p := pedestrian.NewParams[float32](c)
	for _, v := range p.Tensors() {
		key := random.Key(v.Name)
		for i := range v.V {
			switch x, _ := random.Normals(8, random.Weights, key, uint64(i)); v.Role {
			case pedestrian.Matrix, pedestrian.Table:
				v.V[i] = float32(0.4 * x)
			case pedestrian.Gain:
				v.V[i] = 1
			}
		}
	}
	net := engine.New(p, nil, engine.Options{Threads: 2, Precision: precision})
	t.Cleanup(net.Close)
	return NewWriter(net, c, tok)
}

func chars(t *testing.T) *token.Tokenizer {
	t.Helper()
	tok, err := token.NewChars("abcdefghij\n é")
	if err != nil {
		t.Fatal(err)
	}
	return tok
}
