package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// eachPath runs f as a subtest on every path of this machine.
func eachPath(t *testing.T, f func(t *testing.T)) {
	for _, p := range Paths() {
		t.Run(p.String(), func(t *testing.T) {
			defer Use(Use(p))
			f(t)
		})
	}
}

// eachFloatPath is eachPath for products and functions of float32 and float64. These are the
// same with AVX512 and with the paths after it, which run them in the long tier; in the quick
// one they have TestProductsSmall, TestSoftmax and TestNorms.
func eachFloatPath(t *testing.T, f func(t *testing.T)) {
	for _, p := range Paths() {
		if p > AVX512 && !everyPath {
			continue
		}
		t.Run(p.String(), func(t *testing.T) {
			defer Use(Use(p))
			f(t)
		})
	}
}

// eachPool runs f with a nil pool, which has one thread, and with pools of several.
func eachPool(f func(p *Pool)) {
	f(nil)
	for _, threads := range poolSizes {
		p := newPool(threads)
		f(p)
		p.Close()
	}
}

// random fills a rows×cols view with a wider stride with values in [-1, 1), and
// what is outside the view with NaN.
func random[T Float](r *rand.Rand, rows, cols, extra int) Mat[T] {
	m := Mat[T]{rows, cols, cols + extra, make([]T, rows*(cols+extra)+extra)}
	for i := range m.V {
		m.V[i] = T(math.NaN())
	}
	m.V = m.V[extra/2:]
	for i := range rows {
		row := m.Row(i)
		for j := range row {
			row[j] = T(2*r.Float64() - 1)
		}
	}
	return m
}

func transpose[T Float](m Mat[T], extra int) Mat[T] {
	t := random[T](rand.New(rand.NewPCG(1, 1)), m.Cols, m.Rows, extra)
	for i := range m.Rows {
		for j, v := range m.Row(i) {
			t.Row(j)[i] = v
		}
	}
	return t
}

func clone[T Float](m Mat[T]) Mat[T] {
	m.V = append([]T(nil), m.V...)
	return m
}

// epsOf is the rounding unit of T.
func epsOf[T Float]() float64 {
	if is32[T]() {
		return 1.0 / (1 << 24)
	}
	return 1.0 / (1 << 53)
}

// reference is a product in float64: the sums, and the sums of the magnitudes of
// the terms, which bound the rounding.
type reference struct{ sum, size []float64 }

func newReference[T Float](a, b Mat[T]) reference {
	n := b.Cols
	r := reference{make([]float64, a.Rows*n), make([]float64, a.Rows*n)}
	for i := range a.Rows {
		sum, size := r.sum[i*n:(i+1)*n], r.size[i*n:(i+1)*n]
		for k, x := range a.Row(i) {
			for j, y := range b.Row(k) {
				v := float64(x) * float64(y)
				sum[j] += v
				size[j] += math.Abs(v)
			}
		}
	}
	return r
}

// check compares got with the reference, plus bias, plus old when it has V. The
// error of a sum of k products in any order is below k·eps times the sum of the
// magnitudes.
func check[T Float](t *testing.T, what string, r reference, k int, got, old Mat[T], bias []T) {
	t.Helper()
	for i := range got.Rows {
		for j, v := range got.Row(i) {
			want, size := r.sum[i*got.Cols+j], r.size[i*got.Cols+j]
			if bias != nil {
				want += float64(bias[j])
				size += math.Abs(float64(bias[j]))
			}
			if old.V != nil {
				want += float64(old.Row(i)[j])
				size += math.Abs(float64(old.Row(i)[j]))
			}
			if limit := float64(k+2) * epsOf[T]() * size; !(math.Abs(float64(v)-want) <= limit) {
				t.Fatalf("%s %d×%d×%d bias %v acc %v: c[%d][%d] = %v, want %v ± %v", what, got.Rows, got.Cols, k, bias != nil, old.V != nil, i, j, v, want, limit)
			}
		}
	}
	for i := range got.V {
		if j := i % got.Stride; j >= got.Cols && !math.IsNaN(float64(got.V[i])) {
			t.Fatalf("%s %d×%d×%d: wrote outside the view", what, got.Rows, got.Cols, k)
		}
	}
}

// checkForms checks the three forms of one product.
func checkForms[T Float](t *testing.T, p *Pool, r *rand.Rand, m, n, k int) {
	t.Helper()
	extra := r.IntN(5)
	a, b, old := random[T](r, m, k, extra), random[T](r, k, n, r.IntN(5)), random[T](r, m, n, r.IntN(5))
	at, bt, bias, none := transpose(a, extra), transpose(b, extra), random[T](r, 1, n, 0).Row(0), Mat[T]{}
	want := newReference(a, b)
	got := clone(old)
	MulNN(p, got, a, b, nil, false)
	check(t, "MulNN", want, k, got, none, nil)
	MulNT(p, got, a, bt, false)
	check(t, "MulNT", want, k, got, none, nil)
	MulTN(p, got, at, b, false)
	check(t, "MulTN", want, k, got, none, nil)
	MulNN(p, got, a, b, bias, false)
	check(t, "MulNN", want, k, got, none, bias)
	got = clone(old)
	MulNN(p, got, a, b, bias, true)
	check(t, "MulNN", want, k, got, old, bias)
	got = clone(old)
	MulNN(p, got, a, b, nil, true)
	check(t, "MulNN", want, k, got, old, nil)
	got = clone(old)
	MulNT(p, got, a, bt, true)
	check(t, "MulNT", want, k, got, old, nil)
	got = clone(old)
	MulTN(p, got, at, b, true)
	check(t, "MulTN", want, k, got, old, nil)
}

