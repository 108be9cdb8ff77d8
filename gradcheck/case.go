package gradcheck

import (
	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A Case is a configuration to check: a network and its input sequences. With a seed it
// gives a [Point].
type Case struct {
	Name      string                    `json:"name"`              // short name, unique
	Title     string                    `json:"title"`             // one line for people
	Config    pedestrian.Config         `json:"config"`            // of the network
	Adapter   *pedestrian.AdapterConfig `json:"adapter,omitempty"` // nil: no adapter
	Batch     []paper.Sequence          `json:"batch"`             // all of one length, so that package engine can read them
	Reduction paper.Reduction           `json:"reduction"`         // sum or mean over targets
}

// Paper is the configuration of the paper's own check (its verifCode): one
// sequence, one block, two heads, d = 32, n_T = n_context = 4, n_vocab = 10,
// ReLU, a logits layer of its own with a bias, and ε = 0, as neither the paper
// nor its code has an ε. The loss is the sum over tokens, so that Δ_12 is the
// paper's y_pred - y_gt. Token 3 occurs twice; seven tokens do not occur.
func Paper() Case {
	return Case{
		Name:  "paper",
		Title: "the paper's own configuration: 1 block, 2 heads, d=32, n_T=4, V=10, ReLU, ε=0, sum",
		Config: pedestrian.Config{Vocab: 10, Context: 4, Width: 32, Heads: 2, Blocks: 1,
			Activation: pedestrian.ReLU, Bias: true, LogitsBias: true},
		Batch:     []paper.Sequence{{Tokens: []int{3, 7, 3, 1}, Targets: []int{7, 3, 1, 9}}},
		Reduction: paper.Sum,
	}
}

// ignored keeps the tables below narrow.
const ignored = paper.Ignored

// Cases are all configurations that are checked, the paper's first. In every
// other one all dimensions differ (V, n_context, n_T, d, d_h, d_ρ, the hidden
// width, n_h and r), so that no formula passes by an accident of shapes; tokens
// repeat and are absent, targets are ignored, and n_T < n_context.
func Cases() []Case {
	everywhere := pedestrian.Config{Heads: 1}.Targets()
	return append([]Case{
		Paper(),
		{
			Name:  "tied",
			Title: "2 blocks, 3 heads, tied logits, GELU (erf), d_ρ≠d_h, 2 sequences, ignored targets, mean",
			Config: pedestrian.Config{Vocab: 11, Context: 8, Width: 6, Heads: 3, Blocks: 2, KeyDim: 4, Hidden: 7,
				Activation: pedestrian.GELU, Eps: 1e-5, Bias: true, Tied: true},
			Batch: []paper.Sequence{
				{Tokens: []int{2, 9, 2, 2, 5}, Targets: []int{9, 2, ignored, 5, 0}},
				{Tokens: []int{5, 1, 8, 1, 9}, Targets: []int{1, ignored, 1, 9, ignored}},
			},
			Reduction: paper.Mean,
		},
		{
			Name:  "lora",
			Title: "3 blocks, 2 heads, LoRA beside every FC layer (α/r), GELU (tanh), logits bias, mean",
			Config: pedestrian.Config{Vocab: 13, Context: 9, Width: 8, Heads: 2, Blocks: 3, KeyDim: 5, Hidden: 7,
				Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, LogitsBias: true},
			Adapter:   &pedestrian.AdapterConfig{Rank: 3, Alpha: 2, Scaling: pedestrian.ScaleRank, Targets: everywhere},
			Batch:     []paper.Sequence{{Tokens: []int{4, 4, 12, 0, 7, 4}, Targets: []int{4, 12, 0, 7, 4, ignored}}},
			Reduction: paper.Mean,
		},
		{
			Name:      "dora",
			Title:     "1 block, 2 heads, tied logits, DoRA (exact) beside every FC layer, norms and biases trained, mean",
			Config:    adaptedTied,
			Adapter:   &pedestrian.AdapterConfig{Rank: 3, Alpha: 2, Scaling: pedestrian.ScaleRSqrt, Targets: everywhere, DoRA: true, DoRAExact: true, Norms: true, Bias: pedestrian.BiasAll},
			Batch:     []paper.Sequence{{Tokens: []int{4, 4, 8, 0, 7}, Targets: []int{4, 8, 0, 7, ignored}}},
			Reduction: paper.Mean,
		},
		{
			Name:   "peft",
			Title:  "2 blocks, DoRA with the norm held as in PEFT, on fused q, k, v and all else of block 1, ranks apart, dropout, their biases, sum",
			Config: adaptedUntied,
			Adapter: &pedestrian.AdapterConfig{Rank: 5, Alpha: 3, Scaling: pedestrian.ScaleRank, DoRA: true, Dropout: 0.25, Bias: pedestrian.BiasAdapted, Layers: []int{1},
				Targets: []pedestrian.Target{pedestrian.TargetQKV, pedestrian.TargetAttProj, pedestrian.TargetExpand, pedestrian.TargetContract, pedestrian.TargetLogits},
				Ranks:   map[pedestrian.Target]int{pedestrian.TargetQKV: 4}, Alphas: map[pedestrian.Target]float64{pedestrian.TargetExpand: 1}},
			Batch: []paper.Sequence{
				{Tokens: []int{2, 9, 2, 2}, Targets: []int{9, 2, ignored, 5}},
				{Tokens: []int{5, 1, 8, 1}, Targets: []int{1, 8, 1, 3}},
			},
			Reduction: paper.Sum,
		},
		{
			Name:      "dropout",
			Title:     "1 block, 3 heads, LoRA (α/√r) beside every FC layer under dropout 0.25, GELU (erf), mean",
			Config:    mutantDropout,
			Adapter:   &pedestrian.AdapterConfig{Rank: 4, Alpha: 1.5, Scaling: pedestrian.ScaleRSqrt, Targets: everywhere, Dropout: 0.25},
			Batch:     []paper.Sequence{{Tokens: []int{6, 0, 6, 3, 6}, Targets: []int{0, ignored, 3, 6, 8}}},
			Reduction: paper.Mean,
		},
		{
			Name:      "relu",
			Title:     "1 block, 3 heads, LoRA beside every FC layer (α), ReLU, ε=0.05, ignored targets, mean",
			Config:    mutantReLU,
			Adapter:   &pedestrian.AdapterConfig{Rank: 2, Alpha: 1.5, Scaling: pedestrian.ScalePaper, Targets: everywhere},
			Batch:     []paper.Sequence{{Tokens: []int{6, 0, 6, 3, 6}, Targets: []int{0, ignored, 3, 6, 8}}},
			Reduction: paper.Mean,
		},
		{
			Name:      "scales",
			Title:     "3 blocks, 2 heads, scores over i+1 in place of √d_ρ, LoRA (α/r) on q and k, biases trained, GELU (tanh), mean",
			Config:    mutantScales,
			Adapter:   &pedestrian.AdapterConfig{Rank: 4, Alpha: 2, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{pedestrian.TargetQ, pedestrian.TargetK}, Bias: pedestrian.BiasAll},
			Batch:     []paper.Sequence{{Tokens: []int{6, 0, 6, 11, 3, 6}, Targets: []int{0, ignored, 11, 3, 6, 8}}},
			Reduction: paper.Mean,
		},
		{
			Name:      "gelu",
			Title:     "1 block, 3 heads, tied logits, no biases, GELU (erf), sum",
			Config:    mutantGELU,
			Batch:     []paper.Sequence{{Tokens: []int{6, 0, 6, 3, 6}, Targets: []int{0, 6, 3, ignored, 8}}},
			Reduction: paper.Sum,
		},
	}, llamaCases()...)
}

// The smallest networks: mutants are planted here.
var (
	adaptedTied = pedestrian.Config{Vocab: 9, Context: 7, Width: 8, Heads: 2, Blocks: 1, KeyDim: 6, Hidden: 11,
		Activation: pedestrian.GELUTanh, Eps: 0.05, Bias: true, Tied: true, LogitsBias: true}
	adaptedUntied = pedestrian.Config{Vocab: 11, Context: 8, Width: 6, Heads: 3, Blocks: 2, KeyDim: 7, Hidden: 9,
		Activation: pedestrian.GELU, Eps: 0.05, Bias: true}
	mutantDropout = pedestrian.Config{Vocab: 10, Context: 8, Width: 6, Heads: 3, Blocks: 1, KeyDim: 7, Hidden: 9,
		Activation: pedestrian.GELU, Eps: 0.05, Bias: true, LogitsBias: true}
	mutantReLU = pedestrian.Config{Vocab: 9, Context: 8, Width: 12, Heads: 3, Blocks: 1, KeyDim: 7, Hidden: 10,
		Activation: pedestrian.ReLU, Eps: 0.05, Bias: true, LogitsBias: true}
	mutantScales = pedestrian.Config{Vocab: 12, Context: 9, Width: 10, Heads: 2, Blocks: 3, KeyDim: 8, Hidden: 7,
		Activation: pedestrian.GELUTanh, Eps: 0.05, Bias: true, Tied: true, Unscaled: true, ScaleByBlock: true}
	mutantGELU = pedestrian.Config{Vocab: 9, Context: 8, Width: 12, Heads: 3, Blocks: 1, KeyDim: 7, Hidden: 10,
		Activation: pedestrian.GELU, Eps: 0.05, Tied: true}
)

// Find returns the case of that name.
func Find(name string) (c Case, ok bool) {
	for _, c := range Cases() {
		if c.Name == name {
			return c, true
		}
	}
	return Case{}, false
}
