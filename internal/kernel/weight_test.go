package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// halfValue is the number of half precision with these bits, by its definition.
func halfValue(h uint16) float64 {
	sign := 1 - 2*float64(h>>15)
	exp, frac := int(h>>10)&31, float64(h&1023)
	switch exp {
	case 0:
		return sign * math.Ldexp(frac, -24)
	case 31:
		if frac != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1024+frac, exp-25)
}

// Every number of 16 bits is widened to what its format says, in float32 and float64.
func TestWiden(t *testing.T) {
	all := make([]uint16, 1<<16)
	for i := range all {
		all[i] = uint16(i)
	}
	same := func(x, y float64) bool {
		return math.Float64bits(x) == math.Float64bits(y) || x != x && y != y
	}
	eachPath(t, func(t *testing.T) {
		for _, f16 := range []bool{false, true} {
			x32, x64 := make([]float32, len(all)), make([]float64, len(all))
			widen(x32, Narrow{V: all, F16: f16}, 0)
			widen(x64, Narrow{V: all, F16: f16}, 0)
			for i, h := range all {
				want := float64(math.Float32frombits(uint32(h) << 16))
				if f16 {
					want = halfValue(h)
				}
				if !same(float64(x32[i]), want) || !same(x64[i], want) {
					t.Fatalf("F16 %v: %04x is %g in float32 and %g in float64, not %g", f16, h, x32[i], x64[i], want)
				}
			}
		}
	})
}

// narrow is a random matrix of 16 bits with a wider stride, and the same matrix widened.
func narrow[T Float](r *rand.Rand, rows, cols int, f16 bool) (n, wide Weight[T]) {
	m := random[T](r, rows, cols, r.IntN(5))
	n = Weight[T]{Mat[T]{rows, cols, m.Stride, nil}, Narrow{V: make([]uint16, len(m.V)), F16: f16}}
	for i := range m.V {
		n.Narrow.V[i] = 0x7fff // not a number
	}
	for i := range rows {
		for j := range cols {
			h := uint16(r.Uint32())&0x83ff | uint16(112+r.IntN(16))<<7 // bf16 between 2^-15 and 2
			if f16 {
				h = uint16(r.Uint32())&0x83ff | uint16(r.IntN(16))<<10 // below 2, small ones too
			}
			n.Narrow.V[i*m.Stride+j] = h
		}
		widen(m.Row(i), n.Narrow, i*m.Stride)
	}
	return n, Weight[T]{Mat: m}
}

// A product with a narrow matrix has the bits of that with the widened one.
func TestNarrowProducts(t *testing.T) { eachFloatPath(t, testNarrowProducts) }

func testNarrowProducts(t *testing.T) {
	t.Run("float32", func(t *testing.T) { checkNarrow[float32](t) })
	t.Run("float64", func(t *testing.T) { checkNarrow[float64](t) })
}

// A product with a matrix in blocks has the bits of that with the widened one: of columns and
// of rows, from the first number of a panel on and from any.
func TestBlockProducts(t *testing.T) { eachFloatPath(t, testBlockProducts) }

func testBlockProducts(t *testing.T) {
	aligned := func(lines, length int) (int, int) { return lines / 64 * panelLines, lines % 2 * 8 }
	anywhere := func(lines, length int) (int, int) { return lines % 19, length % 37 }
	for name, from := range map[string]func(lines, length int) (line, at int){"aligned": aligned, "anywhere": anywhere} {
		t.Run(name+", float32", func(t *testing.T) { checkBlocks[float32](t, from) })
		t.Run(name+", float64", func(t *testing.T) { checkBlocks[float64](t, from) })
	}
}

func checkBlocks[T Float](t *testing.T, from func(lines, length int) (line, at int)) {
	checkWeights(t, func(r *rand.Rand, i, rows, cols int) (n, wide Weight[T]) {
		return inBlocks[T](r, rows, cols, i%2 == 1, from)
	})
}

// inBlocks is a random matrix in blocks, which lie along its rows or its columns, and the same
// matrix widened. It is a part of a larger one, which begins at from.
func inBlocks[T Float](r *rand.Rand, rows, cols int, along bool, from func(lines, length int) (line, at int)) (n, wide Weight[T]) {
	lines, length := cols, rows
	if along {
		lines, length = rows, cols
	}
	line, at := from(lines, length)
	b := Blocks{Length: roundUp(at+length, blockLen), Rows: along}
	blocks := b.Length / blockLen
	b.V = make([]byte, ceil(line+lines, panelLines)*blocks*16*34)
	for i := range b.V {
		b.V[i] = byte(r.Uint32())
	}
	m := NewMat[T](rows, cols)
	for l := range lines {
		panel, lane := (line+l)/16, (line+l)%16
		for k := range blocks {
			scale := uint16(r.Uint32())&0x83ff | uint16(r.IntN(16))<<10 // below 2, small ones too
			block := b.V[(panel*blocks+k)*16*34:]
			block[2*lane], block[2*lane+1] = byte(scale), byte(scale>>8)
			for i := range blockLen {
				v := T(float64(int8(block[32+16*i+lane])) * halfValue(scale))
				switch x := k*blockLen + i - at; {
				case x < 0 || x >= length:
				case along:
					m.V[l*cols+x] = v
				default:
					m.V[x*cols+l] = v
				}
			}
		}
	}
	r0, c0, whole := at, line, Weight[T]{Mat[T]{b.Length, line + lines, 0, nil}, Narrow{Blocks: b}}
	if along {
		r0, c0, whole.Rows, whole.Cols = line, at, line+lines, b.Length
	}
	return whole.Sub(r0, r0+rows, c0, c0+cols), Weight[T]{Mat: m}
}

