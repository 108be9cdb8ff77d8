package main

import (
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// kernelRow is the length of the rows that kernels are measured on: several of
// them fit in the first cache.
const kernelRow = 1536

func kernelCases() (cases []benchCase) {
	x, y, z, w := ones(1, kernelRow).V, ones(1, kernelRow).V, ones(1, kernelRow).V, ones(1, kernelRow).V
	h := kernel.AdamWStep[float32]{Scale: 1, Beta1: 0.9, Rest1: 0.1, Beta2: 0.99, Rest2: 0.01, Rate: 1e-6, Unbias: 1, Eps: 1e-8, Keep: 1}
	mask := kernel.NewMask(0.1, 1)
	for _, k := range []struct {
		name string
		f    func()
	}{
		{"exp", func() { kernel.ExpSum(x, 1e-3, 0.5) }},
		{"softmax", func() { kernel.Softmax(x, 1) }},
		{"softmax-backward", func() { kernel.SoftmaxBackward(x, y, 1e-3, 0.9) }},
		{"cross-entropy", func() { kernel.CrossEntropy(x, 3, 1) }},
		{"gelu", func() { kernel.GELU(y, w) }},
		{"gelu-backward", func() { kernel.GELUBackward(x, y, z, w) }},
		{"gelu-tanh", func() { kernel.GELUTanh(y, w) }},
		{"gelu-tanh-backward", func() { kernel.GELUTanhBackward(x, y, z, w) }},
		{"layernorm", func() { kernel.LayerNorm(x, y, w, z, z, 1e-5) }},
		{"layernorm-backward", func() { clear(x); kernel.LayerNormBackward(x, y, y, z, w, w, 1e-6) }},
		{"dropout", func() { kernel.MaskRow(x, w, mask, 0) }},
		{"sum-squares", func() { x[0] = float32(kernel.SumSquares(w)) }},
		{"adamw", func() { kernel.AdamW(x, w, y, z, &h) }},
	} {
		cases = append(cases, benchCase{name: "kernel/" + k.name + "/float32", run: func(b *bench, r *figures) error {
			const times = 100
			r.Elements = times * kernelRow
			for i := range kernelRow {
				x[i], y[i], z[i], w[i] = 0.5, 0.25, 1, float32(i%13)/4-1.5
			}
			for range b.repeats(15) {
				r.MS = append(r.MS, timed(func() {
					for range times {
						k.f()
					}
				}))
			}
			return nil
		}})
	}
	return cases
}
