package engine

import (
	"runtime"
	"testing"
)

// TestSameBits trains with dropout on different numbers of threads.
func TestSameBits(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testSameBits[float32](t, "", 1, 2, 3, 8) })
	t.Run("float64", func(t *testing.T) { testSameBits[float64](t, "", 1, 2, 5) })
	t.Run("bf16", func(t *testing.T) { testSameBits[float32](t, BF16, 1, 2, 5) })
}

func testSameBits[T Float](t *testing.T, precision Precision, threads ...int) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(16))
	testSameBitsOf[T](t, bigger, precision, threads...)
	testSameBitsOf[T](t, biggest(), precision, threads[0], threads[2])
	testSameBitsOf[T](t, biggestLlama, precision, 1, 3, 16)
}

func testSameBitsOf[T Float](t *testing.T, cs testCase, precision Precision, threads ...int) {
	var first []T
	for _, threads := range threads {
		p, lora := convert[T](cs.params(1))
		b := cs.packed(2)
		n := New(p, lora, Options{Batch: b.B, Threads: threads, Dropout: 0.2, Seed: 9, Chunk: 32, Precision: precision})
		if n.pool.Threads() != threads {
			t.Fatalf("a pool of %d threads, not %d", n.pool.Threads(), threads)
		}
		dp, m, v := like(p), like(p), like(p)
		da, ma, va := likeAdapter(lora), likeAdapter(lora), likeAdapter(lora)
		var trail []T
		for step := 1; step <= 2; step++ {
			dp.Zero()
			clear(da.Slab)
			sum, _ := n.Gradients(dp, da, b, 0.01, uint64(step))
			norm := n.Norm2(dp.Slab)
			trail = append(append(append(trail, T(sum), T(norm)), dp.Slab...), da.Slab...)
			h := AdamW{LR: 1e-2, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, Decay: 0.1}
			n.AdamW(h, step, 1/norm, p, dp, m, v)
			n.AdamWAdapter(h, step, 1/norm, lora, da, ma, va)
		}
		trail = append(append(trail, p.Slab...), lora.Slab...)
		n.Close()
		if first == nil {
			first = trail
		}
		for i := range trail {
			if trail[i] != first[i] {
				t.Errorf("%d threads: number %d of %d is %v, with one thread %v", threads, i, len(trail), trail[i], first[i])
				break
			}
		}
	}
}

// TestNoAllocation counts the allocations of whole training steps.
func TestNoAllocation(t *testing.T) {
	for i, cs := range []testCase{cases[1], bigger, biggest(), biggestLlama, cases[1], bigger, biggest(), biggestLlama} {
		for _, threads := range []int{1, 2} {
			precision := []Precision{Float32, BF16}[i/4]
			p, lora := convert[float32](cs.params(1))
			b := cs.packed(2)
			n := New(p, lora, Options{Batch: b.B, Threads: threads, Dropout: 0.1, Recompute: threads == 2, Precision: precision})
			dp, m, v := like(p), like(p), like(p)
			da, ma, va := likeAdapter(lora), likeAdapter(lora), likeAdapter(lora)
			step := 0
			allocs := testing.AllocsPerRun(2, func() {
				step++
				n.Gradients(dp, da, b, 1, uint64(step))
				n.Gradients(nil, da, b, 1, uint64(step))
				n.Loss(b)
				h := AdamW{LR: 1e-3, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8}
				n.AdamW(h, step, 1/n.Norm2(dp.Slab), p, dp, m, v)
				if lora != nil {
					n.AdamWAdapter(h, step, 1, lora, da, ma, va)
				}
			})
			if allocs != 0 {
				t.Errorf("%s, %s, %d threads: %g allocations in a step", cs.name, precision, threads, allocs)
			}
			d := n.NewDecoder(2)
			seqs, tokens := []int{1, 0}, []int32{3, 4}
			allocs = testing.AllocsPerRun(2, func() {
				d.Reset()
				d.Feed(0, b.Tokens[:3])
				d.Feed(1, tokens[:1])
				d.Next(seqs, tokens)
				d.Reset(1)
			})
			if allocs != 0 {
				t.Errorf("%s, %s, %d threads: %g allocations in decoding", cs.name, precision, threads, allocs)
			}
			n.Close()
		}
	}
}
