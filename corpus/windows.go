package corpus

import (
	"fmt"
	"math/bits"
)

// Ignored marks a target that does not count in the loss.
const Ignored int32 = -1

// Windows draws training windows from a sequence of tokens. A draw is a pure
// function of (seed, step, row), so where a run stands in its data is one
// integer, the step: there is no state to save, and no order in which rows must
// be drawn.
type Windows struct {
	tokens []int32
	seed   uint64
}

// NewWindows returns the windows of tokens, which are not copied.
func NewWindows(tokens []int32, seed uint64) *Windows { return &Windows{tokens, seed} }

// Batch fills rows first … first+B-1 of a step: row i of tokens (B×T, row-major)
// is a window that starts anywhere in the sequence with equal probability, and
// targets is the same window one token later. With first = 0 it is a whole
// batch; micro-batch j of b rows has first = j·b, so that k micro-batches are
// together the one batch of k·b rows. It does not allocate. It panics if a slice
// is not of size B·T or the sequence has no window of T+1 tokens; [CheckLength]
// asks beforehand.
func (w *Windows) Batch(step uint64, first, B, T int, tokens, targets []int32) {
	checkBatch("corpus.Windows.Batch", B, T, tokens, targets)
	starts := len(w.tokens) - T
	if T < 1 || starts < 1 {
		panic(fmt.Sprintf("corpus.Windows.Batch: %d tokens have no window of %d and its targets", len(w.tokens), T))
	}
	for i := range B {
		at := w.Start(step, first+i, T)
		copy(tokens[i*T:(i+1)*T], w.tokens[at:])
		copy(targets[i*T:(i+1)*T], w.tokens[at+1:])
	}
}

// Start is the position in the sequence at which the given row of a step begins.
func (w *Windows) Start(step uint64, row, T int) int {
	// The product with a 64-bit fraction: uniform but for 1 part in 2^64/len.
	at, _ := bits.Mul64(hash(w.seed, step, uint64(row)), uint64(len(w.tokens)-T))
	return int(at)
}

func checkBatch(who string, B, T int, tokens, targets []int32) {
	if len(tokens) != B*T || len(targets) != B*T {
		panic(fmt.Sprintf("%s: %d tokens and %d targets for a batch of %dx%d", who, len(tokens), len(targets), B, T))
	}
}

// A Sweep cuts a sequence into windows for evaluation: window i has the tokens
// [iT, iT+T) as input and the tokens one later as targets, so that every token
// but the first is a target exactly once.
type Sweep struct {
	tokens []int32
	T      int
}

// NewSweep returns the windows of T tokens of a sequence, which is not copied.
func NewSweep(tokens []int32, T int) *Sweep {
	if T < 1 {
		panic(fmt.Sprintf("corpus.NewSweep: windows of %d tokens", T))
	}
	return &Sweep{tokens, T}
}

// Windows is the number of windows; the last may be cut short by the end.
func (s *Sweep) Windows() int { return (s.Targets() + s.T - 1) / s.T }

// Targets is the number of tokens that are predicted: all but the first.
func (s *Sweep) Targets() int { return max(len(s.tokens)-1, 0) }

// Batch fills B rows with the windows first, first+1, …. What lies past the end
// has token 0 and target Ignored: it comes after everything that counts, which
// in a causal network cannot see it. It does not allocate.
func (s *Sweep) Batch(first, B int, tokens, targets []int32) {
	checkBatch("corpus.Sweep.Batch", B, s.T, tokens, targets)
	for i := range tokens {
		tokens[i], targets[i] = 0, Ignored
	}
	// Windows that follow each other are one piece of the sequence.
	if at := first * s.T; at < s.Targets() {
		copy(tokens, s.tokens[at:len(s.tokens)-1])
		copy(targets, s.tokens[at+1:])
	}
}

// hash mixes its arguments, one after the other, by the finalizer of SplitMix64
// (Steele, Lea and Flood, 2014), whose constants are the ones below.
func hash(words ...uint64) (h uint64) {
	for _, w := range words {
		h = mix(h + golden + w)
	}
	return h
}

const golden = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio, odd

func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
