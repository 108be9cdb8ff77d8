package train

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
)

// allLinear are the linear layers of every block, with queries, keys and values as one layer, as
// in GPT-2 of transformers.
var allLinear = []pedestrian.Target{pedestrian.TargetQKV, pedestrian.TargetAttProj, pedestrian.TargetExpand, pedestrian.TargetContract}

// allGated are the same layers of a network of the Llama family, as PEFT's all-linear has
// them: queries, keys and values are layers of their own there.
var allGated = []pedestrian.Target{pedestrian.TargetQ, pedestrian.TargetK, pedestrian.TargetV, pedestrian.TargetAttProj,
	pedestrian.TargetGate, pedestrian.TargetUp, pedestrian.TargetDown}

// gatedFor are the layers of allGated that stand in the place of a layer of allLinear.
var gatedFor = map[pedestrian.Target][]pedestrian.Target{
	pedestrian.TargetQKV: allGated[:3], pedestrian.TargetAttProj: allGated[3:4], pedestrian.TargetExpand: allGated[4:6], pedestrian.TargetContract: allGated[6:],
}

// For returns o for a base of configuration c. "all" among the targets, which is GPT-2's
// layers until a network is known, becomes the layers that c has.
func (o Options) For(c pedestrian.Config) Options {
	o.Config = c
	a := &o.Tuning.Adapter
	n := len(allLinear)
	if !c.Gated || len(a.Targets) < n || !slices.Equal(a.Targets[:n], allLinear) {
		return o
	}
	rest, ranks, alphas := a.Targets[n:], maps.Clone(a.Ranks), maps.Clone(a.Alphas)
	a.Targets = slices.Concat(allGated, rest)
	for _, t := range allLinear {
		for _, gated := range gatedFor[t] {
			if r, ok := a.Ranks[t]; ok {
				ranks[gated] = r
			}
			if alpha, ok := a.Alphas[t]; ok {
				alphas[gated] = alpha
			}
		}
		if t != pedestrian.TargetAttProj {
			delete(ranks, t)
			delete(alphas, t)
		}
	}
	a.Ranks, a.Alphas = ranks, alphas
	return o
}

// targetNames maps names of transformers and PEFT for layers of GPT-2 and of the Llama
// family to targets. As in PEFT a name matches layers whose full name ends with it.
var targetNames = map[string][]pedestrian.Target{
	"all": allLinear, "all-linear": allLinear,
	"c_attn": {pedestrian.TargetQKV}, "attn.c_attn": {pedestrian.TargetQKV},
	"c_proj": {pedestrian.TargetAttProj, pedestrian.TargetContract}, "attn.c_proj": {pedestrian.TargetAttProj},
	"c_fc": {pedestrian.TargetExpand}, "mlp.c_fc": {pedestrian.TargetExpand}, "mlp.c_proj": {pedestrian.TargetContract},
	"lm_head": {pedestrian.TargetLogits},

	"q_proj": {pedestrian.TargetQ}, "k_proj": {pedestrian.TargetK}, "v_proj": {pedestrian.TargetV}, "o_proj": {pedestrian.TargetAttProj},
	"self_attn.q_proj": {pedestrian.TargetQ}, "self_attn.k_proj": {pedestrian.TargetK}, "self_attn.v_proj": {pedestrian.TargetV}, "self_attn.o_proj": {pedestrian.TargetAttProj},
	"gate_proj": {pedestrian.TargetGate}, "up_proj": {pedestrian.TargetUp}, "down_proj": {pedestrian.TargetDown},
	"mlp.gate_proj": {pedestrian.TargetGate}, "mlp.up_proj": {pedestrian.TargetUp}, "mlp.down_proj": {pedestrian.TargetDown},
}

// notTargets has the reasons why likely names are not targets.
var notTargets = map[string]string{
	"wte":          "embeddings take no factors here; rows of single tokens are trained with add_tokens",
	"embed_tokens": "embeddings take no factors here; rows of single tokens are trained with add_tokens",
	"wpe":          "positions take no factors here",
}

// parseTargets parses targets: names with commas between, each with an optional rank after a
// colon. A later rank for a layer that "all" has named already applies to that layer.
func parseTargets(text string) (targets []pedestrian.Target, ranks map[pedestrian.Target]int, err error) {
	for part := range strings.SplitSeq(text, ",") {
		if text == "" {
			break // biases or norms alone
		}
		name, rank, ranked := strings.Cut(strings.TrimSpace(part), ":")
		named, known := targetNames[name]
		if !known {
			named = []pedestrian.Target{pedestrian.Target(name)}
		}
		if why, ok := notTargets[name]; ok {
			return nil, nil, fmt.Errorf("%s: %s", name, why)
		}
		r := 0
		if ranked {
			if r, err = strconv.Atoi(rank); err != nil {
				return nil, nil, fmt.Errorf("the rank of %s must be a whole number", name)
			}
		}
		for _, t := range named {
			if _, own := ranks[t]; slices.Contains(targets, t) && (!ranked || own) {
				return nil, nil, fmt.Errorf("%s is named twice", t)
			} else if !slices.Contains(targets, t) {
				targets = append(targets, t)
			}
			if ranked {
				if ranks == nil {
					ranks = map[pedestrian.Target]int{}
				}
				ranks[t] = r
			}
		}
	}
	return targets, ranks, nil
}

// writeTargets returns the targets of a as parseTargets reads them.
func writeTargets(a *pedestrian.AdapterConfig) string {
	var names []string
	rest := a.Targets
	for _, all := range [][]pedestrian.Target{allLinear, allGated} {
		if n := len(all); len(a.Ranks) == 0 && len(rest) >= n && slices.Equal(rest[:n], all) {
			names, rest = []string{"all"}, rest[n:]
		}
	}
	for _, t := range rest {
		name := string(t)
		if r, ok := a.Ranks[t]; ok {
			name += ":" + strconv.Itoa(r)
		}
		names = append(names, name)
	}
	return strings.Join(names, ",")
}

// targetsOf reads and writes the targets of a.
func targetsOf(a *pedestrian.AdapterConfig) notation {
	return notation{func() string { return writeTargets(a) }, func(text string) error {
		targets, ranks, err := parseTargets(text)
		if err == nil {
			a.Targets, a.Ranks = targets, ranks
		}
		return err
	}}
}
