package derive

// Predict-then-reveal: a guess first, then the reason, and lines that show it.
var predictExercises = []*Exercise{
	{
		ID: "which_bias", Title: "which bias cannot learn?", Section: "predict", Level: Predict, Eq: "29", World: "head",
		Ask: "One of the biases of a head gets no gradient, whatever the numbers. Which?",
		Choices: []Choice{
			{"the bias of the queries, b_q", false, "No: its gradient is sum_tokens(D_raw @ k), and k differs from token to token"},
			{"the bias of the keys, b_k", true, "A key bias shifts all scores of a row by one number, and softmax does not see that. So each row of D_raw sums to zero (26), and with it the gradient (29)"},
			{"the bias of the values, b_v", false, "No: its gradient is sum_tokens(D), the one that does not even depend on the attention weights"},
			{"none of them", false, "One of them shifts all scores of a row by the same number: what does softmax make of that?"},
		},
		Hints: []string{"What does softmax make of a number that is added to a whole row?"},
		Shows: []string{"sum_features(D_raw) == 0", "sum_tokens(D_raw' @ q) == 0"},
	},
	{
		ID: "scramble", Title: "scramble the attention weights", Section: "predict", Level: Predict, Eq: "21", World: "head",
		Ask: "The rows of rho are replaced by other positive numbers that sum to one; D stays. Which gradient stays the same?",
		Choices: []Choice{
			{"dL/dw_v", false, "No: it is (rho @ a_prev)' @ D, and rho is in it"},
			{"dL/db_v", true, "sum_tokens(rho' @ D) is sum_tokens(D), since each row of rho sums to one (14): rho is not in it"},
			{"what the values hand down, D_v", false, "No: it is rho' @ D @ w_v', and rho is in it"},
			{"dL/dw_q", false, "No: D_raw is made of rho"},
		},
		Shows: []string{"sum_tokens(rho' @ D) == sum_tokens(D)"},
	},
	{
		ID: "mask_zeros", Title: "a mask of zeros", Section: "predict", Level: Predict, Eq: "13", World: "head",
		Ask: "The scores above the diagonal are multiplied by 0 before the softmax, where -inf should be added. What happens?",
		Choices: []Choice{
			{"nothing: the weight of a score 0 is 0", false, "No: the weight of a score 0 is exp(0) = 1 over the sum of the row, which is not 0"},
			{"every token sees those after it", true, "A score 0 has the weight exp(0) over the sum of the row: the head is not causal any more (erratum S1 of the paper)"},
			{"the rows of rho no longer sum to one", false, "They do: softmax sees to it, whatever the scores are"},
		},
		Shows: []string{"softmax(mask(rho_scaled))[1, 2] == 1 / (exp(rho_scaled[1, 1]) + n_T - 1)", "rho[1, 2] == 0"},
	},
	{
		ID: "change_token", Title: "change the third token", Section: "predict", Level: Predict, Eq: "15", World: "head",
		Ask: "In a causal head row 3 of a_prev is changed. Which rows of the output a cannot change?",
		Choices: []Choice{
			{"rows 1 and 2", true, "They do not look at token 3: above the diagonal rho is 0. Rows 3 and later may all change"},
			{"all but row 3", false, "Rows 4 and later look at token 3 too, and may change"},
			{"rows 4 and later", false, "Those look at token 3; it is the earlier ones that do not"},
			{"none: softmax mixes everything", false, "Softmax mixes what the mask leaves: above the diagonal the weights are 0"},
		},
		Shows: []string{"rho[1, 3] == 0", "rho[2, 3] == 0", "a[1] == v[1]", "a[2] == rho[2, 1] * v[1] + rho[2, 2] * v[2]"},
	},
	{
		ID: "first_query", Title: "the first query", Section: "predict", Level: Predict, Eq: "25", World: "head",
		Ask: "What error signal reaches the first row of the queries in a causal head?",
		Choices: []Choice{
			{"as much as the others", false, "The first token sees itself alone: can its query change anything?"},
			{"exactly zero", true, "The first token sees itself alone, with the weight 1. Its scores change nothing, so row 1 of D_raw is zero, and with it row 1 of D_raw @ k"},
			{"more than the others, since all later tokens see it", false, "They see its key and its value, not its query"},
		},
		Shows: []string{"rho[1, 1] == 1", "D_raw[1] == 0", "(D_raw @ k)[1] == 0"},
	},
	{
		ID: "double_input", Title: "double the input of a layer normalization", Section: "predict", Level: Predict, Eq: "40", World: "layernorm",
		Ask: "With eps = 0, every number of the input is doubled. What happens to the output, and to the error signal that is handed down?",
		Choices: []Choice{
			{"both double", false, "The output is divided by a deviation that doubles as well"},
			{"the output stays, and the error signal stays", false, "The output stays; but a nudge of the doubled input is half as large relative to it"},
			{"the output stays, and the error signal halves", true, "sigma doubles: abar = (a_prev - ~mu) / ~sigma stays, and the error signal is divided by sigma"},
			{"the output stays, and the error signal doubles", false, "The other way round: the error signal is divided by sigma, and sigma doubles"},
		},
		Shows: []string{"sigma(2 * a_prev) == 2 * sigma(a_prev)", "(2 * a_prev - ~mu(2 * a_prev)) / ~sigma(2 * a_prev) == (a_prev - ~mu(a_prev)) / ~sigma(a_prev)"},
	},
	{
		ID: "lora_start", Title: "LoRA at its start", Section: "predict", Level: Predict, Eq: "45", World: "lora",
		Ask: "LoRA starts with u = 0 and d random. Which of the two learns in the first step?",
		Choices: []Choice{
			{"both", false, "dL/dd = alpha * (a_prev' @ D @ u') has u in it, which is 0"},
			{"d alone", false, "The other way round: dL/dd has u in it"},
			{"u alone", true, "dL/du = alpha * ((a_prev @ d)' @ D) is not zero, and dL/dd has u in it, which is 0; d follows in the second step"},
			{"neither: the output does not change", false, "The output is unchanged, but its slope in u is not zero"},
		},
		Shows: []string{"alpha * (a_prev' @ D @ (0 * u)') == 0"},
	},
	{
		ID: "lora_dead", Title: "LoRA with two zeros", Section: "predict", Level: Predict, Eq: "46", World: "lora",
		Ask: "What if d and u both start at 0?",
		Choices: []Choice{
			{"it learns, more slowly", false, "Each gradient has the other factor in it, and both are 0: the gradients are exactly zero"},
			{"it never learns", true, "Each gradient has the other factor in it. Both are zero, so both gradients are, at every step"},
			{"it learns as with one zero, a step later", false, "After a step without a gradient everything is as before"},
		},
		Shows: []string{"alpha * (a_prev' @ D @ (0 * u)') == 0", "alpha * ((a_prev @ (0 * d))' @ D) == 0"},
	},
	{
		ID: "frozen_path", Title: "delete the frozen path", Section: "predict", Level: Predict, Eq: "FC+LoRA", World: "adapted",
		Ask: "Beside a frozen layer, LoRA's error signal alpha * (D @ (d @ u)') is handed down, without D @ w'. Which gradients are wrong?",
		Choices: []Choice{
			{"those of d and u", false, "They are made of D, a_prev and each other: what is handed down is not in them"},
			{"all of the layers below", true, "d and u of this layer are right, and everything below gets an error signal without its largest part (erratum S2 of the paper)"},
			{"none: w is frozen", false, "w gets no update; the error passes through it all the same"},
		},
		Shows: []string{"D @ (w + alpha * (d @ u))' - alpha * (D @ (d @ u)') == D @ w'"},
	},
	{
		ID: "rank", Title: "the rank of a gradient", Section: "predict", Level: Predict, Eq: "FC", World: "fc",
		Ask: "A weight of 768 × 3072 sees one sequence of 6 tokens. What rank has its gradient, at most?",
		Choices: []Choice{
			{"768", false, "It is a_prev' @ D, a sum over tokens of a column times a row: how many tokens are there?"},
			{"6", true, "a_prev' @ D is the sum of 6 matrices, one a token, each a column times a row, of rank 1"},
			{"1", false, "That is the part of one token; the parts of the tokens add"},
			{"3072", false, "The smaller side would be the limit, 768; but there is a smaller one"},
		},
		Shows: []string{"frob(a_prev[1]' @ D[1], w) == frob(a_prev[1] @ w, D[1])"},
	},
	{
		ID: "adam_bk", Title: "can the key bias move?", Section: "predict", Level: Predict, Eq: "32.b", World: "head",
		Ask: "The gradient of b_k is zero. In float32, a sum over tokens makes it some 1e-9 instead. Can Adam move b_k?",
		Choices: []Choice{
			{"no: 1e-9 times a learning rate is nothing", false, "Adam divides by the size of the gradient itself: 1e-9 over 1e-9 is 1"},
			{"yes, as far as any other parameter, unless its eps is larger than the noise", true, "Adam divides a gradient by its own size, so noise moves as far as a signal does; an eps well above the noise stops it. Here the loss does not mind where b_k goes"},
			{"yes, and that makes the loss worse", false, "It may move, but the loss does not depend on b_k at all (19)"},
		},
		Shows: []string{"sum_tokens(D_raw' @ q) == 0"},
	},
}
