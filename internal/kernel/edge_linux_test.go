package kernel

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"syscall"
	"testing"
	"unsafe"
)

// edges lends memory between pages that nobody may touch, so that what reads or
// writes one number before or behind its operand is caught.
type edges struct {
	regions [][]byte
	lent    int
	end     bool // operands end where a region ends; else they begin where it begins
	what    string
}

const edgeSize = 1 << 18 // of a region, and of what lies on either side

func newEdges(t *testing.T) *edges {
	e := &edges{}
	for range 8 {
		b, err := syscall.Mmap(-1, 0, 3*edgeSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Munmap(b) })
		for _, outside := range [][]byte{b[:edgeSize], b[2*edgeSize:]} {
			if err := syscall.Mprotect(outside, syscall.PROT_NONE); err != nil {
				t.Fatal(err)
			}
		}
		e.regions = append(e.regions, b[edgeSize:][:edgeSize])
	}
	return e
}

// lend lends n numbers of a region of its own.
func lend[T float32 | BF16 | byte](e *edges, n int) []T {
	b := e.regions[e.lent]
	e.lent++
	size := n * int(unsafe.Sizeof(*new(T)))
	if e.end {
		b = b[len(b)-size:]
	}
	v := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
	fill(v)
	return v
}

func (e *edges) slice(n int) []float32 { return lend[float32](e, n) }

// mat lends a matrix whose last row ends with its last number, whatever the stride.
func (e *edges) mat(rows, cols, extra int) Mat[float32] {
	return Mat[float32]{rows, cols, cols + extra, e.slice((rows-1)*(cols+extra) + cols)}
}

func (e *edges) bf16(rows, cols, extra int) MatBF16 {
	return MatBF16{rows, cols, cols + extra, lend[BF16](e, (rows-1)*(cols+extra)+cols)}
}

// narrow lends a matrix of 16 bits, bf16 where x is even.
func (e *edges) narrow(rows, cols, extra int) Weight[float32] {
	m := e.bf16(rows, cols, extra)
	v := unsafe.Slice((*uint16)(unsafe.SliceData(m.V)), len(m.V))
	return Weight[float32]{Mat[float32]{rows, cols, m.Stride, nil}, Narrow{V: v, F16: extra%2 == 1}}
}

// blocks lends a matrix in blocks, of rows or of columns; it is a part of one with whole blocks.
func (e *edges) blocks(rows, cols int, along bool) Weight[float32] {
	lines, length := cols, rows
	if along {
		lines, length = rows, cols
	}
	b := Blocks{Length: roundUp(length, blockLen), Rows: along}
	b.V = lend[byte](e, ceil(lines, panelLines)*b.Length/blockLen*panelBlockBytes)
	return Weight[float32]{Mat[float32]{rows, cols, 0, nil}, Narrow{Blocks: b}}
}

// both runs f with operands at the ends of regions and at their beginnings. What f says
// of a kernel before it calls it names the one that touched memory outside.
func (e *edges) both(t *testing.T, f func()) {
	t.Helper()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if v := recover(); v != nil {
			fault, ok := v.(interface{ Addr() uintptr })
			if !ok {
				panic(v)
			}
			for i, b := range e.regions[:e.lent] {
				from := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
				if d := int(fault.Addr() - from); d < 0 && d > -edgeSize {
					t.Fatalf("%s: touches operand %d at byte %d", e.what, i+1, d)
				} else if d >= edgeSize && d < 2*edgeSize {
					t.Fatalf("%s: touches operand %d at byte %d behind its end", e.what, i+1, d-edgeSize)
				}
			}
			t.Fatalf("%s: %v", e.what, v)
		}
	}()
	for _, e.end = range []bool{true, false} {
		f()
	}
}

// as says what comes, and takes all memory back.
func (e *edges) as(format string, args ...any) {
	e.what, e.lent = fmt.Sprintf(format, args...), 0
}

// No kernel touches what lies before or behind its operands, on any path, be it to read
// it: on a page that is not there it would end the process, and elsewhere nobody would
// notice. Asking for a line ahead is not touching it, and neither is what a mask leaves
// out (qemu, which reads whole vectors under a mask of AVX2, fails here).
func TestNothingOutsideOperands(t *testing.T) {
	e := newEdges(t)
	eachPath(t, func(t *testing.T) {
		if current == Portable {
			return // Go itself looks after its bounds
		}
		for name, f := range sliceEdges {
			for n := 1; n < 140; n++ {
				e.both(t, func() {
					e.as("%s of %d", name, n)
					f(e, n)
				})
			}
		}
		r := rand.New(rand.NewPCG(51, 52))
		for m := 1; m <= 17; m++ { // rows of all tiles
			for n := 1; n <= 130; n++ { // and columns
				k := 1 + r.IntN(70)
				if n%2 == 0 {
					k = roundUp(k, 4)
				}
				e.matrices(t, m, n, k, r.IntN(3))
			}
		}
		for range 20 { // several parts, and blocks of terms
			e.matrices(t, 1+r.IntN(120), 1+r.IntN(210), 1+r.IntN(120), r.IntN(5))
			e.matrices(t, 1+r.IntN(20), 1+r.IntN(70), 250+r.IntN(150), r.IntN(5))
		}
	})
}

func (e *edges) matrices(t *testing.T, m, n, k, extra int) {
	t.Helper()
	for name, f := range matEdges {
		e.both(t, func() {
			e.as("%s %d×%d×%d in rows longer by %d", name, m, n, k, extra)
			f(e, m, n, k, extra)
		})
	}
}
