package pedestrian

import (
	"fmt"
	"math"
	"slices"
)

// Target names a fully connected layer that an adapter stands beside (§6).
type Target string

const (
	TargetQ        Target = "q"   // the columns of the queries of all heads, as one width×(heads·d_ρ) layer
	TargetK        Target = "k"   //
	TargetV        Target = "v"   //
	TargetQKV      Target = "qkv" // all three as the one layer that they are stored as, GPT-2's c_attn: one down for all; instead of q, k and v
	TargetAttProj  Target = "attProj"
	TargetExpand   Target = "expand"
	TargetContract Target = "contract"
	TargetGate     Target = "gate" // of a gated network, as the two below
	TargetUp       Target = "up"
	TargetDown     Target = "down"
	TargetLogits   Target = "logits"
)

// Targets lists the layers of c that carry an adapter when every one does, in the
// order of the forward pass: queries, keys and values each have their own.
func (c Config) Targets() (all []Target) {
	c.Blocks = 1
	linears := c.Linears()
	for _, l := range linears {
		if !slices.ContainsFunc(linears, func(part Linear) bool { return part.Layer == l.Target && part.Target != l.Target }) {
			all = append(all, l.Target)
		}
	}
	return all
}

// allTargets are the layers that networks of any configuration have.
var allTargets = func() (all []Target) {
	for _, c := range []Config{{Heads: 1, Blocks: 1}, {Heads: 1, Blocks: 1, Gated: true}} {
		for _, l := range c.Linears() {
			if !slices.Contains(all, l.Target) {
				all = append(all, l.Target)
			}
		}
	}
	return all
}()

// oneBlock are the layers of a network of one block.
var oneBlock = Config{Heads: 1, Blocks: 1}.Linears()

// Scaling says how an adapter's α becomes the number that multiplies a d u in (43).
type Scaling string

const (
	ScalePaper Scaling = "alpha"        // α itself, as the paper writes (43)
	ScaleRank  Scaling = "alpha/r"      // α/r, as in Hu et al. and PEFT's default
	ScaleRSqrt Scaling = "alpha/sqrt_r" // α/√r, rank-stabilized LoRA
)

// Biases says which biases of the network an adapter trains as well.
type Biases string

const (
	BiasNone    Biases = "none"    // the zero value means the same
	BiasAll     Biases = "all"     // every bias of the network, those of layer norms too, in every block
	BiasAdapted Biases = "adapted" // those of the layers that have factors beside them; PEFT's "lora_only"
)

// AdapterConfig is the shape of a LoRA adapter, and of what is trained with it.
// The zero value of everything below Targets means plain LoRA.
type AdapterConfig struct {
	Rank    int      `json:"rank" yaml:"rank"`       // r
	Alpha   float64  `json:"alpha" yaml:"alpha"`     // α
	Scaling Scaling  `json:"scaling" yaml:"scaling"` // how α and r make the multiplier
	Targets []Target `json:"targets" yaml:"targets"` // layers adapted; may be empty when biases or norms are trained

	Ranks  map[Target]int     `json:"ranks,omitempty" yaml:"ranks,omitempty"`   // r of single targets, instead of Rank
	Alphas map[Target]float64 `json:"alphas,omitempty" yaml:"alphas,omitempty"` // α of single targets, instead of Alpha
	Layers []int              `json:"layers,omitempty" yaml:"layers,omitempty"` // blocks whose layers are adapted, from 0; empty = all

	Tokens []int32 `json:"tokens,omitempty" yaml:"tokens,omitempty"` // whose rows of the embedding are trained, ascending; where the logits have a matrix of their own, its columns, too

	DoRA      bool    `json:"dora,omitempty" yaml:"dora,omitempty"`             // a magnitude for each output beside the factors: weights decomposed
	DoRAExact bool    `json:"dora_exact,omitempty" yaml:"dora_exact,omitempty"` // with DoRA: the gradient goes through the norm; else the norm counts as a constant, as in PEFT
	Dropout   float64 `json:"dropout,omitempty" yaml:"dropout,omitempty"`       // fraction of the adapters' inputs left out in training; 0 ≤ Dropout < 1
	Bias      Biases  `json:"bias,omitempty" yaml:"bias,omitempty"`             // biases trained
	Norms     bool    `json:"norms,omitempty" yaml:"norms,omitempty"`           // gains and biases of every layer norm trained
}

// RankOf is r of target t.
func (a AdapterConfig) RankOf(t Target) int {
	if r, ok := a.Ranks[t]; ok {
		return r
	}
	return a.Rank
}

// AlphaOf is α of target t.
func (a AdapterConfig) AlphaOf(t Target) float64 {
	if alpha, ok := a.Alphas[t]; ok {
		return alpha
	}
	return a.Alpha
}

// MultiplierOf is the number in front of a d u in (43), beside target t.
func (a AdapterConfig) MultiplierOf(t Target) float64 {
	switch alpha, r := a.AlphaOf(t), float64(a.RankOf(t)); a.Scaling {
	case ScaleRank:
		return alpha / r
	case ScaleRSqrt:
		return alpha / math.Sqrt(r)
	default:
		return alpha
	}
}

