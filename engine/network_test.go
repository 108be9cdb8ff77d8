package engine

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// netTol is the limit for a whole network against paper, relative to the largest
// number of a parameter's gradient. In float64 it is the project's 1e-12, which is
// 9007 roundings of 2⁻⁵³; in float32 as many of 2⁻²⁴. The worst of these points,
// the up factor of a key adapter, where most of the terms cancel, takes a sixth in
// float64 and a tenth in float32.
func netTol[T Float]() float64 {
	if is64[T]() {
		return 1e-12
	}
	return 1e-12 / 0x1p-53 * 0x1p-24
}

// TestNetwork compares every gradient of every configuration with paper's, with one
// document in a row and with several.
func TestNetwork(t *testing.T) {
	for _, cs := range everyCase() {
		for _, b := range []Batch{cs.batch(2), cs.packed(3)} {
			p, lora := cs.params(1)
			want, back := paper.Network(cs.trace(0, 0), p, lora, b.sequences(), paper.Mean)
			dp, da := back()
			testNetwork[float64](t, cs, b, want, dp, da)
			testNetwork[float32](t, cs, b, want, dp, da)
		}
	}
}

func testNetwork[T Float](t *testing.T, cs testCase, b Batch, want float64, dpWant *pedestrian.Params[float64], daWant *pedestrian.Adapter[float64]) {
	q, a := convert[T](cs.params(1))
	n := New(q, a, Options{Batch: b.B})
	n.setTile(3)
	dp, da := like(q), likeAdapter(a)
	_, counted := n.Loss(b)
	sum, _ := n.Gradients(dp, da, b, 1/float64(counted), 0)
	n.Close()
	if mean := sum / float64(counted); math.Abs(mean-want) > netTol[T]()*want {
		t.Errorf("%s, %T: the mean loss is %v, not %v", cs.name, T(0), mean, want)
	}
	compare := func(got []pedestrian.Tensor[T], want []pedestrian.Tensor[float64]) {
		for i := range want {
			near(t, fmt.Sprintf("%s, %T, ∂%s", cs.name, T(0), want[i].Name), got[i].V, want[i].V, netTol[T]())
		}
	}
	compare(dp.Tensors(), dpWant.Tensors())
	if da != nil {
		compare(da.Tensors(), daWant.Tensors())
	}
}

// sumTol is the limit, in float64 and relative to the largest number, for sums of
// the same terms in another order or grouping: a few hundred roundings.
const sumTol = 1e-13

// gradients of a batch, after new ones are made for them.
func (cs testCase) gradients(o Options, b Batch) (sum float64, counted int, dp *pedestrian.Params[float64], da *pedestrian.Adapter[float64]) {
	p, lora := cs.params(1)
	n := New(p, lora, o)
	defer n.Close()
	dp, da = like(p), likeAdapter(lora)
	sum, counted = n.Gradients(dp, da, b, 0.7, 1)
	return sum, counted, dp, da
}

func sameGradients(t *testing.T, name string, dp, dp2 *pedestrian.Params[float64], da, da2 *pedestrian.Adapter[float64]) {
	t.Helper()
	near(t, name, dp.Slab, dp2.Slab, sumTol)
	if da != nil {
		near(t, name+", adapter", da.Slab, da2.Slab, sumTol)
	}
}

