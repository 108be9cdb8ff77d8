package paper

import "slices"

// llamaEquations are those of the Llama family, which the paper does not have. They
// have numbers of their own, L1 to L25.
var llamaEquations = slices.Concat(rmsNormEquations, rotaryEquations, gatedEquations, groupedEquations, llamaNetworkEquations)

var rmsNormEquations = []Equation{
	{
		Number: "L1", Title: "every token divided by the root of its mean square",
		ASCII:  "abar = a_prev / ~sigma, sigma = sqrt(rowdot(a_prev, a_prev) / d + eps)",
		TeX:    `\bar a_{i-1}=\frac{a_{i-1}}{\widetilde\sigma},\quad\sigma=\sqrt{\frac{a_{i-1}\ominus a_{i-1}}{d}+\varepsilon}`,
		Shapes: "n_T×d, n_T", Func: "paper.RMSNorm", Check: "TestRMSNorm",
		Derivation: "docs/09-llama.md#eq-l1", Status: Implemented,
	},
	{
		Number: "L2", Title: "gain",
		ASCII:  "a = abar * ~w",
		TeX:    `a_i=\bar a_{i-1}\,\mathrm{diag}(w_{i-1})`,
		Shapes: "n_T×d", Func: "paper.RMSNorm", Check: "TestRMSNorm",
		Derivation: "docs/09-llama.md#eq-l2", Status: Implemented,
	},
	{
		Number: "L3", Title: "error signal through an RMS normalization: (40) without the term of the mean",
		ASCII:  "D_prev = (g - abar * ~(rowdot(g, abar) / d)) / ~sigma, g = D * ~w",
		TeX:    `\Delta_{i-1}=\frac{1}{\widetilde\sigma}\circ\left(g-\bar a\circ\widetilde{\frac{g\ominus\bar a}{d}}\right),\quad g=\Delta_i\,\mathrm{diag}(w)`,
		Shapes: "n_T×d", Func: "paper.RMSNorm", Check: "TestRMSNorm",
		Derivation: "docs/09-llama.md#eq-l3", Status: Implemented,
	},
	{
		Number: "L4", Title: "gradient of the gain",
		ASCII:  "dL/dw = sum_tokens(abar * D)",
		TeX:    `\frac{\partial L}{\partial w_{i-1}}=\sum_{\mathrm{tokens}}\bar a_{i-1}\circ\Delta_i`,
		Shapes: "d", Func: "paper.RMSNorm", Check: "TestRMSNorm",
		Derivation: "docs/09-llama.md#eq-l4", Status: Implemented,
	},
	{
		Number: "L5", Title: "one direction of a token is lost, where layer normalization loses two",
		ASCII:  "rowdot(D_prev, a_prev) = eps / sigma^2 * rowdot(g, abar)",
		TeX:    `\Delta_{i-1}\ominus a_{i-1}=\frac{\varepsilon}{\sigma^2}\circ\left(g\ominus\bar a\right)`,
		Shapes: "n_T", Check: "TestOneLostDirection",
		Derivation: "docs/09-llama.md#eq-l5", Status: Demonstrated,
	},
	{
		Number: "L6", Title: "layer normalization is RMS normalization of a token without its mean",
		ASCII:  "LN(a) = RMS(a - ~mu)",
		TeX:    `\mathrm{LN}(a)=\mathrm{RMS}(a-\widetilde\mu)`,
		Shapes: "n_T×d", Check: "TestLayerNormIsRMSNorm",
		Derivation: "docs/09-llama.md#eq-l6", Status: Demonstrated,
	},
}

