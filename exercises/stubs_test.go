//go:build exercises

package exercises

import "testing"

// The checks of what the learner writes: go test -tags exercises ./exercises -run Softmax

func TestFullyConnected(t *testing.T) { run(t, checkFullyConnected(FullyConnected)) }
func TestEmbedding(t *testing.T)      { run(t, checkEmbedding(Embedding)) }
func TestSoftmax(t *testing.T)        { run(t, checkSoftmax(Softmax)) }
func TestHead(t *testing.T)           { run(t, checkHead(Head)) }
func TestLayerNorm(t *testing.T)      { run(t, checkLayerNorm(LayerNorm)) }
func TestLoRA(t *testing.T)           { run(t, checkLoRA(LoRA)) }
func TestSkip(t *testing.T)           { run(t, checkSkip(Skip)) }
func TestTiedLogits(t *testing.T)     { run(t, checkTiedLogits(TiedLogits)) }
func TestRMSNorm(t *testing.T)        { run(t, checkRMSNorm(RMSNorm)) }
func TestRotary(t *testing.T)         { run(t, checkRotary(Rotary)) }

func run(t *testing.T, x exercise) {
	t.Helper()
	if text, right := x.report(); !right {
		t.Error("\n" + text)
	}
}
