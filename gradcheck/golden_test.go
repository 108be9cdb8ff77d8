package gradcheck_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/internal/golden"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// The goldens come from PyTorch's float64 autograd (testdata/pytorch). An error
// is |a-g| over the largest |g| of its tensor, because each entry is a sum whose
// rounding is that of its largest terms.
const (
	// tolerance64 is for one pass: sums of at most a few dozen products through three
	// blocks, taken in another order, differ by some 150 units of 2⁻⁵³ (the worst found
	// is 2e-14). A forgotten term shows at 1e-3, ε wrong by a thousandth at 1e-9.
	tolerance64 = 1e-12
	// toleranceRun64 is for ten steps of AdamW, which divides gradients by their own
	// size, so that the rounding of the smallest counts, too.
	toleranceRun64 = 1e-10
	// tolerance32 is five times the worst found, 4e-6, some 70 units of 2⁻²⁴.
	tolerance32 = 2e-5
	// toleranceRun32 is for losses and norms of ten steps; the worst found is 5e-7.
	toleranceRun32 = 1e-5
)

func TestPaperAgainstPyTorch(t *testing.T) {
	eachGolden(t, func(t *testing.T, g torchGolden) {
		j := &judge{T: t, tolerance: tolerance64}
		p, lora := g.point(t)
		tr := &paper.Trace{}
		loss, back := paper.Network(tr, p, lora, g.Batch, map[string]paper.Reduction{"mean": paper.Mean, "sum": paper.Sum}[g.Reduction])
		j.compare("loss", []float64{loss}, []float64{g.Loss})
		dp, dlora := back()
		if !g.Frozen {
			tensors(j, dp.Tensors(), g.Grads)
		}
		if lora != nil {
			tensors(j, dlora.Tensors(), g.AdapterGrads)
		}
		step := func(at, name string, want golden.Array) {
			s, ok := tr.Find(at, name)
			if !ok {
				t.Errorf("the trace has no %s at %s", name, at)
				return
			}
			mustShape(t, at+" "+name, fmt.Sprintf("%dx%d", s.V.N, s.V.D), want)
			j.compare(at+" "+name, s.V.V, want.Numbers())
		}
		for i, want := range g.Logits {
			step(fmt.Sprintf("seq.%d", i), "a_12", want)
		}
		for _, e := range g.Errors {
			step(e.At, e.Name, e.Array)
		}
		t.Logf("%d gradients, %d error signals: worst error %.2g, of %s", len(g.Grads)+len(g.AdapterGrads), len(g.Errors), j.worst, j.at)
	})
}

func TestEngineAgainstPyTorch(t *testing.T) {
	eachGolden(t, func(t *testing.T, g torchGolden) {
		t.Run("float64", func(t *testing.T) { engineAgainst[float64](t, g, tolerance64) })
		t.Run("float32", func(t *testing.T) { engineAgainst[float32](t, g, tolerance32) })
	})
}

// network is an engine at the golden's point.
func network[T pedestrian.Float](t *testing.T, g torchGolden, b engine.Batch) (n *engine.Network[T], p *pedestrian.Params[T], lora *pedestrian.Adapter[T]) {
	p64, lora64 := g.point(t)
	p = pedestrian.NewParams[T](g.Config)
	pedestrian.Convert(&p.Values, &p64.Values)
	if lora64 != nil {
		lora = pedestrian.NewAdapter[T](g.Config, *g.Adapter)
		for i, v := range lora64.Slab {
			lora.Slab[i] = T(v)
		}
	}
	n = engine.New(p, lora, engine.Options{Batch: b.B, Context: b.T, Threads: 2, Chunk: 4})
	t.Cleanup(n.Close)
	return n, p, lora
}

func engineAgainst[T pedestrian.Float](t *testing.T, g torchGolden, tolerance float64) {
	j := &judge{T: t, tolerance: tolerance}
	b, counted := g.batch()
	n, _, lora := network[T](t, g, b)
	scale := 1.0
	if g.Reduction == "mean" {
		scale = 1 / float64(counted)
	}
	var dp *pedestrian.Params[T]
	var dlora *pedestrian.Adapter[T]
	if !g.Frozen {
		dp = pedestrian.NewParams[T](g.Config)
	}
	if lora != nil {
		dlora = pedestrian.NewAdapter[T](g.Config, *g.Adapter)
	}
	evaluated, _ := n.Loss(b)
	trained, c := n.Gradients(dp, dlora, b, scale, 1)
	if c != counted {
		t.Errorf("%d targets counted, not %d", c, counted)
	}
	j.compare("loss", []float64{evaluated * scale, trained * scale}, []float64{g.Loss, g.Loss})
	if dp != nil {
		tensors(j, dp.Tensors(), g.Grads)
	}
	if dlora != nil {
		tensors(j, dlora.Tensors(), g.AdapterGrads)
	}
	out := engine.NewMat[T](b.B*b.T, g.Config.Vocab)
	n.Logits(out, b)
	for i, want := range g.Logits {
		from := i * b.T * g.Config.Vocab
		j.compare(fmt.Sprintf("logits of sequence %d", i), float64s(out.V[from:from+len(want.F64)/8]), want.Numbers())
	}
	t.Logf("worst error %.2g, of %s", j.worst, j.at)
}

