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
			l := p.Config.Linear(t.Block, pedestrian.Target(t.Layer))
			wg.Go(func() { columnNorms(t.V, p.Tensor(l.Weight), l) })
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
	for k, id := range tokens {
		row := t.V[k*t.Cols:][:t.Cols]
		if t.Layer != "logits" {
			p.Tok.Read(row, int(id)*t.Cols)
			continue
		}
		w := p.Logits.W // separate, input×output
		for j := range row {
			w.Read(row[j:j+1], j*w.Cols+int(id))
		}
	}
}

func fillUniform[T pedestrian.Float](t pedestrian.Tensor[T], bound float64, seed uint64) {
	name := random.Key(t.Name)
	for i := range t.V {
		t.V[i] = T(bound * (2*random.Uniform(seed, random.Weights, name, uint64(i), 0) - 1))
	}
}

// columnNorms sets norms to the Euclidean lengths of the columns of l in w, the parameter
// that holds it. It sums in float64.
func columnNorms[T pedestrian.Float](norms []T, w pedestrian.Tensor[T], l pedestrian.Linear) {
	row := make([]T, w.Cols)
	squares := make([]float64, len(norms))
	for i := range w.Rows {
		w.Read(row, i*w.Cols)
		if l.Transposed {
			for _, v := range row {
				squares[i] += square(v)
			}
			continue
		}
		for j, v := range row[l.From:][:len(norms)] {
			squares[j] += square(v)
		}
	}
	for j, s := range squares {
		norms[j] = T(math.Sqrt(s))
	}
}

// square is v² in float64, rounded before it is added.
func square[T pedestrian.Float](v T) float64 { return float64(float64(v) * float64(v)) }
