package studio

import (
	"cmp"
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// singular is the singular values of a matrix, the largest first, by one-sided Jacobi rotations:
// its rows, or columns where these are fewer, are turned in pairs until all are orthogonal; their
// lengths are the singular values. Small ones are as precise, relative to the largest, as
// rounding allows.
func singular(a paper.Mat) []float64 {
	if a.N > a.D {
		a = a.T()
	}
	w := paper.Mat{N: a.N, D: a.D, V: slices.Clone(a.V)}
	for range 60 { // some ten are enough
		turned := false
		for i := range w.N {
			for j := range i {
				x, y := w.Row(i), w.Row(j)
				var xx, yy, xy float64
				for k := range x {
					xx, yy, xy = xx+x[k]*x[k], yy+y[k]*y[k], xy+x[k]*y[k]
				}
				if math.Abs(xy) <= 1e-16*math.Sqrt(xx*yy) {
					continue
				}
				turned = true
				zeta := (yy - xx) / (2 * xy)
				t := 1 / (math.Abs(zeta) + math.Hypot(1, zeta))
				if zeta < 0 {
					t = -t
				}
				c := 1 / math.Hypot(1, t)
				for k := range x {
					x[k], y[k] = c*(x[k]-t*y[k]), c*(y[k]+t*x[k])
				}
			}
		}
		if !turned {
			break
		}
	}
	s := make([]float64, w.N)
	for i := range s {
		for _, x := range w.Row(i) {
			s[i] = math.Hypot(s[i], x)
		}
	}
	slices.SortFunc(s, func(a, b float64) int { return cmp.Compare(b, a) })
	return s
}

// rankOf counts the singular values that are more than rounding of the largest.
func rankOf(s []float64) (n int) {
	for _, x := range s {
		if x > lawRounding*s[0] {
			n++
		}
	}
	return n
}
