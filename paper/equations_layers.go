package paper

// multiHeadEquations are section 4.
var multiHeadEquations = []Equation{
	{
		Number: "34", Title: "heads side by side",
		ASCII:  "a = concat(a_1, ..., a_nh)",
		Expr:   []string{"a == concat(a_1, a_2)"},
		TeX:    `a_i=\mathrm{concat}\left[a_i^1,\ldots,a_i^{n_h}\right]`,
		Shapes: "n_T×d", Func: "paper.MultiHead", Check: "TestMultiHead", Identities: []string{"R21"},
		Derivation: "docs/04-multihead.md#eq-34", Status: Implemented, Errata: []string{"C5"},
	},
	{
		Number: "35", Title: "errors of the heads: cut by columns, and what they hand down added",
		ASCII: "D_prev = sum over h of D_prev_h, D_h = slice(D, h)",
		Expr: []string{
			"D_1 == slice(D, 1)",
			"D_2 == slice(D, 2)",
			"D_prev == D_prev_1 + D_prev_2",
		},
		TeX:    `\Delta_{i-1}=\sum_{h=1}^{n_h}\Delta_{i-1}^h`,
		Shapes: "n_T×d", Func: "paper.MultiHead", Check: "TestMultiHead", Identities: []string{"R21"},
		Derivation: "docs/04-multihead.md#eq-35", Status: Implemented, Errata: []string{"C5"},
	},
	{
		Number: "T-heads", Title: "the table of multi-headed attention",
		ASCII:  "(34) down, (35) up",
		Prose:  "a table, whose lines are (34) and (35)",
		TeX:    `a_{i-1}\to a_i^1,\ldots,a_i^{n_h}\to a_i,\qquad\Delta_i\to\Delta_i^1,\ldots,\Delta_i^{n_h}\to\Delta_{i-1}`,
		Shapes: "of (34) and (35)", Check: "TestHeadsByHand", Derivation: "docs/04-multihead.md#eq-table-mha",
		Status: Notation, Why: "it lines up (34) and (35), which MultiHead computes", Errata: []string{"N12"},
	},
}

