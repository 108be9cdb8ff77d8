//go:build (amd64 && !amd64.v3) || wasm

package generate_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
	"github.com/pedestrian-ml/pedestrian/train"
)

// TestPortableBits: a small network is trained for a few steps and writes a few tokens on
// the portable path. Weights and text have the same bits natively and in a browser's
// WebAssembly, where .ci/run runs this test by node. Where the compiler fuses products and
// sums (arm64, GOAMD64=v3) the bits are others. A change that is meant to change numbers
// renews both constants.
func TestPortableBits(t *testing.T) {
	defer kernel.Use(kernel.Use(kernel.Portable))
	o, err := train.PresetOptions("tiny")
	if err != nil {
		t.Fatal(err)
	}
	o.Steps, o.StoryChars, o.Context, o.Width, o.Heads, o.Blocks, o.Dropout = 12, 20_000, 32, 16, 2, 2, 0.1
	d, err := train.LoadData(o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := train.Start(o, d, "")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Train(t.Context(), train.Observer{}); err != nil {
		t.Fatal(err)
	}
	p := r.State.Params
	h := sha256.New()
	for _, x := range p.Slab {
		h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(x)))
	}
	const weights = "05f38a7bf04b44544b534c7bcbcf6423855ad869879e67f658f371cc02edc708"
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != weights {
		t.Errorf("the digest of the weights is %s, want %s", got, weights)
	}
	net := engine.New(p, nil, engine.Options{})
	defer net.Close()
	w := generate.NewWriter(net, p.Config, d.Tokenizer)
	const text = "Vsm\n eoenfQ.hBevIRihbyZO!pohUcA .Czyrvi!grgaWjpWkGeT,IR\" QrL"
	if got, err := w.Write(t.Context(), "One day", generate.Sampling{Temperature: 1, MaxTokens: 60, Seed: 1}, nil); got.Text != text || err != nil {
		t.Errorf("it writes %q, %v; want %q", got.Text, err, text)
	}
}
