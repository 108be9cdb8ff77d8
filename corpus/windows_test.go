package corpus

import (
	"math"
	"slices"
	"testing"
)

var nan = math.NaN()

func counting(n int) []int32 {
	s := make([]int32, n)
	for i := range s {
		s[i] = int32(i)
	}
	return s
}

// TestWindowsShift checks what a row is: T consecutive tokens, and the same one later.
func TestWindowsShift(t *testing.T) {
	const B, T = 7, 5
	w := NewWindows(counting(1000), 3)
	tokens, targets := make([]int32, B*T), make([]int32, B*T)
	for step := range uint64(50) {
		w.Batch(step, 0, B, T, tokens, targets)
		for i := range B {
			for j := range T {
				if x := tokens[i*T] + int32(j); tokens[i*T+j] != x || targets[i*T+j] != x+1 {
					t.Fatalf("step %d row %d: %v -> %v", step, i, tokens[i*T:(i+1)*T], targets[i*T:(i+1)*T])
				}
			}
		}
	}
}

// TestWindowsArePure checks that a row depends on (seed, step, row) alone: not on
// what was drawn before, nor on how a batch is divided into micro-batches.
func TestWindowsArePure(t *testing.T) {
	const B, T = 6, 4
	seq := counting(500)
	whole := [2][]int32{make([]int32, B*T), make([]int32, B*T)}
	NewWindows(seq, 9).Batch(41, 0, B, T, whole[0], whole[1])
	w := NewWindows(seq, 9)
	part := [2][]int32{make([]int32, 2*T), make([]int32, 2*T)}
	for _, first := range []int{4, 0, 2} {
		w.Batch(41, first, 2, T, part[0], part[1])
		for k := range part {
			if !slices.Equal(part[k], whole[k][first*T:(first+2)*T]) {
				t.Errorf("rows from %d differ from those of the whole batch", first)
			}
		}
	}
	// Golden: the same on every platform and for ever, or runs could not resume.
	var starts []int
	for row := range 4 {
		starts = append(starts, w.Start(41, row, T))
	}
	if want := []int{380, 159, 192, 292}; !slices.Equal(starts, want) {
		t.Errorf("step 41 starts at %v, want %v", starts, want)
	}
	for _, other := range []int{NewWindows(seq, 10).Start(41, 0, T), w.Start(42, 0, T)} {
		if other == starts[0] {
			t.Errorf("another seed or step begins at %d too", other)
		}
	}
}

// TestWindowsAreUniform draws 64,000 starts out of 64: χ² with 63 degrees of
// freedom exceeds 120 once in 10^5 draws.
func TestWindowsAreUniform(t *testing.T) {
	const draws, starts, T = 64000, 64, 16
	w := NewWindows(counting(starts+T), 1)
	var count [starts]float64
	for i := range draws {
		count[w.Start(uint64(i/8), i%8, T)]++
	}
	var chi float64
	for _, c := range count {
		chi += (c - draws/starts) * (c - draws/starts) / (draws / starts)
	}
	if chi > 120 {
		t.Errorf("χ² = %.1f for 63 degrees of freedom", chi)
	}
}

// TestSweep covers sequences of every length: every token but the first is a
// target once, in order, behind its predecessor.
func TestSweep(t *testing.T) {
	const T, B = 5, 3
	for n := range 40 {
		s := NewSweep(counting(n), T)
		tokens, targets := make([]int32, B*T), make([]int32, B*T)
		next := int32(1)
		for first := 0; first < s.Windows(); first += B {
			s.Batch(first, B, tokens, targets)
			for i, y := range targets {
				if y == Ignored {
					continue
				}
				if y != next || tokens[i] != y-1 {
					t.Fatalf("n = %d: target %d after token %d, want target %d", n, y, tokens[i], next)
				}
				next++
			}
		}
		if int(next)-1 != s.Targets() || s.Targets() != max(n-1, 0) {
			t.Errorf("n = %d: %d targets seen, %d announced", n, next-1, s.Targets())
		}
	}
}

func TestBatchesDoNotAllocate(t *testing.T) {
	const B, T = 8, 32
	seq := counting(5000)
	tokens, targets := make([]int32, B*T), make([]int32, B*T)
	w, s := NewWindows(seq, 1), NewSweep(seq, T)
	step := uint64(0)
	if n := testing.AllocsPerRun(100, func() {
		w.Batch(step, 0, B, T, tokens, targets)
		s.Batch(int(step), B, tokens, targets)
		step++
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestMisuse(t *testing.T) {
	for name, f := range map[string]func(){
		"a slice of the wrong size": func() { NewWindows(counting(9), 0).Batch(0, 0, 2, 3, make([]int32, 6), make([]int32, 5)) },
		"no window":                 func() { NewWindows(counting(3), 0).Batch(0, 0, 1, 3, make([]int32, 3), make([]int32, 3)) },
		"a sweep of nothing":        func() { NewSweep(counting(3), 0) },
		"a sweep's slice":           func() { NewSweep(counting(3), 2).Batch(0, 1, make([]int32, 1), make([]int32, 2)) },
		"outside the vocabulary":    func() { Baseline(counting(3), nil, 2) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// TestBaseline is done by hand. train = 0 0 1 and V = 2: p(0) = (2+½)/4 = 5/8,
// p(1) = 3/8; after 0 came 0 and 1 once each: p(0|0) = (1+5/8)/3 = 13/24 and
// p(1|0) = (1+3/8)/3 = 11/24; nothing followed 1: p(0|1) = p(0) = 5/8.
func TestBaseline(t *testing.T) {
	got := Baseline([]int32{0, 0, 1}, []int32{1, 0, 0, 1}, 2)
	want := Baselines{
		Uniform: math.Ln2,
		Unigram: -(2*math.Log(5./8) + math.Log(3./8)) / 3,
		Bigram:  -(math.Log(5./8) + math.Log(13./24) + math.Log(11./24)) / 3,
	}
	const ulps = 1e-15 // three logarithms and sums of order one
	if math.Abs(got.Uniform-want.Uniform) > ulps || math.Abs(got.Unigram-want.Unigram) > ulps || math.Abs(got.Bigram-want.Bigram) > ulps {
		t.Errorf("%+v, want %+v", got, want)
	}
	if b := Baseline([]int32{0, 1}, []int32{1}, 2); !math.IsNaN(b.Unigram) || !math.IsNaN(b.Bigram) {
		t.Errorf("nothing to measure: %+v", b)
	}
}
