package sheet

import (
	"math"
	"strconv"
	"strings"
)

// significant writes x with n significant digits: 0.0119, 2.3·10⁻⁸, and 0 for exactly zero.
func significant(x float64, n int) string {
	switch {
	case x == 0:
		return "0"
	case math.IsInf(x, -1):
		return "−∞"
	case math.IsInf(x, 1) || math.IsNaN(x):
		return "not a number"
	}
	if a := math.Abs(x); a < 1e-3 || a >= 1e5 {
		n = min(n, 2)
	}
	m, e, _ := strings.Cut(strconv.FormatFloat(x, 'e', n-1, 64), "e")
	power, _ := strconv.Atoi(e)
	if power < -3 || power >= 5 {
		return minus(m) + "·10" + raised(strconv.Itoa(power))
	}
	return minus(strconv.FormatFloat(x, 'f', max(0, n-1-power), 64))
}

func minus(s string) string { return strings.Replace(s, "-", "−", 1) }

// A scale says how the digits of one map are written: all with one number of decimals, in a unit
// that is a power of a thousand.
type scale struct {
	power, decimals int
}

// scaleOf is the scale of a map whose largest entry is top: three significant digits there.
func scaleOf(top float64) (s scale) {
	if top > 1e-99 && top < .1 || top >= 1e4 {
		s.power = 3 * int(math.Floor(math.Log10(top)/3))
	}
	if top /= math.Pow(10, float64(s.power)); top == 0 {
		top = 1
	}
	s.decimals = max(0, min(4, 2-int(math.Floor(math.Log10(top)))))
	return s
}

// unit is "in 10⁻³", or "".
func (s scale) unit() string {
	if s.power == 0 {
		return ""
	}
	return "in 10" + raised(strconv.Itoa(s.power))
}

// digits writes x without the zero before its point; exactly zero is 0, a rounded one .0.
func (s scale) digits(x float64) string {
	switch {
	case x == 0:
		return "0"
	case math.IsInf(x, -1):
		return "−∞"
	case math.IsNaN(x) || math.IsInf(x, 1):
		return "?"
	}
	t := strconv.FormatFloat(x/math.Pow(10, float64(s.power)), 'f', s.decimals, 64)
	sign := ""
	if strings.HasPrefix(t, "-") {
		if t = t[1:]; strings.Trim(t, "0.") != "" {
			sign = "−"
		}
	}
	if strings.HasPrefix(t, "0.") {
		t = t[1:]
	}
	return sign + t
}
