package gradcheck

import (
	"math"
	"strconv"
)

// A Number is a float64 for JSON: values that JSON cannot represent are written as
// one of the strings "NaN", "+Inf" and "-Inf".
type Number float64

// MarshalJSON writes a number, or a string where JSON has no number.
func (n Number) MarshalJSON() ([]byte, error) {
	f := float64(n)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return strconv.AppendQuote(nil, strconv.FormatFloat(f, 'g', -1, 64)), nil
	}
	return strconv.AppendFloat(nil, f, 'g', -1, 64), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (n *Number) UnmarshalJSON(b []byte) error {
	s := string(b)
	if u, err := strconv.Unquote(s); err == nil {
		s = u
	}
	f, err := strconv.ParseFloat(s, 64)
	*n = Number(f)
	return err
}

// A Comparison is the largest disagreement between an analytic gradient, package
// paper's, and another way to the same numbers.
type Comparison struct {
	Error     Number `json:"error"`     // the largest over all entries, relative; see Relative and ToLargest
	Tolerance Number `json:"tolerance"` // what it may be
	Entries   int    `json:"entries"`   // how many numbers were compared
	OK        bool   `json:"ok"`        // Error ≤ Tolerance; never with a NaN on either side
	Worst     Entry  `json:"worst"`     // where it is largest
}

// An Entry is one number seen twice.
type Entry struct {
	Row      int    `json:"row"`
	Col      int    `json:"col"`
	Analytic Number `json:"analytic"` // package paper
	Other    Number `json:"other"`    // finite difference or package engine
}

// Relative is |a-n| / max(floor, |a|+|n|), the error measure for finite differences. It is
// relative for gradients above floor. Below it is absolute in units of floor, because there
// a difference of two losses has no significant digits.
func Relative(a, n, floor float64) float64 {
	return math.Abs(a-n) / max(floor, math.Abs(a)+math.Abs(n))
}

// Compare measures every pair of a and n, matrices of cols columns, by measure and keeps the
// worst. A NaN is worse than any number. tolerance is what the worst may be.
func Compare(a, n []float64, cols int, tolerance float64, measure func(a, n float64) float64) Comparison {
	c := Comparison{Tolerance: Number(tolerance), Entries: len(a)}
	worst := -1.0
	for i := range a {
		e := measure(a[i], n[i])
		if e > worst || math.IsNaN(e) {
			worst = e
			c.Error = Number(e)
			c.Worst = Entry{Row: i / cols, Col: i % cols, Analytic: Number(a[i]), Other: Number(n[i])}
			if math.IsNaN(e) {
				break
			}
		}
	}
	c.OK = float64(c.Error) <= tolerance
	return c
}

// ToLargest is the error measure between two analytic gradients: |a-n| over the
// largest |number| of the tensor, because each entry is a sum whose rounding is
// that of its largest terms.
func ToLargest(largest float64) func(a, n float64) float64 {
	if largest == 0 {
		largest = math.SmallestNonzeroFloat64
	}
	return func(a, n float64) float64 {
		if a == n {
			return 0
		}
		return math.Abs(a-n) / largest
	}
}

func largest(v []float64) (m float64) {
	for _, x := range v {
		m = max(m, math.Abs(x))
	}
	return m
}
