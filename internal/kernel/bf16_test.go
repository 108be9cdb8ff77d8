package kernel

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestBF16(t *testing.T) {
	for x, want := range map[float32]BF16{0: 0, 1: 0x3f80, -2: 0xc000, 1 + 1.0/256: 0x3f80, 1 + 3.0/256: 0x3f82,
		1 + 1.0/256 + 1.0/65536: 0x3f81, math.MaxFloat32: 0x7f80, float32(math.Inf(-1)): 0xff80, 0x1p-149: 0, 0x1p-133: 1} {
		if got := toBF16(x); got != want {
			t.Errorf("ToBF16(%v) = %#04x, want %#04x", x, got, want)
		}
	}
	eachPath(t, func(t *testing.T) {
		for _, nan := range []uint32{0x7f800001, 0x7fffffff, 0xffc00000, 0xffffffff} {
			y := []BF16{0}
			RoundBF16(y, []float32{math.Float32frombits(nan)})
			if y[0] != 0x7fc0 {
				t.Errorf("NaN %#x becomes %#x", nan, y[0])
			}
		}
		x := dense()
		y, z := make([]BF16, len(x)), make([]float32, len(x))
		RoundBF16(y, x)
		widenBF16(z, y)
		for i, v := range x {
			if y[i] != toBF16(v) || math.Float32bits(z[i]) != uint32(y[i])<<16 {
				t.Fatalf("%v becomes %#x and %v", v, y[i], z[i])
			}
		}
		eachLength(t, func(n int, slice func() []float32) {
			x, z := slice(), slice()
			y := make([]BF16, n+1)
			y[n] = 77
			RoundBF16(y[:n], x)
			widenBF16(z, y[:n])
			for i, v := range x {
				if y[i] != toBF16(v) || z[i] != y[i].float() {
					t.Fatalf("length %d: [%d] %v becomes %v and %v", n, i, v, y[i], z[i])
				}
			}
			if y[n] != 77 {
				t.Fatalf("length %d: wrote behind the slice", n)
			}
		})
	})
}

// Three parts of a float32 add up to it, and their products with a bf16 number to the
// number's, on every path with the same bits.
func TestSplitBF16(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		x := dense()
		parts := [SplitParts][]BF16{}
		for i := range parts {
			parts[i] = make([]BF16, len(x))
			SplitBF16(parts[i], x, i)
		}
		for i, v := range x {
			sum := float64(parts[0][i].float()) + float64(parts[1][i].float()) + float64(parts[2][i].float())
			if math.IsInf(float64(v), 0) || v != v {
				if sum == sum {
					t.Fatalf("%v: its parts add up to %v", v, sum)
				}
				continue
			}
			hi := math.Float32frombits(math.Float32bits(v) &^ 0xffff)
			mid := math.Float32frombits(math.Float32bits(v-hi) &^ 0xffff)
			if parts[0][i].float() != hi || parts[1][i].float() != mid {
				t.Fatalf("%v: parts %v and %v, want %v and %v", v, parts[0][i].float(), parts[1][i].float(), hi, mid)
			}
			if lost := math.Abs(sum - float64(v)); lost >= 0x1p-133 {
				t.Fatalf("%v: its parts add up to %v", v, sum)
			}
		}
		eachLength(t, func(n int, slice func() []float32) {
			x := slice()
			for part := range SplitParts {
				y := make([]BF16, n+1)
				y[n] = 77
				SplitBF16(y[:n], x, part)
				for i, v := range x {
					for range part {
						v -= math.Float32frombits(math.Float32bits(v) &^ 0xffff)
					}
					if want := BF16(math.Float32bits(v) >> 16); y[i] != want {
						t.Fatalf("length %d: part %d of [%d] is %#x, want %#x", n, part, i, y[i], want)
					}
				}
				if y[n] != 77 {
					t.Fatalf("length %d: wrote behind the slice", n)
				}
			}
		})
	})
}