func TestProductsSmall(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		p := newPool(2)
		defer p.Close()
		for m := range 18 {
			for _, n := range []int{0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 65, 97} {
				for _, k := range []int{0, 1, 2, 7, 16, 19, 20} {
					checkForms[float32](t, p, r, m, n, k)
				}
				checkForms[float64](t, nil, r, m, n, 1+(m+n)%9)
			}
		}
	})
}

func TestProductsLarge(t *testing.T) {
	eachFloatPath(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		eachPool(func(p *Pool) {
			checkForms[float32](t, p, r, 50+r.IntN(200), 50+r.IntN(300), 50+r.IntN(800))
			checkForms[float64](t, p, r, 1+r.IntN(90), 1+r.IntN(90), 1+r.IntN(600))
			checkForms[float32](t, p, r, 1, 300, 900)
			checkForms[float32](t, p, r, 300, 1, 900)
		})
	})
}

// Operands larger than the memory for packing, in each direction.
func TestProductsInPieces(t *testing.T) {
	defer func(b, a int) { rightMax, leftMax = b, a }(rightMax, leftMax)
	rightMax, leftMax = 1<<12, 1<<11
	eachFloatPath(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		p := newPool(2)
		defer p.Close()
		for _, s := range [][3]int{{5, 9, 5000}, {9, 1500, 16}, {1500, 9, 16}, {90, 500, 100}, {100, 90, 800}, {301, 90, 500}} {
			checkForms[float32](t, p, r, s[0], s[1], s[2])
			checkForms[float64](t, p, r, s[0], s[1], s[2])
		}
	})
}

// What is packed in pieces gives the bits of what is packed whole.
func TestPiecesKeepBits(t *testing.T) {
	whole := leftMax
	defer func(b, a int) { rightMax, leftMax = b, a }(rightMax, leftMax)
	eachFloatPath(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 6))
		const m, n, k = 301, 90, 1003 // enough that a is packed on every path
		at, b, old := random[float32](r, k, m, 1), random[float32](r, k, n, 2), random[float32](r, m, n, 0)
		rightMax, leftMax = 4<<20, 4<<20
		want := clone(old)
		MulTN(nil, want, at, b, true)
		eachPool(func(p *Pool) {
			for _, most := range []int{1 << 8, 1 << 12, 1 << 15, whole} {
				rightMax, leftMax = 2*most, most
				got := clone(old)
				MulTN(p, got, at, b, true)
				for i := range m {
					if !slices.Equal(got.Row(i), want.Row(i)) {
						t.Fatalf("threads %d, %d numbers at a time: row %d has other bits", p.Threads(), most, i)
					}
				}
			}
		})
	})
}

// The bits of an element depend on nothing but its row and its column.
func TestProductBits(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		for _, k := range []int{1003, 1004} { // of fours, there are kernels of their own
			checkBits(t, 133, 210, k)
		}
	})
}

func checkBits(t *testing.T, m, n, k int) {
	r := rand.New(rand.NewPCG(7, 8))
	a, b, c := random[float32](r, m, k, 3), random[float32](r, k, n, 2), random[float32](r, m, n, 0)
	bias := random[float32](r, 1, n, 0).Row(0)
	at, bt := transpose(a, 1), transpose(b, 4)
	want, wantAcc := clone(c), clone(c)
	MulNN(nil, want, a, b, bias, false)
	MulNN(nil, wantAcc, a, b, nil, true)
	same := func(what string, got Mat[float32], i0, j0 int, want Mat[float32]) {
		t.Helper()
		for i := range got.Rows {
			for j, v := range got.Row(i) {
				if w := want.Row(i0 + i)[j0+j]; v != w {
					t.Fatalf("%s: [%d][%d] is %v, in the whole product %v", what, i0+i, j0+j, v, w)
				}
			}
		}
	}
	eachPool(func(p *Pool) {
		got := clone(c)
		MulNN(p, got, a, b, bias, false)
		same(fmt.Sprint("threads ", p.Threads()), got, 0, 0, want)
		got = clone(c)
		MulNT(p, got, a, bt, true)
		same("NT", got, 0, 0, wantAcc)
		got = clone(c)
		MulTN(p, got, at, b, true)
		same("TN", got, 0, 0, wantAcc)
	})
	for range 30 {
		i0, j0 := r.IntN(m), r.IntN(n)
		i1, j1 := i0+1+r.IntN(min(9, m-i0)), j0+1+r.IntN(n-j0)
		got := NewMat[float32](i1-i0, j1-j0)
		MulNN(nil, got, a.Sub(i0, i1, 0, k), b.Sub(0, k, j0, j1), bias[j0:j1], false)
		same("part", got, i0, j0, want)
		got = clone(c.Sub(i0, i1, j0, j1))
		MulNT(nil, got, a.Sub(i0, i1, 0, k), bt.Sub(j0, j1, 0, k), true)
		same("part NT", got, i0, j0, wantAcc)
	}
}

