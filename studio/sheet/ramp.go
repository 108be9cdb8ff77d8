package sheet

import "math"

// The colours are those of the studio's page: lightness says the size of a number, hue which
// pass it belongs to, and a negative number is grey and has a dash.

// levels is how many steps of colour there are between zero and the largest number.
const levels = 16

// level is the step of x on a map whose largest entry is top: 0 for exactly zero only.
func level(x, top float64) int {
	if x == 0 || top == 0 {
		return 0
	}
	return max(1, min(levels, int(math.Ceil(math.Abs(x)/top*levels))))
}

// A ramp is the colours of one kind of number.
type ramp struct{ lightest, darkest, hue, chroma float64 }

var (
	valueRamp = ramp{.955, .69, 55, .155}
	errorRamp = ramp{.955, .69, 252, .125}
	valueDark = ramp{.27, .555, 55, .135}
	errorDark = ramp{.27, .555, 252, .135}
)

// zero is the colour of exactly zero.
const (
	zeroLight = 0xf3f1ea
	zeroDark  = 0x24221f
)

// rgb is the colour of a level, in sRGB: 0xrrggbb.
func (r ramp) rgb(level int, negative bool) int {
	t := float64(level) / levels
	c := r.chroma * math.Pow(t, .85)
	if negative {
		c = .006 * math.Pow(t, .85)
	}
	return oklch(r.lightest+(r.darkest-r.lightest)*t, c, r.hue)
}

// oklch converts a colour to sRGB (Björn Ottosson, "A perceptual color space for image processing").
func oklch(lightness, chroma, hue float64) int {
	sin, cos := math.Sincos(hue * math.Pi / 180)
	a, b := chroma*cos, chroma*sin
	cube := func(x float64) float64 { return x * x * x }
	l := cube(lightness + .3963377774*a + .2158037573*b)
	m := cube(lightness - .1055613458*a - .0638541728*b)
	s := cube(lightness - .0894841775*a - 1.2914855480*b)
	channel := func(x float64) int {
		if x <= .0031308 {
			x *= 12.92
		} else {
			x = 1.055*math.Pow(x, 1/2.4) - .055
		}
		return int(math.Round(255 * max(0, min(1, x))))
	}
	return channel(4.0767416621*l-3.3077115913*m+.2309699292*s)<<16 |
		channel(-1.2684380046*l+2.6097574011*m-.3413193965*s)<<8 |
		channel(-.0041960863*l-.7034186147*m+1.7076147010*s)
}
