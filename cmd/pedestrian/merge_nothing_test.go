package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/model"
	"github.com/pedestrian-ml/pedestrian/train"
)

// An adapter that changes no weight, since u is 0 or α is, is merged, and that is said.
func TestMergingNothingIsSaid(t *testing.T) {
	c := pedestrian.Config{Vocab: 5, Context: 4, Width: 4, Heads: 1, Blocks: 2, Activation: pedestrian.GELU, Eps: 1e-5, Tied: true}
	for name, want := range map[string]bool{"": true, "block.1.expand": false, "logits": false, "alpha": true} {
		a := pedestrian.AdapterConfig{Rank: 1, Alpha: 1, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{pedestrian.TargetExpand, pedestrian.TargetLogits}}
		if name == "alpha" {
			a.Alpha, a.Targets = 0, a.Targets[:1]
		}
		base := train.NewState(c, 3).Params
		adapter := pedestrian.NewAdapter[float32](c, a)
		train.InitAdapter(adapter, base, train.Kaiming, 1)
		for _, x := range adapter.Tensors() {
			if strings.HasSuffix(x.Name, ".up") && (name == "alpha" || name != "" && strings.HasPrefix(x.Name, name)) {
				x.V[0] = 1
			}
		}
		m, beside := &model.Model{Params: base}, &model.Adapter{Adapter: &hub.Adapter{Adapter: adapter}}
		merged, err := m.Merge(beside)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := (&mergeCommand{out: "x", format: "run"}).report(merged, m, beside, []string{"a"}, &out); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "The adapter changes nothing"); got != want {
			t.Errorf("%q: said to change nothing: %v, want %v", name, got, want)
		}
	}
}
