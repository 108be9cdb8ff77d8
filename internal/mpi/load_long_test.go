//go:build mpi && long && linux && (amd64 || arm64)

package mpi

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// rounds is how often five functions are called under load: 10,000 calls.
const rounds = 2000

func init() { tasks["load"] = load10000 }

// load10000 calls functions of MPI while goroutines allocate and grow their stacks, so that
// the collector runs all the time and threads are interrupted by Go's signals.
func load10000(w *World) {
	debug.SetGCPercent(20)
	var stop atomic.Bool
	var working sync.WaitGroup
	for range 4 {
		working.Go(func() {
			for !stop.Load() {
				var deep func(n int) int
				deep = func(n int) int {
					var pad [64]int
					pad[n%64] = n
					if n == 0 {
						return 0
					}
					return deep(n-1) + pad[n%64]
				}
				_ = make([]byte, 1<<16)
				deep(500)
				runtime.Gosched()
			}
		})
	}
	tree := Tree{Fan: []int{w.Size}}
	for i := range rounds {
		n := 1 + i*37%5000
		x, want := make([]float32, n), make([]float32, n)
		for k := range x {
			x[k] = summand(w.Rank, k+i)
			want[k] = summand(0, k+i)
			for rank := 1; rank < w.Size; rank++ {
				want[k] += summand(rank, k+i)
			}
		}
		must(w.ReduceScatter(x, tree))
		must(w.AllGather(x, tree))
		for k := range x {
			if math.Float32bits(x[k]) != math.Float32bits(want[k]) {
				fail("round %d: %v at %d, and not %v", i, x[k], k, want[k])
			}
		}
		all, err := w.Gather(binary.LittleEndian.AppendUint32(nil, uint32(i*w.Size+w.Rank)))
		must(err)
		for rank, b := range all {
			if got := binary.LittleEndian.Uint32(b); got != uint32(i*w.Size+rank) {
				fail("round %d: Gather has %d of rank %d", i, got, rank)
			}
		}
		lowest, highest, err := w.Agree(int64(i + w.Rank))
		must(err)
		if lowest != int64(i) || highest != int64(i+w.Size-1) {
			fail("round %d: Agree: %d to %d", i, lowest, highest)
		}
		b := []float32{0, 0}
		if w.Rank == i%w.Size {
			b[1] = float32(i)
		}
		must(w.BroadcastFloats(b, i%w.Size))
		if b[1] != float32(i) {
			fail("round %d: Broadcast: %v", i, b)
		}
	}
	stop.Store(true)
	working.Wait()
	if w.Rank == 0 {
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		fmt.Printf("%d calls right, %d collections\n", 5*rounds, s.NumGC)
	}
}

// 10,000 calls with a busy collector give what they must, under each library.
func TestLoad(t *testing.T) {
	for _, i := range installations(t) {
		for ranks := 2; ranks <= 3; ranks++ {
			began := time.Now()
			cmd, out := i.launch(t, ranks, "load")
			err := within(t, cmd, 10*time.Minute)
			if err != nil || !strings.Contains(out.String(), "10000 calls right") {
				t.Errorf("%s, %d ranks: %v\n%s", i.name, ranks, err, out)
			}
			t.Logf("%s, %d ranks: %s, %v", i.name, ranks, strings.TrimSpace(out.String()), time.Since(began).Round(time.Second))
		}
	}
}
