package train

import (
	"math"
	"sync"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/random"
)

const initStd = 0.02 // standard deviation of every matrix in GPT-2

// Init sets p to the initial weights of GPT-2: matrices and embeddings N(0, 0.02²), the two
// projections of every block that add to the residual stream N(0, 0.02²/(2·blocks)), biases 0,
// gains 1. Each number depends only on the seed, the name of its tensor and its index there.
// So it has the same bits on every machine, and does not change when another tensor is added.
func Init[T pedestrian.Float](p *pedestrian.Params[T], seed uint64) {
	p.Zero()
	residual := initStd / math.Sqrt(2*float64(p.Config.Blocks))
	var wg sync.WaitGroup
	for _, t := range p.Tensors() {
		switch t.Role {
		case pedestrian.Gain:
			for i := range t.V {
				t.V[i] = 1
			}
		case pedestrian.Matrix, pedestrian.Table:
			std := initStd
			if t.Residual {
				std = residual
			}
			wg.Go(func() { fillNormal(t, std, seed) })
		}
	}
	wg.Wait()
}

func fillNormal[T pedestrian.Float](t pedestrian.Tensor[T], std float64, seed uint64) {
	name := random.Key(t.Name)
	for i := 0; i < len(t.V); i += 2 {
		x, y := random.Normals(seed, random.Weights, name, uint64(i/2))
		t.V[i] = T(x * std)
		if i+1 < len(t.V) {
			t.V[i+1] = T(y * std)
		}
	}
}