func TestGradientsAdd(t *testing.T) {
	for _, cs := range still() {
		p, lora := cs.params(1)
		b := cs.batch(2)
		n := New(p, lora, Options{Batch: b.B})
		once, twice := like(p), like(p)
		onceA, twiceA := likeAdapter(lora), likeAdapter(lora)
		sum, counted := n.Gradients(once, onceA, b, 1, 1)
		n.Gradients(twice, twiceA, b, 1, 1)
		n.Gradients(twice, twiceA, b, 1, 1)
		for i := range once.Slab {
			once.Slab[i] *= 2
		}
		if lora != nil {
			for i := range onceA.Slab {
				onceA.Slab[i] *= 2
			}
		}
		sameGradients(t, cs.name+", twice", twice, once, twiceA, onceA)
		if s, c := n.Loss(b); math.Abs(s-sum) > sumTol*sum || c != counted {
			t.Errorf("%s: Loss says %v of %d, Gradients %v of %d", cs.name, s, c, sum, counted)
		}

		clear(twice.Slab)
		if lora != nil {
			clear(twiceA.Slab)
		}
		total := 0.0
		for i := range b.B { // one sequence after another
			s, _ := n.Gradients(twice, twiceA, Batch{B: 1, T: b.T, Tokens: b.Tokens[i*b.T : (i+1)*b.T], Targets: b.Targets[i*b.T : (i+1)*b.T]}, 2, 1)
			total += s
		}
		sameGradients(t, cs.name+", singles", twice, once, twiceA, onceA)
		if math.Abs(total-sum) > sumTol*sum {
			t.Errorf("%s: singles sum to %v, the batch to %v", cs.name, total, sum)
		}
		n.Close()
	}
}

// TestSetGradients: what was there before does not count, and nothing else differs.
func TestSetGradients(t *testing.T) {
	for _, cs := range everyCase() {
		p, lora := cs.params(1)
		b, ignored := cs.batch(2), cs.batch(2)
		for i := range ignored.Targets {
			ignored.Targets[i] = Ignored
		}
		n := New(p, lora, Options{Batch: b.B, Chunk: 3})
		for _, b := range []Batch{b, ignored} {
			want, wantA := like(p), likeAdapter(lora)
			got, gotA := like(p), likeAdapter(lora)
			tensors, wanted := got.Tensors(), want.Tensors()
			if lora != nil {
				tensors, wanted = append(tensors, gotA.Tensors()...), append(wanted, wantA.Tensors()...)
			}
			for _, x := range tensors {
				for i := range x.V {
					x.V[i] = math.NaN()
				}
			}
			n.Gradients(want, wantA, b, 0.7, 1)
			n.SetGradients(got, gotA, b, 0.7, 1)
			for i, x := range tensors {
				if !slices.Equal(x.V, wanted[i].V) {
					t.Errorf("%s: ∂%s is not set to what Gradients adds", cs.name, x.Name)
				}
			}
		}
		n.Close()
	}
}

func TestChunksAndTilesDoNotMatter(t *testing.T) {
	for _, cs := range slices.Concat(cases, llamaCases) {
		b := cs.batch(2)
		sum, counted, dp, da := cs.gradients(Options{Batch: b.B}, b)
		for _, chunk := range []int{1, 2, 3, 5, 8, 1000} {
			s, c, dp2, da2 := cs.gradients(Options{Batch: b.B, Chunk: chunk}, b)
			sameGradients(t, cs.name+", chunks", dp2, dp, da2, da)
			if math.Abs(s-sum) > sumTol*sum || c != counted {
				t.Errorf("%s: a loss of %v of %d in chunks of %d, otherwise %v of %d", cs.name, s, c, chunk, sum, counted)
			}
		}
		p, lora := cs.params(1)
		for _, tile := range []int{1, 2, 3, 4, 7} {
			n := New(p, lora, Options{Batch: b.B})
			n.setTile(tile)
			dp2, da2 := like(p), likeAdapter(lora)
			n.Gradients(dp2, da2, b, 0.7, 1)
			sameGradients(t, cs.name+", tiles", dp2, dp, da2, da)
			n.Close()
		}
	}
}

