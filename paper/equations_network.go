package paper

// networkEquations are section 7 and the layers that it takes from the paper's
// predecessor.
var networkEquations = []Equation{
	{
		Number: "FC", Title: "fully connected layer",
		ASCII:  "a = a_prev @ w + ~b, D_prev = D @ w', dL/dw = a_prev' @ D, dL/db = sum_tokens(D)",
		TeX:    `a_i=a_{i-1}\,w+\widetilde b,\quad\Delta_{i-1}=\Delta_i\,w^t,\quad\frac{\partial L}{\partial w}=a_{i-1}^t\,\Delta_i,\quad\frac{\partial L}{\partial b}=\sum_{\mathrm{tokens}}\Delta_i`,
		Shapes: "n_T×f_i, n_T×f_{i-1}, f_{i-1}×f_i, f_i", Func: "paper.FC", Check: "TestFC", Identities: []string{"X9"},
		Derivation: "docs/07-network.md#eq-fc", Status: Implemented,
	},
	{
		Number: "g", Title: "activation",
		ASCII:  "a = g(a_prev), D_prev = D * dg(a_prev)",
		TeX:    `a_i=g(a_{i-1}),\quad\Delta_{i-1}=\Delta_i\circ g'(a_{i-1})`,
		Shapes: "n_T×f", Func: "paper.Activate", Check: "TestActivate", Identities: []string{"X12"},
		Derivation: "docs/07-network.md#eq-activation", Status: Implemented, Errata: []string{"S10"},
	},
	{
		Number: "skip", Title: "skip connection: the sum of two readers' errors",
		ASCII:  "a_5 = a_1 + a_4, D_4 = D_5, D_1 = D_5 + D_1_branch",
		TeX:    `a_5=a_1+a_4,\quad\Delta_4=\Delta_5,\quad\Delta_1=\Delta_5+\Delta_1^{\mathrm{LN}}`,
		Shapes: "n_T×d", Func: "paper.Block", Check: "TestSignals", Identities: []string{"R24"},
		Derivation: "docs/07-network.md#eq-skip", Status: Implemented,
	},
	{
		Number: "block", Title: "the transformer block, and blocks on blocks",
		ASCII:  "a_1 of block i+1 is a_10 of block i, D_10 of block i is D_1 of block i+1",
		TeX:    `a_1^{(i+1)}=a_{10}^{(i)},\quad\Delta_{10}^{(i)}=\Delta_1^{(i+1)}`,
		Shapes: "n_T×d", Check: "TestBlocksCompose", Derivation: "docs/07-network.md#eq-block", Status: Demonstrated,
	},
	{
		Number: "T2", Title: "table 2: the network, forward and backward",
		ASCII:  "a_0 -> ... -> a_12 -> y_pred, D_12 -> ... -> D_1",
		TeX:    `a_0\to a_1\to\cdots\to a_{12}\to y_{\mathrm{pred}},\qquad\Delta_{12}\to\cdots\to\Delta_1`,
		Shapes: "of a_0 to a_12", Func: "paper.Block", Check: "TestSignals", Identities: []string{"R23", "R24", "R29"},
		Derivation: "docs/07-network.md#eq-table-2", Status: Implemented, Errata: []string{"S5", "S10", "N6"},
	},
	{
		Number: "T3", Title: "table 3: the gradient of every parameter",
		ASCII:  "dL/dw_11 = a_11' @ D_12, ..., dL/dw_tok = ohe(a_0)' @ D_1",
		TeX:    `\frac{\partial L}{\partial w_{11}}=a_{11}^t\,\Delta_{12},\ \ldots,\ \frac{\partial L}{\partial w_{\mathrm{tok}}}=\mathrm{ohe}(a_0)^t\,\Delta_1`,
		Shapes: "of the parameters", Func: "paper.Network", Check: "TestNetworkGradients", Identities: []string{"R29", "X5", "X9"},
		Derivation: "docs/07-network.md#eq-table-3", Status: Implemented, Errata: []string{"S10", "N11"},
	},
	{
		Number: "tied", Title: "one matrix for embedding and logits: two contributions add",
		ASCII:  "dL/dw_tok = ohe(a_0)' @ D_1 + D_12' @ a_11",
		TeX:    `\frac{\partial L}{\partial w_{\mathrm{tok}}}=\mathrm{ohe}(a_0)^t\,\Delta_1+\Delta_{12}^t\,a_{11}`,
		Shapes: "n_vocab×d", Func: "paper.weights.addTo", Check: "TestTied", Identities: []string{"R27"},
		Derivation: "docs/07-network.md#eq-tied", Status: Implemented, Errata: []string{"S10"},
	},
	{
		Number: "counts", Title: "how many parameters",
		ASCII:  "block: 12 * d * d + 13 * d with d_h = d_rho; GPT-2 small: 163087441",
		TeX:    `12\,d^2+13\,d\ \text{a block},\quad163{,}087{,}441\ \text{in all}`,
		Shapes: "number", Check: "TestCounts", Identities: []string{"R26"},
		Derivation: "docs/07-network.md#eq-counts", Status: Demonstrated, Errata: []string{"S9"},
	},
}

