package lesson

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/docs"
	"github.com/pedestrian-ml/pedestrian/paper"
)

func TestUnTeX(t *testing.T) {
	for tex, want := range map[string]string{
		`\Delta_{i-1} = \frac{1}{d\thinspace\widetilde\sigma}\circ g`:                            "Δᵢ₋₁ = 1/(d σ̃) ∘ g",
		`\frac{\partial L}{\partial w_q} = a_{i-1}^t\thinspace\Delta_{\mathrm{raw}}\thinspace k`: "∂L/∂w_q = aᵢ₋₁ᵗ Δ_raw k",
		`\widetilde{A\ominus B}=(A\circ B)\thinspace J`:                                          "~(A ⊖ B) = (A ∘ B) J",
		`\sum_{t'=1}^n\rho_{tt'}=1`:                                                              "Σ_{t′ = 1}^n ρ_tt′ = 1",
		`m_{\alpha\beta}=\begin{cases}0&\beta\le\alpha\cr-\infty&\beta\gt\alpha\end{cases}`:      "m_αβ = 0 (β ≤ α) or -∞ (β > α)",
		`\begin{pmatrix}1&0\cr 1/4&3/4\end{pmatrix}`:                                             "[1 0; 1/4 3/4]",
		`a = b, \qquad c = d`: "a = b,   c = d",
		`\begin{aligned} x &= y && \text{(50)} \cr &= z \end{aligned}`:                      "x = y   (50)\n= z",
		`\rho=\mathrm{softmax}\thinspace\rho^{\mathrm{causal}}`:                             "ρ = softmax ρ^causal",
		`\sqrt{d_{\rho}}+\sqrt{\frac{a}{d}+\varepsilon}`:                                    "√d_ρ + √(a/d + ε)",
		`\underset{\text{weights}}{\underbrace{(\Delta\thinspace v^t)\cdot\mathrm{d}\rho}}`: "(Δ vᵗ) · dρ [weights]",
		`e^0=1`:         "e⁰ = 1",
		`g^{\prime}(A)`: "g′(A)",
		`a\nosuch b`:    `a\nosuch b`,
	} {
		if have := strings.Join(unTeX(tex), "\n"); have != want {
			t.Errorf("%s is\n%s, want\n%s", tex, have, want)
		}
	}
}

// TestNoTeXIsLeft: of no chapter, and of no equation, a command, a brace of TeX or Markdown is left.
func TestNoTeXIsLeft(t *testing.T) {
	for _, e := range paper.Equations {
		for _, l := range unTeX(e.TeX) {
			if strings.Contains(l, `\`) || strings.Contains(l, wide) {
				t.Errorf("(%s): %s", e.Number, l)
			}
		}
	}
	files, err := fs.Glob(docs.Files, "*.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		if !inChapters.MatchString(file) && file != "errata.md" && file != "prerequisites.md" {
			continue
		}
		text, err := docs.Files.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks(string(text)) {
			for _, l := range b.Lines {
				if seen++; b.Kind != Verbose && (strings.ContainsAny(l, "\\$") && !strings.Contains(l, "$XDG") && !strings.Contains(l, "'^$'") || strings.Contains(l, "](") && !strings.Contains(l, "]ᵗ (")) {
					t.Errorf("%s: %s: %s", file, b.Kind, l)
				}
			}
		}
	}
	if seen < 1000 {
		t.Errorf("only %d lines", seen)
	}
}
