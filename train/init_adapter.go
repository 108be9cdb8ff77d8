package train

import (
	"fmt"
	"math"
	"strings"
	"sync"

	"github.com/pedestrian-ml/pedestrian"
)

// AdapterInit says what the down factors of an adapter start from; up starts at 0.
type AdapterInit string

const (
	Kaiming  AdapterInit = "kaiming"  // uniform in ±1/√inputs, as in Hu et al. and PEFT; the zero value means the same
	Gaussian AdapterInit = "gaussian" // N(0, 1/r²), as PEFT's init_lora_weights="gaussian"
)

// InitAdapter sets a to an adapter beside p that changes nothing yet: down factors
// at random, up factors 0, the magnitudes of DoRA at the norms of the columns of
// p's weights, and norms, biases and rows of tokens at p's own. A down factor depends on the seed,
// its name and its shape alone: the same bits on every machine. It panics when a
// and p do not belong together or init is not known.
func InitAdapter[T pedestrian.Float](a *pedestrian.Adapter[T], p *pedestrian.Params[T], init AdapterInit, seed uint64) {
	if a.Base != p.Config {
		panic(fmt.Sprintf("train.InitAdapter: an adapter for %+v beside parameters of %+v", a.Base, p.Config))
	}
	if init != "" && init != Kaiming && init != Gaussian {
		panic(fmt.Sprintf("train.InitAdapter: unknown initialisation %q: choose %q or %q", init, Kaiming, Gaussian))
	}
	own := map[string]pedestrian.Tensor[T]{}
	for _, t := range p.Tensors() {
		own[t.Name] = t
	}
	clear(a.Slab)
	var wg sync.WaitGroup
	for _, t := range a.Tensors() {
		switch {
		case strings.HasSuffix(t.Name, ".up"):
		case strings.HasSuffix(t.Name, ".down") && init == Gaussian:
			wg.Go(func() { fillNormal(t, 1/float64(t.Cols), seed) })
		case strings.HasSuffix(t.Name, ".down"):
			wg.Go(func() { fillUniform(t, 1/math.Sqrt(float64(t.Rows)), seed) })
		case strings.HasSuffix(t.Name, ".magnitude"):
		case t.Name == "tok.rows":
			for k, id := range a.Config.Tokens {
				copy(t.V[k*t.Cols:][:t.Cols], p.Tok.V[int(id)*t.Cols:])
			}
		case t.Name == "logits.rows":
			for k, id := range a.Config.Tokens {
				for j := range t.Cols {
					t.V[k*t.Cols+j] = p.Logits.W.V[j*p.Config.Vocab+int(id)]
				}
			}
		default:
			copy(t.V, own[t.Name].V)
		}
	}
	if a.Config.DoRA {
		for i := range a.Blocks {
			for _, t := range a.Config.Targets {
				if l := a.LoRA(i, t); l.Magnitude.V != nil && t != pedestrian.TargetLogits {
					wg.Go(func() { columnNorms(l.Magnitude.V, weightOf(p, i, t)) })
				}
			}
		}
		if a.Logits.Magnitude.V != nil {
			columnNorms(a.Logits.Magnitude.V, weightOf(p, 0, pedestrian.TargetLogits))
		}
	}
	wg.Wait()
}

func fillUniform[T pedestrian.Float](t pedestrian.Tensor[T], bound float64, seed uint64) {
	name := nameKey(t.Name)
	for i := range t.V {
		t.V[i] = T(bound * (2*uniform(seed, streamWeights, name, uint64(i), 0) - 1))
	}
}

// columns is a matrix by its columns: element (i, j) is v[i*down+j*right].
type columns[T pedestrian.Float] struct {
	v           []T
	rows        int
	down, right int
}

// weightOf is the weight that t of a block names in p, input×output.
func weightOf[T pedestrian.Float](p *pedestrian.Params[T], block int, t pedestrian.Target) columns[T] {
	c := p.Config
	keys := c.Heads * c.QueryDim()
	part := func(w pedestrian.Tensor[T], from int) columns[T] {
		return columns[T]{w.V[from:], w.Rows, w.Cols, 1}
	}
	switch t {
	case pedestrian.TargetQ, pedestrian.TargetQKV:
		return part(p.Blocks[block].QKV.W, 0)
	case pedestrian.TargetK:
		return part(p.Blocks[block].QKV.W, keys)
	case pedestrian.TargetV:
		return part(p.Blocks[block].QKV.W, 2*keys)
	case pedestrian.TargetAttProj:
		return part(p.Blocks[block].AttProj.W, 0)
	case pedestrian.TargetExpand:
		return part(p.Blocks[block].Expand.W, 0)
	case pedestrian.TargetContract:
		return part(p.Blocks[block].Contract.W, 0)
	}
	if c.Tied {
		return columns[T]{p.Tok.V, p.Tok.Cols, 1, p.Tok.Cols}
	}
	return part(p.Logits.W, 0)
}

// columnNorms sets norms to the Euclidean lengths of as many columns of w, summed
// in float64.
func columnNorms[T pedestrian.Float](norms []T, w columns[T]) {
	squares := make([]float64, len(norms))
	for i := range w.rows {
		for j := range squares {
			x := float64(w.v[i*w.down+j*w.right])
			squares[j] += float64(x * x)
		}
	}
	for j, s := range squares {
		norms[j] = T(math.Sqrt(s))
	}
}