// layerNormEquations are section 5.
var layerNormEquations = []Equation{
	{
		Number: "36", Title: "every token normalized by its own mean and deviation",
		ASCII: "abar = (a_prev - ~mu) / ~sigma",
		Expr: []string{
			"abar == (a_prev - ~mu) / ~sigma",
			"mu == mu(a_prev)",
			"sigma == sqrt(rowdot(a_prev - ~mu, a_prev - ~mu) / d + eps)",
		},
		TeX:    `\bar a_{i-1}=\frac{a_{i-1}-\widetilde\mu}{\widetilde\sigma}`,
		Shapes: "n_T×d", Func: "paper.LayerNorm", Check: "TestLayerNormInOneLine", Identities: []string{"R22", "X4"},
		Derivation: "docs/05-layernorm.md#eq-36", Status: Implemented, Errata: []string{"S6"},
	},
	{
		Number: "37", Title: "gain and bias",
		ASCII:  "a = abar * ~w + ~b",
		Expr:   []string{"a == abar * ~w + ~b"},
		TeX:    `a_i=\bar a_{i-1}\,\mathrm{diag}(w_{i-1})+\widetilde b_{i-1}`,
		Shapes: "n_T×d", Func: "paper.LayerNorm", Check: "TestLayerNormInOneLine", Identities: []string{"R22"},
		Derivation: "docs/05-layernorm.md#eq-37", Status: Implemented,
	},
	{
		Number: "38", Title: "layer normalization in one line",
		ASCII:  "a = (a_prev - ~mu) / ~sigma * ~w + ~b",
		Expr:   []string{"a == (a_prev - ~mu) / ~sigma * ~w + ~b"},
		TeX:    `a_i=\bar a_{i-1}\,\widetilde w_{i-1}+\widetilde b_{i-1}`,
		Shapes: "n_T×d", Check: "TestLayerNormInOneLine", Identities: []string{"R22"},
		Derivation: "docs/05-layernorm.md#eq-38", Status: Demonstrated,
	},
	{
		Number: "39", Title: "layer normalization is batch normalization of the transpose",
		ASCII:  "LN(a)' == BN(a')",
		Expr:   []string{"((a - ~mu(a)) / ~sigma(a))' == (a' - ~mu(a)') / ~sigma(a)'"},
		TeX:    `\mathrm{LN}(a)^t\cong\mathrm{BN}(a^t)`,
		Shapes: "d×n_T", Check: "TestDuality", Identities: []string{"R22"},
		Derivation: "docs/05-layernorm.md#eq-39", Status: Demonstrated,
	},
	{
		Number: "BN", Title: "batch normalization, of which (40) is the transpose",
		ASCII: "D_prev = (m * g - ~sum_tokens(g) - abar * ~sum_tokens(abar * g)) / (m * ~sigma), g = D * ~w",
		Expr: []string{
			"abar == (a_prev - ~mu) / ~sigma",
			"a == abar * ~w + ~b",
			"D_prev == (m * g - ~sum_tokens(g) - abar * ~sum_tokens(abar * g)) / (m * ~sigma) where g = D * ~w",
		},
		TeX:    `\Delta_{i-1}=\frac{1}{m\,\widetilde\sigma}\circ\left(m\,g-\widetilde{\sum_{\mathrm{samples}}g}-\bar a\circ\widetilde{\sum_{\mathrm{samples}}\bar a\circ g}\right),\quad g=\Delta_i\,\mathrm{diag}(w)`,
		Shapes: "m×f", Func: "paper.BatchNorm", Check: "TestBatchNorm", Identities: []string{"R22"},
		Derivation: "docs/05-layernorm.md#eq-batchnorm", Status: Implemented, Errata: []string{"N7"},
	},
	{
		Number: "40", Title: "error signal through a layer normalization",
		ASCII:  "D_prev = (d * g - ~sum_features(g) - abar * ~sum_features(abar * g)) / (d * ~sigma), g = D * ~w",
		Expr:   []string{"D_prev == (d * g - ~sum_features(g) - abar * ~sum_features(abar * g)) / (d * ~sigma) where g = D * ~w"},
		TeX:    `\Delta_{i-1}=\frac{1}{d\,\widetilde\sigma}\left(d\,\widetilde w\,\Delta_i^t-\widetilde{\sum_{\mathrm{features}}\widetilde w\,\Delta_i^t}-\bar a^t\circ\widetilde{\sum_{\mathrm{features}}\bar a^t\circ\widetilde w\,\Delta_i^t}\right)^t`,
		Shapes: "n_T×d", Func: "paper.LayerNorm", Check: "TestLayerNormEq40", Identities: []string{"R22", "X3", "X4"},
		Derivation: "docs/05-layernorm.md#eq-40", Status: Implemented, Errata: []string{"S6", "N6", "N7"},
	},
	{
		Number: "41", Title: "gradient of the gain",
		ASCII:  "dL/dw = diagof(abar' @ D)",
		Expr:   []string{"dL/dw == diagof(abar' @ D)"},
		TeX:    `\frac{\partial L}{\partial w_{i-1}}=\mathrm{diag}\left(\bar a_{i-1}^t\,\Delta_i\right)`,
		Shapes: "d", Func: "paper.LayerNorm", Check: "TestLayerNormEq40", Identities: []string{"R22"},
		Derivation: "docs/05-layernorm.md#eq-41", Status: Implemented, Errata: []string{"N16"},
	},
	{
		Number: "42", Title: "gradient of the bias",
		ASCII:  "dL/db = sum_tokens(D)",
		Expr:   []string{"dL/db == sum_tokens(D)"},
		TeX:    `\frac{\partial L}{\partial b_{i-1}}=\sum_{\mathrm{tokens}}\Delta_i`,
		Shapes: "d", Func: "paper.LayerNorm", Check: "TestLayerNormEq40", Identities: []string{"R22", "X5"},
		Derivation: "docs/05-layernorm.md#eq-42", Status: Implemented,
	},
}

