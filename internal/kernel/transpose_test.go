package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestTranspose(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(41, 42))
		for rows := range 36 {
			for _, cols := range []int{0, 1, 7, 8, 15, 16, 17, 40} {
				src := random[float32](r, rows, cols, r.IntN(4))
				dst := random[float32](r, cols, rows, 1+r.IntN(4))
				Transpose(dst, src)
				for i := range dst.V {
					j, k := i/dst.Stride, i%dst.Stride
					switch {
					case j < cols && k < rows && dst.V[i] != src.Row(k)[j]:
						t.Fatalf("%d×%d: [%d][%d] is %v, not %v", rows, cols, j, k, dst.V[i], src.Row(k)[j])
					case k >= rows && !math.IsNaN(float64(dst.V[i])):
						t.Fatalf("%d×%d: wrote outside the view", rows, cols)
					}
				}
			}
		}
	})
	a := random[float64](rand.New(rand.NewPCG(1, 2)), 3, 5, 0)
	b := NewMat[float64](5, 3)
	Transpose(b, a)
	if b.Row(4)[2] != a.Row(2)[4] {
		t.Error("float64 is not transposed")
	}
}
