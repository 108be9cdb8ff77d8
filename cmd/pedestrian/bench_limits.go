package main

import (
	"strings"
	"time"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

func limitCases() []benchCase {
	peak := func(b *bench, r *figures) error {
		r.Flop = 1e9
		for range b.repeats(20) {
			r.MS = append(r.MS, 1e3/b.peak(r.Name))
		}
		return nil
	}
	return []benchCase{
		{name: "limit/fma/float32", run: peak}, {name: "limit/dots/bf16", run: peak},
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
// the path has them, of float32 otherwise. The goroutines end with it, so that no
// worker that spins for more is left beside what is measured next.
func (b *bench) peak(name string) (rate float64) {
	busy := kernel.FMA
	if strings.HasSuffix(name, "/bf16") && kernel.Dots(1) > 0 {
		busy = kernel.Dots
	}
	rates := make(chan float64)
	for range b.threads {
		go func() {
			start, operations := time.Now(), 0.0
			for time.Since(start) < 3*time.Millisecond {
				operations += busy(5000)
			}
			rates <- operations / float64(time.Since(start))
		}()
	}
	for range b.threads {
		rate += <-rates
	}
	return rate
}

// against measures f repeat times, after one time to warm up, in up to five runs with
// the peak of its precision between them. of_peak is the ratio of the medians.
func (b *bench) against(r *figures, repeat int, f func()) {
	f()
	var peak []float64
	for runs := min(repeat, 5); runs > 0; runs-- {
		peak = append(peak, b.peak(r.Name))
		for range repeat / runs {
			r.MS = append(r.MS, timed(f))
		}
		repeat -= repeat / runs
	}
	r.OfPeak = r.Flop / median(r.MS) / 1e6 / median(peak)
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
