package paper

// lossEquations are section 1 and the identity that the paper's predecessor
// provides.
var lossEquations = []Equation{
	{
		Number: "recursion", Title: "the identity behind every backward pass",
		ASCII:  "frob(D, d(a)) == frob(D_prev, d(a_prev)) + frob(dL/dP, d(P))",
		Expr:   []string{"frob(D, d(a)) == frob(D_prev, d(a_prev)) + frob(dL/dw, d(w)) + frob(dL/db, d(b))"},
		TeX:    `\Delta_i\cdot\mathrm{d}a_i=\Delta_{i-1}\cdot\mathrm{d}a_{i-1}+\sum_P\frac{\partial L}{\partial P}\cdot\mathrm{d}P`,
		Shapes: "number", Check: "TestRecursion", Derivation: "docs/02-loss-embedding.md#eq-recursion", Status: Demonstrated,
	},
	{
		Number: "loss", Title: "loss of every token",
		ASCII:  "l = -rowdot(y_gt, log(y_pred))",
		Expr:   []string{"l == -rowdot(y_gt, log(y_pred))"},
		TeX:    `\ell=-y_{\mathrm{gt}}\ominus\log y_{\mathrm{pred}}`,
		Shapes: "n_T", Func: "paper.Loss", Check: "TestLoss", Derivation: "docs/02-loss-embedding.md#eq-loss",
		Status: Implemented, Errata: []string{"S4", "S5"},
	},
	{
		Number: "L", Title: "one number out of many: the sum or the mean over counted tokens",
		ASCII:  "L = frob(c, l)",
		Expr:   []string{"L == frob(c, l)"},
		TeX:    `L=c\cdot\ell`,
		Shapes: "number", Func: "paper.Loss", Check: "TestBatchIsTheSumOfItsSequences", Derivation: "docs/02-loss-embedding.md#eq-loss",
		Status: Implemented, Errata: []string{"S4", "S5", "S10"},
	},
	{
		Number: "delta12", Title: "error signal on the logits",
		ASCII:  "D_12 = ~c * (y_pred - y_gt)",
		Expr:   []string{"D_12 == ~c * (y_pred - y_gt)"},
		TeX:    `\Delta_{12}=\widetilde{c}\circ\left(y_{\mathrm{pred}}-y_{\mathrm{gt}}\right)`,
		Shapes: "n_T×n_vocab", Func: "paper.Loss", Check: "TestLoss", Identities: []string{"R23", "X1"},
		Derivation: "docs/02-loss-embedding.md#eq-delta-logits", Status: Implemented, Errata: []string{"S4", "S5"},
	},
}

// embeddingEquations are section 2.
var embeddingEquations = []Equation{
	{
		Number: "1", Title: "store of embeddings",
		ASCII:  "w_emb = [w(1); w(2); ...; w(n_V)]",
		Prose:  "a table is a matrix; nothing is computed",
		TeX:    `w_{\mathrm{emb}}=\begin{pmatrix}w(1)\\w(2)\\\vdots\\w(n_V)\end{pmatrix}`,
		Shapes: "n_V×d", Check: "TestEmbedding", Identities: []string{"R1"}, Derivation: "docs/02-loss-embedding.md#eq-1",
		Status: Notation, Why: "a table is data: pedestrian.Params.Tok and Pos hold it, and (2) reads it", Errata: []string{"N13"},
	},
	{
		Number: "2", Title: "embedding, forward",
		ASCII:  "a = ohe(a_prev) @ w_emb",
		Expr:   []string{"a == ohe(a_prev) @ w_emb"},
		TeX:    `a_i=\mathrm{ohe}(a_{i-1})\,w_{\mathrm{emb}}`,
		Shapes: "n_T×d", Func: "paper.Embedding", Check: "TestEmbedding", Identities: []string{"R1"},
		Derivation: "docs/02-loss-embedding.md#eq-2", Status: Implemented, Errata: []string{"N13"},
	},
	{
		Number: "3", Title: "gradient of the embeddings",
		ASCII:  "dL/dw_emb = ohe(a_prev)' @ D",
		Expr:   []string{"dL/dw_emb == ohe(a_prev)' @ D"},
		TeX:    `\frac{\partial L}{\partial w_{\mathrm{emb}}}=\mathrm{ohe}(a_{i-1})^t\,\Delta_i`,
		Shapes: "n_V×d", Func: "paper.Embedding", Check: "TestEmbedding", Identities: []string{"R1", "X6"},
		Derivation: "docs/02-loss-embedding.md#eq-3", Status: Implemented,
	},
	{
		Number: "3.input", Title: "error signal on the one-hot input, for whoever asks",
		ASCII:  "D_ohe = D @ w_emb'",
		Expr:   []string{"D_ohe == D @ w_emb'"},
		TeX:    `\Delta_{\mathrm{ohe}}=\Delta_i\,w_{\mathrm{emb}}^t`,
		Shapes: "n_T×n_V", Func: "paper.Embedding", Check: "TestEmbeddingInput",
		Derivation: "docs/02-loss-embedding.md#eq-3", Status: Implemented,
	},
}
