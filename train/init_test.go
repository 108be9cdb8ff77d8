package train

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

func TestInit(t *testing.T) {
	c := pedestrian.Config{Vocab: 300, Context: 100, Width: 96, Heads: 4, Blocks: 3, Activation: pedestrian.GELU, Bias: true, LogitsBias: true}
	p := pedestrian.NewParams[float32](c)
	Init(p, 1)
	for _, v := range p.Tensors() {
		sum, square := 0.0, 0.0
		for _, x := range v.V {
			sum += float64(x)
			square += float64(x) * float64(x)
		}
		n := float64(len(v.V))
		mean, std := sum/n, math.Sqrt(square/n)
		want := 0.02
		switch {
		case v.Role == pedestrian.Gain:
			if mean != 1 || std != 1 {
				t.Errorf("gain %s: mean %g, root mean square %g", v.Name, mean, std)
			}
			continue
		case v.Vec():
			if std != 0 {
				t.Errorf("bias %s is not zero", v.Name)
			}
			continue
		case strings.Contains(v.Name, "attProj") || strings.Contains(v.Name, "contract"):
			want = 0.02 / math.Sqrt(6)
		}
		if math.Abs(mean) > 5*want/math.Sqrt(n) || math.Abs(std/want-1) > 5/math.Sqrt(2*n) {
			t.Errorf("%s: mean %g, deviation %g, want 0 and %g", v.Name, mean, std, want)
		}
	}
}

// The same bits on every machine: the digest of the weights of a network, which is
// this one wherever it is computed.
func TestInitBits(t *testing.T) {
	c := pedestrian.Config{Vocab: 17, Context: 5, Width: 6, Heads: 2, Blocks: 2, Activation: pedestrian.GELU, Bias: true}
	p := pedestrian.NewParams[float32](c)
	Init(p, 42)
	h := sha256.New()
	for _, v := range p.Tensors() {
		for _, x := range v.V {
			h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(x)))
		}
	}
	const want = "3612d53d840f10af1731af88f965e60ad6599234fa394a149aeb9f5e87eec4b6"
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
	// A tensor keeps its numbers when others come: they depend on its name.
	c.Blocks, c.Tied = 3, true
	q := pedestrian.NewParams[float32](c)
	Init(q, 42)
	if q.Tok.V[3] != p.Tok.V[3] || q.Blocks[1].QKV.W.V[5] != p.Blocks[1].QKV.W.V[5] {
		t.Error("a tensor's numbers depend on the other tensors")
	}
}