// TestIgnored compares a batch that has no target in one sequence, or none at
// all, with the batch without that sequence.
func TestIgnored(t *testing.T) {
	for _, cs := range append(cases[1:3:3], llamaCases[:9]...) {
		b := cs.batch(2)
		for i := range b.T {
			b.Targets[i] = Ignored
		}
		rest := Batch{B: b.B - 1, T: b.T, Tokens: b.Tokens[b.T:], Targets: b.Targets[b.T:]}
		sum, counted, dp, da := cs.gradients(Options{Batch: b.B, Chunk: 3}, b)
		sum2, counted2, dp2, da2 := cs.gradients(Options{Batch: b.B, Chunk: 3}, rest)
		sameGradients(t, cs.name, dp, dp2, da, da2)
		if math.Abs(sum-sum2) > sumTol*sum || counted != counted2 {
			t.Errorf("%s: %v of %d, without the sequence %v of %d", cs.name, sum, counted, sum2, counted2)
		}
		for i := range b.Targets {
			b.Targets[i] = Ignored
		}
		sum, counted, dp, _ = cs.gradients(Options{Batch: b.B}, b)
		if sum != 0 || counted != 0 {
			t.Errorf("%s: %v of %d without targets", cs.name, sum, counted)
		}
		for _, v := range dp.Slab {
			if v != 0 {
				t.Fatalf("%s: a gradient without targets", cs.name)
			}
		}
	}
}

// TestKeyBiasGradientIsZero holds (32.b) to the bit; by (29) it is not even computed.
func TestKeyBiasGradientIsZero(t *testing.T) {
	for _, cs := range []testCase{cases[0], cases[2], bigger} {
		b := cs.batch(2)
		_, _, dp, _ := cs.gradients(Options{Batch: b.B, Dropout: 0.2}, b)
		keys := cs.c.Heads * cs.c.QueryDim()
		for i, g := range dp.Blocks {
			for j, v := range g.QKV.B.V {
				if isKey := j >= keys && j < 2*keys; isKey != (v == 0) {
					t.Errorf("%s: block %d, bias %d: gradient %g", cs.name, i, j, v)
				}
			}
		}
	}
}

// TestFrozen trains any of the layers alone: the same gradients come out as when
// everything is trained, and nothing else is written.
func TestFrozen(t *testing.T) {
	cs := cases[2]
	b := cs.batch(2)
	sets := [][]pedestrian.Target{fcLayers}
	for i := range fcLayers {
		sets = append(sets, fcLayers[i:i+1], fcLayers[i:])
	}
	for _, targets := range sets {
		cs := cs
		l := *cs.lora
		l.Targets = targets
		cs.lora = &l
		p, lora := cs.params(1)
		n := New(p, lora, Options{Batch: b.B, Dropout: 0.3})
		dp, da := like(p), likeAdapter(lora)
		sum, _ := n.Gradients(dp, da, b, 1, 1)
		alone := likeAdapter(lora)
		if s, _ := n.Gradients(nil, alone, b, 1, 1); s != sum {
			t.Errorf("%v: the loss is %v, not %v", targets, s, sum)
		}
		for i := range alone.Slab {
			if alone.Slab[i] != da.Slab[i] {
				t.Errorf("%v: gradient %d of the adapter is %v, not %v", targets, i, alone.Slab[i], da.Slab[i])
				break
			}
		}
		if targets[0] == pedestrian.TargetLogits {
			stream := slices.Clone(n.work.dx.V)
			for i := range n.work.dx.V {
				n.work.dx.V[i] = -3
			}
			n.Gradients(nil, alone, b, 1, 1)
			if slices.ContainsFunc(n.work.dx.V, func(v float64) bool { return v != -3 }) {
				t.Errorf("%v: an error signal below the logits was computed", targets)
			}
			copy(n.work.dx.V, stream)
		}
		base := like(p)
		n.Gradients(base, nil, b, 1, 1)
		for i := range base.Slab {
			if base.Slab[i] != dp.Slab[i] {
				t.Errorf("%v: gradient %d of the network is %v, not %v", targets, i, base.Slab[i], dp.Slab[i])
				break
			}
		}
		n.Close()
	}
}
