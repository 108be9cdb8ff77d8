package paper

import (
	"fmt"
	"math"
)

// A Rotation says how far the columns of a head turn from one position to the next.
// The zero Rotation turns nothing.
type Rotation struct {
	Freqs       Vec     // ω_j of pair j, in radians a position; see [Frequencies]
	Factor      float64 // multiplies cosines and sines, see [YarnScaling]; 0 is 1
	Interleaved bool    // pairs (2j, 2j+1); else (j, j+p) with p pairs
}

// Rotate turns the columns of each token in pairs, by an angle that grows with the
// token's position (RoPE). aPrev and a are n×d, with one position a token. The first
// 2p columns turn, p = len(r.Freqs) pairs; those behind them stay.
//
//	θ   = positions ωᵗ, once in each column of the pair
//	a_i = a_{i-1} ∘ cos θ + (a_{i-1} Q) ∘ sin θ         (L8)
//
// where Q, d×d, is the quarter turn (x, y) → (-y, x) of every pair. Since Qᵗ = -Q, and
// since both columns of a pair have one angle, the error is turned back:
//
//	Δ_{i-1} = Δ_i ∘ cos θ - (Δ_i Q) ∘ sin θ             (L9)
//
// There is nothing to learn. Derivation: docs/09-llama.md.
func Rotate(tr *Trace, aPrev Mat, positions []int, r Rotation) (a Mat, back func(Δ Mat) (ΔPrev Mat)) {
	n, d, p := aPrev.N, aPrev.D, len(r.Freqs)
	if 2*p > d || len(positions) != n {
		panic(fmt.Sprintf("paper.Rotate: input %d×%d, %d positions, %d pairs of columns", n, d, len(positions), p))
	}
	aPrev = tr.Eq("", "a_{i-1}", aPrev)
	both, Q := r.pairs(d)
	θ := tr.Eq("L8", "θ", numbers(positions).Mul(r.Freqs.row()).Mul(both))
	cos, sin := θ.mapped(math.Cos), θ.mapped(math.Sin)
	if r.Factor != 0 {
		turned := Rows(both.SumTokens(), n) // 1 where a column turns, 0 where it stays
		cos, sin = cos.Add(cos.Had(turned).Scale(r.Factor-1)), sin.Scale(r.Factor)
	}
	a = tr.Eq("L8", "a_i", aPrev.Had(cos).Add(aPrev.Mul(Q).Had(sin)))

	back = func(Δ Mat) (ΔPrev Mat) {
		Δ.like(a, "Rotate: error signal")
		return tr.Eq("L9", "Δ_{i-1}", Δ.Had(cos).Sub(Δ.Mul(Q).Had(sin)))
	}
	return a, back
}

// pairs returns two matrices of zeros and ones: both, p×d, gives a number of a pair
// to both of its columns; Q, d×d, is the quarter turn of every pair.
func (r Rotation) pairs(d int) (both, Q Mat) {
	p := len(r.Freqs)
	both, Q = Zeros(p, d), Zeros(d, d)
	for j := range p {
		x, y := j, j+p
		if r.Interleaved {
			x, y = 2*j, 2*j+1
		}
		both.Row(j)[x], both.Row(j)[y] = 1, 1
		Q.Row(x)[y], Q.Row(y)[x] = 1, -1
	}
	return both, Q
}
