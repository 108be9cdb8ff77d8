package engine

import "github.com/pedestrian-ml/pedestrian/internal/kernel"

// Dropout leaves out numbers of a matrix at random and multiplies the others by
// 1/(1-p), so that evaluation needs no correction. What it leaves out depends on
// the key and the position alone: the backward pass computes the same mask again
// and none is stored. The paper has no dropout.
type Dropout[T Float] struct {
	Mask kernel.Mask
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
}

func (d drops) embedding() kernel.Mask { return maskAt(d.p, d.seed, d.step, 0, siteEmbedding) }

func (d drops) block(i int) masks {
	return masks{
		maskAt(d.p, d.seed, d.step, i, siteAttention),
		maskAt(d.p, d.seed, d.step, i, siteProjection),
		maskAt(d.p, d.seed, d.step, i, siteContract),
	}
}

// Apply sets y to x under the mask, or adds it to y. It is its own pullback.
func (l *Dropout[T]) Apply(p *Pool, y, x Mat[T], add bool) {
	mustShape("Dropout.Apply", "y", y, x.Rows, x.Cols)
	l.task = dropoutTask[T]{l.Mask, y, x, add}
	p.Run(rowParts(x.Rows), &l.task)
}

type dropoutTask[T Float] struct {
	mask kernel.Mask
	y, x Mat[T]
	add  bool
}

func (f *dropoutTask[T]) Do(_ *kernel.Pool, part int) {
	from, to := rowRange(part, f.x.Rows)
	for t := from; t < to; t++ {
		at := uint64(t) * uint64(f.x.Cols)
		if f.add {
			kernel.MaskRowAdd(f.y.Row(t), f.x.Row(t), f.mask, at)
		} else {
			kernel.MaskRow(f.y.Row(t), f.x.Row(t), f.mask, at)
		}
	}
}