var rotaryEquations = []Equation{
	{
		Number: "L7.a", Title: "frequencies of the pairs",
		ASCII:  "omega_j = base^(-2 j / d)",
		TeX:    `\omega_j=\mathrm{base}^{-2j/d}`,
		Shapes: "d/2", Func: "paper.Frequencies", Check: "TestFrequencies",
		Derivation: "docs/09-llama.md#eq-l7-a", Status: Implemented,
	},
	{
		Number: "L7.b", Title: "linear scaling of the frequencies",
		ASCII:  "omega_j / factor",
		TeX:    `\omega_j/\mathrm{factor}`,
		Shapes: "d/2", Func: "paper.LinearScaling", Check: "TestLlamaLayers",
		Derivation: "docs/09-llama.md#eq-l7-b", Status: Implemented,
	},
	{
		Number: "L7.c", Title: "Llama 3's scaling of the frequencies: slow pairs alone",
		ASCII:  "(1 - s) * omega_j / factor + s * omega_j, s = clamp((turns_j - low) / (high - low)), turns_j = original * omega_j / (2 pi)",
		TeX:    `(1-s)\,\frac{\omega_j}{\mathrm{factor}}+s\,\omega_j,\quad s=\mathrm{clamp}\,\frac{\mathrm{turns}_j-\mathrm{low}}{\mathrm{high}-\mathrm{low}},\quad\mathrm{turns}_j=\frac{\mathrm{original}\;\omega_j}{2\pi}`,
		Shapes: "d/2", Func: "paper.Llama3Scaling", Check: "TestLlamaLayers",
		Derivation: "docs/09-llama.md#eq-l7-c", Status: Implemented,
	},
	{
		Number: "L7.d", Title: "YaRN's scaling of the frequencies, and its factor",
		ASCII:  "(1 - s) * omega_j + s * omega_j / factor, s = clamp((j - lo) / (hi - lo)); cos and sin times 0.1 ln(factor) + 1",
		TeX:    `(1-s)\,\omega_j+s\,\frac{\omega_j}{\mathrm{factor}},\quad s=\mathrm{clamp}\,\frac{j-\mathrm{lo}}{\mathrm{hi}-\mathrm{lo}};\quad\cos,\sin\;\times\;0.1\ln\mathrm{factor}+1`,
		Shapes: "d/2", Func: "paper.YarnScaling", Check: "TestLlamaLayers",
		Derivation: "docs/09-llama.md#eq-l7-d", Status: Implemented,
	},
	{
		Number: "L8", Title: "rotary positions: pairs of columns turned by an angle that grows with the position",
		ASCII:  "a = a_prev * cos(theta) + (a_prev @ Q) * sin(theta), theta = positions @ omega' in both columns of a pair",
		TeX:    `a_i=a_{i-1}\circ\cos\theta+(a_{i-1}\,Q)\circ\sin\theta,\quad a_i(t)=a_{i-1}(t)\,R_t`,
		Shapes: "n_T×d_rho", Func: "paper.Rotate", Check: "TestRotateEntries",
		Derivation: "docs/09-llama.md#eq-l8", Status: Implemented,
	},
	{
		Number: "L9", Title: "error signal through a rotation: the negative angle",
		ASCII:  "D_prev = D * cos(theta) - (D @ Q) * sin(theta)",
		TeX:    `\Delta_{i-1}=\Delta_i\circ\cos\theta-(\Delta_i\,Q)\circ\sin\theta,\quad\Delta_{i-1}(t)=\Delta_i(t)\,R_t^t`,
		Shapes: "n_T×d_rho", Func: "paper.Rotate", Check: "TestRotate",
		Derivation: "docs/09-llama.md#eq-l9", Status: Implemented,
	},
	{
		Number: "L10", Title: "two pairings are one: interleaved rotation is half-split rotation of permuted columns",
		ASCII:  "interleaved(a) @ P = halfsplit(a @ P)",
		TeX:    `\mathrm{RoPE}_{2j,2j+1}(a)\,P=\mathrm{RoPE}_{j,j+d/2}(a\,P)`,
		Shapes: "n_T×d_rho", Check: "TestPairings",
		Derivation: "docs/09-llama.md#eq-l10", Status: Demonstrated,
	},
	{
		Number: "L11", Title: "scores depend on the difference of two positions",
		ASCII:  "R_t @ R_s' = R_(t-s)",
		TeX:    `R_t\,R_{s}^t=R_{t-s},\quad q'(t)\cdot k'(s)=q(t)\,R_{t-s}\cdot k(s)`,
		Shapes: "d_rho×d_rho", Check: "TestRelativePositions",
		Derivation: "docs/09-llama.md#eq-l11", Status: Demonstrated,
	},
	{
		Number: "L12", Title: "the key bias learns again, except in columns that do not turn",
		ASCII:  "dL/db_k = sum over t of D_turned(t) @ R_t', and not 0 as in (29)",
		TeX:    `\frac{\partial L}{\partial b_k}=\sum_t\Delta_{k'}(t)\,R_t^t\ne0`,
		Shapes: "n_kv d_rho", Check: "TestKeyBiasLearnsAgain",
		Derivation: "docs/09-llama.md#eq-l12", Status: Demonstrated,
	},
}

