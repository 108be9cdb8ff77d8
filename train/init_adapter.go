package train

import (
	"fmt"
	"math"
	"sync"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/random"
)

// AdapterInit names the distribution of the initial down factors of an adapter; up starts at 0.
type AdapterInit string

const (
	Kaiming  AdapterInit = "kaiming"  // uniform in ±1/√inputs, as in Hu et al. and PEFT; the zero value means the same
	Gaussian AdapterInit = "gaussian" // N(0, 1/r²), as PEFT's init_lora_weights="gaussian"
)

// InitAdapter sets a to an adapter of p that has no effect yet: down factors at random, up
// factors 0, the magnitudes of DoRA to the norms of the columns of p's weights, and norms,
// biases and rows of tokens to those of p. A down factor depends only on the seed, its name
// and its shape, so it has the same bits on every machine. InitAdapter panics if a does not
// fit p or init is unknown.
func InitAdapter[T pedestrian.Float](a *pedestrian.Adapter[T], p *pedestrian.Params[T], init AdapterInit, seed uint64) {
	if a.Base != p.Config {
		panic(fmt.Sprintf("train.InitAdapter: an adapter for %+v beside parameters of %+v", a.Base, p.Config))
	}
	if init != "" && init != Kaiming && init != Gaussian {
		panic(fmt.Sprintf("train.InitAdapter: unknown initialisation %q: choose %q or %q", init, Kaiming, Gaussian))
	}
	clear(a.Slab)
	var wg sync.WaitGroup
	for _, t := range a.Tensors() {
		switch t.Role {
		case pedestrian.Down:
			if init == Gaussian {
				wg.Go(func() { fillNormal(t, 1/float64(t.Cols), seed) })
			} else {
				wg.Go(func() { fillUniform(t, 1/math.Sqrt(float64(t.Rows)), seed) })
			}
		case pedestrian.Magnitude:
			wg.Go(func() { columnNorms(t.V, weightOf(p, p.Config.Linear(t.Block, pedestrian.Target(t.Layer)))) })
		case pedestrian.TokenRows:
			copyRows(t, p, a.Config.Tokens)
		case pedestrian.Gain, pedestrian.Bias:
			copy(t.V, p.Tensor(t.Name).V)
		}
	}
	wg.Wait()
}

// copyRows sets t to p's rows of the embedding, or columns of the logits, for tokens.
func copyRows[T pedestrian.Float](t pedestrian.Tensor[T], p *pedestrian.Params[T], tokens []int32) {
	from := columns[T]{p.Tok.V, p.Tok.Cols, 1, p.Tok.Cols}
	if t.Layer == "logits" {
		from = weightOf(p, p.Config.Linear(-1, pedestrian.TargetLogits))
	}
	for k, id := range tokens {
		for j := range t.Cols {
			t.V[k*t.Cols+j] = from.v[j*from.down+int(id)*from.right]
		}
	}
}

func fillUniform[T pedestrian.Float](t pedestrian.Tensor[T], bound float64, seed uint64) {
	name := random.Key(t.Name)
	for i := range t.V {
		t.V[i] = T(bound * (2*random.Uniform(seed, random.Weights, name, uint64(i), 0) - 1))
	}
}

// columns is a matrix with strides: element (i, j) is v[i*down+j*right].
type columns[T pedestrian.Float] struct {
	v           []T
	rows        int
	down, right int
}

// weightOf returns the weight of a layer in p, input×output.
func weightOf[T pedestrian.Float](p *pedestrian.Params[T], l pedestrian.Linear) columns[T] {
	w := p.Tensor(l.Weight)
	if l.Transposed {
		return columns[T]{w.V[l.From*w.Cols:], w.Cols, 1, w.Cols}
	}
	return columns[T]{w.V[l.From:], w.Rows, w.Cols, 1}
}

// columnNorms sets norms to the Euclidean lengths of the first len(norms) columns of w. It sums
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
