package engine

import (
	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// dropout leaves out numbers of a matrix at random and multiplies the others by
// 1/(1-p), so that evaluation needs no correction. What it leaves out depends on
// the key and the position alone: the backward pass computes the same mask again
// and none is stored. The paper has no dropout.
type dropout[T Float] struct {
	mask kernel.Mask
	rows []int32 // the number of each row among the tokens of the batch; nil: their places
	task dropoutTask[T]
}

// site says where in the network a mask lies.
type site uint64

const (
	siteEmbedding  site = iota // a_1
	siteAttention              // ρ of one block
	siteProjection             // a_4 of one block
	siteContract               // a_9 of one block
	sites
)

// maskAt is the mask of one site of one block in one step.
func maskAt(p float64, seed, step uint64, block int, s site) kernel.Mask {
	key := kernel.SubKey(kernel.SubKey(seed, step), uint64(block)*uint64(sites)+uint64(s))
	return kernel.NewMask(p, key)
}

// drops is where the masks of one step come from.
type drops struct {
	p          float64
	seed, step uint64
	lora       float64 // fraction that adapters leave out of their input
}

func (d drops) embedding() kernel.Mask { return maskAt(d.p, d.seed, d.step, 0, siteEmbedding) }

func (d drops) block(i int) masks {
	return masks{
		maskAt(d.p, d.seed, d.step, i, siteAttention),
		maskAt(d.p, d.seed, d.step, i, siteProjection),
		maskAt(d.p, d.seed, d.step, i, siteContract),
		[stages]kernel.Mask{
			stageQKV:      adapterMaskAt(d.lora, d.seed, d.step, i, pedestrian.TargetQKV),
			stageAttProj:  adapterMaskAt(d.lora, d.seed, d.step, i, pedestrian.TargetAttProj),
			stageExpand:   adapterMaskAt(d.lora, d.seed, d.step, i, pedestrian.TargetExpand),
			stageContract: adapterMaskAt(d.lora, d.seed, d.step, i, pedestrian.TargetContract),
		},
	}
}

func (d drops) logits() kernel.Mask {
	return adapterMaskAt(d.lora, d.seed, d.step, 0, pedestrian.TargetLogits)
}

// adapterMaskAt is the mask of the adapters beside one layer in one step. Those of
// queries, keys and values share theirs, since they share their input; so do those of gate
// and up. The keys are a stream beside those of maskAt.
func adapterMaskAt(p float64, seed, step uint64, block int, t pedestrian.Target) kernel.Mask {
	layer := uint64(0)
	switch t {
	case pedestrian.TargetAttProj:
		layer = 1
	case pedestrian.TargetExpand, pedestrian.TargetGate, pedestrian.TargetUp:
		layer = 2
	case pedestrian.TargetContract, pedestrian.TargetDown:
		layer = 3
	case pedestrian.TargetLogits:
		block, layer = 0, 4
	}
	key := kernel.SubKey(kernel.SubKey(kernel.SubKey(seed, step), 1<<63), uint64(block)*5+layer)
	return kernel.NewMask(p, key)
}

// AdapterMask sets m, a row for each token of a batch and a column for each input of
// layer t of a block, to what Gradients multiplies the adapter's input by in that
// step, so that a test can compute the same in another way. fraction is the dropout of
// the adapter's configuration, seed that of Options.
func AdapterMask[T Float](m Mat[T], fraction float64, seed, step uint64, block int, t pedestrian.Target) {
	l := dropout[T]{mask: adapterMaskAt(fraction, seed, step, block, t)}
	ones := NewMat[T](m.Rows, m.Cols)
	for i := range ones.V {
		ones.V[i] = 1
	}
	if !l.mask.On() {
		copy(m.V, ones.V)
		return
	}
	l.apply(nil, m, ones, false)
}

// apply sets y to x under the mask, or adds it to y. It is its own pullback.
func (l *dropout[T]) apply(p *kernel.Pool, y, x Mat[T], add bool) {
	mustShape("Dropout.Apply", "y", y, x.Rows, x.Cols)
	l.task = dropoutTask[T]{l.mask, l.rows, y, x, add}
	p.Run(rowParts(x.Rows), &l.task)
}

type dropoutTask[T Float] struct {
	mask kernel.Mask
	rows []int32
	y, x Mat[T]
	add  bool
}

func (f *dropoutTask[T]) Do(_ *kernel.Pool, part int) {
	from, to := rowRange(part, f.x.Rows)
	for t := from; t < to; t++ {
		at := uint64(t)
		if f.rows != nil {
			at = uint64(f.rows[t])
		}
		at *= uint64(f.x.Cols)
		if f.add {
			kernel.MaskRowAdd(f.y.Row(t), f.x.Row(t), f.mask, at)
		} else {
			kernel.MaskRow(f.y.Row(t), f.x.Row(t), f.mask, at)
		}
	}
}
