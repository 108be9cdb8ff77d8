package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// TestDocumentsAlone: the logits of a document in a packed row are, to the bit,
// those that it has alone; loss and gradients of the row are the sums of its
// documents', to the rounding of another order of addition.
func TestDocumentsAlone(t *testing.T) {
	t.Run("float64", func(t *testing.T) { testDocumentsAlone[float64](t, "", sumTol) })
	t.Run("float32", func(t *testing.T) { testDocumentsAlone[float32](t, Float32, sumTol/0x1p-53*0x1p-24) })
	t.Run("bf16", func(t *testing.T) { testDocumentsAlone[float32](t, BF16, flipTol) })
}

func testDocumentsAlone[T Float](t *testing.T, precision Precision, tol float64) {
	for _, cs := range still() {
		p, lora := convert[T](cs.params(1))
		b := cs.packed(2)
		n := New(p, lora, Options{Batch: b.B, Precision: precision})
		n.setTile(4)
		got, want := NewMat[T](len(b.Tokens), cs.c.Vocab), NewMat[T](len(b.Tokens), cs.c.Vocab)
		n.Logits(got, b)
		dp, dp1, da, da1 := like(p), like(p), likeAdapter(lora), likeAdapter(lora)
		sum, counted := n.Gradients(dp, da, b, 0.7, 0)
		at, sum1, counted1 := 0, 0.0, 0
		for _, d := range b.documents() {
			n.Logits(want.Sub(at, at+d.T, 0, want.Cols), d)
			s, c := n.Gradients(dp1, da1, d, 0.7, 0)
			at, sum1, counted1 = at+d.T, sum1+s, counted1+c
		}
		n.Close()
		if !slices.Equal(got.V, want.V) {
			t.Errorf("%s: other logits than alone", cs.name)
		}
		if math.Abs(sum-sum1) > sumTol*sum || counted != counted1 || at != len(b.Tokens) {
			t.Errorf("%s: a loss of %v of %d, alone %v of %d", cs.name, sum, counted, sum1, counted1)
		}
		near(t, cs.name, dp.Slab, dp1.Slab, tol)
		if da != nil {
			near(t, cs.name+", adapter", da.Slab, da1.Slab, tol)
		}
	}
}

// TestDocumentsAreRows: documents of one length are rows of that length, whichever
// way they are written: every bit of loss and gradients is the same, with dropout,
// with recomputation and in mixed precision too.
func TestDocumentsAreRows(t *testing.T) {
	t.Run("float64", func(t *testing.T) { testDocumentsAreRows[float64](t, "") })
	t.Run("float32", func(t *testing.T) { testDocumentsAreRows[float32](t, Float32) })
	t.Run("bf16", func(t *testing.T) { testDocumentsAreRows[float32](t, BF16) })
}

func testDocumentsAreRows[T Float](t *testing.T, precision Precision) {
	cs := cases[2] // of a context of 8
	for _, o := range []Options{{}, {Dropout: 0.3, Seed: 5}, {Dropout: 0.3, Seed: 5, Recompute: true, Threads: 3}} {
		o.Batch, o.Precision = 3, precision
		p, lora := convert[T](cs.params(1))
		n := New(p, lora, o)
		cs.b, cs.t = 6, 4
		rows := cs.batch(2)
		packed := Batch{B: 3, T: 8, Tokens: rows.Tokens, Targets: rows.Targets, Starts: []int32{4, 8, 12, 20}}
		dp, dp1, da, da1 := like(p), like(p), likeAdapter(lora), likeAdapter(lora)
		sum, _ := n.Gradients(dp, da, packed, 1, 7)
		sum1, _ := n.Gradients(dp1, da1, rows, 1, 7)
		if sum != sum1 || !slices.Equal(dp.Slab, dp1.Slab) || !slices.Equal(da.Slab, da1.Slab) {
			t.Errorf("%+v: other bits in packed rows", o)
		}
		packed.Starts = nil
		if sum2, _ := n.Gradients(dp, da, packed, 1, 7); sum2 == sum {
			t.Errorf("%+v: starts do not matter", o)
		}
		n.Close()
	}
}

