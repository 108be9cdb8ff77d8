package derive

// One blank in a formula that is otherwise right.
var fillExercises = []*Exercise{
	{
		ID: "fill_fc_w", Title: "what meets the error", Section: "first steps", Level: Fill, Eq: "FC", Template: "____' @ D",
		Ask:   "a = a_prev @ w + ~b, and this is dL/dw. What is missing?",
		World: "fc", Target: "w", Given: "a_prev w b D n_T",
		Hints:    []string{"Its shape must be T×f."},
		Accepted: []string{"a_prev", "a_prev * 1"},
		Mistakes: []Mistake{{"w", "shape:name", ""}, {"D", "answer-shape:name", ""}},
	},
	{
		ID: "fill_w_q", Title: "between input and keys", Section: "attention", Level: Fill, Eq: "31.a", Template: "a_prev' @ ____ @ k",
		Ask:   "This is dL/dw_q. What is missing?",
		World: "head", Target: "w_q", Given: headNames + " D_causal D_raw",
		Hints:    []string{"Something T×T: the error signal on which scores?"},
		Accepted: []string{"D_raw", "D_causal / sqrt(d_rho)"},
		Mistakes: []Mistake{{"D_causal", "ratio", ""}, {"D_raw'", "edit:transpose", ""}, {"rho", "edit:name", ""}, {"D", "shape:name", ""}},
	},
	{
		ID: "fill_d_causal", Title: "the mean under what?", Section: "attention", Level: Fill, Eq: "25", Template: "(D @ v' - ~rowdot(D @ v', ____)) * rho",
		Ask:   "This is the error signal on rho_causal, through the softmax. What is missing?",
		World: "head", Target: "rho_causal", Given: "a_prev q k v rho_raw rho_causal rho D d_rho n_T",
		Hints:    []string{"The weights of the mean are those that the softmax gave."},
		Accepted: []string{"rho", "softmax(rho_causal)"},
		Mistakes: []Mistake{{"rho_raw", "edit:name", ""}, {"rho'", "edit:transpose", ""}, {"J", "misconception:plain-sum", "That takes the plain sum of the row; the mean is weighted by rho"}, {"J / n_T", "misconception:plain-mean", "That takes the plain mean of the row; the mean is weighted by rho"}},
	},
	{
		ID: "fill_layernorm", Title: "what sigma takes out", Section: "layer normalization", Level: Fill, Eq: "40",
		Template: "(d * (D * ~w) - ~sum_features(D * ~w) - ____ * ~sum_features(abar * D * ~w)) / (d * ~sigma)",
		Ask:      "This is the error signal on the input of a layer normalization. What is missing?",
		World:    "layernorm", Target: "a_prev", Given: normNames,
		Hints:    []string{"sigma grows where a token moves along its own direction."},
		Accepted: []string{"abar", "(a_prev - ~mu) / ~sigma"},
		Mistakes: []Mistake{{"a_prev", "edit:name", ""}, {"(a_prev - ~mu)", "edit:factor-missing", ""}, {"D", "edit:name", ""}},
	},
	{
		ID: "fill_logits", Title: "from what is predicted", Section: "loss and embedding", Level: Fill, Eq: "delta12", Template: "~c * (y_pred - ____)",
		Ask:   "This is the error signal on the logits, under softmax and cross-entropy. What is missing?",
		World: "loss", Target: "a", Given: "a y_gt y_pred c n_T n_V",
		Hints:    []string{"Where the prediction is right, nothing is left to learn."},
		Accepted: []string{"y_gt", "y_gt * 1"},
		Mistakes: []Mistake{{"log(y_pred)", "rows", ""}, {"1", "rows", ""}, {"y_gt / n_T", "edit:factor-extra", ""}},
	},
	{
		ID: "fill_lora_u", Title: "what up reads", Section: "LoRA", Level: Fill, Eq: "46", Template: "alpha * (____' @ D)",
		Ask:   "a = alpha * (a_prev @ d @ u), and this is dL/du. What is missing?",
		World: "lora", Target: "u", Given: "a_prev d u alpha rank D n_T",
		Hints:    []string{"u is a layer: its input is what stands on its left."},
		Accepted: []string{"a_prev @ d", "(d' @ a_prev')'"},
		Mistakes: []Mistake{{"a_prev", "answer-shape", ""}, {"d", "shape", ""}, {"alpha * a_prev @ d", "ratio", ""}},
	},
	{
		ID: "fill_rotary", Title: "turned back", Section: "Llama", Level: Fill, Eq: "L9", Template: "D * cos(theta) + (D @ ____) * sin(theta)",
		Ask:   "This is the error signal through a rotation, whose forward pass is a_prev * cos(theta) + (a_prev @ Q) * sin(theta). What is missing?",
		World: "rotary", Target: "a_prev", Given: "a_prev theta Q a D n_T",
		Hints:    []string{"A quarter turn the other way."},
		Accepted: []string{"Q'", "(-Q)"},
		Mistakes: []Mistake{{"Q", "edit:transpose", ""}, {"I", "edit:name", ""}},
	},
}
