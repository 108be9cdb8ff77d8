package kernel

import (
	"flag"
	"fmt"
	"testing"
	"time"
)

// Benchmarks of products report rates beside that of FMA, measured in turn, as
//
//	go test -run - -bench Products -benchtime 1x ./internal/kernel
//
// in short samples, of which the best counts: on a machine that others use, too,
// that comes closest to the truth.
var (
	sampleTime = flag.Duration("sample", 200*time.Millisecond, "time for one measurement")
	onThreads  = flag.Int("on", 0, "threads of the products; 0: 1 and all")
)

type peakTask struct {
	n          int
	run        func(n int) float64
	operations float64
}

func (t *peakTask) Do(*Pool, int) { t.operations = t.run(t.n) }

// fraction returns the rate of f, which does some operations, and that of FMA,
// both in operations a nanosecond.
func fraction(p *Pool, operations float64, f func()) (rate, peak float64) {
	return fractionOf(p, operations, f, FMA)
}

func fractionOf(p *Pool, operations float64, f func(), limit func(n int) float64) (rate, peak float64) {
	busy := &peakTask{n: 10000, run: limit}
	f()
	t := time.Now()
	f()
	reps := max(1, int(time.Millisecond/(time.Since(t)+1)))
	for start, i := time.Now(), 0; i < 4 || time.Since(start) < *sampleTime; i++ {
		t := time.Now()
		p.Run(p.Threads(), busy)
		peak = max(peak, float64(p.Threads())*busy.operations/float64(time.Since(t)))
		t = time.Now()
		for range reps {
			f()
		}
		rate = max(rate, float64(reps)*operations/float64(time.Since(t)))
	}
	return rate, peak
}

// fill writes to memory, which else would all be one page of zeros. Small integers
// are subnormal bf16: those are made from the bits of 1.
func fill[T float32 | BF16 | byte](v []T) {
	base := T(0)
	if one, ok := any(&base).(*BF16); ok {
		*one = 0x3f80
	}
	for i := range v {
		v[i] = base + T(i%7)
	}
}

// filled is a new matrix with numbers in it.
func filled(rows, cols int) Mat[float32] {
	m := NewMat[float32](rows, cols)
	fill(m.V)
	return m
}

func eachThreads(f func(p *Pool)) {
	for _, n := range []int{1, NewPool(0).Threads()} {
		if *onThreads == 0 || *onThreads == n {
			p := NewPool(n)
			f(p)
			p.Close()
		}
	}
}

func BenchmarkProducts(b *testing.B) {
	eachThreads(func(p *Pool) {
		for _, s := range [][3]int{
			{64, 64, 64}, {64, 32, 64}, {64, 64, 32}, {128, 128, 128}, {768, 384, 128}, {768, 128, 384}, {768, 512, 128},
			{256, 768, 768}, {256, 2304, 768}, {256, 3072, 768}, {256, 768, 3072},
			{1024, 768, 768}, {1024, 3072, 768}, {1024, 768, 3072}, {768, 3072, 1024},
			{256, 50257, 768}, {256, 768, 50257}, {50257, 768, 256},
			{1, 768, 768}, {1, 3072, 768}, {8, 3072, 768},
		} {
			m, n, k := s[0], s[1], s[2]
			x, y, z := NewMat[float32](m, k), NewMat[float32](k, n), NewMat[float32](m, n)
			xt, yt := NewMat[float32](k, m), NewMat[float32](n, k)
			for _, v := range []Mat[float32]{x, y, xt, yt} {
				fill(v.V)
			}
			for form, f := range map[string]func(){
				"NN": func() { MulNN(p, z, x, y, nil, false) },
				"NT": func() { MulNT(p, z, x, yt, false) },
				"TN": func() { MulTN(p, z, xt, y, true) },
			} {
				b.Run(fmt.Sprintf("threads=%d/%d×%d×%d/%s", p.Threads(), m, n, k, form), func(b *testing.B) {
					var rate, peak float64
					for range b.N {
						rate, peak = fraction(p, 2*float64(m)*float64(n)*float64(k), f)
					}
					b.ReportMetric(rate, "GFLOP/s")
					b.ReportMetric(100*rate/peak, "%peak")
					b.ReportMetric(0, "ns/op")
				})
			}
		}
	})
}