// loraEquations are section 6 and the box of section 7 that puts it to use.
var loraEquations = []Equation{
	{
		Number: "43", Title: "LoRA, forward",
		ASCII:  "a = alpha * (a_prev @ d @ u)",
		Expr:   []string{"a == alpha * (a_prev @ d @ u)"},
		TeX:    `a_i=\alpha\,a_{i-1}\,\mathbf{d}\,\mathbf{u}`,
		Shapes: "n_T×f_i", Func: "paper.LoRA", Check: "TestLoRAByHand", Identities: []string{"R25", "X8"},
		Derivation: "docs/06-lora.md#eq-43", Status: Implemented, Errata: []string{"S3", "C1", "C3"},
	},
	{
		Number: "44", Title: "error signal through LoRA alone",
		ASCII:  "D_prev = alpha * (D @ (d @ u)')",
		Expr:   []string{"D_prev == alpha * (D @ (d @ u)')"},
		TeX:    `\Delta_{i-1}=\alpha\,\Delta_i\,(\mathbf{d}\,\mathbf{u})^t`,
		Shapes: "n_T×f_{i-1}", Func: "paper.LoRA", Check: "TestLoRA", Identities: []string{"R25"},
		Derivation: "docs/06-lora.md#eq-44", Status: Implemented, Errata: []string{"S2"},
	},
	{
		Number: "45", Title: "gradient of down",
		ASCII:  "dL/dd = alpha * (a_prev' @ D @ u')",
		Expr:   []string{"dL/dd == alpha * (a_prev' @ D @ u')"},
		TeX:    `\frac{\partial L}{\partial\mathbf{d}}=\alpha\,a_{i-1}^t\,\Delta_i\,\mathbf{u}^t`,
		Shapes: "f_{i-1}×r", Func: "paper.LoRA", Check: "TestLoRA", Identities: []string{"R25", "X8"},
		Derivation: "docs/06-lora.md#eq-45", Status: Implemented, Errata: []string{"S3"},
	},
	{
		Number: "46", Title: "gradient of up",
		ASCII:  "dL/du = alpha * ((a_prev @ d)' @ D)",
		Expr:   []string{"dL/du == alpha * ((a_prev @ d)' @ D)"},
		TeX:    `\frac{\partial L}{\partial\mathbf{u}}=\alpha\,(a_{i-1}\,\mathbf{d})^t\,\Delta_i`,
		Shapes: "r×f_i", Func: "paper.LoRA", Check: "TestLoRA", Identities: []string{"R25", "X8"},
		Derivation: "docs/06-lora.md#eq-46", Status: Implemented, Errata: []string{"S3"},
	},
	{
		Number: "FC+LoRA", Title: "LoRA beside a frozen layer: outputs add, and so do error signals",
		ASCII: "a = a_prev @ w + ~b + alpha * (a_prev @ d @ u), D_prev = D @ (w + alpha * (d @ u))'",
		Expr: []string{
			"a == a_prev @ w + ~b + alpha * (a_prev @ d @ u)",
			"D_prev == D @ (w + alpha * (d @ u))'",
		},
		TeX:    `a_i=\mathrm{FC}^{\mathrm{frozen}}(a_{i-1})+\mathrm{LoRA}(a_{i-1}),\quad\Delta_{i-1}=\Delta_i\,(w+\alpha\,\mathbf{d}\,\mathbf{u})^t`,
		Shapes: "n_T×f_i, n_T×f_{i-1}", Func: "paper.Adapted", Check: "TestAdapted",
		Derivation: "docs/06-lora.md#eq-lora-frozen", Status: Implemented, Errata: []string{"S2", "C2"},
	},
	{
		Number: "dropout", Title: "dropout on the input of an adapter: the mask both ways",
		ASCII: "a = a_prev * mask, D_prev = D * mask",
		Expr: []string{
			"a == a_prev * mask",
			"D_prev == D * mask",
		},
		TeX:    `a_i=a_{i-1}\circ\mathrm{mask},\quad\Delta_{i-1}=\Delta_i\circ\mathrm{mask}`,
		Shapes: "n_T×f_{i-1}", Func: "paper.Dropout", Check: "TestDropout",
		Derivation: "docs/06-lora.md#eq-dropout", Status: Implemented,
	},
	{
		Number: "DoRA", Title: "DoRA: directions by LoRA, and the lengths of the columns on their own",
		ASCII: "a = (a_prev @ w + alpha * (a_prev @ d @ u)) * ~(m / norm) + ~b, norm = lengths of columns of w + alpha * (d @ u)",
		Expr: []string{
			"v == w + alpha * (d @ u)",
			"z == a_prev @ w + alpha * (a_prev @ d @ u)",
			"a == z * ~(m / norm(v)) + ~b",
			"D_z == D * ~(m / norm(v))",
			"D_prev == D_z @ w' + alpha * (D_z @ (d @ u)')",
			"dL/dm == sum_tokens(D * z) / norm(v)",
			"dL/dw == a_prev' @ D_z + N",
			"dL/dd == alpha * ((a_prev' @ D_z + N) @ u')",
			"dL/du == alpha * (d' @ (a_prev' @ D_z + N))",
		},
		TeX:    `a_i=a_{i-1}\,v\,\mathrm{diag}\left(\frac{m}{\lVert v\rVert}\right)+\widetilde b,\quad v=w+\alpha\,\mathbf{d}\,\mathbf{u}`,
		Shapes: "n_T×f_i", Func: "paper.DoRA", Check: "TestDoRA", Identities: []string{"X13"},
		Derivation: "docs/06-lora.md#eq-dora", Status: Implemented,
	},
	{
		Number: "DoRA-N", Title: "DoRA: what comes through the length of a column",
		ASCII:  "N = -(v * ~(m / norm**2 * dm))",
		Expr:   []string{"N == -(v * ~(m / (norm(v) * norm(v)) * dL/dm))"},
		TeX:    `N=-v\,\mathrm{diag}\left(\frac{m}{\lVert v\rVert^2}\circ\frac{\partial L}{\partial m}\right)`,
		Shapes: "f_{i-1}×f_i", Func: "paper.DoRA", Check: "TestDoRA", Identities: []string{"X13"},
		Derivation: "docs/06-lora.md#eq-dora-exact", Status: Implemented,
	},
}
