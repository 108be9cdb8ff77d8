package gradcheck

import (
	"math/bits"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// fixNorms records the norms ‖v‖ of DoRA at p if the gradient treats them as constants. Then
// the differentiated loss is the loss with these norms.
func (p *Point) fixNorms() {
	a := p.Case.Adapter
	if a == nil || !a.DoRA || a.DoRAExact {
		return
	}
	norms := map[string]paper.Mat{}
	for _, s := range p.forward().Steps {
		if s.Name == paper.ColumnNorm {
			norms[s.At] = s.V
		}
	}
	p.norms = norms
}

// fixedSteps replaces the steps that are constants at p: recorded norms, and the masks of
// dropout. It is nil if there are none.
func (p Point) fixedSteps() plant {
	a := p.Case.Adapter
	if a == nil || a.Dropout == 0 && p.norms == nil {
		return nil
	}
	return func(_ *paper.Trace, s paper.Step) paper.Mat {
		switch s.Name {
		case paper.ColumnNorm:
			if v, ok := p.norms[s.At]; ok {
				return v
			}
		case "mask":
			return p.mask(s)
		}
		return s.V
	}
}

// mask is the mask of an adapter's input in one sequence: in each place 0 with the
// probability of the adapter's dropout, and 1/(1-p) otherwise. It is the one that package
// engine has in step 0, written a second time: which numbers are left out depends on the
// seed, the layer and the position alone.
func (p Point) mask(s paper.Step) paper.Mat {
	layer, block := uint64(4), uint64(0) // of the logits
	if b := blockOf(s.At); b >= 0 {
		block = uint64(b)
		switch pedestrian.Target(s.At[strings.LastIndexByte(s.At, '.')+1:]) {
		case pedestrian.TargetAttProj:
			layer = 1
		case pedestrian.TargetExpand, pedestrian.TargetGate, pedestrian.TargetUp:
			layer = 2
		case pedestrian.TargetContract, pedestrian.TargetDown:
			layer = 3
		default: // queries, keys and values
			layer = 0
		}
	}
	key := subKey(subKey(subKey(p.Seed, 0), 1<<63), 5*block+layer)
	drop := p.Case.Adapter.Dropout
	m := paper.Zeros(len(p.Batch[0].Tokens), s.V.D)
	from := uint64(placeOf(s.At, "seq") * len(m.V))
	for i := range m.V {
		if uint32(splitMix64(key, from+uint64(i))>>32) >= uint32(drop*(1<<32)) {
			m.V[i] = 1 / (1 - drop)
		}
	}
	return m
}

// subKey is the key of stream i below the stream of key.
func subKey(key, i uint64) uint64 { return bits.RotateLeft64(splitMix64(key, i), 32) }

// splitMix64 is number i of the generator of that name (Steele, Lea and Flood, 2014) that
// starts at key.
func splitMix64(key, i uint64) uint64 {
	z := key + (i+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
