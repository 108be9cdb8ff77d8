package studio

import "strings"

// A Row is one of the paper's tables: what an operation makes, and what it hands back.
// {b} and {h} in an id stand for a block and a head, from 0.
type Row struct {
	Key      string   `json:"key"`
	Name     string   `json:"name"`
	Value    string   `json:"value"`           // id of what it makes
	Error    string   `json:"error,omitempty"` // id of what it hands back, or the gradient of the parameter
	Forward  string   `json:"forward"`         // typeset
	Backward string   `json:"backward"`
	EqF      string   `json:"eqf,omitempty"` // numbers in the registry
	EqB      string   `json:"eqb,omitempty"`
	Note     string   `json:"note,omitempty"`     // where nothing is handed back: why
	Says     string   `json:"says"`               // what the numbers mean, one or two sentences
	Extra    []string `json:"extra,omitempty"`    // ids of gradients that are shown when the row is open
	Exercise string   `json:"exercise,omitempty"` // id in package derive
}

// A Table is one of the paper's.
type Table struct {
	Key   string `json:"key"`
	Title string `json:"title"`
	Lead  string `json:"lead"`
	Heads bool   `json:"heads"` // it is about one head
	Rows  []Row  `json:"rows"`
}

// Tables are table 1, the table of the heads together, tables 2 and 3: 9 + 3 + 16 + 24 rows.
var Tables = typeset([]Table{
	{Key: "1", Title: "Table 1, live", Heads: true, Lead: "One head of attention. Read the values downwards, then the errors upwards.", Rows: []Row{
		{"input", "input", "b{b}.h{h}.a_prev_to_h", "b{b}.h{h}.D_prev_h", `a_{i-1}`, `\Delta_{i-1}^h=\Delta_v+\Delta_q+\Delta_k`, "", "33", "",
			"Values, queries and keys read the same input, so its error is the sum of three.", nil, "head_input"},
		{"queries", "queries", "b{b}.h{h}.q", "b{b}.h{h}.D_q", `q=a_{i-1}\,w_q+\widetilde{b_q}`, `\Delta_q=\Delta_{\mathrm{raw}}\,k\,w_q^t`, "9.a", "30.a", "",
			"The first row of the error is zero: the first token sees only itself, and has no choice to make.", []string{"b{b}.h{h}.dw_q", "b{b}.h{h}.db_q"}, "w_q"},
		{"keys", "keys", "b{b}.h{h}.k", "b{b}.h{h}.D_k", `k=a_{i-1}\,w_k+\widetilde{b_k}`, `\Delta_k=\Delta_{\mathrm{raw}}^t\,q\,w_k^t`, "9.b", "30.b", "",
			"The key bias cannot learn: it moves every score of a row by the same amount, and the softmax does not see that (29).", []string{"b{b}.h{h}.dw_k", "b{b}.h{h}.db_k"}, "w_k"},
		{"raw", "raw weights", "b{b}.h{h}.rho_raw", "", `\rho_{\mathrm{raw}}=q\,k^t`, ``, "10", "", "splits: one branch to the queries, one to the keys",
			"Every score is the dot product of a query and a key.", nil, "d_q"},
		{"scaling", "scaling", "b{b}.h{h}.rho_scaled", "b{b}.h{h}.D_raw", `\rho_{\mathrm{scaled}}=\rho_{\mathrm{raw}}/\sqrt{d_\rho}`, `\Delta_{\mathrm{raw}}=\Delta_{\mathrm{scaled}}/\sqrt{d_\rho}`, "12", "28", "",
			"What multiplies on the way down multiplies on the way up.", nil, "d_raw"},
		{"mask", "causal mask", "b{b}.h{h}.rho_causal", "b{b}.h{h}.D_scaled", `\rho_{\mathrm{causal}}=\rho_{\mathrm{scaled}}+m`, `\Delta_{\mathrm{scaled}}=\Delta_{\mathrm{causal}}`, "13", "27", "",
			"A sum hands its error on unchanged. Hatched entries are −∞: the token lies in the future.", nil, ""},
		{"softmax", "softmax", "b{b}.h{h}.rho", "b{b}.h{h}.D_causal", `\rho=\mathrm{softmax}\,\rho_{\mathrm{causal}}`, `\Delta_{\mathrm{causal}}=\left[\,\Delta_i^h v^t-\widetilde{\Delta_i^h v^t\ominus\rho}\,\right]\circ\rho`, "15", "25", "",
			"Every row of ρ sums to one, so every row of its error sums to zero (26): what one token gains, the others lose.", nil, "d_causal"},
		{"values", "values", "b{b}.h{h}.v", "b{b}.h{h}.D_v", `v=a_{i-1}\,w_v+\widetilde{b_v}`, `\Delta_v=\rho^t\Delta_i^h\,w_v^t`, "4", "22", "",
			"The gradient of the bias is free of ρ: every row of ρ sums to one (21).", []string{"b{b}.h{h}.dw_v", "b{b}.h{h}.db_v"}, "w_v"},
		{"output", "output", "b{b}.h{h}.a_i_h", "b{b}.h{h}.D_i_h", `a_i^h=\rho\,v`, `\Delta_i^h`, "16", "35", "",
			"A mean of the values, weighted by a row of ρ. Its error comes from above: the columns of Δ₃ that belong to this head.", nil, "rho_v"},
	}},
	{Key: "mha", Title: "The heads together", Heads: true, Lead: "Heads do not meet: they read the same input, and their outputs stand side by side.", Rows: []Row{
		{"input", "input", "b{b}.a_prev", "b{b}.D_prev", `a_{i-1}`, `\Delta_{i-1}=\sum_h\Delta_{i-1}^h`, "", "35", "",
			"Read by every head, so its error is the sum over heads.", nil, "multihead"},
		{"head", "head", "b{b}.h{h}.a_i_h", "b{b}.h{h}.D_i_h", `a_i^h=\mathrm{Att}^h(a_{i-1})`, `\Delta_i^h`, "16", "35", "",
			"What the head makes, and the columns of the error that belong to it.", nil, ""},
		{"output", "output", "b{b}.a_i", "b{b}.D_3", `a_i=\mathrm{concat}\left[a_i^1,\ldots,a_i^{n_h}\right]`, `\Delta_i`, "34", "35", "",
			"Side by side on the way down, cut apart on the way up.", nil, ""},
	}},
	{Key: "2", Title: "Table 2, live", Lead: "The whole network, from tokens to the loss. Every error has the shape of its value.", Rows: []Row{
		{"a0", "tokens", "a_0", "", `a_0`, ``, "T2", "", "ids are names, not numbers: no error", "The numbers of the words in the vocabulary.", nil, ""},
		{"a1", "embeddings", "b{b}.a_1", "b{b}.D_1", `a_1=\mathrm{ohe}(a_0)\,w_{\mathrm{tok}}+\mathrm{ohe}(1{:}n)\,w_{\mathrm{pos}}`, `\Delta_1=\Delta_5+N_1(\Delta_2)`, "T2", "T2", "", "A row for the word and a row for its place. a₁ has two readers, the layer norm and the skip, so two errors add.", nil, "skip"},
		{"a2", "1st norm", "b{b}.a_2", "b{b}.D_2", `a_2=\bar a_1\,\mathrm{diag}(w_1)+\widetilde{b_1}`, `\Delta_2=\sum_h\Delta_{i-1}^h`, "38", "35", "", "Every row is centred and scaled by its own mean and deviation.", nil, "layernorm"},
		{"a3", "heads", "b{b}.a_3", "b{b}.D_3", `a_3=\mathrm{MHA}\,a_2`, `\Delta_3=\Delta_4\,w_3^t`, "34", "FC", "", "The only place where tokens meet.", nil, ""},
		{"a4", "projection", "b{b}.a_4", "b{b}.D_4", `a_4=a_3\,w_3+\widetilde{b_3}`, `\Delta_4=\Delta_5`, "FC", "skip", "", "A sum copies its error to both terms.", nil, "fc"},
		{"a5", "1st skip", "b{b}.a_5", "b{b}.D_5", `a_5=a_1+a_4`, `\Delta_5=\Delta_{10}+N_5(\Delta_6)`, "skip", "T2", "", "The error has two sources: the skip above, and the branch through the second norm.", nil, "skip"},
		{"a6", "2nd norm", "b{b}.a_6", "b{b}.D_6", `a_6=\bar a_5\,\mathrm{diag}(w_5)+\widetilde{b_5}`, `\Delta_6=\Delta_7\,w_6^t`, "38", "FC", "", "Normalized again, before the feed-forward layers.", nil, "layernorm"},
		{"a7", "expand", "b{b}.a_7", "b{b}.D_7", `a_7=a_6\,w_6+\widetilde{b_6}`, `\Delta_7=\Delta_8\circ g'(a_7)`, "FC", "g", "", "Four times as many features.", nil, "activation"},
		{"a8", "activation", "b{b}.a_8", "b{b}.D_8", `a_8=g(a_7)`, `\Delta_8=\Delta_9\,w_8^t`, "g", "FC", "", "Each number alone; where the slope is small, little error passes.", nil, "activation"},
		{"a9", "contract", "b{b}.a_9", "b{b}.D_9", `a_9=a_8\,w_8+\widetilde{b_8}`, `\Delta_9=\Delta_{10}`, "FC", "skip", "", "Back to d features.", nil, "fc"},
		{"a10", "2nd skip", "b{b}.a_10", "b{b}.D_10", `a_{10}=a_5+a_9`, `\Delta_{10}=N_{10}(\Delta_{11})`, "skip", "40", "", "The output of the block, which has the shape of its input: blocks compose.", nil, ""},
		{"a11", "last norm", "a_11", "D_11", `a_{11}=\bar a_{10}\,\mathrm{diag}(w_{10})+\widetilde{b_{10}}`, `\Delta_{11}=\Delta_{12}\,w_{11}^t`, "38", "FC", "", "Its error is a mean of rows of w₁₁: what was expected less, what came more.", nil, "layernorm"},
		{"a12", "logits", "a_12", "D_12", `a_{12}=a_{11}\,w_{11}+\widetilde{b_{11}}`, `\Delta_{12}=y_{\mathrm{pred}}-y_{\mathrm{gt}}`, "FC", "delta12", "", "The first error of the backward pass: what was said, less what should have been said. Every row sums to zero.", nil, "logits"},
		{"y", "softmax", "y_pred", "", `y_{\mathrm{pred}}=\mathrm{softmax}\,a_{12}`, ``, "T2", "", "softmax and loss are differentiated in one step: Δ₁₂", "A probability for every word, and every row sums to one.", nil, ""},
		{"loss", "loss per token", "l", "", `\ell=-y_{\mathrm{gt}}\ominus\log y_{\mathrm{pred}}`, ``, "loss", "", "softmax and loss are differentiated in one step: Δ₁₂", "The surprise at the word that came, in nats.", nil, ""},
		{"L", "loss", "L", "", `L=c\cdot\ell`, ``, "L", "", "the backward pass begins here, with ∂L/∂L = 1", "One number. Every error of this page says how it would answer.", nil, ""},
	}},
	{Key: "3", Title: "Table 3, live", Heads: true, Lead: "Every parameter, and its gradient beside it. The table plays from the bottom to the top: the backward pass meets the logits first.", Rows: []Row{
		gradient("w_tok", "token table", "", `w_{\mathrm{tok}}`, `\mathrm{ohe}(a_0)^t\,\Delta_1`, "3", "Rows of words that do not occur get exactly zero; those that occur twice get both errors.", "w_tok"),
		gradient("w_pos", "position table", "", `w_{\mathrm{pos}}`, `\mathrm{ohe}(1{:}n)^t\,\Delta_1`, "3", "One row for each place, and the error of that place.", "w_pos"),
		gradient("w_1", "1st norm, gain", "b{b}.", `w_1`, `\mathrm{diag}(\bar a_1^t\Delta_2)`, "41", "Normalized input times error, summed over tokens.", "layernorm_w"),
		gradient("b_1", "1st norm, bias", "b{b}.", `b_1`, `\sum_{\mathrm{tokens}}\Delta_2`, "42", "A bias is added to every token, so it gets the sum of their errors.", "layernorm_b"),
		gradient("w_q", "queries", "b{b}.h{h}.", `w_q`, `a_2^t\,\Delta_{\mathrm{raw}}\,k`, "31.a", "A sum of one rank-one layer for each token.", "w_q"),
		gradient("b_q", "queries, bias", "b{b}.h{h}.", `b_q`, `\sum_{\mathrm{tokens}}\Delta_{\mathrm{raw}}\,k`, "32.a", "The keys, weighted by the errors of their scores.", "b_q"),
		gradient("w_k", "keys", "b{b}.h{h}.", `w_k`, `(\Delta_{\mathrm{raw}}\,a_2)^t\,q`, "31.b", "As for the queries, with the sides exchanged.", "w_k"),
		gradient("b_k", "keys, bias", "b{b}.h{h}.", `b_k`, `0`, "32.b", "Zero, whatever the numbers (29): the softmax does not see what all scores of a row share.", "which_bias"),
		gradient("w_v", "values", "b{b}.h{h}.", `w_v`, `(\rho\,a_2)^t\,\Delta_3^h`, "23", "The input as attention mixed it, times the error.", "w_v"),
		gradient("b_v", "values, bias", "b{b}.h{h}.", `b_v`, `\sum_{\mathrm{tokens}}\Delta_3^h`, "24", "Free of ρ: every row of ρ sums to one.", "b_v"),
		gradient("w_3", "projection", "b{b}.", `w_3`, `a_3^t\,\Delta_5`, "FC", "Input times error, for every pair of features.", "fc_w"),
		gradient("b_3", "projection, bias", "b{b}.", `b_3`, `\sum_{\mathrm{tokens}}\Delta_5`, "FC", "The sum of the errors.", "fc_b"),
		gradient("w_5", "2nd norm, gain", "b{b}.", `w_5`, `\mathrm{diag}(\bar a_5^t\Delta_6)`, "41", "Normalized input times error, summed over tokens.", "layernorm_w"),
		gradient("b_5", "2nd norm, bias", "b{b}.", `b_5`, `\sum_{\mathrm{tokens}}\Delta_6`, "42", "The sum of the errors.", "layernorm_b"),
		gradient("w_6", "expand", "b{b}.", `w_6`, `a_6^t\,\Delta_7`, "FC", "At most as many independent layers as there are tokens.", "fc_w"),
		gradient("b_6", "expand, bias", "b{b}.", `b_6`, `\sum_{\mathrm{tokens}}\Delta_7`, "FC", "The sum of the errors.", "fc_b"),
		gradient("w_8", "contract", "b{b}.", `w_8`, `a_8^t\,\Delta_{10}`, "FC", "Rows of features that are near zero learn little.", "fc_w"),
		gradient("b_8", "contract, bias", "b{b}.", `b_8`, `\sum_{\mathrm{tokens}}\Delta_{10}`, "FC", "The sum of the errors.", "fc_b"),
		gradient("w_10", "last norm, gain", "", `w_{10}`, `\mathrm{diag}(\bar a_{10}^t\Delta_{11})`, "41", "Normalized input times error, summed over tokens.", "layernorm_w"),
		gradient("b_10", "last norm, bias", "", `b_{10}`, `\sum_{\mathrm{tokens}}\Delta_{11}`, "42", "The sum of the errors.", "layernorm_b"),
		gradient("w_11", "logits", "", `w_{11}`, `a_{11}^t\,\Delta_{12}`, "FC", "A column for each word: what was seen when it came, or was said without coming.", "fc_w"),
		gradient("b_11", "logits, bias", "", `b_{11}`, `\sum_{\mathrm{tokens}}\Delta_{12}`, "FC", "How much too often each word is said.", "fc_b"),
		gradient("d_11", "LoRA, down", "", `\mathbf{d}_{11}`, `\alpha\,a_{11}^t\,\Delta_{12}\,\mathbf{u}_{11}^t`, "45", "Zero while u is zero: at the start only u can move.", "lora_d"),
		gradient("u_11", "LoRA, up", "", `\mathbf{u}_{11}`, `\alpha\,(a_{11}\,\mathbf{d}_{11})^t\,\Delta_{12}`, "46", "The gradient of a layer with r inputs, those that d makes.", "lora_u"),
	}},
})

// gradient is a row of table 3.
func gradient(name, title, at, symbol, formula, eq, says, exercise string) Row {
	return Row{Key: strings.ReplaceAll(name, "_", ""), Name: title, Value: at + name, Error: at + "d" + name, Forward: symbol,
		Backward: `\frac{\partial L}{\partial ` + symbol + `}=` + formula, EqB: eq, Says: says, Exercise: exercise}
}

// typeset turns the formulas of the rows from TeX to MathML. It panics when one is not TeX.
func typeset(tables []Table) []Table {
	set := func(tex *string) {
		if *tex == "" {
			return
		}
		m, err := mathML(*tex)
		if err != nil {
			panic(err)
		}
		*tex = m
	}
	for t := range tables {
		for r := range tables[t].Rows {
			set(&tables[t].Rows[r].Forward)
			set(&tables[t].Rows[r].Backward)
		}
	}
	return tables
}
