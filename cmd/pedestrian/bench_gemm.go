package main

import (
	"fmt"
	"time"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// gemms are the products of training steps, m×n from k terms: those of GPT-2 at 1024
// and at 256 tokens, then those of the character network.
var gemms = []struct {
	form    string
	m, n, k int
	long    bool
}{
	{"nn", 1024, 2304, 768, false}, {"nn", 1024, 768, 768, false}, {"nn", 1024, 3072, 768, false}, {"nn", 1024, 768, 3072, false},
	{"nn", 1024, 50257, 768, true}, {"nn", 256, 2304, 768, false}, {"nn", 256, 3072, 768, false},
	{"nt", 1024, 768, 2304, false}, {"nt", 1024, 768, 3072, false}, {"nt", 1024, 3072, 768, false}, {"nt", 256, 50257, 768, true},
	{"tn", 768, 2304, 1024, false}, {"tn", 768, 3072, 1024, false}, {"tn", 3072, 768, 1024, false},
	{"nn", 768, 512, 128, false}, {"nt", 768, 128, 512, false}, {"tn", 128, 512, 768, false},
	{"nn", 1, 3072, 768, false}, {"nt", 1, 50257, 768, false},
}

func gemmCases() (cases []benchCase) {
	for _, g := range gemms {
		cases = append(cases, benchCase{fmt.Sprintf("gemm/%s/%dx%dx%d/float32", g.form, g.m, g.n, g.k), g.long, func(b *bench, r *figures) error {
			c, f := kernel.NewMat[float32](g.m, g.n), func() {}
			p := b.pool
			switch g.form {
			case "nn":
				x, w := ones(g.m, g.k), ones(g.k, g.n)
				f = func() { kernel.MulNN(p, c, x, w, nil, false) }
			case "nt":
				dy, w := ones(g.m, g.k), ones(g.n, g.k)
				f = func() { kernel.MulNT(p, c, dy, w, false) }
			case "tn":
				x, dy := ones(g.k, g.m), ones(g.k, g.n)
				f = func() { kernel.MulTN(p, c, x, dy, true) }
			}
			r.Flop = 2 * float64(g.m) * float64(g.n) * float64(g.k)
			// Short products are repeated, since a clock is read between.
			f()
			start := time.Now()
			f()
			n := max(1, int(2*time.Millisecond/max(time.Since(start), 1)))
			r.Flop *= float64(n)
			b.against(r, b.repeats(15), func() {
				for range n {
					f()
				}
			})
			r.Flop /= float64(n)
			for i := range r.MS {
				r.MS[i] /= float64(n)
			}
			return nil
		}})
	}
	return cases
}

func ones(rows, cols int) kernel.Mat[float32] {
	m := kernel.NewMat[float32](rows, cols)
	for i := range m.V {
		m.V[i] = 1 + float32(i%7)/16
	}
	return m
}
