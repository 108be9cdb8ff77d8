package corpus

import (
	"fmt"
	"math/bits"
	"slices"
)

// Ignored is a target that does not count in the loss.
const Ignored int32 = -1

// Windows draws training windows from a sequence of tokens. A window is a pure function of
// (seed, step, row). So the position of a run in its data is one integer, the step: there is
// no other state to save, and rows can be drawn in any order.
type Windows struct {
	tokens []int32
	starts []int // positions where windows may begin; nil = anywhere
	seed   uint64
	ignore ignoredToken
}

// ignoredToken is 1 plus the token that is never a target; 0 = every token may be one.
type ignoredToken int32

// mask sets the targets that are its token to Ignored.
func (t ignoredToken) mask(targets []int32) {
	for i := 0; t > 0 && i < len(targets); i++ {
		if targets[i] == int32(t)-1 {
			targets[i] = Ignored
		}
	}
}

// NewWindows returns the windows of tokens, which are not copied.
func NewWindows(tokens []int32, seed uint64) *Windows { return &Windows{tokens: tokens, seed: seed} }

// NewWindowsAt returns the windows that begin at one of starts: ascending positions in
// tokens, for example from [Starts]; nil means anywhere. Neither slice is copied.
func NewWindowsAt(tokens []int32, starts []int, seed uint64) *Windows {
	checkStarts("corpus.NewWindowsAt", len(tokens), starts)
	return &Windows{tokens: tokens, starts: starts, seed: seed}
}

// Ignore makes id a token that is never a target, for example a token that begins documents
// and does not end them.
func (w *Windows) Ignore(id int32) { w.ignore = ignoredToken(id + 1) }

// Ignore makes id a token that is never a target.
func (s *Sweep) Ignore(id int32) { s.ignore = ignoredToken(id + 1) }

// Starts returns the position of the last token of every separator in tokens. A window that
// begins there has the end of a separator as its first token, which shows that something
// begins; its first target is the first token after the separator. Starts panics if
// separator is empty.
func Starts(tokens, separator []int32) []int {
	if len(separator) == 0 {
		panic("corpus.Starts: a separator of no tokens")
	}
	starts := []int{}
	for i := len(separator) - 1; i < len(tokens); i++ {
		if slices.Equal(tokens[i-len(separator)+1:i+1], separator) {
			starts = append(starts, i)
		}
	}
	return starts
}

func checkStarts(who string, n int, starts []int) {
	for i, at := range starts {
		if at < 0 || at >= n || i > 0 && at <= starts[i-1] {
			panic(fmt.Sprintf("%s: start %d is %d in a sequence of %d: starts ascend within it", who, i, at, n))
		}
	}
}

// Batch fills rows first … first+B-1 of a step. Row i of tokens (B×T, row-major) is a
// window; each allowed start has equal probability. Row i of targets is the same window one
// token later. With first = 0 it is a whole batch. Micro-batch j of b rows has first = j·b;
// k micro-batches together equal one batch of k·b rows. Batch does not allocate. It panics
// if a slice is not of size B·T or the sequence has no window of T+1 tokens; check that
// before with [CheckLength].
func (w *Windows) Batch(step uint64, first, B, T int, tokens, targets []int32) {
	checkBatch("corpus.Windows.Batch", B, T, tokens, targets)
	if T < 1 || w.places(T) < 1 {
		panic(fmt.Sprintf("corpus.Windows.Batch: %d tokens have no window of %d and its targets", len(w.tokens), T))
	}
	for i := range B {
		at := w.Start(step, first+i, T)
		copy(tokens[i*T:(i+1)*T], w.tokens[at:])
		copy(targets[i*T:(i+1)*T], w.tokens[at+1:])
	}
	w.ignore.mask(targets)
}

// Start is the position in the sequence where the window of a row of a step begins.
func (w *Windows) Start(step uint64, row, T int) int {
	// Multiply by a 64-bit fraction: uniform up to 1 part in 2^64/places.
	k, _ := bits.Mul64(hash(w.seed, step, uint64(row)), uint64(w.places(T)))
	if w.starts != nil {
		return w.starts[k]
	}
	return int(k)
}

// places is the number of places where a window of T tokens and its targets fits.
func (w *Windows) places(T int) int {
	if w.starts == nil {
		return max(len(w.tokens)-T, 0)
	}
	n, _ := slices.BinarySearch(w.starts, len(w.tokens)-T)
	return n
}

func checkBatch(who string, B, T int, tokens, targets []int32) {
	if len(tokens) != B*T || len(targets) != B*T {
		panic(fmt.Sprintf("%s: %d tokens and %d targets for a batch of %dx%d", who, len(tokens), len(targets), B, T))
	}
}

// A Sweep cuts a sequence into windows for evaluation. Every token but the first is a target
// exactly once.
type Sweep struct {
	tokens  []int32
	T       int   // largest length of a window
	cuts    []int // window i has the targets at cuts[i]+1 … cuts[i+1]
	aligned bool
	ignore  ignoredToken
}

// NewSweep returns consecutive windows of T tokens: window i has the tokens [iT, iT+T) as
// inputs and the tokens one later as targets. The sequence is not copied.
func NewSweep(tokens []int32, T int) *Sweep { return NewSweepAt(tokens, nil, T) }

// NewSweepAt returns windows of at most T tokens. Each ends at the last of starts that it
// reaches, and the next begins there. So each story is predicted from its own beginning. A
// story longer than T continues in another window. With starts nil it is [NewSweep].
func NewSweepAt(tokens []int32, starts []int, T int) *Sweep {
	if T < 1 {
		panic(fmt.Sprintf("corpus.NewSweep: windows of %d tokens", T))
	}
	checkStarts("corpus.NewSweepAt", len(tokens), starts)
	s := &Sweep{tokens: tokens, T: T, cuts: []int{0}, aligned: starts != nil}
	for at := 0; at < s.Targets(); {
		end := min(at+T, s.Targets())
		if k, _ := slices.BinarySearch(starts, end+1); k > 0 && starts[k-1] > at {
			end = starts[k-1]
		}
		at = end
		s.cuts = append(s.cuts, at)
	}
	return s
}

// Windows is the number of windows.
func (s *Sweep) Windows() int { return len(s.cuts) - 1 }

// Targets is the number of targets: all tokens but the first.
func (s *Sweep) Targets() int { return max(len(s.tokens)-1, 0) }

// Batch fills B rows with the windows first, first+1, …. Unused positions have token 0 and
// target Ignored. They come after all positions that count, and a causal network does not
// see them there. Batch does not allocate.
func (s *Sweep) Batch(first, B int, tokens, targets []int32) {
	checkBatch("corpus.Sweep.Batch", B, s.T, tokens, targets)
	for i := range tokens {
		tokens[i], targets[i] = 0, Ignored
	}
	for i := range min(B, s.Windows()-first) {
		from, to := s.cuts[first+i], s.cuts[first+i+1]
		copy(tokens[i*s.T:], s.tokens[from:to])
		copy(targets[i*s.T:], s.tokens[from+1:to+1])
	}
	s.ignore.mask(targets)
}

// hash mixes its arguments in order with the finalizer of SplitMix64 (Steele, Lea and Flood,
// 2014), which has the constants below.
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