var gatedEquations = []Equation{
	{
		Number: "L13", Title: "SiLU and its slope",
		ASCII:  "g = z * s, g' = s * (1 + z * (1 - s)), s = 1 / (1 + exp(-z))",
		TeX:    `g=z\,s,\quad g'=s\,(1+z\,(1-s)),\quad s=\frac{1}{1+e^{-z}}`,
		Shapes: "n_T×f", Func: "paper.Gated", Check: "TestSiLU",
		Derivation: "docs/09-llama.md#eq-l13", Status: Implemented,
	},
	{
		Number: "L14", Title: "gated activation",
		ASCII:  "h = g(z) * u, z = a @ w_gate, u = a @ w_up",
		TeX:    `h=g(z)\circ u,\quad z=a\,w_{\mathrm{gate}},\quad u=a\,w_{\mathrm{up}}`,
		Shapes: "n_T×f", Func: "paper.Gated", Check: "TestGated",
		Derivation: "docs/09-llama.md#eq-l14", Status: Implemented,
	},
	{
		Number: "L15.a", Title: "error signal on up",
		ASCII:  "D_u = D_h * g(z)",
		TeX:    `\Delta_u=\Delta_h\circ g(z)`,
		Shapes: "n_T×f", Func: "paper.Gated", Check: "TestGated",
		Derivation: "docs/09-llama.md#eq-l15-a", Status: Implemented,
	},
	{
		Number: "L15.b", Title: "error signal on the gate",
		ASCII:  "D_z = D_h * u * g'(z)",
		TeX:    `\Delta_z=\Delta_h\circ u\circ g'(z)`,
		Shapes: "n_T×f", Func: "paper.Gated", Check: "TestGated",
		Derivation: "docs/09-llama.md#eq-l15-b", Status: Implemented,
	},
	{
		Number: "L16", Title: "what the branch of up conserves",
		ASCII:  "rowdot(D_u, u) = rowdot(D_h, h)",
		TeX:    `\Delta_u\ominus u=\Delta_h\ominus h`,
		Shapes: "n_T", Check: "TestGated",
		Derivation: "docs/09-llama.md#eq-l16", Status: Demonstrated,
	},
}

