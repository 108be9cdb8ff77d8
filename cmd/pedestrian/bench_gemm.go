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
		add := func(precision string, product func(p *kernel.Pool) func()) {
			cases = append(cases, benchCase{fmt.Sprintf("gemm/%s/%dx%dx%d/%s", g.form, g.m, g.n, g.k, precision), g.long, func(b *bench, r *figures) error {
				r.Flop = 2 * float64(g.m) * float64(g.n) * float64(g.k)
				b.many(r, product(b.pool))
				return nil
			}})
		}
		// x and y are the operands as they lie, z the result.
		rows, cols := [3]int{g.m, g.k, g.m}, [3]int{g.k, g.n, g.n}
		switch g.form {
		case "nt":
			rows[1], cols[1] = g.n, g.k
		case "tn":
			rows[0], cols[0] = g.k, g.m
		}
		add("float32", func(p *kernel.Pool) func() {
			x, y, z := ones(rows[0], cols[0]), ones(rows[1], cols[1]), ones(rows[2], cols[2])
			switch g.form {
			case "nn":
				return func() { kernel.MulNN(p, z, x, y, nil, false) }
			case "nt":
				return func() { kernel.MulNT(p, z, x, y, false) }
			}
			return func() { kernel.MulTN(p, z, x, y, true) }
		})
		add("bf16", func(p *kernel.Pool) func() {
			x, y, z := onesBF16(rows[0], cols[0]), onesBF16(rows[1], cols[1]), ones(rows[2], cols[2])
			w := kernel.NewPackedBF16(rows[1], cols[1], g.form == "nn", g.form == "nt") // weights lie packed
			w.Pack(p, kernel.Weight[float32]{Mat: ones(rows[1], cols[1])})
			switch g.form {
			case "nn":
				return func() { kernel.MulPacked(p, z, x, w, nil, false) }
			case "nt":
				return func() { kernel.MulPackedT(p, z, x, w, false) }
			}
			return func() { kernel.MulTNBF16(p, z, x, y, true) }
		})
	}
	return cases
}

// many measures f, repeated until a clock can see it.
func (b *bench) many(r *figures, f func()) {
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
}

func onesBF16(rows, cols int) kernel.MatBF16 {
	m, f := kernel.NewMatBF16(rows, cols), ones(rows, cols)
	for i := range rows {
		kernel.RoundBF16(m.Row(i), f.Row(i))
	}
	return m
}

func ones(rows, cols int) kernel.Mat[float32] {
	m := kernel.NewMat[float32](rows, cols)
	for i := range m.V {
		m.V[i] = 1 + float32(i%7)/16
	}
	return m
}
