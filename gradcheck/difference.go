package gradcheck

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// DefaultStep is h of the central differences, a power of two so that θ+h and
// θ-h are exact for |θ| of order one. Four evaluations,
//
//	∂L/∂θ ≈ (8(L(θ+h) - L(θ-h)) - (L(θ+2h) - L(θ-2h))) / 12h,
//
// leave an error of h⁴L⁽⁵⁾/30 from truncation and about 1.5 δ/h from the rounding
// δ ≈ 3e-15 of a loss of order ten: at h = 2⁻¹⁰ both are below 1e-11. The formula
// with two evaluations would have h²L‴/6 + δ/h, at best 1e-9.
const DefaultStep = 1.0 / 1024

// Float32Step is h for a float32 loss: with 24 bits, rounding over a smaller h
// drowns the slope, and a larger h crosses the kinks of ReLU.
const Float32Step = 1.0 / 128

const (
	// DifferenceTolerance is what central differences may differ by, relative
	// (see [Relative]): 1e-11 of absolute error over DifferenceFloor is 1e-7, and ten
	// times that is the limit. An error of 1e-5 in one entry is five times above it.
	DifferenceTolerance = 1e-6
	// DifferenceFloor is the gradient below which the error is absolute: 1e-10.
	DifferenceFloor = 1e-4
	// float32Tolerance and float32Floor are for differences of a float32 loss. A loss
	// of order ten has a rounding of 2⁻²⁰ = 1e-6 or less, over h that is 1e-4, and
	// 1e-2 of the floor; five times that is the limit.
	float32Tolerance = 5e-2
	float32Floor     = 1e-2
	// kinkMargin times h is how far from zero every pre-activation of ReLU must lie.
	kinkMargin = 10
)

// directions is how many random directions each row is differentiated along.
var directions = 3

// A plant changes steps while a pass runs; it plants a bug. tr holds
// the steps that the pass has recorded so far.
type plant func(tr *paper.Trace, s paper.Step) paper.Mat

// An evaluator computes the loss at its own copy of a point.
type evaluator struct {
	Point
	plant plant
	fixed plant        // of the point
	steps []paper.Step // room for those of a pass
	signs []bool       // of every ReLU pre-activation at the point itself; nil when there is no kink to cross

	float32 *Float32Loss // differentiated in place of package paper's
}

func newEvaluator(p Point, pl plant, float32 func(p Point) Float32Loss) *evaluator {
	e := &evaluator{Point: p.clone(), plant: pl, fixed: p.fixedSteps()}
	switch {
	case float32 != nil:
		l := float32(p)
		e.float32 = &l
	case p.Config.Activation == pedestrian.ReLU:
		e.signs = []bool{}
		e.loss(nil) // records the signs
	}
	return e
}

func (e *evaluator) close() {
	if e.float32 != nil {
		e.float32.Close()
	}
}

// A perturbation adds numbers to a step of the forward pass; nil adds nothing.
type perturbation func(s paper.Step) paper.Mat

// loss runs the forward pass. It reports whether a pre-activation of ReLU
// changed its sign against the first call.
func (e *evaluator) loss(n perturbation) (loss float64, crossed bool) {
	if e.float32 != nil {
		return e.float32.At(e.Point), false
	}
	if e.plant == nil && e.fixed == nil && n == nil && e.signs == nil {
		loss, _ = paper.Network(nil, e.Params, e.LoRA, e.Batch, e.Reduction)
		return loss, false
	}
	record, i := len(e.signs) == 0, 0
	tr := &paper.Trace{Steps: e.steps[:0]}
	tr.Rewrite = func(s paper.Step) paper.Mat {
		if e.fixed != nil {
			s.V = e.fixed(tr, s)
		}
		if e.plant != nil {
			s.V = e.plant(tr, s)
		}
		if n != nil {
			s.V = n(s)
		}
		if e.signs != nil && s.Name == "a_7" {
			for _, a := range s.V.V {
				if record {
					e.signs = append(e.signs, a > 0)
				} else {
					crossed = crossed || e.signs[i] != (a > 0)
				}
				i++
			}
		}
		return s.V
	}
	loss, _ = paper.Network(tr, e.Params, e.LoRA, e.Batch, e.Reduction)
	e.steps = tr.Steps
	return loss, crossed
}

