package engine_test

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// A network whose parameters are all zero gives every token the same
// probability, 1/4 here: each loss is ln 4, and the error on the logits is
// y_pred - y_gt, whose sum over the tokens is the gradient of the logits' bias.
func ExampleNetwork_Gradients() {
	c := pedestrian.Config{Vocab: 4, Context: 8, Width: 2, Heads: 1, Blocks: 1, Activation: pedestrian.GELU, Eps: 1e-5, LogitsBias: true}
	p, dp := pedestrian.NewParams[float32](c), pedestrian.NewParams[float32](c)
	n := engine.New(p, nil, engine.Options{})
	defer n.Close()

	b := engine.Batch{B: 1, T: 4, Tokens: []int32{0, 1, 2, 3}, Targets: []int32{1, 2, 1, engine.Ignored}}
	sum, counted := n.Gradients(dp, nil, b, 1, 0)
	fmt.Printf("Σℓ = %.4f over %d tokens\n", sum, counted)
	fmt.Println("∂b =", dp.Logits.B.V)
	// Output:
	// Σℓ = 4.1589 over 3 tokens
	// ∂b = [0.75 -1.25 -0.25 0.75]
}

// One step of AdamW moves every parameter that has a gradient by about LR,
// whatever the gradient's size.
func ExampleNetwork_AdamW() {
	c := pedestrian.Config{Vocab: 2, Context: 8, Width: 2, Heads: 1, Blocks: 1, Activation: pedestrian.GELU, Eps: 1e-5, LogitsBias: true}
	p, dp := pedestrian.NewParams[float32](c), pedestrian.NewParams[float32](c)
	m, v := pedestrian.NewParams[float32](c), pedestrian.NewParams[float32](c)
	n := engine.New(p, nil, engine.Options{})
	defer n.Close()

	b := engine.Batch{B: 1, T: 2, Tokens: []int32{0, 1}, Targets: []int32{1, 1}}
	h := engine.AdamW{LR: 0.5, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8}
	for step := 1; step <= 3; step++ {
		dp.Zero()
		sum, counted := n.Gradients(dp, nil, b, 0.5, uint64(step))
		n.AdamW(h, step, 1, p, dp, m, v)
		fmt.Printf("ℓ = %.4f, then b = %.2f\n", sum/float64(counted), p.Logits.B.V)
	}
	// Output:
	// ℓ = 0.6931, then b = [-0.50 0.50]
	// ℓ = 0.3133, then b = [-0.97 0.97]
	// ℓ = 0.1338, then b = [-1.40 1.40]
}

// What a decoder says after a prompt is what the whole pass says in the last row.
func ExampleDecoder() {
	c := pedestrian.Config{Vocab: 3, Context: 8, Width: 4, Heads: 2, Blocks: 2, Activation: pedestrian.ReLU, Eps: 1e-5}
	p := pedestrian.NewParams[float32](c)
	for i := range p.Slab {
		p.Slab[i] = float32(i%7) - 3
	}
	n := engine.New(p, nil, engine.Options{})
	defer n.Close()

	all := engine.NewMat[float32](4, c.Vocab)
	n.Logits(all, engine.Batch{B: 1, T: 4, Tokens: []int32{2, 0, 1, 1}})
	d := n.NewDecoder(1)
	d.Feed(0, []int32{2, 0, 1})
	fmt.Printf("%.3f\n%.3f\n", d.Feed(0, []int32{1}), all.Row(3))
	// Output:
	// [-12.411 -9.843 -7.276]
	// [-12.411 -9.843 -7.276]
}

// The memory that training GPT-2 small takes beside its parameters, gradients
// and moments, for four sequences of 256 tokens. Most activations lie in gradients that
// are not yet computed: with Accumulate they would take 366 MiB.
func ExampleMemory() {
	c := pedestrian.Config{Vocab: 50257, Context: 1024, Width: 768, Heads: 12, Blocks: 12, Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, Tied: true}
	m, err := engine.Memory[float32](c, nil, engine.Options{Batch: 4, Context: 256, Threads: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range m {
		fmt.Printf("%-12s %4d MiB\n", p.Name, p.Bytes>>20)
	}
	fmt.Printf("%-12s %4d MiB\n", "all", m.Total()>>20)
	// Output:
	// activations    48 MiB
	// attention       2 MiB
	// logits        101 MiB
	// errors          3 MiB
	// all           154 MiB
}
