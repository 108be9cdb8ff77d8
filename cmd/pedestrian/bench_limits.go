package main

import (
	"strings"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

func limitCases() []benchCase {
	peak := func(b *bench, r *figures) error {
		for range b.repeats(20) {
			r.MS = append(r.MS, timed(func() { r.Flop = b.busy(r.Name, 30000) }))
		}
		return nil
	}
	return []benchCase{
		{name: "limit/fma/float32", run: peak}, {name: "limit/tiles/bf16", run: peak},
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
			r.Bytes = float64(8 * len(m.x))
			for range b.repeats(7) {
				r.MS = append(r.MS, timed(func() { b.pool.Run(m.parts(), m) }))
			}
			r.MS = r.MS[min(1, len(r.MS)-1):] // the first touches the memory
			return nil
		}},
	}
}

// busy runs n rounds of multiply-adds on every thread and tells how many operations
// that were: of bf16 tiles if that is the precision of the case and there are any, of
// float32 vectors otherwise.
func (b *bench) busy(name string, n int) (operations float64) {
	t := &fmaTask{n: n, operations: make([]float64, b.threads), dots: kernel.FMA}
	if strings.HasSuffix(name, "/bf16") && kernel.TileDots(1) > 0 {
		t.dots = kernel.TileDots
	}
	b.pool.Run(b.threads, t)
	for _, o := range t.operations {
		operations += o
	}
	return operations
}

type fmaTask struct {
	n          int
	operations []float64
	dots       func(n int) (operations float64)
}

func (t *fmaTask) Do(_ *kernel.Pool, part int) { t.operations[part] = t.dots(t.n) }

// against measures f repeat times, after one time to warm up, and between any two the
// peak of its precision; flop are the operations of f. of_peak is the ratio of the medians.
func (b *bench) against(r *figures, repeat int, f func()) {
	f()
	var peak []float64
	for range repeat {
		var flop float64
		ms := timed(func() { flop = b.busy(r.Name, 30000) })
		peak = append(peak, flop/ms/1e6)
		r.MS = append(r.MS, timed(f))
	}
	r.OfPeak = r.Flop / median(r.MS) / 1e6 / median(peak)
}

// memory is a task that reads x, or copies it to y.
type memory struct{ x, y []float32 }

const memoryPart = 1 << 18

func newMemory(n int) *memory {
	m := &memory{x: make([]float32, n)}
	for i := range m.x {
		m.x[i] = 1
	}
	return m
}

func (m *memory) parts() int { return len(m.x) / memoryPart }

func (m *memory) Do(_ *kernel.Pool, part int) {
	x := m.x[part*memoryPart:][:memoryPart]
	if m.y != nil {
		copy(m.y[part*memoryPart:], x)
		return
	}
	kernel.Max(x)
}
