package derive

import "slices"

// Derivations are those of the paper's displayed equations and of the Llama family, line by
// line. In Slips are lines that must be found false.
var Derivations = []*Derivation{
	{Title: "the identity behind every backward pass, for a layer", Eq: "recursion", World: "fc", Lines: []string{
		"d(a) == d(a_prev) @ w + a_prev @ d(w) + ~d(b)",
		"frob(D, d(a)) == frob(D, d(a_prev) @ w) + frob(D, a_prev @ d(w)) + frob(D, ~d(b))",
		"frob(D, d(a_prev) @ w) == frob(D @ w', d(a_prev))",
		"frob(D, a_prev @ d(w)) == frob(a_prev' @ D, d(w))",
		"frob(D, ~d(b)) == frob(sum_tokens(D), d(b))",
		"frob(D, d(a)) == frob(D_prev, d(a_prev)) + frob(dL/dw, d(w)) + frob(dL/db, d(b))",
	}, Why: []string{
		"The product rule, and a bias is repeated to every token; products of two nudges are left out.",
		"The dot with Δ of a sum is the sum of the dots.",
		"A factor on the right changes sides of the dot as its transpose.",
		"A factor on the left changes sides of the dot as its transpose.",
		"A nudge of the bias meets the error of every token, so these are added up.",
		"What multiplies the nudge of the input is the error signal to hand down; what multiplies those of w and b is their gradient.",
	}, Slips: []Slip{{1, "d(a) == d(a_prev) @ w + ~d(b)"}, {3, "frob(D, d(a_prev) @ w) == frob(D @ w', a_prev)"}, {4, "frob(D, a_prev @ d(w)) == frob(a_prev' @ D, w)"}, {5, "frob(D, ~d(b)) == frob(sum_tokens(D) / n_T, d(b))"}}},
	{Title: "softmax and cross-entropy", Eq: "delta12", World: "loss", Lines: []string{
		"d(log(y_pred)) == d(y_pred) / y_pred",
		"d(y_pred) == y_pred * (d(a) - ~rowdot(y_pred, d(a)))",
		"d(log(y_pred)) == d(a) - ~rowdot(y_pred, d(a))",
		"rowdot(y_gt, d(log(y_pred))) == rowdot(y_gt, d(a)) - rowdot(y_pred, d(a))",
		"d(-frob(c, rowdot(y_gt, log(y_pred)))) == frob(c, rowdot(y_pred - y_gt, d(a)))",
		"== frob(~c * (y_pred - y_gt), d(a))",
	}, Why: []string{
		"The slope of the logarithm is one over its argument, number by number.",
		"The nudge of a softmax: what a logit gains is taken from all others in proportion to their probability.",
		"y_pred cancels: the logarithm undoes the exponential.",
		"A row of y_gt is one-hot and sums to one, so the repeated number comes out as it is.",
		"The loss is -c · (y_gt ⊖ log y_pred): the sign turns the difference around.",
		"A factor of a token multiplies the whole row of that token. What multiplies the nudge of the logits is their error signal.",
	}, Slips: []Slip{{2, "d(y_pred) == y_pred * (1 - y_pred) * d(a)"}, {4, "rowdot(y_gt, d(log(y_pred))) == rowdot(y_gt, d(a)) + rowdot(y_pred, d(a))"}, {6, "== frob(y_pred - y_gt, d(a))"}}},
	{Title: "the table of embeddings", Eq: "3", World: "embedding", Lines: []string{
		"d(a) == ohe @ d(w_emb)",
		"frob(D, d(a)) == frob(ohe' @ D, d(w_emb))",
	}, Why: []string{
		"Tokens are integers and have no nudge; the product is linear in the table.",
		"The factor on the left changes sides as its transpose, which adds the errors of all places of a token into its row.",
	}, Slips: []Slip{{1, "d(a) == d(ohe) @ w_emb"}, {2, "frob(D, d(a)) == frob(ohe' @ D, w_emb)"}}},
	{Title: "the value bias does not see the weights", Eq: "21", World: "head", Lines: []string{
		"sum_tokens(rho' @ D) == sum_tokens(rho') @ D",
		"sum_tokens(rho') == sum_features(rho)'",
		"sum_features(rho) == 1",
		"sum_tokens(rho' @ D) == sum_tokens(D)",
	}, Why: []string{
		"(52): a sum over rows of a product goes to the left factor.",
		"The column sums of a transpose are the row sums of the matrix.",
		"(14): softmax made each row of ρ sum to one.",
		"So the left factor is a row of ones, and a row of ones times Δ is the sum over tokens.",
	}, Slips: []Slip{{2, "sum_tokens(rho') == sum_tokens(rho)"}, {3, "sum_features(rho') == 1"}, {4, "sum_tokens(rho @ D) == sum_tokens(D)"}}},
	{Title: "the three readers of a head's output", Eq: "22", Also: []string{"23", "24"}, World: "head", Lines: []string{
		"frob(D, d(rho @ v)) == frob(D, d(rho) @ v) + frob(D, rho @ d(v))",
		"== frob(D @ v', d(rho)) + frob(rho' @ D, d(v))",
		"frob(rho' @ D, d(v)) == frob(rho' @ D @ w_v', d(a_prev)) + frob(a_prev' @ rho' @ D, d(w_v)) + frob(sum_tokens(rho' @ D), d(b_v))",
		"a_prev' @ rho' @ D == (rho @ a_prev)' @ D",
	}, Why: []string{
		"The product rule: ρ and v both depend on the input.",
		"Each factor changes sides of the dot as its transpose. The error is now divided: Δ vᵗ for the weights, ρᵗ Δ for the values.",
		"The values are a fully connected layer, so its three coefficients follow: one for the input, (22), one for the weights, one for the bias.",
		"A transposed product is the product of the transposes in the other order, which is (23). For the bias, (21) makes (24) of it.",
	}, Slips: []Slip{{1, "frob(D, d(rho @ v)) == frob(D, d(rho) @ d(v))"}, {2, "== frob(D @ v', d(rho)) + frob(rho @ D, d(v))"}, {3, "frob(rho' @ D, d(v)) == frob(rho' @ D @ w_v', d(a_prev)) + frob(a_prev' @ rho' @ D, d(w_v))"}, {4, "a_prev' @ rho' @ D == (a_prev' @ rho) @ D"}}},
	{Title: "through the softmax", Eq: "25", World: "head", Lines: []string{
		"d(rho) == rho * (d(rho_causal) - ~rowdot(rho, d(rho_causal)))",
		"frob(D_rho, d(rho)) == frob(D_rho * rho, d(rho_causal)) - frob(D_rho * rho, ~rowdot(rho, d(rho_causal)))",
		"== frob(D_rho * rho, d(rho_causal)) - frob(~rowdot(D_rho, rho) * rho, d(rho_causal))",
		"== frob((D_rho - ~rowdot(D_rho, rho)) * rho, d(rho_causal))",
		"frob(D_rho, d(rho)) == frob(D_causal, d(rho_causal))",
	}, Why: []string{
		"The nudge of a softmax: its own nudge, less the average nudge of the row under ρ.",
		"A factor entry by entry changes sides of the dot as it is.",
		"(51): a row-wise dot product changes partners, so that the nudge stands alone.",
		"What multiplies the same nudge is collected.",
		"Δ_ρ is Δ vᵗ, and what multiplies the nudge of ρ^causal is its error signal: (25).",
	}, Slips: []Slip{{1, "d(rho) == rho * (1 - rho) * d(rho_causal)"}, {3, "== frob(D_rho * rho, d(rho_causal)) - frob(~rowdot(D_rho, rho), d(rho_causal))"}, {4, "== frob((D_rho + ~rowdot(D_rho, rho)) * rho, d(rho_causal))"}}},
	{Title: "every row of it sums to zero", Eq: "26", World: "head", Lines: []string{
		"sum_features(D_causal) == rowdot(D_rho, rho) - rowdot(D_rho, rho) * sum_features(rho)",
		"sum_features(rho) == 1",
		"sum_features(D_causal) == 0",
	}, Why: []string{
		"(25) is summed along each row: the first term is Δ_ρ ⊖ ρ, and the second the same number times the row's sum.",
		"(14): each row of ρ sums to one.",
		"So both terms are equal, and every row of the error sums to zero.",
	}, Slips: []Slip{{1, "sum_features(D_causal) == rowdot(D_rho, rho) + rowdot(D_rho, rho) * sum_features(rho)"}, {3, "sum_tokens(D_causal) == 0"}}},
	{Title: "through mask and scaling", Eq: "28", Also: []string{"27"}, World: "head", Lines: []string{
		"d(rho_causal) == d(rho_scaled)",
		"frob(D_causal, d(rho_causal)) == frob(D_causal, d(rho_scaled))",
		"frob(D_scaled, d(rho_raw / sqrt(d_rho))) == frob(D_scaled / sqrt(d_rho), d(rho_raw))",
		"== frob(D_raw, d(rho_raw))",
	}, Why: []string{
		"The mask is a constant: its nudge is zero.",
		"So the same error multiplies the nudge of ρ^scaled: (27). Where the mask is -∞, ρ and with it the error is zero already.",
		"A number goes to either side of the dot.",
		"What multiplies the nudge of ρ^raw is its error signal: (28).",
	}, Slips: []Slip{{3, "frob(D_scaled, d(rho_raw / sqrt(d_rho))) == frob(D_scaled * sqrt(d_rho), d(rho_raw))"}, {4, "== frob(D_causal, d(rho_raw))"}}},
	{Title: "the key bias has no gradient", Eq: "29", Also: []string{"32.b"}, World: "head", Lines: []string{
		"sum_tokens(D_raw' @ q) == sum_tokens(D_raw') @ q",
		"sum_tokens(D_raw') == sum_features(D_raw)'",
		"sum_features(D_raw) == 0",
		"sum_tokens(D_raw' @ q) == 0",
	}, Why: []string{
		"(52): a sum over rows of a product goes to the left factor.",
		"The column sums of a transpose are the row sums of the matrix.",
		"(26), divided by √d_ρ: each row of the error sums to zero.",
		"A row of zeros times q is zero, for every input, every weight and every loss.",
	}, Slips: []Slip{{2, "sum_tokens(D_raw') == sum_tokens(D_raw)"}, {3, "sum_tokens(D_raw) == 0"}, {4, "sum_tokens(D_raw @ k) == 0"}}},
	{Title: "queries and keys", Eq: "31.a", Also: []string{"30.a", "30.b", "31.b", "32.a"}, World: "head", Lines: []string{
		"frob(D_raw, d(q @ k')) == frob(D_raw, d(q) @ k') + frob(D_raw, q @ d(k)')",
		"== frob(D_raw @ k, d(q)) + frob(D_raw' @ q, d(k))",
		"frob(D_raw @ k, d(q)) == frob(D_raw @ k @ w_q', d(a_prev)) + frob(a_prev' @ D_raw @ k, d(w_q)) + frob(sum_tokens(D_raw @ k), d(b_q))",
		"frob(D_raw' @ q, d(k)) == frob(D_raw' @ q @ w_k', d(a_prev)) + frob((D_raw @ a_prev)' @ q, d(w_k))",
	}, Why: []string{
		"The product rule: queries and keys both depend on the input.",
		"Each factor changes sides as its transpose; for the keys (49) moves the transpose to the other side. The error is divided once more.",
		"The queries are a fully connected layer: its three coefficients are (30.a), (31.a) and (32.a).",
		"The keys are one too: (30.b) and (31.b). The third coefficient is missing, because it is zero: (29).",
	}, Slips: []Slip{{2, "== frob(D_raw @ k, d(q)) + frob(D_raw @ q, d(k))"}, {3, "frob(D_raw @ k, d(q)) == frob(D_raw @ k @ w_q', d(a_prev)) + frob(a_prev' @ D_raw @ q, d(w_q)) + frob(sum_tokens(D_raw @ k), d(b_q))"}, {4, "frob(D_raw' @ q, d(k)) == frob(D_raw' @ q @ w_k', d(a_prev)) + frob((D_raw @ a_prev)' @ q, d(w_k)) + frob(sum_tokens(q), d(b_k))"}}},
	{Title: "what a head hands down", Eq: "33", World: "head", Lines: []string{
		"frob(D, d(a)) == frob(D_v + D_q + D_k, d(a_prev)) + frob((rho @ a_prev)' @ D, d(w_v)) + frob(sum_tokens(D), d(b_v)) + frob(a_prev' @ D_raw @ k, d(w_q)) + frob(sum_tokens(D_raw @ k), d(b_q)) + frob((D_raw @ a_prev)' @ q, d(w_k))",
	}, Why: []string{
		"The input has three readers, so its nudge appears in three terms, and their coefficients add. All the other coefficients are the gradients of the head.",
	}, Slips: []Slip{{1, "frob(D, d(a)) == frob(D_v + D_q, d(a_prev)) + frob((rho @ a_prev)' @ D, d(w_v)) + frob(sum_tokens(D), d(b_v)) + frob(a_prev' @ D_raw @ k, d(w_q)) + frob(sum_tokens(D_raw @ k), d(b_q)) + frob((D_raw @ a_prev)' @ q, d(w_k))"}}},
	{Title: "heads side by side", Eq: "35", World: "heads", Lines: []string{
		"d(a) == concat(d(a_1), d(a_2))",
		"frob(D, d(a)) == frob(slice(D, 1), d(a_1)) + frob(slice(D, 2), d(a_2))",
	}, Why: []string{
		"Concatenation is linear, and so its nudge is the nudges side by side.",
		"A dot over all columns is the sum of the dots over the columns of each head: so each head gets its slice of Δ.",
	}, Slips: []Slip{{1, "d(a) == concat(d(a_1), a_2)"}, {2, "frob(D, d(a)) == frob(slice(D, 1), d(a_1)) - frob(slice(D, 2), d(a_2))"}}},
	{Title: "layer normalization", Eq: "40", World: "layernorm", Lines: []string{
		"d(mu) == sum_features(d(a_prev)) / d",
		"d(sigma) == rowdot(abar, d(a_prev)) / d",
		"d(abar) == (d(a_prev) - ~d(mu)) / ~sigma - abar * ~(d(sigma) / sigma)",
		"frob(g, d(abar)) == frob(g / ~sigma, d(a_prev)) - frob(g / ~sigma, ~d(mu)) - frob(g, abar * ~(d(sigma) / sigma))",
		"frob(g / ~sigma, ~d(mu)) == frob(~(sum_features(g) / d) / ~sigma, d(a_prev))",
		"frob(g, abar * ~(d(sigma) / sigma)) == frob(abar * ~(rowdot(g, abar) / d) / ~sigma, d(a_prev))",
		"frob(g, d(abar)) == frob((d * g - ~sum_features(g) - abar * ~sum_features(abar * g)) / (d * ~sigma), d(a_prev))",
	}, Why: []string{
		"The mean is linear: its nudge is the mean of the nudges.",
		"σ² is the mean of the squares of a - μ. Its nudge is 2 σ dσ, and ā = (a - μ) / σ; ā sums to zero, so the nudge of μ drops out.",
		"The quotient rule: the numerator moves, and the denominator moves.",
		"The error on ā is multiplied into each of the three terms; g stands for Δ ∘ w̃.",
		"A mean changes sides of the dot as a mean: each feature gets the average of the row.",
		"The second line is put in, and (51) lets the nudge stand alone.",
		"What multiplies the nudge of the input is collected over the denominator d σ̃: (40).",
	}, Slips: []Slip{{1, "d(mu) == sum_features(d(a_prev))"}, {2, "d(sigma) == rowdot(a_prev, d(a_prev)) / d"}, {3, "d(abar) == (d(a_prev) - ~d(mu)) / ~sigma + abar * ~(d(sigma) / sigma)"}, {5, "frob(g / ~sigma, ~d(mu)) == frob(~sum_features(g) / ~sigma, d(a_prev))"}, {7, "frob(g, d(abar)) == frob((d * g - ~sum_features(g) - a_prev * ~sum_features(abar * g)) / (d * ~sigma), d(a_prev))"}}},
	{Title: "gain and bias", Eq: "41", Also: []string{"42"}, World: "layernorm", Lines: []string{
		"d(a) == d(abar) * ~w + abar * ~d(w) + ~d(b)",
		"frob(D, d(a)) == frob(D * ~w, d(abar)) + frob(sum_tokens(abar * D), d(w)) + frob(sum_tokens(D), d(b))",
		"sum_tokens(abar * D) == diagof(abar' @ D)",
	}, Why: []string{
		"The product rule for the gain, and a bias is repeated to every token.",
		"A factor entry by entry changes sides as it is; a vector that is repeated to every row gets the sum over the rows.",
		"The diagonal of a product of a transpose is a sum of products down the columns: the form of (41).",
	}, Slips: []Slip{{1, "d(a) == d(abar) * ~w + ~d(b)"}, {2, "frob(D, d(a)) == frob(D, d(abar)) + frob(sum_tokens(abar * D), d(w)) + frob(sum_tokens(D), d(b))"}, {3, "sum_tokens(abar * D) == diagof(a_prev' @ D)"}}},
	{Title: "LoRA", Eq: "45", Also: []string{"44", "46"}, World: "lora", Lines: []string{
		"d(a) == alpha * (d(a_prev) @ d @ u) + alpha * (a_prev @ d(d) @ u) + alpha * (a_prev @ d @ d(u))",
		"frob(D, d(a_prev) @ d @ u) == frob(D @ (d @ u)', d(a_prev))",
		"frob(D, a_prev @ d(d) @ u) == frob(a_prev' @ D @ u', d(d))",
		"frob(D, a_prev @ d @ d(u)) == frob((a_prev @ d)' @ D, d(u))",
		"frob(D, d(a)) == frob(alpha * (D @ (d @ u)'), d(a_prev)) + frob(alpha * (a_prev' @ D @ u'), d(d)) + frob(alpha * ((a_prev @ d)' @ D), d(u))",
	}, Why: []string{
		"The product rule with three factors.",
		"Both factors on the right change sides as the transpose of their product: (44) without α.",
		"One factor on the left and one on the right change sides: (45) without α.",
		"Both factors on the left change sides as the transpose of their product: (46) without α.",
		"α is a number and multiplies each term; the three coefficients are (44), (45) and (46).",
	}, Slips: []Slip{{1, "d(a) == alpha * (d(a_prev) @ d @ u) + alpha * (a_prev @ d(d) @ d(u))"}, {3, "frob(D, a_prev @ d(d) @ u) == frob(a_prev' @ D @ u', d)"}, {5, "frob(D, d(a)) == frob(D @ (d @ u)', d(a_prev)) + frob(alpha * (a_prev' @ D @ u'), d(d)) + frob(alpha * ((a_prev @ d)' @ D), d(u))"}}},
	{Title: "LoRA beside a frozen layer", Eq: "FC+LoRA", World: "adapted", Hold: []string{"w", "b", "d", "u"}, Lines: []string{
		"d(a) == d(a_prev) @ w + alpha * (d(a_prev) @ d @ u)",
		"frob(D, d(a)) == frob(D @ w', d(a_prev)) + frob(alpha * (D @ (d @ u)'), d(a_prev))",
		"== frob(D @ (w + alpha * (d @ u))', d(a_prev))",
	}, Why: []string{
		"w, d and u are held here: only the input moves, and it has two readers.",
		"Each reader's factors change sides as transposes; frozen weights pass the error on, though they do not learn.",
		"Both coefficients have Δ on the left, so the weights add.",
	}, Slips: []Slip{{1, "d(a) == alpha * (d(a_prev) @ d @ u)"}, {2, "frob(D, d(a)) == frob(alpha * (D @ (d @ u)'), d(a_prev))"}, {3, "== frob(D @ (w + d @ u)', d(a_prev))"}}},
	{Title: "DoRA", Eq: "DoRA-N", Also: []string{"DoRA"}, World: "dora", Lines: []string{
		"d(length) == sum_tokens(v * d(v)) / length",
		"frob(D, d(z * ~(m / length))) == frob(D_z, d(z)) + frob(dL/dm, d(m)) - frob(dL/dm * m / length, d(length))",
		"frob(dL/dm * m / length, d(length)) == frob(v * ~(dL/dm * m / (length * length)), d(v))",
		"== -frob(N, d(v))",
		"frob(D, d(z * ~(m / length))) == frob(D_z, d(z)) + frob(dL/dm, d(m)) + frob(N, d(v))",
	}, Why: []string{
		"The length of a column is the root of the sum of its squares: the slope of the root, and the rule of the square.",
		"The quotient rule with three parts: z, the learned length m, and the length of v.",
		"A column's length is a sum over its rows, so its coefficient is repeated to every row and meets v.",
		"This coefficient is -N, by (DoRA-N).",
		"What comes through the length, N, is a third term; PEFT leaves it out and calls the length a constant.",
	}, Slips: []Slip{{1, "d(length) == sum_tokens(v * d(v))"}, {2, "frob(D, d(z * ~(m / length))) == frob(D_z, d(z)) + frob(dL/dm, d(m))"}, {4, "== frob(N, d(v))"}}},
	{Title: "dropout", Eq: "dropout", World: "dropout", Lines: []string{
		"frob(D, d(a_prev * mask)) == frob(D * mask, d(a_prev))",
	}, Why: []string{
		"The mask is a constant, and a factor entry by entry changes sides of the dot as it is: the same mask both ways.",
	}, Slips: []Slip{{1, "frob(D, d(a_prev * mask)) == frob(D, d(a_prev))"}}},
	{Title: "an activation", Eq: "g", World: "activation", Lines: []string{
		"d(a) == dgelu(a_prev) * d(a_prev)",
		"frob(D, d(a)) == frob(D * dgelu(a_prev), d(a_prev))",
	}, Why: []string{
		"Each number of the output depends on one number of the input: the slope there times the nudge.",
		"A factor entry by entry changes sides as it is.",
	}, Slips: []Slip{{1, "d(a) == gelu(a_prev) * d(a_prev)"}, {2, "frob(D, d(a)) == frob(D * dgelu(a), d(a_prev))"}}},
	{Title: "one table at both ends", Eq: "tied", World: "tied", Hold: []string{"a_11"}, Lines: []string{
		"frob(D_12, d(a_11 @ w_tok')) == frob(D_12, a_11 @ d(w_tok)')",
		"== frob(D_12' @ a_11, d(w_tok))",
	}, Why: []string{
		"Here only the second reading of the table moves; the first reading is (3).",
		"(49) moves the transpose of the nudge, and the factor changes sides. The first reading adds ohe(a₀)ᵗ Δ₁.",
	}, Slips: []Slip{{2, "== frob(D_12' @ a_1, d(w_tok))"}}},
	{Title: "one trace, three gradients", Eq: "cycle", World: "matrices", Lines: []string{
		"frob(A, B @ K @ C) == frob(A @ (K @ C)', B) == frob(B' @ A @ C', K) == frob((B @ K)' @ A, C)",
	}, Why: []string{
		"Each of three factors is left alone in turn: what stands to its left and right changes sides as a transpose. One number, three gradients.",
	}, Slips: []Slip{{1, "frob(A, B @ K @ C) == frob(A @ K @ C, B)"}}},
	{Title: "a transpose changes sides of the dot", Eq: "49", World: "matrices", Lines: []string{
		"frob(A, K') == frob(A', K)",
	}, Why: []string{
		"The dot is the sum over all pairs of entries; transposing both sides counts the same pairs.",
	}, Slips: []Slip{{1, "frob(A, K') == frob(B', K)"}}},
	{Title: "broadcast of a row-wise dot product", Eq: "50", World: "matrices", Lines: []string{
		"~rowdot(A, B) == (A * B) @ J",
	}, Why: []string{
		"A sum over a row, repeated to every column, is a product with a matrix of ones.",
	}, Slips: []Slip{{1, "~rowdot(A, B) == (A * B) @ I"}}},
	{Title: "a row-wise dot product changes partners", Eq: "51", World: "matrices", Lines: []string{
		"frob(A * B, ~rowdot(B, C)) == frob(rowdot(A, B), rowdot(B, C))",
		"== frob(~rowdot(A, B) * B, C)",
	}, Why: []string{
		"The repeated number of a row leaves the sum over that row.",
		"Either row-wise product may be the one that is repeated: so B ⊖ C can let C go.",
	}, Slips: []Slip{{1, "frob(A * B, ~rowdot(B, C)) == frob(A, B) * frob(B, C)"}, {2, "== frob(~rowdot(A, C) * B, C)"}}},
	{Title: "a sum over rows goes to the left factor", Eq: "52", World: "matrices", Lines: []string{
		"sum_tokens(A @ F) == sum_tokens(A) @ F",
	}, Why: []string{
		"A sum over rows is a row of ones times the matrix, and products may be bracketed either way.",
	}, Slips: []Slip{{1, "sum_tokens(A @ F) == sum_tokens(B) @ F"}}},
	{Title: "softmax does not see a transposed bias", Eq: "54", Also: []string{"53", "19"}, World: "matrices", Lines: []string{
		"H @ (~b)' == ~(H @ b')",
		"softmax(G + H @ (~b)') == softmax(G + ~(H @ b'))",
		"== softmax(G)",
	}, Why: []string{
		"(53): what the transposed bias adds is one number for each row, the same in every column.",
		"This is put into the softmax.",
		"A number added to a whole row multiplies every exponential of the row by one factor, which the sum divides out.",
	}, Slips: []Slip{{1, "H @ (~b)' == (~(H @ b'))'"}, {2, "softmax(G + H @ (~b)') == softmax(G + (~(H @ b'))')"}, {3, "== softmax(G) + ~(H @ b')"}}},
	{Title: "softmax commutes with permutations", Eq: "55.a", Also: []string{"55.b"}, World: "matrices", Lines: []string{
		"softmax(P @ G) == P @ softmax(G)",
		"softmax(G @ P) == softmax(G) @ P",
	}, Why: []string{
		"Softmax acts on each row alone, so rows may change places before or after it.",
		"Within a row it treats every entry alike, so columns may change places too.",
	}, Slips: []Slip{{1, "softmax(P @ G) == softmax(G) @ P"}, {2, "softmax(G @ P) == P @ softmax(G)"}}},
	{Title: "RMS normalization", Eq: "L3", World: "rmsnorm", Lines: []string{
		"d(sigma) == rowdot(abar, d(a_prev)) / d",
		"d(abar) == d(a_prev) / ~sigma - abar * ~(d(sigma) / sigma)",
		"frob(g, d(abar)) == frob((g - abar * ~(rowdot(g, abar) / d)) / ~sigma, d(a_prev))",
	}, Why: []string{
		"σ² is the mean of the squares: its nudge is 2 σ dσ. There is no mean to move.",
		"The quotient rule.",
		"A repeated row-wise dot product changes partners, (51); what multiplies the nudge is (L3): (40) without the term of the mean.",
	}, Slips: []Slip{{1, "d(sigma) == rowdot(a_prev, d(a_prev)) / d"}, {2, "d(abar) == d(a_prev) / ~sigma - ~(d(sigma) / sigma)"}, {3, "frob(g, d(abar)) == frob((g - abar * ~rowdot(g, abar)) / ~sigma, d(a_prev))"}}},
	{Title: "a rotation", Eq: "L9", World: "rotary", Hold: []string{"theta"}, Lines: []string{
		"d(a) == d(a_prev) * cos(theta) + (d(a_prev) @ Q) * sin(theta)",
		"frob(D, (d(a_prev) @ Q) * sin(theta)) == frob((D * sin(theta)) @ Q', d(a_prev))",
		"Q' == -Q",
		"(D * sin(theta)) @ Q == (D @ Q) * sin(theta)",
		"frob(D, d(a)) == frob(D * cos(theta) - (D @ Q) * sin(theta), d(a_prev))",
	}, Why: []string{
		"The angles are constants: the rotation is linear in its input.",
		"The factor sin θ changes sides as it is, Q on the right as its transpose.",
		"A quarter turn back is the negative of a quarter turn.",
		"Both columns of a pair have the same angle, so turning by a quarter and multiplying by sin θ may change order.",
		"Both together: the error is turned by the negative angle.",
	}, Slips: []Slip{{2, "frob(D, (d(a_prev) @ Q) * sin(theta)) == frob((D * sin(theta)) @ Q, d(a_prev))"}, {3, "Q' == Q"}, {5, "frob(D, d(a)) == frob(D * cos(theta) + (D @ Q) * sin(theta), d(a_prev))"}}},
	{Title: "a gated activation", Eq: "L15.b", Also: []string{"L15.a"}, World: "gated", Lines: []string{
		"d(h) == dsilu(z) * d(z) * u + silu(z) * d(u)",
		"frob(D_h, d(h)) == frob(D_h * u * dsilu(z), d(z)) + frob(D_h * silu(z), d(u))",
		"frob(D_z, d(z)) + frob(D_u, d(u)) == frob(D_z @ w_gate' + D_u @ w_up', d(a)) + frob(a' @ D_z, d(w_gate)) + frob(a' @ D_u, d(w_up))",
	}, Why: []string{
		"The product rule, and the slope of SiLU for the gate.",
		"Factors entry by entry change sides as they are: (L15.b) for the gate, (L15.a) for up.",
		"Both branches are fully connected layers on one input, so their errors on it add.",
	}, Slips: []Slip{{1, "d(h) == dsilu(z) * d(z) * d(u)"}, {2, "frob(D_h, d(h)) == frob(D_h * dsilu(z), d(z)) + frob(D_h * silu(z), d(u))"}, {3, "frob(D_z, d(z)) + frob(D_u, d(u)) == frob(D_z @ w_gate' + D_z @ w_up', d(a)) + frob(a' @ D_z, d(w_gate)) + frob(a' @ D_u, d(w_up))"}}},
	{Title: "keys and values that heads share", Eq: "L18.b", World: "group", Hold: []string{"q_rot_1", "q_rot_2", "v"}, Lines: []string{
		"frob(D_raw_1, d(rho_raw_1)) + frob(D_raw_2, d(rho_raw_2)) == frob(D_raw_1, q_rot_1 @ d(k_rot)') + frob(D_raw_2, q_rot_2 @ d(k_rot)')",
		"== frob(D_raw_1' @ q_rot_1 + D_raw_2' @ q_rot_2, d(k_rot))",
	}, Why: []string{
		"Two heads read the same keys: the nudge of the keys appears in the scores of both.",
		"(49) moves each transpose; both coefficients belong to one nudge, so they add.",
	}, Slips: []Slip{{2, "== frob(D_raw_1' @ q_rot_1, d(k_rot))"}}},
}

// DerivationOf returns the derivation that an equation ends, or in which it occurs on the way;
// nil where there is none.
func DerivationOf(eq string) *Derivation {
	if d := FindDerivation(eq); d != nil {
		return d
	}
	for _, d := range Derivations {
		if slices.Contains(d.Also, eq) {
			return d
		}
	}
	return nil
}

// FindDerivation returns the derivation of an equation's number, or nil.
func FindDerivation(eq string) *Derivation {
	for _, d := range Derivations {
		if d.Eq == eq {
			return d
		}
	}
	return nil
}
