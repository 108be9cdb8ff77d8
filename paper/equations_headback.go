package paper

// headBackwardEquations are the backward half of section 3.
var headBackwardEquations = []Equation{
	{
		Number: "21", Title: "the value bias does not see the weights",
		ASCII:  "sum_tokens(rho' @ D) == sum_tokens(D)",
		TeX:    `\sum_{\mathrm{tokens}}\rho^t\Delta_i^h=\sum_{\mathrm{tokens}}\Delta_i^h`,
		Shapes: "d_h", Check: "TestValueBias", Identities: []string{"R13"},
		Derivation: "docs/03-attention.md#eq-21", Status: Demonstrated,
	},
	{
		Number: "22", Title: "error signal through the values",
		ASCII:  "D_v = rho' @ D @ w_v'",
		TeX:    `\Delta_{v_h}=\rho^t\,\Delta_i^h\,w_{v_h}^t`,
		Shapes: "n_T×d", Func: "paper.Attention", Check: "TestSignals", Identities: []string{"R12", "X10"},
		Derivation: "docs/03-attention.md#eq-22", Status: Implemented, Errata: []string{"N5"},
	},
	{
		Number: "23", Title: "gradient of the value weights",
		ASCII:  "dL/dw_v = (rho @ a_prev)' @ D",
		TeX:    `\frac{\partial L}{\partial w_{v_h}}=(\rho\,a_{i-1})^t\,\Delta_i^h`,
		Shapes: "d×d_h", Func: "paper.Attention", Check: "TestAttention", Identities: []string{"R14", "X9"},
		Derivation: "docs/03-attention.md#eq-23", Status: Implemented,
	},
	{
		Number: "24", Title: "gradient of the value bias",
		ASCII:  "dL/db_v = sum_tokens(D)",
		TeX:    `\frac{\partial L}{\partial b_{v_h}}=\sum_{\mathrm{tokens}}\Delta_i^h`,
		Shapes: "d_h", Func: "paper.Attention", Check: "TestAttention", Identities: []string{"R13", "X5"},
		Derivation: "docs/03-attention.md#eq-24", Status: Implemented,
	},
	{
		Number: "25", Title: "error signal through the softmax",
		ASCII:  "D_causal = (D @ v' - ~rowdot(D @ v', rho)) * rho",
		TeX:    `\Delta^{\mathrm{causal}}=\left[\Delta_i^h\,v_h^t-\widetilde{\left(\Delta_i^h\,v_h^t\ominus\rho\right)}\right]\circ\rho`,
		Shapes: "n_T×n_T", Func: "paper.Attention", Check: "TestSignals", Identities: []string{"R15", "X2"},
		Derivation: "docs/03-attention.md#eq-25", Status: Implemented, Errata: []string{"N4"},
	},
	{
		Number: "26", Title: "every row of it sums to zero",
		ASCII:  "sum_features(D_causal) = 0",
		TeX:    `\sum_{\mathrm{features}}\Delta^{\mathrm{causal}}=0`,
		Shapes: "n_T", Check: "TestErrorRowsSumToZero", Identities: []string{"R16"},
		Derivation: "docs/03-attention.md#eq-26", Status: Demonstrated, Errata: []string{"N4"},
	},
	{
		Number: "27", Title: "error signal through the mask",
		ASCII:  "D_scaled = D_causal",
		TeX:    `\Delta^{\mathrm{scaled}}=\Delta^{\mathrm{causal}}`,
		Shapes: "n_T×n_T", Func: "paper.Attention", Check: "TestSignals", Identities: []string{"R17"},
		Derivation: "docs/03-attention.md#eq-27", Status: Implemented, Errata: []string{"S1"},
	},
	{
		Number: "28", Title: "error signal on the raw weights",
		ASCII:  "D_raw = D_scaled / sqrt(d_rho)",
		TeX:    `\Delta^{\mathrm{raw}}=\Delta^{\mathrm{scaled}}/\sqrt{d_\rho}`,
		Shapes: "n_T×n_T", Func: "paper.Attention", Check: "TestSignals",
		Derivation: "docs/03-attention.md#eq-28", Status: Implemented, Errata: []string{"N3"},
	},
	{
		Number: "29", Title: "the key bias has no gradient",
		ASCII:  "sum_tokens(D_raw' @ q) = 0",
		TeX:    `\sum_{\mathrm{tokens}}\left(\Delta^{\mathrm{raw}}\right)^t q_h=0`,
		Shapes: "d_ρ", Check: "TestKeyBiasBackward", Identities: []string{"R18", "X11"},
		Derivation: "docs/03-attention.md#eq-29", Status: Demonstrated, Errata: []string{"S1", "C4", "N14"},
	},
	{
		Number: "30.a", Title: "error signal through the queries",
		ASCII:  "D_q = D_raw @ k @ w_q'",
		TeX:    `\Delta_{q_h}=\Delta^{\mathrm{raw}}\,k_h\,w_{q_h}^t`,
		Shapes: "n_T×d", Func: "paper.Attention", Check: "TestSignals", Identities: []string{"R12", "X10"},
		Derivation: "docs/03-attention.md#eq-30-a", Status: Implemented,
	},
	{
		Number: "30.b", Title: "error signal through the keys",
		ASCII:  "D_k = D_raw' @ q @ w_k'",
		TeX:    `\Delta_{k_h}=\left(\Delta^{\mathrm{raw}}\right)^t q_h\,w_{k_h}^t`,
		Shapes: "n_T×d", Func: "paper.Attention", Check: "TestSignals", Identities: []string{"R12", "X10"},
		Derivation: "docs/03-attention.md#eq-30-b", Status: Implemented,
	},
	{
		Number: "31.a", Title: "gradient of the query weights",
		ASCII:  "dL/dw_q = a_prev' @ D_raw @ k",
		TeX:    `\frac{\partial L}{\partial w_{q_h}}=a_{i-1}^t\,\Delta^{\mathrm{raw}}\,k_h`,
		Shapes: "d×d_ρ", Func: "paper.Attention", Check: "TestAttention", Identities: []string{"R14", "X7", "X9"},
		Derivation: "docs/03-attention.md#eq-31-a", Status: Implemented,
	},
	{
		Number: "31.b", Title: "gradient of the key weights",
		ASCII:  "dL/dw_k = (D_raw @ a_prev)' @ q",
		TeX:    `\frac{\partial L}{\partial w_{k_h}}=\left(\Delta^{\mathrm{raw}}\,a_{i-1}\right)^t q_h`,
		Shapes: "d×d_ρ", Func: "paper.Attention", Check: "TestAttention", Identities: []string{"R14", "X7", "X9"},
		Derivation: "docs/03-attention.md#eq-31-b", Status: Implemented,
	},
	{
		Number: "32.a", Title: "gradient of the query bias",
		ASCII:  "dL/db_q = sum_tokens(D_raw @ k)",
		TeX:    `\frac{\partial L}{\partial b_{q_h}}=\sum_{\mathrm{tokens}}\Delta^{\mathrm{raw}}\,k_h`,
		Shapes: "d_ρ", Func: "paper.Attention", Check: "TestAttention", Identities: []string{"X5", "X7"},
		Derivation: "docs/03-attention.md#eq-32-a", Status: Implemented,
	},
	{
		Number: "32.b", Title: "gradient of the key bias: identically zero",
		ASCII:  "dL/db_k = 0",
		TeX:    `\frac{\partial L}{\partial b_{k_h}}=0`,
		Shapes: "d_ρ", Func: "paper.Attention", Check: "TestKeyBiasNeedsTheMask", Identities: []string{"R18", "X5", "X11"},
		Derivation: "docs/03-attention.md#eq-32-b", Status: Implemented, Errata: []string{"S1", "C4"},
	},
	{
		Number: "33", Title: "what a head hands down",
		ASCII:  "D_prev = D_v + D_q + D_k",
		TeX:    `\Delta_{i-1}^h=\Delta_{v_h}+\Delta_{q_h}+\Delta_{k_h}`,
		Shapes: "n_T×d", Func: "paper.Attention", Check: "TestAttention", Identities: []string{"R12"},
		Derivation: "docs/03-attention.md#eq-33", Status: Implemented, Errata: []string{"N5"},
	},
}

