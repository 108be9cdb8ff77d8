package main

import (
	"strings"
	"time"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

func limitCases() []benchCase {
	rate := func(of func(b *bench, name string) float64) func(b *bench, r *figures) error {
		return func(b *bench, r *figures) error {
			r.Flop = 1e9
			for range b.repeats(20) {
				r.MS = append(r.MS, 1e3/of(b, r.Name))
			}
			return nil
		}
	}
	peak, own := rate((*bench).peak), rate((*bench).kernelLimit)
	return []benchCase{
		{name: "limit/fma/float32", run: peak}, {name: "limit/dots/bf16", run: peak},
		{name: "limit/kernel/float32", run: own}, {name: "limit/kernel/bf16", run: own},
		{name: "limit/read/float32", run: func(b *bench, r *figures) error {
			m := newMemory(1 << 28)
			r.Bytes = float64(4 * len(m.x))
			for range b.repeats(7) {
				r.MS = append(r.MS, timed(func() { b.pool.Run(m.parts(), m) }))
			}
			return nil
		}},
		{name: "limit/copy/float32", run: func(b *bench, r *figures) error {
			m := newMemory(1 << 27)
			m.y = make([]float32, len(m.x))
			kernel.HugePages(m.y)
			r.Bytes = float64(8 * len(m.x))
			for range b.repeats(7) {
				r.MS = append(r.MS, timed(func() { b.pool.Run(m.parts(), m) }))
			}
			r.MS = r.MS[min(1, len(r.MS)-1):] // the first touches the memory
			return nil
		}},
	}
}

// peak is the rate of multiplications and additions on registers, on every thread at
// once, in GFLOP/s: of dot products in bf16 if that is the precision of the case and
// the path has them, of float32 otherwise.
func (b *bench) peak(name string) float64 {
	if strings.HasSuffix(name, "/bf16") && kernel.Dots(1) > 0 {
		return b.rate(kernel.Dots, 5000)
	}
	return b.rate(kernel.FMA, 5000)
}

// kernelLimit is the rate, in GFLOP/s, of the tile kernel of the case's precision alone, on
// every thread at once, with operands in the first-level cache. A tenant on the other
// thread of a core slows loads, and so this limit, but not the peak.
func (b *bench) kernelLimit(name string) float64 {
	if strings.HasSuffix(name, "/bf16") && kernel.TilesBF16(1) > 0 {
		return b.rate(kernel.TilesBF16, 200)
	}
	return b.rate(kernel.Tiles, 200)
}

// rate is how many operations f(n) does in a nanosecond, on every thread at once. The
// goroutines end with it, so that no worker that spins for more is left beside what is
// measured next.
func (b *bench) rate(f func(n int) float64, n int) (sum float64) {
	rates := make(chan float64)
	for range b.threads {
		go func() {
			start, operations := time.Now(), 0.0
			for time.Since(start) < 3*time.Millisecond {
				operations += f(n)
			}
			rates <- operations / float64(time.Since(start))
		}()
	}
	for range b.threads {
		sum += <-rates
	}
	return sum
}

// against measures f repeat times, after one time to warm up, in up to five runs with
// the two limits of its precision between them. of_peak and of_kernel are ratios of medians.
func (b *bench) against(r *figures, repeat int, f func()) {
	f()
	var peak, own []float64
	for runs := min(repeat, 5); runs > 0; runs-- {
		peak, own = append(peak, b.peak(r.Name)), append(own, b.kernelLimit(r.Name))
		for range repeat / runs {
			r.MS = append(r.MS, timed(f))
		}
		repeat -= repeat / runs
	}
	rate := r.Flop / median(r.MS) / 1e6
	r.OfPeak, r.OfKernel = rate/median(peak), rate/median(own)
}

// A traffic is a task that reads x, or copies it to y.
type traffic struct{ x, y []float32 }

const memoryPart = 1 << 18

func newMemory(n int) *traffic {
	m := &traffic{x: make([]float32, n)}
	kernel.HugePages(m.x)
	for i := range m.x {
		m.x[i] = 1
	}
	return m
}

func (m *traffic) parts() int { return len(m.x) / memoryPart }

func (m *traffic) Do(_ *kernel.Pool, part int) {
	x := m.x[part*memoryPart:][:memoryPart]
	if m.y != nil {
		copy(m.y[part*memoryPart:], x)
		return
	}
	kernel.Max(x)
}