var groupedEquations = []Equation{
	{
		Number: "L17", Title: "grouped queries: g heads read one head of keys and values",
		ASCII:  "a_h = softmax(s * (q'_h @ k'_j') + m) @ v_j, j = floor(h / g)",
		TeX:    `a_i^h=\mathrm{softmax}\left(s\,q'_h\,k'^{\,t}_{\lfloor h/g\rfloor}+m\right)v_{\lfloor h/g\rfloor}`,
		Shapes: "n_T×d_h", Func: "paper.GroupedAttention", Check: "TestGroupsAreRepeatedHeads",
		Derivation: "docs/09-llama.md#eq-l17", Status: Implemented,
	},
	{
		Number: "L18.a", Title: "error signal on the turned queries of a head",
		ASCII:  "D_q'_h = D_raw @ k'_j",
		TeX:    `\Delta_{q'_h}=\Delta_{\mathrm{raw}}^h\,k'_{\lfloor h/g\rfloor}`,
		Shapes: "n_T×d_rho", Func: "paper.GroupedAttention", Check: "TestGroupedAttention",
		Derivation: "docs/09-llama.md#eq-l18-a", Status: Implemented,
	},
	{
		Number: "L18.b", Title: "error signal on shared keys: the sum over the group",
		ASCII:  "D_k'_j = sum over h in group j of D_raw_h' @ q'_h",
		TeX:    `\Delta_{k'_j}=\sum_{h\in\mathrm{group}\,j}\left(\Delta_{\mathrm{raw}}^h\right)^t q'_h`,
		Shapes: "n_T×d_rho", Func: "paper.GroupedAttention", Check: "TestGroupedAttention",
		Derivation: "docs/09-llama.md#eq-l18-b", Status: Implemented,
	},
	{
		Number: "L18.c", Title: "error signal on shared values: the sum over the group",
		ASCII:  "D_v_j = sum over h in group j of rho_h' @ D_h",
		TeX:    `\Delta_{v_j}=\sum_{h\in\mathrm{group}\,j}\left(\rho^h\right)^t\Delta^h`,
		Shapes: "n_T×d_h", Func: "paper.GroupedAttention", Check: "TestGroupedAttention",
		Derivation: "docs/09-llama.md#eq-l18-c", Status: Implemented,
	},
	{
		Number: "L19", Title: "gradient of a gain that heads share (query and key norms)",
		ASCII:  "dL/dw = sum over heads of sum_tokens(qbar_h * D_h)",
		TeX:    `\frac{\partial L}{\partial w_{\bar q}}=\sum_h\sum_{\mathrm{tokens}}\bar q_h\circ\Delta_h`,
		Shapes: "d_rho", Func: "paper.GroupedAttention", Check: "TestGroupedAttention",
		Derivation: "docs/09-llama.md#eq-l19", Status: Implemented,
	},
	{
		Number: "L20", Title: "sliding window: a token sees the last W",
		ASCII:  "m(t, s) = 0 where t - W < s <= t, else -inf",
		TeX:    `m_{ts}=\begin{cases}0&t-W<s\le t\\-\infty&\text{else}\end{cases}`,
		Shapes: "n_T×n_T", Func: "paper.SlidingWindow", Check: "TestSlidingWindow",
		Derivation: "docs/09-llama.md#eq-l20", Status: Implemented,
	},
	{
		Number: "L21", Title: "one new token with cached keys, which are stored turned",
		ASCII:  "a_h(new) = softmax(s * (q'_h(new) @ [k'_cache (+) k'(new)]')) @ [v_cache (+) v(new)]",
		TeX:    `a_i^h(\mathrm{new})=\mathrm{softmax}\left(s\,q'_h(\mathrm{new})\left[k'_{\mathrm{cache}}\oplus k'(\mathrm{new})\right]^t\right)\left[v_{\mathrm{cache}}\oplus v(\mathrm{new})\right]`,
		Shapes: "1×d_h", Func: "paper.GroupedCache.Next", Check: "TestGroupedCache",
		Derivation: "docs/09-llama.md#eq-l21", Status: Implemented,
	},
}