func TestAdamWAgainstPyTorch(t *testing.T) {
	ran := 0
	eachGolden(t, func(t *testing.T, g torchGolden) {
		if g.AdamW == nil {
			return
		}
		ran++
		p := adamw[float64](t, g, toleranceRun64)
		adamw[float32](t, g, toleranceRun32)
		keysStandStill(t, g, p)
		j := &judge{T: t, tolerance: toleranceRun64}
		tensors(j, p.Tensors(), g.AdamW.Params)
		t.Logf("worst error of the trained parameters %.2g, of %s", j.worst, j.at)
	})
	if ran == 0 {
		t.Error("no golden has steps of AdamW")
	}
}

// adamw takes the golden's steps, comparing losses and norms, and returns the
// trained parameters.
func adamw[T pedestrian.Float](t *testing.T, g torchGolden, tolerance float64) *pedestrian.Params[T] {
	b, counted := g.batch()
	n, p, _ := network[T](t, g, b)
	d, m, v := pedestrian.NewParams[T](g.Config), pedestrian.NewParams[T](g.Config), pedestrian.NewParams[T](g.Config)
	j := &judge{T: t, tolerance: tolerance}
	clipped := 0
	for i, lr := range g.AdamW.LR {
		d.Zero()
		sum, _ := n.Gradients(d, nil, b, 1/float64(counted), uint64(i))
		norm := n.Norm2(d.Slab)
		j.compare(fmt.Sprintf("loss and norm at step %d", i+1), []float64{sum / float64(counted), norm}, []float64{g.AdamW.Losses[i], g.AdamW.Norms[i]})
		gscale := min(1, g.AdamW.Clip/(norm+1e-6)) // the 1e-6 is torch.nn.utils.clip_grad_norm_'s
		if gscale < 1 {
			clipped++
		}
		n.AdamW(engine.AdamW{LR: lr, Beta1: g.AdamW.Beta1, Beta2: g.AdamW.Beta2, Eps: g.AdamW.Eps, Decay: g.AdamW.Decay}, i+1, gscale, p, d, m, v)
	}
	if clipped == 0 || clipped == len(g.AdamW.LR) {
		t.Errorf("%d of %d steps were clipped: some should be, some not", clipped, len(g.AdamW.LR))
	}
	t.Logf("worst error of losses and norms %.2g, at %s", j.worst, j.at)
	return p
}

// keysStandStill checks that the key biases, whose gradient is zero (29), have
// not moved. PyTorch's have: AdamW divides the rounding noise of a zero gradient
// by its own size. Where p agrees with what they were, the golden's are put in
// their place, so that the rest of the tensor can be compared.
func keysStandStill(t *testing.T, g torchGolden, p *pedestrian.Params[float64]) {
	t.Helper()
	from, to := g.Config.Heads*g.Config.QueryDim(), 2*g.Config.Heads*g.Config.QueryDim()
	drift := 0.0
	for _, b := range p.Blocks {
		before, theirs := g.Params[b.QKV.B.Name].Numbers(), g.AdamW.Params[b.QKV.B.Name].Numbers()
		for i := from; i < to; i++ {
			if b.QKV.B.V[i] != before[i] {
				t.Errorf("%s: key bias %d moved from %g to %g", b.QKV.B.Name, i-from, before[i], b.QKV.B.V[i])
				continue
			}
			drift = max(drift, math.Abs(theirs[i]-before[i]))
			b.QKV.B.V[i] = theirs[i]
		}
	}
	if drift > 1e-8 { // ten steps of LR·noise/ε: 10·0.01·1e-17/1e-8 = 1e-10, with a hundredfold margin
		t.Errorf("PyTorch's key biases moved by %.2g", drift)
	}
	t.Logf("key biases have not moved; PyTorch's by up to %.2g", drift)
}
