package kernel

import (
	"fmt"
	"math"
	"testing"
)

func TestZZ(t *testing.T) {
	var x []float32
	for b := uint64(0); b < 1<<32; b += 1361 {
		v := math.Float32frombits(uint32(b))
		if v == v && v > -40 && v < 40 && (v > 1e-30 || v < -1e-30) {
			x = append(x, v)
		}
	}
	for i := -2000000; i < 2000000; i++ {
		x = append(x, float32(i)*7.1e-6)
	}
	twoU := func(x float64) float64 { return 2 * tanhScale * (x + tanhCube*x*x*x) }
	y := make([]float32, len(x))
	for name, f := range map[string]struct {
		run func()
		ref func(x float64) float64
	}{
		"gelu": {func() { GELU(y, x) }, func(x float64) float64 { return x * normalCDF(x) }},
		"tanh": {func() { GELUTanh(y, x) }, func(x float64) float64 { return x * logistic(twoU(x)) }},
	} {
		f.run()
		worst := map[int]float64{}
		at := map[int]float32{}
		for i, v := range x {
			k := int(math.Floor(float64(v) / 1))
			if k > 3 {
				k = 3
			}
			if u := ulps(y[i], f.ref(float64(v))); u > worst[k] {
				worst[k], at[k] = u, v
			}
		}
		for k := -15; k <= 3; k++ {
			fmt.Println(name, k, worst[k], at[k])
		}
	}
}
