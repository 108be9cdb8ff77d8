package paper

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestBF16(t *testing.T) {
	for _, c := range []struct{ x, y float64 }{
		{0, 0}, {1, 1}, {-1.5, -1.5}, {255, 255}, {256 + 1, 256}, {256 + 3, 256 + 4}, {-256 - 1, -256}, // ties go to even
		{256 + 1.01, 258}, {256 + 0.99, 256}, {511, 512}, {0x1.01p-100, 0x1p-100}, {0x1.03p-100, 0x1.04p-100},
	} {
		if y := bf16(c.x); y != c.y {
			t.Errorf("%v rounds to %v, not %v", c.x, y, c.y)
		}
	}
	if y := bf16(math.Inf(-1)); !math.IsInf(y, -1) {
		t.Errorf("-∞ rounds to %v", y)
	}
	if y := bf16(math.NaN()); !math.IsNaN(y) {
		t.Errorf("NaN rounds to %v", y)
	}
}

// mixedTol is what another order of sums in float64 may differ by.
const mixedTol = 1e-12

// TestMixed: with operands as they are, it is Network, to the order of sums: the
// loss, every gradient, and every step of table 2 that both record. And every layer
// has three operands rounded, each once.
func TestMixed(t *testing.T) {
	for name, w := range everyWhole() {
		trace := held(false)
		plain, mixed := trace(), trace()
		want, backPlain := Network(plain, w.p, w.lora, w.batch, w.r)
		operands := map[string]int{}
		loss, back := Mixed(mixed, w.p, w.lora, w.batch, w.r, func(s Step) Mat {
			operands[s.Name]++
			return s.V
		})
		if math.Abs(loss-want) > mixedTol*want {
			t.Errorf("%s: the loss is %v, not %v", name, loss, want)
		}
		dp, dlora := back()
		dpWant, dloraWant := backPlain()
		got, ts := dp.Tensors(), dpWant.Tensors()
		if w.lora != nil {
			got, ts = append(got, dlora.Tensors()...), append(ts, dloraWant.Tensors()...)
		}
		for i, x := range ts {
			alike(t, name+", ∂"+x.Name, got[i].V, x.V)
		}
		steps := 0
		for _, s := range mixed.Steps {
			if slices.Contains([]string{"T2", "L22", "L23"}, s.Eq) && (strings.HasPrefix(s.Name, "a_") || strings.HasPrefix(s.Name, "Δ_")) {
				p, ok := plain.Find(s.At, s.Name)
				if !ok {
					t.Errorf("%s: no step %s at %s", name, s.Name, s.At)
				}
				alike(t, name+", "+s.Name+" at "+s.At, s.V.V, p.V.V)
				steps++
			}
		}
		stations := 20 // a_1 to a_10 and their errors
		if w.p.Config.Gated {
			stations = 18 // z and u have equations of their own
		}
		if want := len(w.batch) * (5 + stations*len(w.p.Blocks)); steps != want {
			t.Errorf("%s: %d steps of table 2, not %d", name, steps, want)
		}
		if n := operands["w"]; n == 0 || operands["a_{i-1}"] != n || operands["Δ_i"]+operands["Δ_z"] != n {
			t.Errorf("%s: operands %v", name, operands)
		}
	}
}

// alike compares with respect to the largest number.
func alike(t *testing.T, name string, got, want []float64) {
	t.Helper()
	most, worst := 0.0, 0.0
	for i, x := range want {
		if x == 0 && got[i] != 0 && strings.HasSuffix(name, "qkv.b") {
			t.Errorf("%s: entry %d is %v, not exactly 0 (29)", name, i, got[i])
		}
		most, worst = max(most, math.Abs(x)), max(worst, math.Abs(x-got[i]))
	}
	if !(worst <= mixedTol*most) {
		t.Errorf("%s: differs by %.1e, its largest number is %.1e", name, worst, most)
	}
}
