//go:build (amd64 && !amd64.v3) || wasm

package live

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// TestPortableBits: a training in a browser's WebAssembly has the bits of one on a server that
// computes on the portable path: losses, norms and weights. .ci/run runs it by node. A change
// that is meant to change numbers renews the constant.
func TestPortableBits(t *testing.T) {
	defer kernel.Use(kernel.Use(kernel.Portable))
	core := must(NewCore())
	told := steps(t, core, `"seed":3,"rates":[{"from":0,"rate":0.01}]`, 25)
	h := sha256.New()
	for _, x := range append(told.numbers, weights(t, core, studio.State{Seed: 3, Rates: []studio.Rate{{From: 0, Rate: 0.01}}, Step: 25})...) {
		h.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(x)))
	}
	const want = "28ad8924102e2ffcc6bdc22a4d45f53fea1e0d69f3821346fe9aae5e4ceaa4f6"
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
		t.Errorf("the digest of the training is %s, want %s", got, want)
	}
}
