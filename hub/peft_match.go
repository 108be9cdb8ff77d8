package hub

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
)

// adapted says whether the configuration adapts m. known is false if only the evaluation of
// a regular expression could tell.
func (c peftConfig) adapted(m module) (yes, known bool) {
	if c.pattern != "" && c.pattern != "all-linear" || c.excludesPattern {
		return false, false
	}
	if slices.ContainsFunc(c.excluded, m.matches) {
		return false, true
	}
	if c.pattern == "all-linear" {
		return m.block >= 0, true
	}
	if slices.Contains(c.targets, m.name) {
		return true, true // for a full name PEFT ignores layers_to_transform
	}
	return slices.ContainsFunc(c.targets, m.matches) && (len(c.layers) == 0 || slices.Contains(c.layers, m.block)), true
}

// valueFor returns the value of the pattern that matches m, or fallback if none does. It is an
// error if two patterns match with different values; key is the name of the option.
func valueFor[T comparable](patterns map[string]T, m module, fallback T, key string) (T, error) {
	value, matched := fallback, ""
	for _, pattern := range slices.Sorted(maps.Keys(patterns)) {
		if !m.matchesKey(pattern) {
			continue
		}
		if matched != "" && patterns[pattern] != value {
			return value, fmt.Errorf("%s has %q and %q for %s, with different values: keep one", key, matched, pattern, m.name)
		}
		value, matched = patterns[pattern], pattern
	}
	return value, nil
}

// check returns an error if a name in the configuration matches no layer of the network.
func (c peftConfig) check(f *family, ms []module) error {
	for _, p := range c.layersPattern {
		if p != f.blocks {
			return fmt.Errorf("layers_pattern is %q: the blocks of a %s are %q", p, f.title, f.blocks)
		}
	}
	if c.tokensOf != "" && c.tokensOf != f.embedding() {
		return fmt.Errorf("trainable_token_indices names %q: the embedding of a %s is %q", c.tokensOf, f.title, f.embedding())
	}
	for _, t := range c.targets {
		switch last := t[strings.LastIndex(t, ".")+1:]; {
		case last == f.embedding() || last == "wpe":
			return fmt.Errorf("target_modules has %q: adapters of embeddings are not read", t)
		case !slices.ContainsFunc(ms, func(m module) bool { return m.matches(t) }):
			return fmt.Errorf("target_modules has %.80q, which is no layer of this network", t)
		}
	}
	for _, f := range []struct {
		key   string
		names []string
	}{{"rank_pattern", slices.Sorted(maps.Keys(c.ranks))}, {"alpha_pattern", slices.Sorted(maps.Keys(c.alphas))}} {
		for _, n := range f.names {
			if !slices.ContainsFunc(ms, func(m module) bool { return m.matchesKey(n) }) {
				return fmt.Errorf("%s has %.80q, which is no layer of this network", f.key, n)
			}
		}
	}
	return nil
}

// config returns the adapter's configuration in this module; has lists the layers with an
// adapter. In PEFT the blocks may have different layers, ranks and alphas; here they must be
// the same in all adapted blocks, so anything else is an error.
func (c peftConfig) config(network pedestrian.Config, has []module) (a pedestrian.AdapterConfig, err error) {
	a = pedestrian.AdapterConfig{
		Rank: c.rank, Alpha: c.alpha, Scaling: pedestrian.ScaleRank, DoRA: c.dora, Dropout: c.dropout,
		Norms: slices.ContainsFunc(c.saved, familyOf(network).isNorm),
		Bias:  map[string]pedestrian.Biases{"all": pedestrian.BiasAll, "lora_only": pedestrian.BiasAdapted}[c.bias],
	}
	a.Tokens = slices.Sorted(slices.Values(c.tokens))
	if c.rsLoRA {
		a.Scaling = pedestrian.ScaleRSqrt
	}
	blocks := map[pedestrian.Target][]int{}
	ranks, alphas := map[pedestrian.Target]int{}, map[pedestrian.Target]float64{}
	for _, m := range has {
		r, err := valueFor(c.ranks, m, c.rank, "rank_pattern")
		if err != nil {
			return a, err
		}
		alpha, err := valueFor(c.alphas, m, c.alpha, "alpha_pattern")
		if err != nil {
			return a, err
		}
		if _, ok := ranks[m.target]; !ok {
			a.Targets = append(a.Targets, m.target)
			ranks[m.target], alphas[m.target] = r, alpha
		}
		if ranks[m.target] != r || alphas[m.target] != alpha {
			return a, fmt.Errorf("%s has rank %d and alpha %g, and another block's %s %d and %g: an adapter here has one of each for all blocks",
				m.name, r, alpha, m.relative(), ranks[m.target], alphas[m.target])
		}
		if m.block >= 0 {
			blocks[m.target] = append(blocks[m.target], m.block)
		}
	}
	for t, r := range ranks {
		if r != a.Rank {
			a.Ranks = with(a.Ranks, t, r)
		}
		if alphas[t] != a.Alpha {
			a.Alphas = with(a.Alphas, t, alphas[t])
		}
	}
	var first pedestrian.Target
	for _, t := range a.Targets {
		if t == pedestrian.TargetLogits {
			continue
		}
		if first == "" {
			first = t
		}
		if !slices.Equal(blocks[t], blocks[first]) {
			return a, fmt.Errorf("the blocks %v have one layer adapted and the blocks %v another: an adapter here has the same layers in each of its blocks", blocks[first], blocks[t])
		}
	}
	if len(blocks[first]) < network.Blocks {
		a.Layers = blocks[first]
	}
	return a, a.ValidateFor(network)
}

// with sets m[t] = v and returns m; a nil m becomes a new map.
func with[V any](m map[pedestrian.Target]V, t pedestrian.Target, v V) map[pedestrian.Target]V {
	if m == nil {
		m = map[pedestrian.Target]V{}
	}
	m[t] = v
	return m
}
