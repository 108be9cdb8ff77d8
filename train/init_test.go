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

func TestLnEqualsLog(t *testing.T) {
	// Both are within 1 ulp of the truth, or of 1e-16 near 1.
	for i := range 100000 {
		x := uniform(1, streamWeights, uint64(i), 0, 0)
		for _, x := range []float64{x, x * 1e-300, 1 / x, 1 + x*1e-9} {
			if a, b := ln(x), math.Log(x); math.Abs(a-b) > 4e-16*math.Max(1, math.Abs(b)) {
				t.Fatalf("ln %g = %g, math.Log %g", x, a, b)
			}
		}
	}
}

func TestUniform(t *testing.T) {
	const n = 200000
	sum, square := 0.0, 0.0
	for i := range n {
		u := uniform(7, streamSampling, uint64(i), 0, 0)
		if !(u > 0 && u < 1) {
			t.Fatalf("%g is not inside (0, 1)", u)
		}
		sum += u
		square += u * u
	}
	// Standard errors: √(1/12n) = 6.5e-4 and √(4/45n) = 6.7e-4; five of them.
	if math.Abs(sum/n-0.5) > 3.3e-3 || math.Abs(square/n-1.0/3) > 3.4e-3 {
		t.Errorf("mean %g, mean square %g", sum/n, square/n)
	}
	if uniform(1, streamSampling, 1, 2, 3) == uniform(1, streamWeights, 1, 2, 3) || uniform(1, streamWeights, 1, 2, 3) == uniform(2, streamWeights, 1, 2, 3) {
		t.Error("streams or seeds share numbers")
	}
}

func TestNormals(t *testing.T) {
	const n = 200000
	var m1, m2, m4, cross float64
	for i := range n {
		x, y := normals(3, streamWeights, 0, uint64(i))
		m1 += x + y
		m2 += x*x + y*y
		m4 += x*x*x*x + y*y*y*y
		cross += x * y
	}
	// Five standard errors of 2n draws: of the mean 1/√2n, of x² √2/√2n, of x⁴ √96/√2n.
	if e := 5 / math.Sqrt(2*n); math.Abs(m1/(2*n)) > e || math.Abs(m2/(2*n)-1) > e*math.Sqrt2 || math.Abs(m4/(2*n)-3) > e*math.Sqrt(96) || math.Abs(cross/n) > e*math.Sqrt2 {
		t.Errorf("mean %g, variance %g, fourth moment %g, product %g", m1/(2*n), m2/(2*n), m4/(2*n), cross/n)
	}
}

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