// TestNoContamination changes a token of one document: no logit of another moves a
// bit. And where the changed document has no target, nothing does: neither the loss
// nor any gradient, with dropout too.
func TestNoContamination(t *testing.T) {
	for _, cs := range still() {
		p, lora := convert[float32](cs.params(1))
		b := cs.packed(2)
		n := New(p, lora, Options{Batch: b.B, Dropout: 0.2})
		n.setTile(4)
		logits, moved := NewMat[float32](len(b.Tokens), cs.c.Vocab), NewMat[float32](len(b.Tokens), cs.c.Vocab)
		n.Logits(logits, b)
		at, reach := 0, len(b.Tokens)
		if w := cs.c.SlidingWindow; w > 0 {
			reach = cs.c.Blocks*(w-1) + 1 // (L20)
		}
		for _, d := range b.documents() {
			old := d.Tokens[0]
			d.Tokens[0] = (old + 1) % int32(cs.c.Vocab)
			n.Logits(moved, b)
			d.Tokens[0] = old
			for i := range b.Tokens {
				if felt := !slices.Equal(logits.Row(i), moved.Row(i)); felt != (i >= at && i < at+min(d.T, reach)) {
					t.Errorf("%s: token %d, the first of a document of %d, moves the logits of token %d: %v", cs.name, at, d.T, i, felt)
				}
			}

			targets := slices.Clone(d.Targets)
			for i := range d.Targets {
				d.Targets[i] = Ignored
			}
			dp, dp1, da, da1 := like(p), like(p), likeAdapter(lora), likeAdapter(lora)
			sum, counted := n.Gradients(dp, da, b, 1, 3)
			tokens := slices.Clone(d.Tokens)
			for i := range d.Tokens {
				d.Tokens[i] = (d.Tokens[i] + 1 + int32(i)) % int32(cs.c.Vocab)
			}
			sum1, _ := n.Gradients(dp1, da1, b, 1, 3)
			copy(d.Tokens, tokens)
			copy(d.Targets, targets)
			if sum != sum1 || !slices.Equal(dp.Slab, dp1.Slab) || da != nil && !slices.Equal(da.Slab, da1.Slab) {
				t.Errorf("%s: a document at %d without targets is felt", cs.name, at)
			}
			if counted == 0 {
				t.Errorf("%s: nothing left to compare", cs.name)
			}
			at += d.T
		}
		n.Close()
	}
}

// BenchmarkDocuments is attention, both passes, over 8 rows of 1024 tokens that hold
// documents of one length each: 8·1024·length pairs of tokens, half of them masked.
func BenchmarkDocuments(b *testing.B) {
	for _, length := range []int{1024, 512, 256, 128, 64} {
		b.Run(fmt.Sprint(length), func(b *testing.B) { benchmarkDocuments(b, length) })
	}
}

func benchmarkDocuments(b *testing.B, length int) {
	const rows, heads, width = 8 * 1024, 12, 64
	r := rand.New(rand.NewPCG(1, 2))
	mat := func() Mat[float32] {
		m := NewMat[float32](rows, heads*width)
		for i := range m.V {
			m.V[i] = float32(r.NormFloat64())
		}
		return m
	}
	q, k, v, y, dy := mat(), mat(), mat(), mat(), mat()
	dq, dk, dv := mat(), mat(), mat()
	var segments []segment
	for at := 0; at < rows; at += length {
		segments = append(segments, segment{at, at, length, 0})
	}
	pool := kernel.NewPool(2)
	defer pool.Close()
	c := &attentionCache[float32]{lse: NewMat[float32](heads, rows)}
	l := attention[float32]{heads: heads, keyDim: width, valueDim: width}
	one := func() {
		l.forward(pool, y, c, q, k, v, segments)
		l.backward(pool, dq, dk, dv, dy, c, q, k, v, y, segments)
	}
	one()
	b.ReportAllocs()
	for b.Loop() {
		one()
	}
}
