package paper

import (
	"fmt"
	"math"

	"github.com/pedestrian-ml/pedestrian"
)

// RotationOf is the rotation of heads of d columns that a configuration asks for: the
// frequencies of its base, scaled as it says.
func RotationOf(c pedestrian.Rotation, d int) Rotation {
	c = c.WithDefaults(d)
	freqs := Frequencies(c.Dims, c.Base)
	switch c.Scaling {
	case pedestrian.LinearScaling:
		freqs = LinearScaling(freqs, c.Factor)
	case pedestrian.Llama3Scaling:
		freqs = Llama3Scaling(freqs, c.Factor, c.Low, c.High, float64(c.Original))
	case pedestrian.YarnScaling:
		freqs, _ = YarnScaling(c.Dims, c.Base, c.Factor, float64(c.Original), c.Fast, c.Slow)
	}
	return Rotation{Freqs: freqs, Factor: c.Scale}
}

// Frequencies are those of d columns that turn, d/2 numbers from 1 radian a position
// downwards; base is called rope_theta in configurations:
//
//	ω_j = base^(-2j/d)      (L7.a)
//
// It panics when d is odd. The functions below slow the slow pairs down, so that a
// network reads a longer text than the one it was trained on. Derivation:
// docs/09-llama.md.
func Frequencies(d int, base float64) Vec {
	if d%2 != 0 {
		panic(fmt.Sprintf("paper.Frequencies: %d columns cannot turn in pairs", d))
	}
	return each(1, d/2, func(_, j int) float64 { return math.Pow(base, -2*float64(j)/float64(d)) }).V
}

// LinearScaling divides all frequencies: a position counts for 1/factor of one.
//
//	ω_j / factor      (L7.b)
func LinearScaling(freqs Vec, factor float64) Vec { return freqs.row().Scale(1 / factor).V }

// Llama3Scaling divides the frequencies of pairs that turn fewer than low times in original,
// the length of text that the network was trained on, keeps those that turn more than
// high times, and passes from one to the other in between:
//
//	turns = original ω_j / 2π
//	s     = (turns - low) / (high - low), no less than 0, no more than 1
//	(1-s) ω_j / factor + s ω_j      (L7.c)
func Llama3Scaling(freqs Vec, factor, low, high, original float64) Vec {
	return freqs.row().mapped(func(f float64) float64 {
		turns := original * f / (2 * math.Pi)
		s := min(1, max(0, (turns-low)/(high-low)))
		return (1-s)*f/factor + s*f
	}).V
}

// YarnScaling does what [Llama3Scaling] does, along a ramp over the number of the pair and not over
// its turns. Pair m(r) turns r times in original; fast is 32 as a rule and slow 1.
//
//	m(r) = d ln(original/(2π r)) / (2 ln base)
//	s    = (j - lo) / (hi - lo), no less than 0, no more than 1
//	       with lo = ⌊m(fast)⌋ ≥ 0 and hi = ⌈m(slow)⌉ ≤ d-1
//	(1-s) ω_j + s ω_j / factor      (L7.d)
//
// The second result is [Rotation].Factor, 0.1 ln factor + 1.
func YarnScaling(d int, base, factor, original, fast, slow float64) (freqs Vec, by float64) {
	m := func(r float64) float64 {
		return float64(d) * math.Log(original/(2*math.Pi*r)) / (2 * math.Log(base))
	}
	lo, hi := max(0, math.Floor(m(fast))), min(float64(d-1), math.Ceil(m(slow)))
	if lo == hi {
		hi += 0.001 // a step
	}
	freqs = Frequencies(d, base)
	for j, f := range freqs {
		s := min(1, max(0, (float64(j)-lo)/(hi-lo)))
		freqs[j] = (1-s)*f + s*f/factor
	}
	return freqs, 0.1*math.Log(max(1, factor)) + 1
}