var llamaNetworkEquations = []Equation{
	{
		Number: "L22", Title: "the block of the Llama family, down and up",
		ASCII:  "a_5 = a_1 + heads(RMS(a_1)) @ w_o, a_10 = a_5 + (g(z) * u) @ w_down; D_2 = D_q @ w_q' + D_k @ w_k' + D_v @ w_v', D_6 = D_z @ w_gate' + D_u @ w_up'",
		TeX:    `a_5=a_1+\mathrm{Att}\left(\mathrm{RMS}(a_1)\right)w_o,\quad a_{10}=a_5+\left(g(z)\circ u\right)w_{\mathrm{down}}`,
		Shapes: "n_T×d", Func: "paper.LlamaBlock", Check: "TestLlamaGradients",
		Derivation: "docs/09-llama.md#eq-l22", Status: Implemented,
	},
	{
		Number: "L23", Title: "the network of the Llama family, and a matrix that is read at both ends",
		ASCII:  "a_1 = s * ohe(a_0) @ E, a_12 = RMS(a_10) @ E', dL/dE = s * ohe(a_0)' @ D_1 + (a_11' @ D_12)'",
		TeX:    `a_1=s\,\mathrm{ohe}(a_0)\,E,\quad a_{12}=a_{11}E^t,\quad\frac{\partial L}{\partial E}=s\,\mathrm{ohe}(a_0)^t\Delta_1+\left(a_{11}^t\Delta_{12}\right)^t`,
		Shapes: "n_T×V, V×d", Func: "paper.Llama", Check: "TestLlamaGradients",
		Derivation: "docs/09-llama.md#eq-l23", Status: Implemented,
	},
	{
		Number: "L24.a", Title: "a gain and the layers that it feeds",
		ASCII:  "w * dL/dw = sum over layers of sum_features(W * dL/dW)",
		TeX:    `w\circ\frac{\partial L}{\partial w}=\sum_{\mathrm{layers}}\sum_{\mathrm{columns}}W\circ\frac{\partial L}{\partial W}`,
		Shapes: "d", Check: "TestFreeChecksOfLlama",
		Derivation: "docs/09-llama.md#eq-l24-a", Status: Demonstrated,
	},
	{
		Number: "L24.b", Title: "a hidden unit between up and down",
		ASCII:  "sum_tokens(w_up * dL/dw_up) = sum_features(w_down * dL/dw_down)",
		TeX:    `\sum_{\mathrm{rows}}w_{\mathrm{up}}\circ\frac{\partial L}{\partial w_{\mathrm{up}}}=\sum_{\mathrm{columns}}w_{\mathrm{down}}\circ\frac{\partial L}{\partial w_{\mathrm{down}}}`,
		Shapes: "f", Check: "TestFreeChecksOfLlama",
		Derivation: "docs/09-llama.md#eq-l24-b", Status: Demonstrated,
	},
	{
		Number: "L24.c", Title: "values of a head and the outputs of its group",
		ASCII:  "w_v' @ dL/dw_v = sum over group of dL/dw_o @ w_o'",
		TeX:    `w_v^t\,\frac{\partial L}{\partial w_v}=\sum_{h\in\mathrm{group}}\frac{\partial L}{\partial w_o^h}\,\left(w_o^h\right)^t`,
		Shapes: "d_h×d_h", Check: "TestFreeChecksOfLlama",
		Derivation: "docs/09-llama.md#eq-l24-c", Status: Demonstrated,
	},
	{
		Number: "L24.d", Title: "queries of a group and their keys: a complex number for each pair",
		ASCII:  "sum over group of z(w_q) = conj(z(w_k)), z(w) = sum over rows of (w_x - i w_y) * (dL/dw_x + i dL/dw_y)",
		TeX:    `\sum_{h\in\mathrm{group}}z\left(w_q^h\right)=\overline{z(w_k)},\quad z(w)=\left(w_x-\mathrm{i}\,w_y\right)\cdot\left(\frac{\partial L}{\partial w_x}+\mathrm{i}\,\frac{\partial L}{\partial w_y}\right)`,
		Shapes: "d_rho/2", Check: "TestFreeChecksOfLlama",
		Derivation: "docs/09-llama.md#eq-l24-d", Status: Demonstrated,
	},
	{
		Number: "L25", Title: "how many parameters",
		ASCII:  "V d (1 or 2) + L (2 d n_h d_h + 2 d n_kv d_h + 3 d f + 2 d) + d",
		TeX:    `V\,d\,(1\text{ or }2)+L\left(2\,d\,n_h d_h+2\,d\,n_{\mathrm{kv}}d_h+3\,d f+2\,d\right)+d`,
		Shapes: "a number", Check: "TestLlamaCounts",
		Derivation: "docs/09-llama.md#eq-l25", Status: Demonstrated,
	},
}