// headBoxes are what section 3 states without a number.
var headBoxes = []Equation{
	{
		Number: "T1", Title: "table 1: a head at a glance, forward and backward",
		ASCII:  "(4), (9.a) ... (16) down, (22) ... (33) up",
		TeX:    `a_{i-1}\to v_h,q_h,k_h\to\rho\to a_i^h,\qquad\Delta_i^h\to\Delta^{\mathrm{causal}}\to\Delta_{v_h},\Delta_{q_h},\Delta_{k_h}\to\Delta_{i-1}^h`,
		Shapes: "of (4) to (33)", Func: "paper.Attention", Check: "TestSignals", Identities: []string{"R28", "R29"},
		Derivation: "docs/03-attention.md#eq-table-1", Status: Implemented, Errata: []string{"S1", "N6"},
	},
	{
		Number: "permutation", Title: "without the mask, attention commutes with permutations of the tokens",
		ASCII:  "Att(P @ a) == P @ Att(a)",
		TeX:    `\mathrm{Att}(P\,a)=P\,\mathrm{Att}(a)`,
		Shapes: "n_T×d_h", Check: "TestPermutation", Identities: []string{"R19"},
		Derivation: "docs/03-attention.md#eq-permutation", Status: Demonstrated, Errata: []string{"N2"},
	},
	{
		Number: "KV.a", Title: "weights of a new token, from cached keys",
		ASCII:  "rho_new = softmax(q_new @ [k_cache; k_new]' / sqrt(d_rho))",
		TeX:    `\rho(t_{\mathrm{next}})=\mathrm{softmax}\left(\frac{q(t_{\mathrm{next}})\left[k_{\mathrm{cache}}\oplus k(t_{\mathrm{next}})\right]^t}{\sqrt{d_\rho}}\right)`,
		Shapes: "n_T+1", Func: "paper.HeadCache.Next", Check: "TestHeadCache", Identities: []string{"R20"},
		Derivation: "docs/03-attention.md#eq-kv-cache", Status: Implemented, Errata: []string{"S7"},
	},
	{
		Number: "KV.b", Title: "output for a new token, from cached values",
		ASCII:  "a_new = rho_new @ [v_cache; v_new]",
		TeX:    `a_i^h(t_{\mathrm{next}})=\rho(t_{\mathrm{next}})\left[v_{\mathrm{cache}}\oplus v(t_{\mathrm{next}})\right]`,
		Shapes: "d_h", Func: "paper.HeadCache.Next", Check: "TestHeadCache", Identities: []string{"R20"},
		Derivation: "docs/03-attention.md#eq-kv-cache", Status: Implemented, Errata: []string{"S7", "N2"},
	},
}