// BenchmarkSlices reports the best time for an element, on each path.
func BenchmarkSlices(b *testing.B) {
	const n = 3072
	v := make([][]float32, 6)
	for i := range v {
		v[i] = make([]float32, n)
		for j := range v[i] {
			v[i][j] = float32((j*7+i)%13)/4 - 1.5
		}
	}
	x, y, z, w, g, h := v[0], v[1], v[2], v[3], v[4], v[5]
	x3 := Mat[float32]{4, n / 4, n / 4, x}
	step := &AdamWStep[float32]{1, 0.9, 0.1, 0.99, 0.01, 1e-3, 1, 1e-8, 1}
	for _, path := range Paths() {
		for _, c := range []struct {
			name string
			f    func()
		}{
			{"Dot", func() { Dot(x, y) }},
			{"Axpy", func() { Axpy(z, 0, x) }},
			{"Add", func() { Add(z, x); Axpy(z, -1, x) }},
			{"AddRows", func() { AddRows(z[:n/4], x3) }},
			{"Max", func() { Max(x) }},
			{"SumSquares", func() { SumSquares(x) }},
			{"Exp", func() { copy(z, x); expSlice(z) }},
			{"ExpSum", func() { copy(z, x); ExpSum(z, 1, 2) }},
			{"Softmax", func() { copy(z, x); Softmax(z, 1) }},
			{"CrossEntropy", func() { copy(z, x); CrossEntropy(z, 7, 1) }},
			{"GELU", func() { GELU(y, x) }},
			{"GELUBackward", func() { GELUBackward(z, y, w, x) }},
			{"GELUTanh", func() { GELUTanh(y, x) }},
			{"GELUTanhBackward", func() { GELUTanhBackward(z, y, w, x) }},
			{"LayerNorm", func() { LayerNorm(y, z, x, w, g, 1e-5) }},
			{"LayerNormBackward", func() { clear(h); LayerNormBackward(h, z, g, x, w, y, 1) }},
			{"AdamW", func() { AdamW(w, x, z, h, step) }},
		} {
			b.Run(path.String()+"/"+c.name, func(b *testing.B) {
				defer Use(Use(path))
				clear(h)
				best := time.Hour
				for range b.N {
					for range 200 {
						t := time.Now()
						for range 4 {
							c.f()
						}
						best = min(best, time.Since(t))
					}
				}
				b.ReportMetric(float64(best)/4/n, "ns/element")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkProductsBF16 holds products of bf16 matrices against those of operands
// that stay in registers.
func BenchmarkProductsBF16(b *testing.B) {
	eachThreads(func(p *Pool) {
		for _, s := range [][3]int{
			{64, 64, 64}, {256, 768, 768}, {256, 2304, 768}, {256, 3072, 768}, {256, 768, 3072},
			{1024, 768, 768}, {1024, 2304, 768}, {1024, 3072, 768}, {1024, 768, 3072}, {768, 3072, 1024}, {3072, 768, 1024}, {256, 50257, 768}, {256, 768, 50257}, {50257, 768, 512},
		} {
			m, n, k := s[0], s[1], s[2]
			x, y, z := NewMatBF16(m, k), NewMatBF16(k, n), NewMat[float32](m, n)
			xt, yt := NewMatBF16(k, m), NewMatBF16(n, k)
			for _, v := range []MatBF16{x, y, xt, yt} {
				fill(v.V)
			}
			w := NewPackedBF16(k, n, true, false)
			w.Pack(p, Weight[float32]{Mat: filled(k, n)})
			wt := NewPackedBF16(n, k, false, true)
			wt.Pack(p, Weight[float32]{Mat: filled(n, k)})
			forms := []struct {
				name string
				f    func()
			}{
				{"packed", func() { MulPacked(p, z, x, w, nil, false) }},
				{"packedT", func() { MulPackedT(p, z, x, wt, false) }},
				{"NN", func() { mulNNBF16(p, z, x, y, nil, false) }},
				{"NT", func() { mulNTBF16(p, z, x, yt, false) }},
				{"TN", func() { MulTNBF16(p, z, xt, y, true) }},
			}
			for _, form := range forms {
				b.Run(fmt.Sprintf("threads=%d/%d×%d×%d/%s", p.Threads(), m, n, k, form.name), func(b *testing.B) {
					var rate, peak float64
					for range b.N {
						rate, peak = fractionOf(p, 2*float64(m)*float64(n)*float64(k), form.f, Dots)
					}
					b.ReportMetric(rate, "GFLOP/s")
					b.ReportMetric(100*rate/peak, "%peak")
					b.ReportMetric(0, "ns/op")
				})
			}
		}
	})
}
