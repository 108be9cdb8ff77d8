package gradcheck_test

import (
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/internal/golden"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// goldenHosts says which golden shows which mutant; "paper" unless listed.
var goldenHosts = map[string]string{
	"M10": "nanogpt", "M11": "nanogpt", // ε under the root
	"M17": "gpt2", // three heads
	"M18": "lora", "M19": "lora", "M20": "lora", "M21": "lora",
	"M23": "gpt2", "M24": "gpt2", // GELU, tied
	"M25": "gpt2", // ignored targets in a mean
}

// TestMutantsAgainstPyTorch plants every bug in a network that PyTorch
// differentiated: its gradients must leave PyTorch's, and without a bug they must
// not.
func TestMutantsAgainstPyTorch(t *testing.T) {
	goldens := map[string]torchGolden{}
	eachGolden(t, func(t *testing.T, g torchGolden) { goldens[g.Name] = g })
	for _, id := range append(gradcheck.BugIDs()[:25], "") { // the others are about DoRA and dropout: see TestMutants
		host := goldenHosts[id]
		if host == "" {
			host = "paper"
		}
		g := goldens[host]
		params, lora := g.point(t)
		p := gradcheck.Point{Case: gradcheck.Case{Name: host, Config: g.Config, Adapter: g.Adapter, Batch: g.Batch}, Params: params, LoRA: lora}
		if g.Reduction == "sum" {
			p.Reduction = paper.Sum
		}
		_, dp, dlora := p.Planted(id)
		worst := 0.0
		see := func(ts []pedestrian.Tensor[float64], want map[string]golden.Array) {
			for _, x := range ts {
				largest := 1e-300
				w := want[x.Name].Numbers()
				for _, v := range w {
					largest = max(largest, math.Abs(v))
				}
				for i := range w {
					worst = max(worst, math.Abs(x.V[i]-w[i])/largest)
				}
			}
		}
		if !g.Frozen {
			see(dp.Tensors(), g.Grads)
		}
		if dlora != nil {
			see(dlora.Tensors(), g.AdapterGrads)
		}
		t.Logf("%-4s in %-8s worst error %.1e", id, host, worst)
		if caught := worst > tolerance64; caught != (id != "") {
			t.Errorf("mutant %q in golden %s: worst error %.1e, limit %.0e", id, host, worst, tolerance64)
		}
	}
}
