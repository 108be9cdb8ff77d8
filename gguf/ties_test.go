package gguf

import (
	"encoding/hex"
	"testing"
)

// TestTies writes blocks of Q8_0 whose numbers lie half between two whole ones. What
// comes is by hand in the first, and in the second what gguf 0.19 wrote
// (gguf.quants.quantize): there multiplying by the inverse of the scale gives other
// numbers than dividing by it, in 30 of 32, and so does the scale as it is stored.
func TestTies(t *testing.T) {
	for name, c := range map[string]struct {
		block []float32
		want  string
	}{
		"by hand": {
			[]float32{127, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 126.5, -126.5, 0.49999997, -0.49999997, 63.5},
			"003c" + "7f" + "01ff" + "02fe" + "03fd" + "7f81" + "0000" + "40",
		},
		"by the reference": {
			[]float32{-8.1015625, 90.0703125, -81.4921875, -93.8828125, 57.6640625, 36.6953125, -14.7734375, 104.3671875,
				46.2265625, 51.9453125, 79.5859375, -72.9140625, 65.2890625, -87.2109375, -22.3984375, -36.6953125,
				57.6640625, -46.2265625, 70.0546875, -100.5546875, 14.7734375, 49.0859375, -98.6484375, -121.046875,
				16.6796875, -46.2265625, -13.8203125, -105.3203125, -104.3671875, 96.7421875, 68.1484375, 49.0859375},
			"a03bf75eab9e3c26f16d303653b444a5e9da3cd049970f33998111d0f29293654733",
		},
	} {
		block := make([]float32, q8Block)
		copy(block, c.block)
		want, err := hex.DecodeString(c.want)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, make([]byte, 2+q8Block-len(want))...)
		got, err := appendNumbers(nil, block, Q8_0)
		if err != nil || hex.EncodeToString(got) != hex.EncodeToString(want) {
			t.Errorf("%s: %x, %v, not %x", name, got, err, want)
		}
	}
}