func randomBF16(r *rand.Rand, rows, cols, extra int) (MatBF16, Mat[float32]) {
	m := random[float32](r, rows, cols, extra)
	h := MatBF16{m.Rows, m.Cols, m.Stride, make([]BF16, len(m.V))}
	RoundBF16(h.V, m.V)
	for i := range rows {
		widenBF16(m.Row(i), h.Row(i))
	}
	return h, m
}

func transposeBF16(m MatBF16, extra int) MatBF16 {
	t := MatBF16{m.Cols, m.Rows, m.Rows + extra, slices.Repeat([]BF16{0x7fc0}, m.Cols*(m.Rows+extra))}
	for i := range m.Rows {
		for j, v := range m.Row(i) {
			t.Row(j)[i] = v
		}
	}
	return t
}

// tileSums is the product in the order of the path in use, as Intel describes its
// instructions; products are exact. TDPBF16PS: of 32 terms, the even and the odd
// ones are summed apart, and the two sums added to what is there. VDPBF16PS: one
// term after the other is added to what is there, of a pair the odd one first.
func tileSums(c, a, b Mat[float32]) {
	for i := range c.Rows {
		row, x := c.Row(i), make([]float32, roundUp(a.Cols, 32))
		copy(x, a.Row(i))
		for j := range row {
			at := func(k int) float32 {
				if k < b.Rows {
					return x[k] * b.Row(k)[j]
				}
				return 0
			}
			for k := 0; k < a.Cols; k += 32 {
				var even, odd float32
				for y := k; y < k+32; y += 2 {
					if current == AVX512BF16 {
						row[j] += at(y + 1)
						row[j] += at(y)
					}
					even += at(y)
					odd += at(y + 1)
				}
				if current == AMX {
					row[j] += even + odd
				}
			}
		}
	}
}

// checkBF16 checks all products of one size.
func checkBF16(t *testing.T, p *Pool, r *rand.Rand, m, n, k int) {
	t.Helper()
	a, a32 := randomBF16(r, m, k, r.IntN(5))
	b, b32 := randomBF16(r, k, n, r.IntN(5))
	old, bias := random[float32](r, m, n, r.IntN(5)), random[float32](r, 1, n, 0).Row(0)
	at, bt, none := transposeBF16(a, r.IntN(4)), transposeBF16(b, r.IntN(4)), Mat[float32]{}
	packed := NewPackedBF16(k, n, true, false)
	packed.Pack(p, Weight[float32]{Mat: b32})
	packedT := NewPackedBF16(n, k, false, true)
	packedT.Pack(p, Weight[float32]{Mat: transpose(b32, 1)})
	if got, want := packed.Bytes(), PackedBF16Bytes(k, n, true, false); got != want {
		t.Fatalf("a packed %d×%d matrix takes %d bytes, not %d", k, n, got, want)
	}
	want := newReference(a32, b32)
	// On tiles the bits are known, too.
	var exact [2][2]Mat[float32] // by acc and bias
	for acc := range 2 {
		for biased := range 2 {
			c := clone(old)
			for i := range m {
				if acc == 0 {
					clear(c.Row(i))
				}
				if biased == 1 && acc == 0 {
					copy(c.Row(i), bias)
				}
			}
			if hasTiles(current) {
				tileSums(c, a32, b32)
				if biased == 1 && acc == 1 {
					for i := range m {
						Add(c.Row(i), bias)
					}
				}
			}
			exact[acc][biased] = c
		}
	}
	for acc := range 2 {
		before := none
		if acc == 1 {
			before = old
		}
		run := func(what string, bias []float32, f func(c Mat[float32])) {
			t.Helper()
			got := clone(old)
			f(got)
			check(t, what, want, k, got, before, bias)
			if !hasTiles(current) || k == 0 {
				return
			}
			biased := 0
			if bias != nil {
				biased = 1
			}
			for i := range m {
				for j, v := range got.Row(i) {
					if w := exact[acc][biased].Row(i)[j]; v != w {
						t.Fatalf("%s %d×%d×%d: c[%d][%d] is %v, in the order of tiles %v", what, m, n, k, i, j, v, w)
					}
				}
			}
		}
		acc := acc == 1
		run("MulNNBF16", nil, func(c Mat[float32]) { mulNNBF16(p, c, a, b, nil, acc) })
		run("MulNNBF16", bias, func(c Mat[float32]) { mulNNBF16(p, c, a, b, bias, acc) })
		run("MulNTBF16", nil, func(c Mat[float32]) { mulNTBF16(p, c, a, bt, acc) })
		run("MulTNBF16", nil, func(c Mat[float32]) { MulTNBF16(p, c, at, b, acc) })
		run("MulPacked", bias, func(c Mat[float32]) { MulPacked(p, c, a, packed, bias, acc) })
		run("MulPackedT", nil, func(c Mat[float32]) { MulPackedT(p, c, a, packedT, acc) })
	}
}

