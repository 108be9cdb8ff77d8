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

// TestWindowsAt draws from windows that begin at given places only, all of them
// that leave room for T tokens and their targets.
func TestWindowsAt(t *testing.T) {
	starts := []int{3, 10, 50, 94, 95, 99}
	const T = 5
	w := NewWindowsAt(counting(100), starts, 1)
	seen := map[int]int{}
	for step := range uint64(400) {
		seen[w.Start(step, 0, T)]++
	}
	for _, at := range []int{3, 10, 50, 94} { // 94+5 is the last target
		if seen[at] < 50 { // 100 are due, ± 9
			t.Errorf("%d of 400 windows begin at %d", seen[at], at)
		}
		delete(seen, at)
	}
	if len(seen) != 0 {
		t.Errorf("windows begin at %v too", seen)
	}
	tokens, targets := make([]int32, T), make([]int32, T)
	w.Batch(0, 0, 1, T, tokens, targets)
	if at := int32(w.Start(0, 0, T)); tokens[0] != at || targets[T-1] != at+T {
		t.Errorf("the window at %d is %v -> %v", at, tokens, targets)
	}
}

func TestStarts(t *testing.T) {
	got := Starts([]int32{1, 7, 7, 2, 7, 3, 7, 7, 7, 4}, []int32{7, 7})
	if want := []int{2, 7, 8}; !slices.Equal(got, want) {
		t.Errorf("starts %v, want %v", got, want)
	}
	if got := Starts([]int32{1}, []int32{7, 7}); got == nil || len(got) != 0 {
		t.Errorf("%v: no start is not the same as anywhere", got)
	}
}

// TestSweepAt cuts sequences at every pair of starts: each token but the first
// is a target once, in order, and a window ends at the last start that it can
// reach, or else is full.
func TestSweepAt(t *testing.T) {
	const n, T = 14, 5
	for a := range n {
		for b := range a {
			starts := []int{b, a}
			s := NewSweepAt(counting(n), starts, T)
			tokens, targets := make([]int32, T), make([]int32, T)
			next, from := int32(1), 0
			for i := range s.Windows() {
				s.Batch(i, 1, tokens, targets)
				for j, y := range targets {
					if y == Ignored {
						continue
					}
					if y != next || tokens[j] != y-1 {
						t.Fatalf("starts %v: target %d after token %d, want target %d", starts, y, tokens[j], next)
					}
					next++
				}
				end := int(next) - 1
				last := min(from+T, n-1)
				for _, x := range starts {
					if x > from && x <= from+T && x < n {
						last = x
					}
				}
				if end != last {
					t.Fatalf("starts %v: window %d from %d ends at %d, want %d", starts, i, from, end, last)
				}
				from = end
			}
			if next != n {
				t.Fatalf("starts %v: %d targets of %d", starts, next-1, n-1)
			}
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
		"starts that do not ascend": func() { NewWindowsAt(counting(9), []int{3, 3}, 0) },
		"a start outside":           func() { NewSweepAt(counting(9), []int{9}, 4) },
		"no start with room":        func() { NewWindowsAt(counting(9), []int{8}, 0).Batch(0, 0, 1, 3, make([]int32, 3), make([]int32, 3)) },
		"an empty separator":        func() { Starts(counting(9), nil) },
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