// Has says whether the layer t of a block, or of the network if t is the logits,
// has factors.
func (a AdapterConfig) Has(block int, t Target) bool {
	return slices.Contains(a.Targets, t) && (t == TargetLogits || len(a.Layers) == 0 || slices.Contains(a.Layers, block))
}

// Validate reports the first thing wrong with a.
func (a AdapterConfig) Validate() error {
	for i, t := range a.Targets {
		if !slices.Contains(allTargets, t) {
			return fmt.Errorf("unknown target %q: choose from %v", t, allTargets)
		}
		if slices.Contains(a.Targets[:i], t) {
			return fmt.Errorf("target %q is named twice", t)
		}
		if r := a.RankOf(t); r < 1 || r > 1<<20 {
			return fmt.Errorf("rank of %q is %d: it must be at least 1 and at most %d", t, r, 1<<20)
		}
		if alpha := a.AlphaOf(t); math.IsNaN(alpha) || math.IsInf(alpha, 0) {
			return fmt.Errorf("alpha of %q is %g: it must be a finite number", t, alpha)
		}
	}
	for _, l := range oneBlock {
		if l.Target != l.Layer && slices.Contains(a.Targets, l.Target) && slices.Contains(a.Targets, l.Layer) {
			return fmt.Errorf("targets %q and %q are the same weights: choose %q alone, or some of q, k and v", l.Layer, l.Target, l.Layer)
		}
	}
	for t := range a.Ranks {
		if !slices.Contains(a.Targets, t) {
			return fmt.Errorf("ranks names %q, which is not among the targets %v", t, a.Targets)
		}
	}
	for t := range a.Alphas {
		if !slices.Contains(a.Targets, t) {
			return fmt.Errorf("alphas names %q, which is not among the targets %v", t, a.Targets)
		}
	}
	return a.validateRest()
}

func (a AdapterConfig) validateRest() error {
	switch {
	case a.Scaling != ScalePaper && a.Scaling != ScaleRank && a.Scaling != ScaleRSqrt:
		return fmt.Errorf("unknown scaling %q: choose %q, %q or %q", a.Scaling, ScalePaper, ScaleRank, ScaleRSqrt)
	case a.Bias != "" && a.Bias != BiasNone && a.Bias != BiasAll && a.Bias != BiasAdapted:
		return fmt.Errorf("unknown bias %q: choose %q, %q or %q", a.Bias, BiasNone, BiasAdapted, BiasAll)
	case len(a.Targets) == 0 && a.Bias != BiasAll && !a.Norms && len(a.Tokens) == 0:
		return fmt.Errorf("nothing to train: an adapter needs at least one target of %v, or bias %q, or norms, or tokens", allTargets, BiasAll)
	case len(a.Tokens) > 0 && slices.Contains(a.Targets, TargetLogits):
		return fmt.Errorf("target %q and rows of single tokens: both change the logits of those tokens: leave one out", TargetLogits)
	case !(a.Dropout >= 0 && a.Dropout < 1):
		return fmt.Errorf("dropout is %g: it must be at least 0 and less than 1", a.Dropout)
	case a.DoRAExact && !a.DoRA:
		return fmt.Errorf("dora_exact says how dora takes its gradient: set dora too")
	}
	for i, id := range a.Tokens {
		if id < 0 || i > 0 && id <= a.Tokens[i-1] {
			return fmt.Errorf("token %d: tokens ascend from 0", id)
		}
	}
	for i, b := range a.Layers {
		if b < 0 {
			return fmt.Errorf("layer %d: blocks count from 0", b)
		}
		if slices.Contains(a.Layers[:i], b) {
			return fmt.Errorf("layer %d is named twice", b)
		}
	}
	return nil
}

// ValidateFor reports the first thing wrong with a, alone or beside a network of
// configuration c.
func (a AdapterConfig) ValidateFor(c Config) error {
	if err := a.Validate(); err != nil {
		return err
	}
	for _, t := range a.Targets {
		if !c.hasLinear(t) {
			return fmt.Errorf("target %q: the network has no such layer: choose from %v", t, c.Targets())
		}
	}
	for _, b := range a.Layers {
		if b >= c.Blocks {
			return fmt.Errorf("layer %d: the network has %d blocks, the last is %d", b, c.Blocks, c.Blocks-1)
		}
	}
	if n := len(a.Tokens); n > 0 && int(a.Tokens[n-1]) >= c.Vocab {
		return fmt.Errorf("token %d: the network has %d", a.Tokens[n-1], c.Vocab)
	}
	n := 0.0
	for _, t := range a.Ledger(c) {
		n += float64(t.Count) * float64(t.Times)
	}
	if n == 0 {
		return fmt.Errorf("nothing to train: the network has no biases, and no target is named")
	}
	if n > maxParams {
		return fmt.Errorf("the adapter would have %.3g parameters: more than %.3g cannot be held", n, float64(maxParams))
	}
	return nil
}
