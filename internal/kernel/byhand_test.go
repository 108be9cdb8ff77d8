package kernel

import (
	"math"
	"testing"
)

// The kernels are compared with their own loops in float64 elsewhere. Here the numbers
// come from outside: from a page of arithmetic, or from mpmath with 40 digits.

// close64 and close32 are some units in the last place.
const (
	close64 = 1e-14
	close32 = 3e-7
)

func isNear[T Float](t *testing.T, what string, got T, want float64) {
	t.Helper()
	tolerance := close64
	if is32[T]() {
		tolerance = close32
	}
	if e := math.Abs(float64(got) - want); !(e <= tolerance*math.Abs(want)) && !(is32[T]() && e < tiny) {
		t.Errorf("%s is %.17g, want %.17g", what, float64(got), want)
	}
}

func TestActivationsByHand(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		t.Run("float64", activationsByHand[float64])
		t.Run("float32", activationsByHand[float32])
	})
}

func activationsByHand[T Float](t *testing.T) {
	for _, c := range []struct{ x, gelu, slope, tanh, tanhSlope float64 }{
		{-0.5, -0.154268769362993448, 0.132504875343837157, -0.154285990174856078, 0.132630096465357688},
		{-3, -0.00404969409489028358, -0.011945647204183927, -0.00363739208177301884, -0.0115841666309697262},
		{-5, -1.43325785939596956e-6, -7.14694600179229463e-6, -2.29179619662950605e-7, -1.5463619875325946e-6},
		{-8, -4.9767684594174273e-15, -3.97960726108679599e-14, -3.10778293750111122e-21, -4.71478450410684158e-20},
		{2.25, 2.22249493652614942, 1.05918974397520698, 2.22279867010271139, 1.05991453451776219},
	} {
		for n := 1; n < 20; n++ {
			x, y, dx, dy := make([]T, n), make([]T, n), make([]T, n), make([]T, n)
			for i := range x {
				x[i], dy[i] = T(c.x), 2
			}
			GELU(y, x)
			isNear(t, "GELU", y[n-1], c.gelu)
			GELUBackward(dx, y, dy, x)
			isNear(t, "GELU again", y[n-1], c.gelu)
			slopeNear(t, "GELU′", dx[n-1]/2, c.slope)
			GELUTanh(y, x)
			isNear(t, "GELUTanh", y[n-1], c.tanh)
			GELUTanhBackward(dx, y, dy, x)
			isNear(t, "GELUTanh again", y[n-1], c.tanh)
			slopeNear(t, "GELUTanh′", dx[n-1]/2, c.tanhSlope)
		}
	}
	for n := 1; n < 20; n++ { // at zero nothing goes down
		for _, c := range []struct{ x, y, dx float64 }{{-1, 0, 0}, {0, 0, 0}, {math.Copysign(0, -1), 0, 0}, {2, 2, 5}, {1e-30, 1e-30, 5}} {
			x, y, dx, dy := make([]T, n), make([]T, n), make([]T, n), make([]T, n)
			for i := range x {
				x[i], y[i], dx[i], dy[i] = T(c.x), 9, 9, 5
			}
			ReLUBackward(dx, y, dy, x)
			if y[n-1] != T(c.y) || dx[n-1] != T(c.dx) {
				t.Errorf("ReLU of %g is %g, and 5 times its slope %g", c.x, y[n-1], dx[n-1])
			}
			ReLU(y, x)
			if y[n-1] != T(c.y) {
				t.Errorf("ReLU of %g is %g", c.x, y[n-1])
			}
		}
	}
}

// slopeNear counts errors of derivatives in units of 1, since they have a zero.
func slopeNear[T Float](t *testing.T, what string, got T, want float64) {
	t.Helper()
	tolerance := close64
	if is32[T]() {
		tolerance = close32
	}
	if !(math.Abs(float64(got)-want) <= tolerance) {
		t.Errorf("%s is %.17g, want %.17g", what, float64(got), want)
	}
}

func TestUpdatesByHand(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		t.Run("float64", updatesByHand[float64])
		t.Run("float32", updatesByHand[float32])
	})
}

func updatesByHand[T Float](t *testing.T) {
	for n := 2; n < 20; n++ {
		full := func(v T) []T {
			x := make([]T, n)
			for i := range x {
				x[i] = v
			}
			return x
		}
		// d = 4/2; m = 0.5/2 + 2/2; v = 0.75/4 + 2²/4; w = 0.75 - 2·1.25/(2√1.1875 + 1)
		w, m, v := full(1), full(0.5), full(0.25)
		AdamW(w, full(4), m, v, &AdamWStep[T]{Scale: 0.5, Beta1: 0.5, Rest1: 0.5, Beta2: 0.75, Rest2: 0.25, Rate: 2, Unbias: 2, Eps: 1, Keep: 0.75})
		isNear(t, "m", m[n-1], 1.25)
		isNear(t, "v", v[n-1], 1.1875)
		slopeNear(t, "w", w[n-1], 0.75-2.5/3.1794494717703367)

		// (3 - 1)·0.5·2
		dy := full(3)
		SoftmaxBackward(dy, full(0.5), 1, 2)
		isNear(t, "the error before a softmax", dy[n-1], 2)

		// In pairs: w∘dy = (2, 6), of mean 4; times ā = (½, 1) of mean 3.5.
		if n%2 == 0 {
			dx, dy, w, xhat := full(10), full(1), full(2), full(0.5)
			for i := 1; i < n; i += 2 {
				dx[i], dy[i], w[i], xhat[i] = 20, 2, 3, 1
			}
			NormalizeBackward(dx, dy, w, xhat, 0.5)
			isNear(t, "the error before a normalization", dx[n-2], 10+0.5*(2-4-0.5*3.5))
			isNear(t, "the error before a normalization", dx[n-1], 20+0.5*(6-4-1*3.5))
		}
	}
}
