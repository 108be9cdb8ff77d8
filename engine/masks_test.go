package engine

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/golden"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// TestMasksAsWritten compares every mask of the trajectories with what the script that
// made them (testdata/pytorch/trajectory.py) computed from the definition.
func TestMasksAsWritten(t *testing.T) {
	sites := map[string]site{"embedding": siteEmbedding, "attention": siteAttention, "projection": siteProjection, "contract": siteContract}
	for _, name := range []string{"all", "adapter"} {
		var g struct {
			Adapter *struct{ Dropout float64 }
			Config  struct{ Heads int }
			Options struct {
				Accumulate int
				Dropout    float64
				Seed       uint64
			}
			Position uint64
			Masks    []map[string][]string // of each micro-batch, a row each
		}
		golden.Read(t, filepath.Join("../testdata/pytorch/trajectory", name+".json.gz"), &g)
		compared := 0
		for k, masks := range g.Masks {
			step := g.Position*uint64(g.Options.Accumulate) + uint64(k)
			for place, rows := range masks {
				var block int
				var at string
				if _, err := fmt.Sscanf(place, "block.%d.%s", &block, &at); err != nil {
					t.Fatal(place, err)
				}
				mask := maskAt(g.Options.Dropout, g.Options.Seed, step, block, sites[at])
				if layer, ok := strings.CutSuffix(at, ".adapter"); ok {
					mask = adapterMaskAt(g.Adapter.Dropout, g.Options.Seed, step, block, pedestrian.Target(layer))
				}
				document, head, row := 0, 0, 0
				for i, want := range rows {
					from := uint64(i * len(want))
					if at == "attention" { // the rows of a document and head follow each other
						from = (attention[float64]{heads: g.Config.Heads}).position(document, head, row, 0)
						if row++; row == len(want) {
							row = 0
							if head++; head == g.Config.Heads {
								document, head = document+1, 0
							}
						}
					}
					ones, got := make([]float64, len(want)), make([]float64, len(want))
					for j := range ones {
						ones[j] = 1
					}
					kernel.MaskRow(got, ones, mask, from)
					for j, keep := range want {
						if (got[j] != 0) != (keep == '1') {
							t.Fatalf("%s, micro-batch %d, %s, row %d: %v, in the golden %s", name, k, place, i, got, want)
						}
						compared++
					}
				}
			}
		}
		t.Logf("%s: %d numbers", name, compared)
		if compared == 0 {
			t.Errorf("%s: no mask", name)
		}
	}
}
