package engine

import (
	"fmt"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// TestMasksOfAStepDiffer: every place of a network has a mask of its own in every step:
// the embedding, three in each block, one before the adapters of each layer, and that
// before the logits'. The keys are those that the passes take.
func TestMasksOfAStepDiffer(t *testing.T) {
	const blocks, steps = 24, 12
	var adapted [stages]bool // the stages of a block that have a matrix, and so an adapter
	for _, s := range (pedestrian.Config{Vocab: 2, Context: 1, Width: 2, Heads: 1, Blocks: 1, Bias: true}).Slots() {
		if s.Block == 0 && s.Role == pedestrian.Matrix {
			adapted[s.Stage] = true
		}
	}
	seen := map[uint64]string{}
	add := func(m kernel.Mask, format string, args ...any) {
		what := fmt.Sprintf(format, args...)
		if !m.On() {
			t.Errorf("%s leaves nothing out", what)
		}
		if other, ok := seen[m.Key]; ok {
			t.Errorf("%s has the mask of %s", what, other)
		}
		seen[m.Key] = what
	}
	for seed := range uint64(2) {
		for step := range uint64(steps) {
			d := drops{p: 0.1, seed: seed, step: step, lora: 0.2}
			at := fmt.Sprintf("seed %d, step %d: ", seed, step)
			add(d.embedding(), "%sa_1", at)
			add(d.logits(), "%sthe adapter of the logits", at)
			for i := range blocks {
				m := d.block(i)
				add(m.att, "%sρ of block %d", at, i)
				add(m.attProj, "%sa_4 of block %d", at, i)
				add(m.contract, "%sa_9 of block %d", at, i)
				for layer, l := range m.lora {
					if !adapted[layer] {
						continue
					}
					add(l, "%sthe adapters of layer %d of block %d", at, layer, i)
				}
			}
		}
	}
	if want := 2 * steps * (2 + blocks*(3+4)); len(seen) != want {
		t.Errorf("%d masks, want %d", len(seen), want)
	}
}

// TestAdapterMasksAreThose: what [AdapterMask] tells of a layer is the mask that the
// passes put on its adapter's input.
func TestAdapterMasksAreThose(t *testing.T) {
	d := drops{lora: 0.3, seed: 5, step: 7}
	ones := NewMat[float64](3, 50)
	for i := range ones.V {
		ones.V[i] = 1
	}
	for i := range 3 {
		m := d.block(i).lora
		for target, mask := range map[pedestrian.Target]kernel.Mask{
			pedestrian.TargetQ: m[stageQKV], pedestrian.TargetQKV: m[stageQKV], pedestrian.TargetAttProj: m[stageAttProj],
			pedestrian.TargetExpand: m[stageExpand], pedestrian.TargetContract: m[stageContract], pedestrian.TargetLogits: d.logits(),
		} {
			told, applied := NewMat[float64](3, 50), NewMat[float64](3, 50)
			AdapterMask(told, 0.3, 5, 7, i, target)
			l := dropout[float64]{mask: mask}
			l.apply(nil, applied, ones, false)
			if !slices.Equal(told.V, applied.V) {
				t.Errorf("block %d, %s: another mask than the passes'", i, target)
			}
		}
	}
}

// TestNumbersOfRho: under one mask every ρ[i][j] of a layer has a number of its own, in
// every segment and head, whichever tile of queries and keys it is computed in.
func TestNumbersOfRho(t *testing.T) {
	const segments, heads, n = 4, 3, 6
	l := attention[float64]{heads: heads}
	seen := map[uint64][4]int{}
	for s := range segments {
		for h := range heads {
			for i := range n {
				for j := range n { // a row's numbers count up from that of its first
					at, place := l.position(s, h, i, 0)+uint64(j), [4]int{s, h, i, j}
					if other, ok := seen[at]; ok {
						t.Errorf("segment, head, query and key %v have the number of %v", place, other)
					}
					if at != l.position(s, h, i, j) {
						t.Errorf("%v: a row does not count up", place)
					}
					seen[at] = place
				}
			}
		}
	}
}

// TestEqualSequencesDropApart: in one pass two equal sequences, and two heads with equal
// queries, keys and values, lose different numbers: of ρ, and of every other matrix
// under a mask. Each of the two would be computed alike without dropout.
func TestEqualSequencesDropApart(t *testing.T) {
	const n, heads, width = 9, 2, 4
	r := newLane[float64](t)
	one := to[float64](r.mat(n, width))
	q := NewMat[float64](2*n, heads*width)
	for i := range q.Rows {
		for h := range heads {
			copy(q.Row(i)[h*width:], one.Row(i%n))
		}
	}
	l := attention[float64]{heads: heads, keyDim: width, valueDim: width, drop: maskAt(0.4, 1, 2, 3, siteAttention)}
	y, c := NewMat[float64](2*n, heads*width), &attentionCache[float64]{lse: NewMat[float64](heads, 2*n)}
	l.forward(r.pool, y, c, q, q, q, []segment{{n: n}, {q: n, k: n, n: n}})
	parts := map[string][]float64{}
	for s := range 2 {
		for h := range heads {
			for i := range n {
				k := fmt.Sprintf("sequence %d, head %d", s, h)
				parts[k] = append(parts[k], y.Row(s*n + i)[h*width:][:width]...)
			}
		}
	}
	for a, x := range parts {
		for b, z := range parts {
			if a < b && slices.Equal(x, z) {
				t.Errorf("%s lost the same of ρ as %s", b, a)
			}
		}
	}
	for _, s := range []site{siteEmbedding, siteProjection, siteContract} {
		d, y := dropout[float64]{mask: maskAt(0.4, 1, 2, 3, s)}, NewMat[float64](2*n, heads*width)
		d.apply(r.pool, y, q, false)
		if slices.Equal(y.V[:n*heads*width], y.V[n*heads*width:]) {
			t.Errorf("site %d: two equal sequences lost the same", s)
		}
	}
}