// appendixEquations are the appendices.
var appendixEquations = []Equation{
	{
		Number: "47", Title: "a matrix on the left mixes rows",
		ASCII:  "(rho @ a)[t] = rho_t1 * a[t=1] + ... + rho_tn * a[t=n]",
		TeX:    `\tilde a(t)=\rho_{t1}\,a(1)+\cdots+\rho_{tn_T}\,a(n_T)`,
		Shapes: "d", Check: "TestRowMixing", Identities: []string{"R2"},
		Derivation: "docs/03-attention.md#eq-47", Status: Demonstrated,
	},
	{
		Number: "48", Title: "a triangular one mixes rows of the past",
		ASCII:  "(rho @ a)[t] = rho_t1 * a[t=1] + ... + rho_tt * a[t]",
		TeX:    `\tilde a(t)=\rho_{t1}\,a(1)+\cdots+\rho_{tt}\,a(t)`,
		Shapes: "d", Check: "TestRowMixing", Identities: []string{"R2"},
		Derivation: "docs/03-attention.md#eq-48", Status: Demonstrated,
	},
	{
		Number: "cycle", Title: "one trace, three gradients",
		ASCII:  "frob(A, B @ C @ D) == frob(A @ (C @ D)', B) == frob(B' @ A @ D', C) == frob((B @ C)' @ A, D)",
		TeX:    `A\cdot(BCD)=\left(A(CD)^t\right)\cdot B=\left(B^tAD^t\right)\cdot C=\left((BC)^tA\right)\cdot D`,
		Shapes: "number", Check: "TestFrobeniusCycles", Identities: []string{"R30"},
		Derivation: "docs/02-loss-embedding.md#eq-frobenius-cycle", Status: Demonstrated,
	},
	{
		Number: "49", Title: "a transpose changes sides of the dot",
		ASCII:  "frob(A, B') == frob(A', B)",
		TeX:    `A\cdot B^t=A^t\cdot B`,
		Shapes: "number", Check: "TestFrobeniusTranspose", Identities: []string{"R30"},
		Derivation: "docs/02-loss-embedding.md#eq-49", Status: Demonstrated,
	},
	{
		Number: "50", Title: "broadcast of a row-wise dot product, with the matrix of ones J",
		ASCII:  "~rowdot(A, B) == (A * B) @ J",
		TeX:    `\widetilde{A\ominus B}=(A\circ B)\,J`,
		Shapes: "n_T×n_T", Check: "TestRowDotBroadcast", Identities: []string{"R15"},
		Derivation: "docs/02-loss-embedding.md#eq-50", Status: Demonstrated,
	},
	{
		Number: "51", Title: "a row-wise dot product changes partners",
		ASCII:  "frob(A * B, ~rowdot(B, C)) == frob(~rowdot(A, B) * B, C)",
		TeX:    `(A\circ B)\cdot\widetilde{(B\ominus C)}=\left[\widetilde{(A\ominus B)}\circ B\right]\cdot C`,
		Shapes: "number", Check: "TestRowDotPartners", Identities: []string{"R15"},
		Derivation: "docs/02-loss-embedding.md#eq-51", Status: Demonstrated,
	},
	{
		Number: "52", Title: "a sum over rows goes to the left factor",
		ASCII:  "sum_tokens(A @ B) == sum_tokens(A) @ B",
		TeX:    `\sum_{\mathrm{rows}}AB=\left(\sum_{\mathrm{rows}}A\right)B`,
		Shapes: "d", Check: "TestSumOfRows", Identities: []string{"R13"},
		Derivation: "docs/02-loss-embedding.md#eq-52", Status: Demonstrated,
	},
	{
		Number: "53", Title: "a broadcast bias, transposed, shifts every row by a number of its own",
		ASCII:  "H @ (~b)' == ~(H @ b)",
		TeX:    `H\,(\widetilde b)^t=\widetilde\lambda,\quad\lambda_t=H(t)\cdot b`,
		Shapes: "n_T×n_T", Check: "TestSoftmaxPattern", Identities: []string{"R8"},
		Derivation: "docs/03-attention.md#eq-53", Status: Demonstrated, Errata: []string{"N8", "N9"},
	},
	{
		Number: "54", Title: "softmax does not see it",
		ASCII:  "softmax(G + H @ (~b)') == softmax(G)",
		TeX:    `\mathrm{softmax}\left(G+H\,(\widetilde b)^t\right)=\mathrm{softmax}\,G`,
		Shapes: "n_T×n_T", Check: "TestSoftmaxPattern", Identities: []string{"R8"},
		Derivation: "docs/03-attention.md#eq-54", Status: Demonstrated, Errata: []string{"S1", "N8", "N9"},
	},
	{
		Number: "55.a", Title: "softmax commutes with permutations of rows",
		ASCII:  "softmax(P_1 @ A) == P_1 @ softmax(A)",
		TeX:    `\mathrm{softmax}(P_1A)=P_1\,\mathrm{softmax}\,A`,
		Shapes: "n_T×n_T", Check: "TestSoftmaxPermutations", Identities: []string{"R19"},
		Derivation: "docs/03-attention.md#eq-55-a", Status: Demonstrated, Errata: []string{"N10"},
	},
	{
		Number: "55.b", Title: "softmax commutes with permutations of columns",
		ASCII:  "softmax(B @ P_2) == softmax(B) @ P_2",
		TeX:    `\mathrm{softmax}(BP_2)=(\mathrm{softmax}\,B)\,P_2`,
		Shapes: "n_T×n_T", Check: "TestSoftmaxPermutations", Identities: []string{"R19"},
		Derivation: "docs/03-attention.md#eq-55-b", Status: Demonstrated, Errata: []string{"N10"},
	},
}
