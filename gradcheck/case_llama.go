package gradcheck

import (
	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// family is what networks of the Llama family have in common here. ε is large enough to
// be seen, and the base small, so that every pair turns.
var family = pedestrian.Config{Activation: pedestrian.SiLU, Eps: 0.05, Norm: pedestrian.RMSNorm, Positions: pedestrian.Rotary, Rotation: pedestrian.Rotation{Base: 100}, Gated: true}

// llamaSize is a network of the family. Queries and keys have another width than values,
// so that no formula takes one for the other.
func llamaSize(vocab, context, width, hidden, blocks, heads, kv, keyDim, headDim int) pedestrian.Config {
	c := family
	c.Vocab, c.Context, c.Width, c.Hidden, c.Blocks = vocab, context, width, hidden, blocks
	c.Heads, c.KVHeads, c.KeyDim, c.HeadDim = heads, kv, keyDim, headDim
	return c
}

// llamaCases are networks of the Llama family, with adapters of each kind and with each
// scaling of the rotation.
func llamaCases() []Case {
	llama, qwen2, qwen3 := llamaSize(11, 9, 10, 8, 2, 4, 2, 6, 5), llamaSize(12, 10, 9, 7, 1, 3, 1, 4, 5), llamaSize(13, 11, 9, 7, 1, 4, 2, 6, 3)
	mistral, gemma := llamaSize(10, 9, 12, 7, 2, 4, 2, 6, 5), llamaSize(10, 9, 8, 7, 1, 2, 1, 4, 6)
	linear, llama3, yarn := llamaSize(12, 11, 10, 9, 1, 4, 2, 6, 5), llamaSize(11, 10, 9, 7, 1, 3, 1, 8, 5), llamaSize(11, 10, 9, 7, 1, 4, 2, 8, 3)
	qwen2.Tied, qwen2.QKVBias = true, true
	qwen3.Tied, qwen3.QKNorm = true, true
	mistral.SlidingWindow = 3
	gemma.Tied, gemma.Activation, gemma.ScaleEmbedding = true, pedestrian.GELUTanh, true
	linear.QKVBias, linear.AttProjBias, linear.MLPBias = true, true, true
	linear.Rotation = pedestrian.Rotation{Base: 100, Scaling: pedestrian.LinearScaling, Factor: 2}
	llama3.QKVBias = true
	llama3.Rotation = pedestrian.Rotation{Base: 100, Scaling: pedestrian.Llama3Scaling, Factor: 4, Low: 1, High: 4, Original: 32}
	yarn.QKVBias = true
	yarn.Rotation = pedestrian.Rotation{Base: 50, Dims: 6, Scaling: pedestrian.YarnScaling, Factor: 4, Fast: 4, Slow: 0.5, Original: 64}
	seven := linear.Targets()
	seven = seven[:len(seven)-1] // all but the logits
	return []Case{
		{
			Name: "llama", Title: "Llama: 2 blocks, 4 heads on 2, RMS norm, rotary positions, SwiGLU, mean",
			Config: llama, Batch: []paper.Sequence{{Tokens: []int{4, 4, 10, 0, 7, 4, 1}, Targets: []int{4, 10, 0, 7, ignored, 1, 9}}}, Reduction: paper.Mean,
		},
		{
			Name: "qwen2", Title: "Qwen2: 1 block, 3 heads on 1, biases of q, k, v, tied, 2 sequences, mean",
			Config: qwen2, Batch: []paper.Sequence{
				{Tokens: []int{2, 9, 2, 2, 5, 11}, Targets: []int{9, 2, ignored, 5, 11, 0}},
				{Tokens: []int{5, 1, 8, 1, 9, 9}, Targets: []int{1, ignored, 1, 9, 9, ignored}},
			}, Reduction: paper.Mean,
		},
		{
			Name: "qwen3", Title: "Qwen3: 1 block, 4 heads on 2, norms of queries and keys, tied, sum",
			Config: qwen3, Batch: []paper.Sequence{{Tokens: []int{6, 0, 6, 12, 3}, Targets: []int{0, ignored, 12, 3, 6}}}, Reduction: paper.Sum,
		},
		{
			Name: "mistral", Title: "Mistral: 2 blocks, 4 heads on 2, a window of 3 tokens, mean",
			Config: mistral, Batch: []paper.Sequence{{Tokens: []int{6, 0, 6, 9, 3, 1, 1, 6}, Targets: []int{0, ignored, 9, 3, 1, 1, 6, 8}}}, Reduction: paper.Mean,
		},
		{
			Name: "gemma", Title: "Gemma: 1 block, 2 heads on 1, GeGLU, embeddings times √d, tied, sum",
			Config: gemma, Batch: []paper.Sequence{{Tokens: []int{6, 0, 6, 9, 3}, Targets: []int{0, ignored, 9, 3, 6}}}, Reduction: paper.Sum,
		},
		{
			Name: "linear", Title: "LoRA on q, k, v, o, gate, up, down; linear scaling; biases",
			Config: linear, Adapter: &pedestrian.AdapterConfig{Rank: 3, Alpha: 2, Scaling: pedestrian.ScaleRank, Targets: seven},
			Batch: []paper.Sequence{{Tokens: []int{6, 0, 6, 11, 3, 1, 6}, Targets: []int{0, ignored, 11, 3, 1, 6, 8}}}, Reduction: paper.Mean,
		},
		{
			Name: "llama3", Title: "DoRA (exact) on the seven, norms and biases trained; Llama 3's scaling",
			Config: llama3, Adapter: &pedestrian.AdapterConfig{Rank: 4, Alpha: 2, Scaling: pedestrian.ScaleRSqrt, Targets: seven, DoRA: true, DoRAExact: true, Norms: true, Bias: pedestrian.BiasAll},
			Batch: []paper.Sequence{{Tokens: []int{6, 0, 6, 10, 3, 6}, Targets: []int{0, ignored, 10, 3, 6, 8}}}, Reduction: paper.Mean,
		},
		{
			Name: "yarn", Title: "LoRA on fused q, k, v, gate, down; dropout; YaRN, 6 of 8 columns turn",
			Config: yarn, Adapter: &pedestrian.AdapterConfig{Rank: 5, Alpha: 2, Scaling: pedestrian.ScaleRank, Dropout: 0.25,
				Targets: []pedestrian.Target{pedestrian.TargetQKV, pedestrian.TargetGate, pedestrian.TargetDown}},
			Batch: []paper.Sequence{{Tokens: []int{6, 0, 6, 10, 3, 6}, Targets: []int{0, ignored, 10, 3, 6, 8}}}, Reduction: paper.Mean,
		},
	}
}
