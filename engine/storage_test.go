package engine

import (
	"math"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// frozen is p with its matrices and tables in the storages that it is given, one after the
// other, and the same parameters widened. Numbers lose the bits that 16 do not hold.
func frozen[T Float](t *testing.T, p *pedestrian.Params[float64], storages ...pedestrian.Storage) (narrow, wide *pedestrian.Params[T]) {
	t.Helper()
	next := 0
	narrow = pedestrian.NewFrozen[T](p.Config, func(pedestrian.Slot) pedestrian.Storage {
		next++
		return storages[next%len(storages)]
	})
	for _, to := range narrow.Tensors() {
		if to.Narrow.Storage == pedestrian.Q8 {
			setBlocks(to, p.Tensor(to.Name))
			continue
		}
		v := make([]T, to.Rows*to.Cols)
		for i, x := range p.Tensor(to.Name).V {
			if v[i] = T(math.Float32frombits(math.Float32bits(float32(x)) &^ 0xffff)); math.Abs(x) < 1e-3 {
				v[i] = 0
			}
		}
		if !to.Write(0, v) {
			t.Fatalf("%s does not hold its numbers in %q", to.Name, to.Narrow.Storage)
		}
	}
	return narrow, narrow.Widened()
}

// setBlocks sets to, in blocks, to the numbers of from, rounded to multiples of a scale that
// differs from block to block.
func setBlocks[T Float](to pedestrian.Tensor[T], from pedestrian.Tensor[float64]) {
	lines, length := from.Cols, from.Rows
	if from.Role == pedestrian.Table {
		lines, length = length, lines
	}
	for line := range lines {
		for k := range length / pedestrian.BlockLen {
			b := []byte{0, byte(0x14 + 4*((line+k)%4))} // 2^-10 to 2^-7
			scale := math.Ldexp(1, -10+(line+k)%4)
			for i := range pedestrian.BlockLen {
				at := (k*pedestrian.BlockLen+i)*from.Cols + line
				if from.Role == pedestrian.Table {
					at = line*from.Cols + k*pedestrian.BlockLen + i
				}
				b = append(b, byte(int8(max(-127, min(127, math.Round(from.V[at]/scale))))))
			}
			to.SetBlocks(line, k, b)
		}
	}
}

// wholeBlocks is cs with sizes that blocks of 32 numbers divide.
func (cs testCase) wholeBlocks() testCase {
	cs.c.Width, cs.c.KeyDim = 96, 0
	if cs.c.Hidden > 0 {
		cs.c.Hidden = 64
	}
	if cs.c.HeadDim > 0 {
		cs.c.HeadDim = 8
	}
	return cs
}

// TestFrozenBlocks is TestFrozenStorage for a base in blocks of 8 bits.
func TestFrozenBlocks(t *testing.T) {
	paths := kernel.Paths()
	for i, path := range paths {
		t.Run(path.String(), func(t *testing.T) {
			defer kernel.Use(kernel.Use(path))
			for j, cs := range everyCase() {
				if fastest := i == len(paths)-1; fastest || j%5 == i%5 && cs.b*cs.t <= 100 {
					testFrozenStorage[float32](t, cs.wholeBlocks(), []pedestrian.Storage{pedestrian.Q8}, []pedestrian.Storage{pedestrian.BF16, pedestrian.Q8})
				}
			}
		})
	}
	t.Run("float64", func(t *testing.T) {
		for _, cs := range adapterCases[:2] {
			testFrozenStorage[float64](t, cs.wholeBlocks(), []pedestrian.Storage{pedestrian.Q8})
		}
	})
}

var storages = [][]pedestrian.Storage{{pedestrian.BF16}, {pedestrian.F16, pedestrian.BF16, pedestrian.Wide}}

// TestFrozenStorage: beside a base that is kept in 16 bits, losses, logits, gradients and
// the adapter after steps have the bits that they have beside the widened base, in every
// kind of network and adapter, on any number of threads, with recomputation, in mixed
// precision, and in a decoder.
func TestFrozenStorage(t *testing.T) {
	kinds := everyCase()
	all := slices.Concat(kinds, frozenCases()) // of which those that differ in the lowest trained layer run on the fastest path
	paths := kernel.Paths()
	for i, path := range paths {
		t.Run(path.String(), func(t *testing.T) {
			defer kernel.Use(kernel.Use(path))
			for k, cs := range all {
				if fastest := i == len(paths)-1; fastest || k < len(kinds) && cs.b*cs.t <= 100 && i < 2 {
					testFrozenStorage[float32](t, cs, storages...)
				}
			}
		})
	}
	t.Run("float64", func(t *testing.T) {
		for _, cs := range all[:len(cases)+len(adapterCases)] {
			testFrozenStorage[float64](t, cs, storages...)
		}
	})
}

func testFrozenStorage[T Float](t *testing.T, cs testCase, storages ...[]pedestrian.Storage) {
	p64, a64 := cs.params(1)
	_, a := convert[T](p64, a64)
	for i, s := range storages {
		narrow, wide := frozen[T](t, p64, s...)
		for threads := 1 + i; threads <= 3; threads += 2 {
			o := Options{Batch: cs.b, Context: cs.t, Threads: threads, Dropout: 0.1, Recompute: threads > 1}
			if is32[T]() && threads == 3 {
				o.Precision = BF16
			}
			got, want := stepsBeside(cs, narrow, a, o), stepsBeside(cs, wide, a, o)
			if !slices.Equal(got, want) {
				t.Errorf("%s, %v, %d threads, precision %q: other bits than beside the widened base", cs.name, s, threads, o.Precision)
			}
		}
	}
}

// stepsBeside are all numbers that a network of p gives: of two steps of its adapter, then
// of a pass without targets, and of a decoder.
func stepsBeside[T Float](cs testCase, p *pedestrian.Params[T], a *pedestrian.Adapter[T], o Options) (all []T) {
	if a != nil {
		own := likeAdapter(a)
		copy(own.Slab, a.Slab)
		a = own
	}
	n := New(p, a, o)
	defer n.Close()
	b := cs.packed(2)
	if da, m, v := likeAdapter(a), likeAdapter(a), likeAdapter(a); a != nil {
		for step := 1; step <= 2; step++ {
			sum, _ := n.SetGradients(nil, da, b, 0.1, uint64(step))
			all = append(append(all, T(sum)), da.Slab...)
			n.AdamWAdapter(AdamW{LR: 0.01, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8}, step, 1, a, da, m, v)
		}
		all = append(all, a.Slab...)
	}
	sum, _ := n.Loss(b)
	out := NewMat[T](len(b.Tokens), cs.c.Vocab)
	n.Logits(out, b)
	all = append(append(all, T(sum)), out.V...)
	d := n.NewDecoder(2)
	all = append(all, d.Feed(0, b.Tokens[:3])...)
	return append(all, d.Next([]int{0, 1}, b.Tokens[:2]).V...)
}

// TestSplit: with BF16x3 beside a base in bf16, losses, gradients and logits are as near to
// those of float64 as float32 is, in every kind of network and adapter, and have the same
// bits on any number of threads; rounded operands would be further away than the limit.
func TestSplit(t *testing.T) {
	paths := kernel.Paths()
	for i, path := range paths {
		t.Run(path.String(), func(t *testing.T) {
			defer kernel.Use(kernel.Use(path))
			for _, cs := range slices.Concat(everyCase(), frozenCases()) {
				if cs.lora != nil && (i == len(paths)-1 || cs.b*cs.t <= 100 && i == 0) {
					testSplit(t, cs)
				}
			}
		})
	}
}

func testSplit(t *testing.T, cs testCase) {
	p64, a64 := cs.params(1)
	narrow, wide := frozen[float32](t, p64, pedestrian.BF16)
	pedestrian.Convert(&p64.Values, &wide.Values)
	_, a := convert[float32](p64, a64)
	b := cs.packed(2)
	beside := func(precision Precision, threads int) (all []float32) {
		n := New(narrow, a, Options{Batch: cs.b, Context: cs.t, Threads: threads, Dropout: 0.1, Precision: precision, Recompute: threads > 1})
		defer n.Close()
		da, out := likeAdapter(a), NewMat[float32](len(b.Tokens), cs.c.Vocab)
		sum, _ := n.SetGradients(nil, da, b, 0.1, 1)
		n.Logits(out, b)
		all = append(append(append(all, float32(sum)), da.Slab...), out.V...)
		return append(all, n.NewDecoder(1).Feed(0, b.Tokens[:3])...)
	}
	n := New(p64, a64, Options{Batch: cs.b, Context: cs.t, Threads: 2, Dropout: 0.1})
	defer n.Close()
	da, out := likeAdapter(a64), NewMat[float64](len(b.Tokens), cs.c.Vocab)
	sum, _ := n.SetGradients(nil, da, b, 0.1, 1)
	n.Logits(out, b)
	exact := slices.Concat([]float64{sum}, da.Slab, out.V, n.NewDecoder(1).Feed(0, b.Tokens[:3]))
	one, two, plain, rounded := beside(BF16x3, 1), beside(BF16x3, 2), beside(Float32, 1), beside(BF16, 1)
	if !slices.Equal(one, two) {
		t.Errorf("%s: other bits with 2 threads and recomputation than with 1", cs.name)
	}
	ends := []int{0, 1, 1 + len(da.Slab), 1 + len(da.Slab) + len(out.V), len(exact)}
	for i, what := range []string{"loss", "gradients", "logits", "logits of a decoder"} {
		off := func(got []float32) float64 {
			wide := make([]float64, len(got))
			for j, v := range got {
				wide[j] = float64(v)
			}
			return distance(wide[ends[i]:ends[i+1]], exact[ends[i]:ends[i+1]])
		}
		limit := splitTol + 4*off(plain)
		if got := off(one); !(got <= limit) {
			t.Errorf("%s: %s differ by %.1e, those of float32 by %.1e", cs.name, what, got, off(plain))
		}
		if i == 1 && off(rounded) < 10*limit {
			t.Errorf("%s: rounding moves %s by no more than %.1e", cs.name, what, off(rounded))
		}
	}
}

// splitTol is what one rounding of a result in float32 may be, where float32 was exact.
const splitTol = 0x1p-23

// TestMergeFrozen: an adapter merges into a frozen base as into the widened one.
func TestMergeFrozen(t *testing.T) {
	for _, cs := range everyCase() {
		if cs.lora == nil {
			continue
		}
		p64, a64 := cs.params(1)
		_, a := convert[float32](p64, a64)
		narrow, wide := frozen[float32](t, p64, storages[1]...)
		if got := Merge(narrow, a); got.IsFrozen() || !slices.Equal(got.Slab, Merge(wide, a).Slab) {
			t.Errorf("%s: other weights", cs.name)
		}
	}
}

// TestFrozenIsNotTrained: gradients of frozen parameters are refused.
func TestFrozenIsNotTrained(t *testing.T) {
	cs := cases[0]
	p64, _ := cs.params(1)
	narrow, _ := frozen[float32](t, p64, pedestrian.BF16)
	n := New(narrow, nil, Options{Batch: cs.b})
	defer n.Close()
	defer func() {
		if recover() == nil {
			t.Error("the gradients of frozen parameters were computed")
		}
	}()
	n.Gradients(like(narrow), nil, cs.batch(1), 1, 0)
}
