package docs_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// gpt2 is GPT-2 small as the paper counts it.
var gpt2 = pedestrian.Config{Vocab: 50257, Context: 1024, Width: 768, Heads: 12, Blocks: 12,
	Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, LogitsBias: true}

// grouped writes n with commas, as the chapters do.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// TestCountsInTheChapters recomputes every count that the chapters quote.
func TestCountsInTheChapters(t *testing.T) {
	one := gpt2
	one.Blocks = 1
	tied := gpt2
	tied.Tied, tied.LogitsBias = true, false
	lora := pedestrian.AdapterConfig{Rank: 16, Alpha: 16, Scaling: pedestrian.ScaleRank, Targets: pedestrian.Config{Heads: 1}.Targets()}
	head := lora
	head.Targets = []pedestrian.Target{pedestrian.TargetLogits}
	all, top := lora.Ledger(gpt2).Total(), head.Ledger(gpt2).Total()
	d, n := gpt2.Width, gpt2.Context

	pages := chapters(t)
	for page, figures := range map[string][]int{
		"02-loss-embedding.md": {12 * n * gpt2.Vocab},
		"03-attention.md":      {12 * n * 2 * d, 3 * d / 2},
		"06-lora.md":           {all, top, (all - top) / 12, all - top, gpt2.Ledger().Total(), gpt2.Ledger().Total() + all},
		"07-network.md": {gpt2.BlockLedger().Total(), one.Ledger().Total(), gpt2.Ledger().Total(), tied.Ledger().Total(),
			gpt2.Vocab*d + gpt2.Vocab, gpt2.KeyBiasesWithoutGradient(), 16 * d, 16 * gpt2.Vocab},
		"errata.md": {all, gpt2.Ledger().Total(), tied.Ledger().Total(), gpt2.Ledger().Total() + all},
	} {
		text := strings.ReplaceAll(pages[page], "{,}", ",")
		for _, f := range figures {
			if !strings.Contains(text, grouped(f)) && !strings.Contains(text, fmt.Sprint(f)) {
				t.Errorf("%s does not quote %s", page, grouped(f))
			}
		}
	}
	// The table of chapter 7 adds up as it is printed.
	for _, term := range gpt2.BlockLedger() {
		if strings.HasPrefix(term.Name, "FC_") && !strings.Contains(pages["07-network.md"], grouped(term.Count)) {
			t.Errorf("07-network.md does not quote %s = %s", term.Name, grouped(term.Count))
		}
	}
}

// TestGELUFigures: the lowest point, the steepest slope and the distance of the
// two forms, as chapter 7 quotes them.
func TestGELUFigures(t *testing.T) {
	phi := func(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }
	erf := func(x float64) (g, slope float64) {
		p := (1 + math.Erf(x/math.Sqrt2)) / 2
		return x * p, p + x*phi(x)
	}
	tanh := func(x float64) (g, slope float64) {
		c := math.Sqrt(2 / math.Pi)
		h := math.Tanh(c * (x + 0.044715*x*x*x))
		return x / 2 * (1 + h), (1+h)/2 + x/2*(1-h*h)*c*(1+3*0.044715*x*x)
	}
	low, lowAt, steep, value, slope := 0.0, 0.0, 0.0, 0.0, 0.0
	for i := -80000; i <= 80000; i++ {
		x := float64(i) / 1e4
		g, s := erf(x)
		h, r := tanh(x)
		if g < low {
			low, lowAt = g, x
		}
		steep = max(steep, s)
		value, slope = max(value, math.Abs(g-h)), max(slope, math.Abs(s-r))
	}
	text := chapters(t)["07-network.md"]
	for _, f := range []string{
		fmt.Sprintf("falls to $%.4f$ at $x=%.4f$", low, lowAt), fmt.Sprintf("$%.4f$ and $%.4f$", steep, 1-steep),
		fmt.Sprintf(`$%.1f\cdot10^{-4}$ in value and $%.1f\cdot10^{-4}$ in slope`, 1e4*value+0.05, 1e4*slope),
	} {
		if !strings.Contains(text, f) {
			t.Errorf("07-network.md does not say %q", f)
		}
	}
}
