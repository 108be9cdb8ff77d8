//go:build mpi && linux && (amd64 || arm64)

package mpi

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"unsafe"
)

// ReduceScatter adds x over all ranks along t. Of the sum this rank gets its part,
// t.Part(len(x), w.Rank), in its place in x; the rest of x has no meaning afterwards.
// The length of x is the same on all ranks.
func (w *World) ReduceScatter(x []float32, t Tree) error {
	w.must("ReduceScatter", t)
	return w.do(func() error { return t.reduceScatter(x, w.Rank, &w.wire) })
}

// ReduceScatterInOrder adds the slabs x of all ranks, which have the same lengths, in the order o.
// Of the sum this rank gets its part, that of Tree{Fan: []int{w.Size}, Block: block}, in its
// place in the last slab of x; the rest of x has no meaning afterwards.
func (w *World) ReduceScatterInOrder(x [][]float32, o Order, block int) error {
	w.must("ReduceScatterInOrder", o.tree(block))
	return w.do(func() error { return o.reduceScatter(x, block, w.Rank, &w.wire) })
}

// AllGather brings the parts of x that the ranks own, t.Part(len(x), rank), to all ranks.
func (w *World) AllGather(x []float32, t Tree) error {
	w.must("AllGather", t)
	return w.do(func() error { return t.allGather(x, w.Rank, &w.wire) })
}

func (w *World) must(name string, t Tree) {
	if t.Ranks() != w.Size {
		panic(fmt.Sprintf("mpi: %s: a tree %v of %d ranks, in a world of %d", name, t.Fan, t.Ranks(), w.Size))
	}
}

// Exchange sends out to one rank and receives in from one; both may be the same, or this one.
func (w *World) Exchange(out []float32, to int, in []float32, from int) error {
	return w.do(func() error {
		received, err := w.receive(in, from)
		if err != nil {
			return err
		}
		sent, err := w.send(out, to)
		if err != nil {
			return err
		}
		if err := received(); err != nil {
			return err
		}
		return sent()
	})
}

// Gather returns what each rank has given, by rank, on all ranks. The lengths may differ.
// It is meant for small things: all of them together have less than 1 GB.
func (w *World) Gather(mine []byte) (all [][]byte, err error) {
	err = w.do(func() (err error) {
		all, err = w.gather(mine)
		return err
	})
	return all, err
}

// gather is Gather in the thread of MPI.
func (w *World) gather(mine []byte) (all [][]byte, err error) {
	lengths := make([]byte, 8*w.Size)
	if err := w.gatherEqual(lengths, binary.LittleEndian.AppendUint64(nil, uint64(len(mine)))); err != nil {
		return nil, err
	}
	counts, starts := make([]int32, w.Size), make([]int32, w.Size)
	total := 0
	for i := range counts {
		n := int(binary.LittleEndian.Uint64(lengths[8*i:]))
		if n > most-total {
			return nil, fmt.Errorf("gathering more than %d bytes", most)
		}
		counts[i], starts[i] = int32(n), int32(total)
		total += n
	}
	bytes := make([]byte, total+1) // one more: so that there is an address
	own := append(append(make([]byte, 0, len(mine)+1), mine...), 0)
	r := newRequest("MPI_Iallgatherv", []any{bytes, own, counts, starts})
	if err := w.lib.call(r.call, w.lib.iallgatherv,
		uintptr(unsafe.Pointer(&own[0])), uintptr(len(mine)), w.lib.byte,
		uintptr(unsafe.Pointer(&bytes[0])), uintptr(unsafe.Pointer(&counts[0])), uintptr(unsafe.Pointer(&starts[0])), w.lib.byte,
		w.lib.world, uintptr(unsafe.Pointer(r.handle))); err != nil {
		return nil, err
	}
	if err := w.wait(r); err != nil {
		return nil, err
	}
	for i, n := range counts {
		all = append(all, bytes[starts[i]:starts[i]+n:starts[i]+n])
	}
	return all, nil
}

// gatherEqual sets all to the bytes of each rank, which are as many on each.
func (w *World) gatherEqual(all, mine []byte) error {
	r := newRequest("MPI_Iallgather", [][]byte{all, mine})
	if err := w.lib.call(r.call, w.lib.iallgather,
		uintptr(unsafe.Pointer(&mine[0])), uintptr(len(mine)), w.lib.byte,
		uintptr(unsafe.Pointer(&all[0])), uintptr(len(mine)), w.lib.byte,
		w.lib.world, uintptr(unsafe.Pointer(r.handle))); err != nil {
		return err
	}
	return w.wait(r)
}

// Agree returns the lowest and the highest x of all ranks, on all ranks. With 0 for no and
// 1 for yes, the lowest says whether all say yes, the highest whether any does.
func (w *World) Agree(x int64) (lowest, highest int64, err error) {
	err = w.do(func() error {
		all := make([]byte, 8*w.Size)
		if err := w.gatherEqual(all, binary.LittleEndian.AppendUint64(nil, uint64(x))); err != nil {
			return err
		}
		lowest, highest = x, x
		for i := range w.Size {
			v := int64(binary.LittleEndian.Uint64(all[8*i:]))
			lowest, highest = min(lowest, v), max(highest, v)
		}
		return nil
	})
	return lowest, highest, err
}

// Broadcast sends the bytes of the rank root to all, whose x are as long.
func (w *World) Broadcast(x []byte, root int) error {
	return w.do(func() error {
		for len(x) > 0 {
			n := min(len(x), most)
			r := newRequest("MPI_Ibcast", x)
			if err := w.lib.call(r.call, w.lib.ibcast, uintptr(unsafe.Pointer(&x[0])), uintptr(n), w.lib.byte, uintptr(root), w.lib.world, uintptr(unsafe.Pointer(r.handle))); err != nil {
				return err
			}
			if err := w.wait(r); err != nil {
				return err
			}
			x = x[n:]
		}
		return nil
	})
}

// BroadcastFloats is Broadcast for numbers.
func (w *World) BroadcastFloats(x []float32, root int) error {
	return w.Broadcast(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x)), root)
}

// Barrier returns when all ranks have called it.
func (w *World) Barrier() error {
	return w.do(func() error {
		r := newRequest("MPI_Ibarrier", nil)
		if err := w.lib.call(r.call, w.lib.ibarrier, w.lib.world, uintptr(unsafe.Pointer(r.handle))); err != nil {
			return err
		}
		return w.wait(r)
	})
}

// Same returns an error, the same on all ranks, if a fact is not the same on all. It names the
// first rank whose fact differs from that of rank 0.
func (w *World) Same(facts []Fact) error {
	mine, err := json.Marshal(struct {
		Host  string
		Facts []Fact
	}{w.Cores.Host, facts})
	if err != nil {
		return err
	}
	gathered, err := w.Gather(mine)
	if err != nil {
		return err
	}
	hosts, all := make([]string, w.Size), make([][]Fact, w.Size)
	for rank, text := range gathered {
		var of struct {
			Host  string
			Facts []Fact
		}
		if err := json.Unmarshal(text, &of); err != nil {
			return fmt.Errorf("the facts of rank %d: %w", rank, err)
		}
		hosts[rank], all[rank] = of.Host, of.Facts
	}
	return compare(all, hosts)
}