// fma is x*y + z, rounded once: in float64 the product is exact, and a sum that is rounded to
// an odd number keeps what the rounding to float32 depends on.
func fma(x, y, z float32) float32 {
	p, c := float64(x)*float64(y), float64(z)
	s := p + c
	rest := (p - (s - (s - p))) + (c - (s - p))
	if bits := math.Float64bits(s); rest != 0 && bits&1 == 0 {
		if (rest > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
		s = math.Float64frombits(bits)
	}
	return float32(s)
}

// Old runs give the bits that they gave: the terms of a block are added one after the other,
// each by one fused multiply-add, and the sums of the blocks in ascending order. The blocks
// are of nearly equal length, a multiple of 8, and at most 256 or 384 terms long.
func TestOrderOfSums(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 13))
	p := newPool(2)
	defer p.Close()
	for path, longest := range map[Path]int{NEON: 256, AVX2: 256, AVX512: 384} {
		if !slices.Contains(Paths(), path) {
			continue
		}
		t.Run(path.String(), func(t *testing.T) {
			defer Use(Use(path))
			for _, s := range [][3]int{{1, 37, 1004}, {2, 16, 300}, {6, 16, 5}, {7, 33, 259}, {13, 48, 385}, {26, 70, 1003}, {40, 130, 772}} {
				m, n, k := s[0], s[1], s[2]
				a, b := random[float32](r, m, k, 1), random[float32](r, k, n, 3)
				at, bt, bias, old := transpose(a, 1), transpose(b, 2), random[float32](r, 1, n, 0).Row(0), random[float32](r, m, n, 1)
				blocks := (k + longest - 1) / longest
				block := ((k+blocks-1)/blocks + 7) / 8 * 8
				want, wantOld := NewMat[float32](m, n), NewMat[float32](m, n)
				for i := range m {
					for j := range n {
						for k0 := 0; k0 < k; k0 += block {
							sum := float32(0)
							for x := k0; x < min(k0+block, k); x++ {
								sum = fma(a.Row(i)[x], b.Row(x)[j], sum)
							}
							if k0 == 0 {
								want.Row(i)[j], wantOld.Row(i)[j] = sum+bias[j], old.Row(i)[j]
							} else {
								want.Row(i)[j] += sum
							}
							wantOld.Row(i)[j] += sum
						}
					}
				}
				for what, f := range map[string]func(c Mat[float32]){
					"NN": func(c Mat[float32]) { MulNN(p, c, a, b, bias, false) },
					"NT": func(c Mat[float32]) { MulNT(p, c, a, bt, true) },
					"TN": func(c Mat[float32]) { MulTN(p, c, at, b, true) },
				} {
					got, want := clone(old), map[bool]Mat[float32]{true: want, false: wantOld}[what == "NN"]
					f(got)
					for i := range m {
						if !slices.Equal(got.Row(i), want.Row(i)) {
							t.Fatalf("%s %d×%d×%d: row %d has other bits", what, m, n, k, i)
						}
					}
				}
			}
		})
	}
}

func TestProductShapes(t *testing.T) {
	a, b := NewMat[float32](2, 3), NewMat[float32](4, 5)
	for name, f := range map[string]func(){
		"kernel.MulNN: shapes do not fit: 2×5 = 2×3 times 4×5": func() { MulNN(nil, NewMat[float32](2, 5), a, b, nil, false) },
		"kernel.MulNT: shapes do not fit: 2×4 = 2×3 times 5×4": func() { MulNT(nil, NewMat[float32](2, 4), a, b, false) },
		"kernel.MulTN: shapes do not fit: 3×5 = 3×2 times 4×5": func() { MulTN(nil, NewMat[float32](3, 5), a, b, false) },
		"kernel.MulNN: bias of 4 for 5 columns":                func() { MulNN(nil, NewMat[float32](4, 5), NewMat[float32](4, 4), b, make([]float32, 4), false) },
	} {
		func() {
			defer func() {
				if v := recover(); v != name {
					t.Errorf("panic %v, want %v", v, name)
				}
			}()
			f()
		}()
	}
}

func TestProductsDoNotAllocate(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		p := newPool(2)
		defer p.Close()
		a, b, c := NewMat[float32](96, 96), NewMat[float32](96, 96), NewMat[float32](96, 96)
		for name, p := range map[string]*Pool{"pool": p, "one": NewPool(1)} {
			f := func() {
				MulNN(p, c, a, b, nil, false)
				MulNT(p, c, a, b, true)
				MulTN(p, c, a, b, true)
			}
			if n := testing.AllocsPerRun(20, f); n != 0 {
				t.Errorf("%s: %v allocations", name, n)
			}
		}
	})
}
