package pedestrian

import "testing"

// gpt2Small is the network that §7 counts: GPT-2 small with a logits layer of its own.
func gpt2Small() Config {
	return Config{Vocab: 50257, Context: 1024, Width: 768, Heads: 12, Blocks: 12, Activation: GELUTanh, Eps: 1e-5, Bias: true, LogitsBias: true}
}

// TestPaperCounts checks every figure that the paper's §7 states.
func TestPaperCounts(t *testing.T) {
	full := gpt2Small()
	minimal, tied := full, full
	minimal.Blocks = 1
	tied.Tied, tied.LogitsBias = true, false
	head := AdapterConfig{Rank: 16, Alpha: 16, Scaling: ScalePaper, Targets: []Target{TargetLogits}}
	everywhere := head
	everywhere.Targets = full.Targets()
	logits := full.Ledger()
	for _, c := range []struct {
		name      string
		got, want int
	}{
		{"one transformer block", full.BlockLedger().Total(), 7_087_872},
		{"minimal network", minimal.Ledger().Total(), 85_120_849},
		{"GPT-2, 12 blocks", full.Ledger().Total(), 163_087_441},
		{"FC_logits", logits[len(logits)-1].Total(), 38_647_633},
		{"LoRA on the logits", head.Ledger(full).Total(), 816_400},
		{"LoRA everywhere", everywhere.Ledger(full).Total(), 3_470_608},
		{"tied, no logits bias", tied.Ledger().Total(), 124_439_808},
		{"key biases of a block without gradient", minimal.KeyBiasesWithoutGradient(), 768},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d parameters, the paper has %d", c.name, c.got, c.want)
		}
	}
}

// TestLedgerIsTheLayout compares the two ways to count: the ledger's formulas
// and the views that are really laid out.
func TestLedgerIsTheLayout(t *testing.T) {
	for _, bias := range []bool{false, true} {
		for _, tied := range []bool{false, true} {
			for _, logitsBias := range []bool{false, true} {
				for _, odd := range []int{0, 5} {
					c := Config{Vocab: 11, Context: 7, Width: 12, Heads: 3, Blocks: 2, KeyDim: odd, Hidden: 3 * odd, Activation: ReLU, Bias: bias, Tied: tied, LogitsBias: logitsBias}
					p := NewParams[float32](c)
					if got, want := c.Ledger().Total(), p.Count(); got != want {
						t.Errorf("%+v: ledger %d, layout %d", c, got, want)
					}
					for _, a := range adapterConfigs {
						if a.ValidateFor(c) != nil { // nothing to train
							continue
						}
						if got, want := a.Ledger(c).Total(), NewAdapter[float32](c, a).Count(); got != want {
							t.Errorf("%+v beside %+v: adapter ledger %d, layout %d", a, c, got, want)
						}
					}
				}
			}
		}
	}
}

// TestViewsTileTheSlab checks that views are aligned, in order and disjoint.
func TestViewsTileTheSlab(t *testing.T) {
	p := NewParams[float64](Config{Vocab: 11, Context: 7, Width: 12, Heads: 3, Blocks: 2, KeyDim: 5, Activation: ReLU, Bias: true, LogitsBias: true})
	seen := map[string]bool{}
	for _, ts := range p.Tensors() {
		if seen[ts.Name] || len(ts.V) != ts.Rows*ts.Cols {
			t.Errorf("%s: named twice or %d numbers for %s", ts.Name, len(ts.V), ts.Shape())
		}
		seen[ts.Name] = true
		for j := range ts.V {
			ts.V[j]++
		}
	}
	used := 0
	for i, v := range p.Slab {
		switch v {
		case 1:
			used++
		case 0: // padding
		default:
			t.Fatalf("number %d of the slab belongs to two views", i)
		}
	}
	if used != p.Count() || len(p.Slab)%align != 0 {
		t.Errorf("%d of %d numbers used, %d parameters", used, len(p.Slab), p.Count())
	}
}

func TestValidate(t *testing.T) {
	ok := gpt2Small()
	for name, breakIt := range map[string]func(*Config){
		"vocab":      func(c *Config) { c.Vocab = 0 },
		"heads":      func(c *Config) { c.Heads = 7 },
		"no heads":   func(c *Config) { c.Heads = 0 },
		"width":      func(c *Config) { c.Width = -768 },
		"huge":       func(c *Config) { c.Width, c.Heads = 1<<31-1, 1 },
		"larger":     func(c *Config) { c.Blocks = 1 << 40 },
		"activation": func(c *Config) { c.Activation = "swish" },
		"eps":        func(c *Config) { c.Eps = -1 },
		"key dim":    func(c *Config) { c.KeyDim = -1 },
	} {
		c := ok
		breakIt(&c)
		if c.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := ok.Validate(); err != nil {
		t.Error(err)
	}
}
