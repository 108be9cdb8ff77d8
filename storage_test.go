package pedestrian

import (
	"math"
	"slices"
	"testing"
)

// Every number of 16 bits is read as its format says, and written back to the same bits.
func TestStorageIsExact(t *testing.T) {
	half := func(h uint16) float64 { // by its definition
		sign, exp, frac := 1-2*float64(h>>15), int(h>>10)&31, float64(h&1023)
		switch {
		case exp == 31 && frac != 0:
			return math.NaN()
		case exp == 31:
			return sign * math.Inf(1)
		case exp == 0:
			return sign * math.Ldexp(frac, -24)
		}
		return sign * math.Ldexp(1024+frac, exp-25)
	}
	for storage, value := range map[Storage]func(h uint16) float64{
		BF16: func(h uint16) float64 { return float64(math.Float32frombits(uint32(h) << 16)) },
		F16:  half,
	} {
		tensor := Tensor[float64]{Narrow: Narrow{Storage: storage, V: make([]uint16, 1<<16)}}
		back := Tensor[float64]{Narrow: Narrow{Storage: storage, V: make([]uint16, 1<<16)}}
		for i := range tensor.Narrow.V {
			tensor.Narrow.V[i] = uint16(i)
		}
		v := tensor.Widened()
		for i, x := range v {
			if want := value(uint16(i)); math.Float64bits(x) != math.Float64bits(want) && (x == x || want == want) {
				t.Fatalf("%s %04x is %g, not %g", storage, i, x, want)
			}
		}
		if !back.Write(0, v) {
			t.Fatalf("%s does not hold its own numbers", storage)
		}
		for i, h := range back.Narrow.V {
			if h != uint16(i) && v[i] == v[i] {
				t.Fatalf("%s %04x comes back as %04x", storage, i, h)
			}
		}
	}
}

// What 16 bits do not hold is told.
func TestStorageIsTooSmall(t *testing.T) {
	for _, c := range []struct {
		storage Storage
		v       float64
		exact   bool
	}{
		{BF16, 1.0 / 3, false}, {BF16, 1 + 1.0/128, true}, {BF16, 1 + 1.0/256, false}, {BF16, 1e-40, false}, {BF16, 0x1p-133, true}, {BF16, 1e300, false},
		{F16, 1 + 1.0/1024, true}, {F16, 1 + 1.0/2048, false}, {F16, 65504, true}, {F16, 65536, false}, {F16, 1e30, false}, {F16, 0x1p-24, true}, {F16, 0x1p-25, false}, {F16, math.Inf(-1), true},
		{Wide, 1.0 / 3, true},
	} {
		x := Tensor[float64]{V: make([]float64, 3)}
		if c.storage != Wide {
			x = Tensor[float64]{Narrow: Narrow{Storage: c.storage, V: make([]uint16, 3)}}
		}
		if got := x.Write(1, []float64{c.v}); got != c.exact {
			t.Errorf("%q holds %g: %v", c.storage, c.v, got)
		}
	}
}

// Matrices and tables are held as they are asked for, vectors wide, and nothing overlaps.
func TestNewFrozen(t *testing.T) {
	c := Config{Vocab: 7, Context: 5, Width: 6, Heads: 2, Blocks: 2, Activation: GELU, Bias: true}
	p := NewFrozen[float32](c, func(s Slot) Storage {
		switch {
		case s.Layer == "expand":
			return F16
		case s.Block == 1:
			return Wide
		}
		return BF16
	})
	wide := NewParams[float32](c)
	narrow, next := 0, float32(1)
	for i, x := range p.Tensors() {
		want := Wide
		switch {
		case x.Vec():
		case x.Layer == "expand":
			want = F16
		case x.Block != 1:
			want = BF16
		}
		if x.Narrow.Storage != want || (x.V == nil) != (want != Wide) || !x.Exists() {
			t.Errorf("%s is held as %q", x.Name, x.Narrow.Storage)
		}
		narrow += len(x.Narrow.V)
		v := wide.Tensors()[i].V
		for j := range v {
			v[j] = next
			next = float32(int(next)%100 + 1)
		}
		if !x.Write(0, v) {
			t.Errorf("%s does not hold small whole numbers", x.Name)
		}
	}
	if !p.IsFrozen() || wide.IsFrozen() || p.Count() != wide.Count() || !slices.Equal(p.Widened().Slab, wide.Slab) || wide.Widened() != wide {
		t.Error("other numbers")
	}
	if saved := wide.Bytes() - p.Bytes(); saved < int64(2*narrow) || saved > int64(2*narrow)+16*4*int64(len(p.Tensors())) {
		t.Errorf("%d narrow numbers save %d bytes", narrow, saved)
	}
	p.Zero()
	for _, x := range p.Tensors() {
		for _, v := range x.Widened() {
			if v != 0 {
				t.Fatalf("%s is not zero", x.Name)
			}
		}
	}
}
