package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestNothingIsLeftOver: a pool's scratch holds what the product before was packed to,
// here NaN, and the next product, whose terms do not fill it, sees none of that.
func TestNothingIsLeftOver(t *testing.T) {
	nan := func(rows, cols int) (MatBF16, Mat[float32]) {
		m := NewMat[float32](rows, cols)
		h := NewMatBF16(rows, cols)
		for i := range m.V {
			m.V[i] = float32(math.NaN())
		}
		for i := range h.V {
			h.V[i] = 0x7fc0
		}
		return h, m
	}
	eachPath(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 8))
		eachPool(func(p *Pool) {
			bad, bad32 := nan(96, 96)
			into := NewMat[float32](96, 96)
			spoil := func() {
				mulNNBF16(p, into, bad, bad, nil, false)
				MulTNBF16(p, into, bad, bad, false)
				MulNN(p, into, bad32, bad32, nil, false)
				MulTN(p, into, bad32, bad32, false)
			}
			for _, k := range []int{1, 7, 31, 33, 50, 65} {
				m, n := 1+r.IntN(70), 1+r.IntN(70)
				a, a32 := randomBF16(r, m, k, 3)
				b, b32 := randomBF16(r, k, n, 5)
				at, bt := transposeBF16(a, 2), transposeBF16(b, 1)
				at32, bt32 := transpose(a32, 2), transpose(b32, 1)
				for name, f := range map[string]func(c Mat[float32]){
					"MulNNBF16": func(c Mat[float32]) { mulNNBF16(p, c, a, b, nil, false) },
					"MulNTBF16": func(c Mat[float32]) { mulNTBF16(p, c, a, bt, false) },
					"MulTNBF16": func(c Mat[float32]) { MulTNBF16(p, c, at, b, false) },
					"MulNN":     func(c Mat[float32]) { MulNN(p, c, a32, b32, nil, false) },
					"MulNT":     func(c Mat[float32]) { MulNT(p, c, a32, bt32, false) },
					"MulTN":     func(c Mat[float32]) { MulTN(p, c, at32, b32, false) },
				} {
					c := NewMat[float32](m, n)
					spoil()
					f(c)
					if slices.ContainsFunc(c.V, func(v float32) bool { return v != v }) {
						t.Errorf("%s of %d×%d×%d has numbers of the product before", name, m, k, n)
					}
				}
			}
		})
	})
}
