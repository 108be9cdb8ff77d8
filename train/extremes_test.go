package train

import (
	"math"
	"math/rand/v2"
	"testing"
)

// A gradient of 1e30 a number has a norm that a float32 cannot square: it is clipped to
// the limit like any other. Of moments that were zero, the first is then 1-β₁ of the
// clipped gradient. A gradient of zero changes no moment and divides by nothing.
func TestClipExtremes(t *testing.T) {
	const tolerance = 1e-6 // relative, of a norm in float32
	for _, size := range []float64{0, 1e-30, 1e-3, 1, 1e10, 1e19, 1e20, 1e30, 1e37} {
		o := mini()
		o.Clip = 0.5
		r := start(t, o, dataOf(t, sentences(t), o), "")
		random := rand.New(rand.NewPCG(7, 8))
		counted := float64(o.Batch * o.Context)
		norm := 0.0
		r.beforeUpdate = func() {
			for _, g := range r.grad.Tensors() {
				for i := range g.V {
					g.V[i] = float32(random.NormFloat64() * size)
					norm += float64(g.V[i]) * float64(g.V[i])
				}
			}
		}
		u, err := r.Step(t.Context())
		if err != nil {
			t.Errorf("gradients of %g: %v", size, err)
			continue
		}
		norm = math.Sqrt(norm) / counted
		clipped := r.net.Norm2(r.State.M.Slab()) / (1 - o.Beta1)
		if want := min(norm, o.Clip); math.Abs(u.Norm-norm) > tolerance*norm || math.Abs(clipped-want) > tolerance*want {
			t.Errorf("gradients of %g have norm %g, want %g, and are clipped to %g, want %g", size, u.Norm, norm, clipped, want)
		}
		for i, w := range r.State.Params.Slab {
			if !isFinite(w) || !isFinite(r.State.V.Slab()[i]) {
				t.Fatalf("gradients of %g: number %d is %g, with moment %g", size, i, w, r.State.V.Slab()[i])
			}
		}
		r.Close()
	}
}

// Without clipping, a gradient whose square is infinite in float32 would make the second
// moment so, and the weight would never move again: the step is refused.
func TestUnclippedOverflow(t *testing.T) {
	r, _ := injected(t, func(o *Options) { o.Clip = 0 })
	r.beforeUpdate = func() {
		for i := range r.grad.Params.Tok.V {
			r.grad.Params.Tok.V[i] = 1e25
		}
	}
	refuses(t, r, "the update would not be finite", "smaller clip")
	r.beforeUpdate = nil
	for name, spoil := range map[string]func(){
		"a moment so large that an update overflows": func() { r.State.M.Slab()[0] = 3e38 },
		"a second moment at the end of float32":      func() { r.State.V.Slab()[0] = math.MaxFloat32 },
	} {
		before := r.State.zerosLike()
		before.copyFrom(r.State)
		spoil()
		t.Log(name)
		refuses(t, r, "the update would not be finite", "--resume")
		r.State.copyFrom(before)
	}
}