func checkNarrow[T Float](t *testing.T) {
	checkWeights(t, func(r *rand.Rand, i, rows, cols int) (n, wide Weight[T]) { return narrow[T](r, rows, cols, i%2 == 1) })
}

// checkWeights compares products with narrow matrices, which are made by narrow, with those of
// the widened ones.
func checkWeights[T Float](t *testing.T, narrow func(r *rand.Rand, i, rows, cols int) (n, wide Weight[T])) {
	r := rand.New(rand.NewPCG(3, 4))
	shapes := [][3]int{{1, 1, 1}, {1, 70, 33}, {2, 131, 64}, {3, 16, 400}, {4, 97, 36}, {5, 5, 5}, {9, 49, 17}, {70, 203, 390}, {33, 50, 801},
		{1, 72, 36}, {2, 136, 300}, {1, 256, 8}, {2, 48, 20}, {3, 200, 12}, {4, 100, 68}, {6, 90, 1152}, {8, 77, 608}}
	if is32[T]() {
		shapes = append(shapes, [3]int{530, 100, 40}, [3]int{1100, 200, 16})
	}
	eachPool(func(p *Pool) {
		for i := range 2 * len(shapes) {
			s := shapes[i/2]
			m, n, k := s[0], s[1], s[2]
			w, wide := narrow(r, i, k, n)
			wt, wideT := narrow(r, i+1, n, k)
			a, b, bias, old := random[T](r, m, k, 3), random[T](r, m, n, 1), random[T](r, 1, n, 0).Row(0), random[T](r, m, n, 2)
			at := transpose(a, 2)
			for _, f := range []struct {
				name       string
				rows, cols int
				do         func(c Mat[T], w, wt Weight[T])
			}{
				{"MulWeight", m, n, func(c Mat[T], w, _ Weight[T]) { MulWeight(p, c, a, w, nil, false) }},
				{"MulWeight, bias", m, n, func(c Mat[T], w, _ Weight[T]) { MulWeight(p, c, a, w, bias, true) }},
				{"MulWeightT", m, n, func(c Mat[T], _, wt Weight[T]) { MulWeightT(p, c, a, wt, true) }},
				{"MulTWeight", m, n, func(c Mat[T], w, _ Weight[T]) { MulTWeight(p, c, at, w, false) }},
				{"WeightMulT", k, m, func(c Mat[T], w, _ Weight[T]) { WeightMulT(p, c, w, b, false) }},
			} {
				got, want := NewMat[T](f.rows, f.cols), NewMat[T](f.rows, f.cols)
				if f.rows == m && f.cols == n {
					for i := range m {
						copy(got.Row(i), old.Row(i))
						copy(want.Row(i), old.Row(i))
					}
				}
				f.do(got, w, wt)
				f.do(want, wide, wideT)
				if !slices.Equal(got.V, want.V) {
					t.Errorf("%s of %v on %d threads: other bits than with the widened matrix", f.name, s, p.Threads())
				}
			}
			from, to := n/3, n
			part, mat := w.Sub(k/2, k, from, to), wide.Sub(k/2, k, from, to)
			one := newPool(1)
			for i := range part.Rows {
				if !slices.Equal(part.Part(one, i, 0, part.Cols), mat.Part(one, i, 0, part.Cols)) || !slices.Equal(w.Part(one, k/2+i, from, to), mat.Row(i)) {
					t.Fatalf("row %d of a part of %d×%d differs", i, part.Rows, part.Cols)
				}
			}
		}
	})
}

// A narrow matrix packs to the bits of the widened one.
func TestPackNarrow(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, f16 := range []bool{false, true} {
			w, wide := narrow[float32](r, 75, 130, f16)
			a, b := NewPackedBF16(75, 130, true, true), NewPackedBF16(75, 130, true, true)
			a.Pack(nil, w)
			b.Pack(nil, wide)
			if fmt.Sprint(a.nn, a.nt, a.rounded.V) != fmt.Sprint(b.nn, b.nt, b.rounded.V) {
				t.Errorf("F16 %v: other bits", f16)
			}
		}
	})
}