// Slope is the central difference with step h of f at zero, by the four evaluations of
// [DefaultStep], and whether one of them crossed a kink, as f says.
func Slope(h float64, f func(x float64) (float64, bool)) (d float64, crossed bool) {
	a, c1 := f(h)
	b, c2 := f(-h)
	a2, c3 := f(2 * h)
	b2, c4 := f(-2 * h)
	return (8*(a-b) - (a2 - b2)) / (12 * h), c1 || c2 || c3 || c4
}

// A job differentiates the loss once.
type job func(e *evaluator)

// runJobs shares jobs among as many goroutines as threads says (0: one per
// processor), each with an evaluator of its own. Every job writes to places of
// its own, so that the numbers do not depend on threads.
func runJobs(ctx context.Context, jobs []job, threads int, evaluators func() *evaluator, progress func(n int)) error {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	threads = min(threads, len(jobs))
	var next atomic.Int64
	var wg sync.WaitGroup
	const chunk = 16
	for range threads {
		wg.Go(func() {
			e := evaluators()
			defer e.close()
			for ctx.Err() == nil {
				from := int(next.Add(chunk)) - chunk
				if from >= len(jobs) {
					return
				}
				part := jobs[from:min(from+chunk, len(jobs))]
				for _, j := range part {
					j(e)
				}
				progress(len(part))
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

// A numeric holds the differences of one tensor or signal.
type numeric struct {
	slope   []float64 // one per entry; meaningless where refused
	refused []bool    // the nudge crossed a kink
	at      []int     // which entries were differentiated; nil: all
	along   []directional
}

// A directional is a derivative along a random direction.
type directional struct {
	v       []float64
	slope   float64
	refused bool
}

// sample returns which of n entries to differentiate: nil for all, or at most
// limit of them, spread evenly from a random start.
func sample(rnd *rand.Rand, n, limit int) []int {
	if limit <= 0 || n <= limit {
		return nil
	}
	start := rnd.IntN(n)
	at := make([]int, limit)
	for i := range at {
		at[i] = (start + i*n/limit) % n
	}
	return at
}

// entries lists the indices that m differentiates.
func (m *numeric) entries() []int {
	if m.at != nil {
		return m.at
	}
	at := make([]int, len(m.slope))
	for i := range at {
		at[i] = i
	}
	return at
}

// newNumeric prepares the differences of n numbers, with directions drawn from
// rnd and scaled to the length of a typical nudge, so that h means the same.
func newNumeric(rnd *rand.Rand, n, limit int) *numeric {
	m := &numeric{slope: make([]float64, n), refused: make([]bool, n), at: sample(rnd, n, limit), along: make([]directional, directions)}
	for i := range m.along {
		v := make([]float64, n)
		norm := 0.0
		for j := range v {
			v[j] = rnd.NormFloat64()
			norm += v[j] * v[j]
		}
		for j := range v {
			v[j] /= math.Sqrt(norm)
		}
		m.along[i].v = v
	}
	return m
}

// parameterJobs differentiates the loss with respect to the piece q, entry by
// entry and along the directions.
func (m *numeric) parameterJobs(q piece, h float64) (jobs []job) {
	for _, i := range m.entries() {
		k := q.index(i)
		jobs = append(jobs, func(e *evaluator) {
			v := e.tensors()[q.tensor].V
			at := v[k]
			m.slope[i], m.refused[i] = Slope(h, func(x float64) (float64, bool) {
				v[k] = at + x
				return e.loss(nil)
			})
			v[k] = at
		})
	}
	for i := range m.along {
		d := &m.along[i]
		jobs = append(jobs, func(e *evaluator) {
			v := e.tensors()[q.tensor].V
			at := append([]float64(nil), v...)
			d.slope, d.refused = Slope(h, func(x float64) (float64, bool) {
				for j, x1 := range d.v {
					v[q.index(j)] = at[q.index(j)] + x*x1
				}
				return e.loss(nil)
			})
			copy(v, at)
		})
	}
	return jobs
}
