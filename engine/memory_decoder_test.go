package engine

import (
	"runtime"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// TestDecoderMemory: what is told is what a decoder takes, as the allocator counts it.
func TestDecoderMemory(t *testing.T) {
	c := pedestrian.Config{Context: 256, Vocab: 1000, Blocks: 3, Heads: 4, Width: 128, Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, Tied: true}
	var all [2][2]int64 // told and taken
	for i, batch := range []int{1, 4} {
		told, err := DecoderMemory[float32](c, nil, Options{Threads: 1}, batch)
		if err != nil {
			t.Fatal(err)
		}
		n := New(pedestrian.NewParams[float32](c), nil, Options{Threads: 1})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		d := n.NewDecoder(batch)
		runtime.ReadMemStats(&after)
		took := int64(after.TotalAlloc - before.TotalAlloc)
		const pools = 2 << 20 // of a fixed size
		if diff := took - told.Total(); diff < 0 || diff > pools {
			t.Errorf("a batch of %d: told %d bytes (%v), took %d", batch, told.Total(), told, took)
		}
		all[i] = [2]int64{told.Total(), took}
		runtime.KeepAlive(d)
		n.Close()
	}
	if told, took := all[1][0]-all[0][0], all[1][1]-all[0][1]; told < took*99/100 || told > took*101/100 {
		t.Errorf("three sequences more: told %d bytes, took %d", told, took)
	}
	if _, err := DecoderMemory[float32](pedestrian.Config{}, nil, Options{}, 1); err == nil {
		t.Error("a network of nothing has a decoder")
	}
}
