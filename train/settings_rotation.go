package train

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
)

// rotationParts are the names in the notation of a rotation, each with its number; scaling
// is a name.
func rotationParts(r *pedestrian.Rotation) map[string]*float64 {
	return map[string]*float64{"base": &r.Base, "factor": &r.Factor, "low": &r.Low, "high": &r.High, "fast": &r.Fast, "slow": &r.Slow, "scale": &r.Scale}
}

// rotationNames are those parts in the order in which they are written.
var rotationNames = []string{"base", "dims", "scaling", "factor", "low", "high", "original", "fast", "slow", "scale"}

// rotationOf is the notation of a rotation: names and values with commas between, such as
// "base=500000,scaling=llama3,factor=32,low=1,high=4,original=8192". What is zero is left out.
func rotationOf(r *pedestrian.Rotation) notation {
	return notation{func() string { return writeRotation(*r) }, func(text string) error {
		read, err := parseRotation(text)
		if err == nil {
			*r = read
		}
		return err
	}}
}

func writeRotation(r pedestrian.Rotation) string {
	var parts []string
	for _, name := range rotationNames {
		value := ""
		switch name {
		case "dims":
			value = strconv.Itoa(r.Dims)
		case "original":
			value = strconv.Itoa(r.Original)
		case "scaling":
			value = string(r.Scaling)
		default:
			value = strconv.FormatFloat(*rotationParts(&r)[name], 'g', -1, 64)
		}
		if value != "" && value != "0" {
			parts = append(parts, name+"="+value)
		}
	}
	return strings.Join(parts, ",")
}

func parseRotation(text string) (r pedestrian.Rotation, err error) {
	seen := map[string]bool{}
	for part := range strings.SplitSeq(text, ",") {
		if text == "" {
			break
		}
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || seen[name] {
			return r, fmt.Errorf("%q: a rotation is NAME=VALUE with commas between, no name twice, of %s", part, strings.Join(rotationNames, ", "))
		}
		seen[name] = true
		to := rotationParts(&r)[name]
		switch {
		case name == "dims":
			r.Dims, err = strconv.Atoi(value)
		case name == "original":
			r.Original, err = strconv.Atoi(value)
		case name == "scaling":
			r.Scaling = pedestrian.RotationScaling(value)
		case to != nil:
			*to, err = strconv.ParseFloat(value, 64)
		default:
			return r, fmt.Errorf("%q: a rotation has %s", name, strings.Join(rotationNames, ", "))
		}
		if err != nil {
			return r, fmt.Errorf("%s of the rotation is %q: it must be a number", name, value)
		}
	}
	return r, nil
}
