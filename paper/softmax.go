package paper

import (
	"fmt"
	"math"
)

// Moments returns the mean and the standard deviation of each token's features,
// with ε under the root. The mean is taken relative to the first feature, so that
// a token whose features are all equal has exactly σ = √ε.
func Moments(a Mat, ε float64) (μ, σ Vec) {
	d := float64(a.D)
	first := a.Columns(0, 1).V
	μ = a.Sub(Cols(first, a.D)).SumFeatures()
	for t := range μ {
		μ[t] = first[t] + μ[t]/d
	}
	c := a.Sub(Cols(μ, a.D))
	σ = c.Had(c).SumFeatures()
	for t := range σ {
		σ[t] = math.Sqrt(σ[t]/d + ε)
	}
	return μ, σ
}

// max is the largest feature of each token. It panics when a token has nothing
// but -∞.
func (a Mat) max() Vec {
	m := make(Vec, a.N)
	for t := range m {
		m[t] = math.Inf(-1)
		for _, x := range a.Row(t) {
			m[t] = max(m[t], x)
		}
		if math.IsInf(m[t], -1) {
			panic(fmt.Sprintf("paper.Softmax: row %d of %d×%d has nothing but -∞: a mask must leave one entry", t, a.N, a.D))
		}
	}
	return m
}

// Softmax normalizes every row of a: the exponentials over their sum. The largest
// entry of a row is taken out first, which changes nothing (54) and keeps every
// exponential at most 1.
func Softmax(a Mat) Mat {
	e := a.Sub(Cols(a.max(), a.D)).mapped(math.Exp)
	return e.Div(Cols(e.SumFeatures(), a.D))
}

// LogSumExp is log Σ_features e^a, one number per token: what Softmax divides by.
func LogSumExp(a Mat) Vec {
	m := a.max()
	s := a.Sub(Cols(m, a.D)).mapped(math.Exp).SumFeatures()
	for t := range s {
		s[t] = m[t] + math.Log(s[t])
	}
	return s
}
