package derive

import "slices"

// Exercises are the path, in its order.
var Exercises = bySection(slices.Concat(lossExercises, attentionExercises, layerNormExercises, loraExercises, networkExercises, llamaExercises, fillExercises, predictExercises))

// sections are the parts of the path.
var sections = []string{"first steps", "loss and embedding", "attention", "layer normalization", "LoRA", "network", "Llama", "predict"}

// bySection orders exercises by their sections; blanks come first in each.
func bySection(all []*Exercise) (path []*Exercise) {
	for _, s := range sections {
		for _, fill := range []bool{true, false} {
			for _, x := range all {
				if x.Section == s && (x.Level == Fill) == fill {
					path = append(path, x)
				}
			}
		}
	}
	return path
}

var lossExercises = []*Exercise{
	{
		ID: "fc_b", Title: "the bias of a fully connected layer", Section: "first steps", Level: TypeIt, Eq: "FC",
		Ask:   "a = a_prev @ w + ~b. The error signal D on a is given. What is dL/db, one number a feature?",
		World: "fc", Target: "b", Given: "a_prev w D n_T",
		Hints: []string{
			"b is added to every token. So every token's error counts.",
			"A nudge db changes L by frob(D, ~db): collect what multiplies db.",
			"sum_tokens(x) is the sum over rows.",
		},
		Accepted: []string{"sum_tokens(D)", "sum_features(D')'", "diagof(D' @ ones)"},
		Mistakes: []Mistake{
			{"sum_tokens(D) / n_T", "misconception:mean", "That is the mean over the tokens; the loss adds the tokens up, so their errors are added: sum_tokens(D)"},
			{"D[1]", "misconception:one-token", "That is the error of the first token alone; b is added to every token, so the errors of all of them count"},
			{"D", "answer-shape:function-missing", ""},
			{"sum_features(D)", "answer-shape:function", ""},
			{"-sum_tokens(D)", "ratio:sign", ""},
		},
	},
	{
		ID: "fc_w", Title: "the weights of a fully connected layer", Section: "first steps", Level: TypeIt, Eq: "FC",
		Ask:   "a = a_prev @ w + ~b. What is dL/dw?",
		World: "fc", Target: "w", Given: "a_prev w b D n_T",
		Hints: []string{
			"dL = frob(D, a_prev @ dw). Bring it into the form frob(something, dw).",
			"frob(A, B @ C) = frob(B' @ A, C).",
			"The shapes leave one product only: f×T times T×g.",
		},
		Accepted: []string{"a_prev' @ D", "(D' @ a_prev)'"},
		Mistakes: []Mistake{
			{"a_prev' @ D / n_T", "ratio", ""},
			{"a_prev @ D", "shape:transpose", ""},
			{"D' @ a_prev", "answer-shape:transpose", ""},
			{"a_prev' @ D + w", "misconception:decay", "The term w is what weight decay adds to an update; it is not part of the gradient of this loss"},
		},
	},
	{
		ID: "fc", Title: "the input of a fully connected layer", Section: "first steps", Level: TypeIt, Eq: "FC",
		Ask:   "a = a_prev @ w + ~b. What error signal reaches a_prev?",
		World: "fc", Target: "a_prev", Given: "a_prev w b D n_T",
		Hints: []string{
			"dL = frob(D, da_prev @ w).",
			"frob(A, B @ C) = frob(A @ C', B).",
		},
		Accepted: []string{"D @ w'", "(w @ D')'"},
		Mistakes: []Mistake{
			{"D @ w", "shape:transpose", ""},
			{"w @ D'", "answer-shape:transpose", ""},
			{"D @ w' + ~sum_tokens(D) @ w'", "edit:term-extra", ""},
		},
	},
	{
		ID: "activation", Title: "an activation", Section: "first steps", Level: TypeIt, Eq: "g",
		Ask:   "a = gelu(a_prev), entry by entry. What error signal reaches a_prev? The slope of gelu is dgelu.",
		World: "activation", Target: "a_prev", Given: "a_prev a D n_T",
		Hints: []string{
			"Each number of a depends on one number of a_prev.",
			"Entry by entry: *.",
		},
		Accepted: []string{"D * dgelu(a_prev)", "dgelu(a_prev) * D"},
		Mistakes: []Mistake{
			{"D * gelu(a_prev)", "misconception:value-for-slope", "gelu is the value; what multiplies an error is the slope, dgelu"},
			{"D * dgelu(a)", "misconception:slope-at-output", "The slope is taken where the function was computed, at its input a_prev, not at its output a"},
			{"D * drelu(a_prev)", "misconception:relu-slope", "That is the slope of relu; the activation is gelu, whose slope is dgelu"},
			{"D @ dgelu(a_prev)", "shape:operator", ""},
			{"D", "misconception:forgotten-slope", "The error passes a function with a slope: without dgelu(a_prev) it is the error of a layer that does nothing"},
		},
	},
	{
		ID: "relu", Title: "a ReLU", Section: "first steps", Level: TypeIt, Eq: "g",
		Ask:   "a = relu(a_prev). What error signal reaches a_prev? drelu(x) is 1 where x > 0 and 0 elsewhere.",
		World: "relu", Target: "a_prev", Given: "a_prev a D n_T",
		Hints:    []string{"Where a number was negative, nothing of it is left in a."},
		Accepted: []string{"D * drelu(a_prev)", "D * drelu(a)", "D * a / a_prev"},
		Mistakes: []Mistake{
			{"relu(D)", "misconception:relu-of-error", "The error is not rectified by its own sign: what counts is where a_prev was positive, drelu(a_prev)"},
			{"D * relu(a_prev)", "misconception:value-for-slope", "relu is the value; what multiplies an error is the slope, drelu"},
			{"D", "misconception:forgotten-slope", "Where a_prev was negative, a does not depend on it, and no error may pass: drelu(a_prev)"},
		},
	},
	{
		ID: "skip", Title: "a skip connection", Section: "first steps", Level: TypeIt, Eq: "skip",
		Ask:   "a_5 = a_1 + a_4 with the branch a_4 = gelu(a_1) @ w. What error signal reaches a_1?",
		World: "skip", Target: "a_1", Given: "a_1 w D n_T",
		Hints: []string{
			"a_1 has two readers. The errors of both add.",
			"The skip hands D down as it is; the branch is an activation and a layer.",
		},
		Accepted: []string{"D + D @ w' * dgelu(a_1)", "(D @ w') * dgelu(a_1) + D"},
		Terms:    []Term{{"what the skip hands down, D", "D"}, {"what the branch hands down", "(D @ w') * dgelu(a_1)"}},
		Mistakes: []Mistake{
			{"D @ w' * dgelu(a_1)", "misconception:forgotten-skip", "The skip is forgotten: a_1 is also added to a_5 as it is, and that reader hands D down"},
			{"D", "misconception:forgotten-branch", "The branch is forgotten: a_4 depends on a_1 too"},
			{"D - D @ w' * dgelu(a_1)", "edit:sign", ""},
			{"D + D @ w'", "edit:factor-missing", ""},
		},
	},
	{
		ID: "softmax", Title: "a softmax", Section: "loss and embedding", Level: TypeIt, Eq: "25",
		Ask:   "rho = softmax(G), row by row. The error signal on rho is D. What is the error signal on G?",
		World: "softmax", Target: "G", Given: "G rho D n_T n_d",
		Hints: []string{
			"A row of rho depends on every score of its row, for they share one sum.",
			"d(rho) = rho * (d(G) - ~rowdot(rho, d(G))).",
			"The mean of D under rho is taken out: rowdot(D, rho), one number a token.",
		},
		Accepted: []string{"(D - ~rowdot(D, rho)) * rho", "rho * D - rho * ~sum_features(rho * D)", "D * rho - diag(rowdot(D, rho)) @ rho"},
		Terms:    []Term{{"D * rho", "D * rho"}, {"- ~rowdot(D, rho) * rho", "-(~rowdot(D, rho) * rho)"}},
		Mistakes: []Mistake{
			{"rho * (1 - rho) * D", "misconception:sigmoid", "That is the rule of the sigmoid, the diagonal of the softmax's Jacobian alone: a row of rho depends on every score of its row"},
			{"(D - ~sum_features(D)) * rho", "misconception:plain-sum", "The plain sum of the row is taken out; it must be weighted by rho: rowdot(D, rho)"},
			{"(D - ~sum_features(D) / n_d) * rho", "misconception:plain-mean", "The plain mean of the row is taken out; it must be the mean under rho: rowdot(D, rho)"},
			{"D", "misconception:softmax-to-pass", "That is the error on rho; the softmax is still to pass"},
			{"(diag(rho) - rho @ rho') @ D", "misconception:one-jacobian", "diag(rho) - rho @ rho' is the Jacobian of one row, where rho is that row; here every row of rho has its own"},
			{"D * rho", "misconception:no-mean", "The mean of D under rho is not taken out: pushing one score up pushes the weights of the others down"},
			{"D - ~rowdot(D, rho)", "edit:factor-missing", ""},
			{"(D - rowdot(D, rho)) * rho", "shape:repeat", ""},
			{"rho - D", "rows", ""},
		},
	},
	{
		ID: "logits", Title: "logits under softmax and cross-entropy", Section: "loss and embedding", Level: TypeIt, Eq: "delta12",
		Ask:   "The loss is L = frob(c, l) with l = -rowdot(y_gt, log(y_pred)) and y_pred = softmax(a); c says how much each token counts. What is the error signal on the logits a?",
		World: "loss", Target: "a", Given: "a y_gt y_pred c n_T n_V",
		Hints: []string{
			"The error on y_pred is -y_gt / y_pred, token by token times c. Then it passes the softmax.",
			"Almost everything cancels. What is left is a difference.",
			"c is one number a token: repeat it, ~c.",
		},
		Accepted: []string{"~c * (y_pred - y_gt)", "(y_pred - y_gt) * ~c", "diag(c) @ (softmax(a) - y_gt)"},
		Terms:    []Term{{"~c * y_pred", "~c * y_pred"}, {"- ~c * y_gt", "-(~c * y_gt)"}},
		Mistakes: []Mistake{
			{"y_pred - y_gt", "misconception:sum-for-mean", "That is the error of the sum over all tokens; here a token counts c times, and the last one not at all: ~c * (...)"},
			{"(y_pred - y_gt) / n_T", "misconception:all-tokens", "That is the mean over all tokens; here the tokens count as c says, and the last one has no target"},
			{"~c * (y_gt - y_pred)", "ratio:sign", ""},
			{"-(~c * y_gt / y_pred)", "misconception:softmax-to-pass", "That is the error on y_pred; the softmax is still to pass"},
			{"c * (y_pred - y_gt)", "shape:repeat", ""},
			{"~c * (a - y_gt)", "edit:name", ""},
		},
	},
	{
		ID: "w_tok", Title: "the table of embeddings", Section: "loss and embedding", Level: TypeIt, Eq: "3",
		Ask:   "a = ohe @ w_emb: each token picks its row, ohe has one-hot rows. What is dL/dw_emb?",
		World: "embedding", Target: "w_emb", Given: "ids ohe w_emb D n_T n_V",
		Hints: []string{
			"It is a fully connected layer whose input is ohe.",
			"A row of the table gets the errors of the tokens that picked it.",
		},
		Accepted: []string{"ohe' @ D", "(D' @ ohe)'", "ohe(ids)' @ D"},
		Mistakes: []Mistake{
			{"ohe @ D", "shape:transpose", ""},
			{"D' @ ohe", "answer-shape:transpose", ""},
			{"ohe' @ D / n_T", "ratio", ""},
			{"D @ w_emb'", "answer-shape", ""},
			{"D[ids]", "syntax", ""},
		},
	},
	{
		ID: "ohe", Title: "what another token would have done", Section: "loss and embedding", Level: TypeIt, Eq: "3.input",
		Ask:   "a = ohe @ w_emb. If the one-hot rows were not data, what would be the error signal on ohe?",
		World: "embedding", Target: "ohe", Given: "ids ohe w_emb D n_T n_V",
		Hints:    []string{"As for the input of any layer."},
		Accepted: []string{"D @ w_emb'", "(w_emb @ D')'"},
		Mistakes: []Mistake{
			{"D @ w_emb", "shape:transpose", ""},
			{"(D @ w_emb') * ohe", "misconception:only-chosen", "That keeps the tokens that were chosen; the error signal says of every token of the vocabulary what it would change"},
			{"ohe' @ D", "answer-shape", ""},
		},
	},
}