func TestProductsBF16(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		sizes := []int{0, 1, 2, 15, 16, 17, 31, 33, 48, 65}
		for i, m := range sizes {
			for j, n := range sizes {
				if (i+j)%2 == 0 {
					checkBF16(t, nil, r, m, n, sizes[(m+n)%len(sizes)])
				} else {
					checkBF16(t, nil, r, m, n, 1+r.IntN(70))
				}
			}
		}
		eachPool(func(p *Pool) {
			checkBF16(t, p, r, 1+r.IntN(300), 1+r.IntN(300), 1+r.IntN(300))
			checkBF16(t, p, r, 70, 90, 2*tileBlock*tilePanel+1+r.IntN(100))
		})
	})
}

// Tile registers are state that neither Go nor its scheduler knows of: products
// must come out the same under preemption and garbage collection, on more
// goroutines than processors.
// TestTurnedInPieces: a that is copied in pieces gives the bits of one that is not.
func TestTurnedInPieces(t *testing.T) {
	defer func(n int) { transposeMax = n }(transposeMax)
	whole := transposeMax
	eachPath(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 6))
		eachPool(func(p *Pool) {
			for _, s := range [][3]int{{300, 70, 50}, {1000, 33, 7}, {31, 40, 900}} {
				a, b := NewMatBF16(s[2], s[0]), NewMatBF16(s[2], s[1])
				for _, m := range []MatBF16{a, b} {
					for i := range m.V {
						m.V[i] = toBF16(float32(r.NormFloat64()))
					}
				}
				want, got := NewMat[float32](s[0], s[1]), NewMat[float32](s[0], s[1])
				for _, acc := range []bool{false, true} {
					transposeMax = whole
					MulTNBF16(p, want, a, b, acc)
					transposeMax = 1 << 11
					MulTNBF16(p, got, a, b, acc)
					if !slices.Equal(want.V, got.V) {
						t.Errorf("%v, %v: other bits in pieces", s, acc)
					}
				}
			}
		})
	})
}

func TestTilesArePrivate(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	a, _ := randomBF16(r, 70, 130, 0)
	b, _ := randomBF16(r, 130, 90, 0)
	want := NewMat[float32](70, 90)
	mulNNBF16(nil, want, a, b, nil, false)
	var running sync.WaitGroup
	stop := time.Now().Add(300 * time.Millisecond)
	for range 2*runtime.GOMAXPROCS(0) + 1 {
		running.Go(func() {
			c := NewMat[float32](70, 90)
			for n := 0; time.Now().Before(stop); n++ {
				mulNNBF16(nil, c, a, b, nil, false)
				if !slices.Equal(c.V, want.V) {
					t.Error("a product changed")
					return
				}
				if n%50 == 0 {
					runtime.GC()
				}
			}
		})
	}
	running.Wait()
}
