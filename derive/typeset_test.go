package derive

import (
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

func TestTypeset(t *testing.T) {
	for src, want := range map[string]string{
		"v == a_prev @ w_v + ~b_v":                                         "v = aᵢ₋₁ w_v + b̃_v",
		"D_causal == (D @ v' - ~rowdot(D @ v', rho)) * rho":                "Δ^causal = (Δ vᵗ - ~(Δ vᵗ ⊖ ρ)) ∘ ρ",
		"rho_scaled == rho_raw / sqrt(d_rho)":                              "ρ^scaled = ρ^raw / √d_ρ",
		"dL/dw_k == (D_raw @ a_prev)' @ q":                                 "∂L/∂w_k = (Δ^raw aᵢ₋₁)ᵗ q",
		"sum_tokens(D_raw' @ q) == 0":                                      "Σ_tokens (Δ^raw)ᵗ q = 0",
		"sum_tokens(A @ B) == sum_tokens(A) @ B":                           "Σ_tokens A B = (Σ_tokens A) B",
		"D_prev == alpha * (D @ (d @ u)')":                                 "Δᵢ₋₁ = α Δᵢ (d u)ᵗ",
		"a == alpha * (a_prev @ d @ u)":                                    "aᵢ = α aᵢ₋₁ d u",
		"a == softmax((q @ k') / sqrt(d_rho) + m) @ v":                     "a = softmax(q kᵗ / √d_ρ + m) v",
		"D_12 == ~c * (y_pred - y_gt)":                                     "Δ₁₂ = c̃ ∘ (y_pred - y_gt)",
		"frob(D, d(rho @ v)) == frob(D @ v', d(rho))":                      "Δ · d(ρ v) = (Δ vᵗ) · dρ",
		"a_2 == rho_2 @ rho_1 @ a_prev @ w_v1 @ w_v2":                      "a₂ = ρ₂ ρ₁ aᵢ₋₁ w_v₁ w_v₂",
		"l == -rowdot(y_gt, log(y_pred))":                                  "ℓ = -(y_gt ⊖ log(y_pred))",
		"D_prev == (g - ~sum_features(g)) / (d * ~sigma) where g = D * ~w": "Δᵢ₋₁ = (g - ~(Σ_features g)) / (d σ̃),  where g = Δᵢ ∘ w̃",
		"D_raw_1' @ q_rot_1":                                               "(Δ^raw₁)ᵗ q_rot₁",
		"g := D * ~w":                                                      "g := Δ ∘ w̃",
		"d(d) == a - (b - c)":                                              "d(d) = a - (b - c)",
		"a * b @ c":                                                        "a ∘ b c",
		"(D @ w') * dgelu(a_1)":                                            "(Δ wᵗ) ∘ gelu′(a₁)",
	} {
		if have, err := Typeset(src, FindWorld("layernorm")); have != want {
			t.Errorf("%s is\n%s, want\n%s (%v)", src, have, want, err)
		}
	}
}

// TestTypesetRegistry: every line that there is can be written, and no sign of ASCII is left.
func TestTypesetRegistry(t *testing.T) {
	check := func(src string) {
		s, err := Typeset(src, nil)
		if err != nil || strings.ContainsAny(s, "@*'") || strings.Contains(s, "==") {
			t.Errorf("%s: %s, %v", src, s, err)
		}
	}
	for _, e := range paper.Equations {
		for _, src := range e.Expr {
			check(src)
		}
	}
	for _, d := range Derivations {
		for _, l := range d.Lines {
			check(strings.TrimPrefix(l, "=="))
		}
	}
}
