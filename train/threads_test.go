package train

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"testing"
)

// digestState is the SHA-256 of the weights and both moments.
func digestState(s *State) string {
	h := sha256.New()
	for _, slab := range [][]float32{s.Trained().Slab(), s.M.Slab(), s.V.Slab()} {
		b := make([]byte, 0, 4*len(slab))
		for _, v := range slab {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		h.Write(b)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// The same seed gives the same bits on any number of threads: one SHA-256 after 200
// steps, in full training with dropout and accumulation, on 1 to 16 threads.
func TestThreadsGiveTheSameBits(t *testing.T) {
	for name, o := range map[string]Options{"full": mini(), "adapter": adapted()} {
		t.Run(name, func(t *testing.T) { testThreads(t, o) })
	}
}

func testThreads(t *testing.T, o Options) {
	o.Steps, o.Blocks, o.Batch, o.Accumulate, o.Width, o.Context, o.Dropout = 80, 1, 2, 2, 20, 66, 0.1 // two tiles of attention; sizes that no vector divides
	o.EvalEvery, o.EvalBatches, o.Threads = 40, 1, 0
	if o.Tuning.hasBase() {
		o.Steps = 30
	}
	d := dataOf(t, sentences(t), o)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	digests := map[string][]int{}
	for _, threads := range []int{1, 2, 3, 4, 5, 7, 8, 16} {
		runtime.GOMAXPROCS(threads)
		r := start(t, o, d, "")
		if end, err := r.Train(t.Context(), Observer{}); end != Finished || err != nil {
			t.Fatal(end, err)
		}
		sum := digestState(r.State)
		digests[sum] = append(digests[sum], threads)
		r.Close()
	}
	if len(digests) != 1 {
		t.Errorf("%d digests: %v", len(digests), digests)
	}
	t.Log(digests)
}
