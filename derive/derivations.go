package derive

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
	}, Slips: []Slip{{1, "d(a) == d(a_prev) @ w + ~d(b)"}, {3, "frob(D, d(a_prev) @ w) == frob(D @ w', a_prev)"}, {4, "frob(D, a_prev @ d(w)) == frob(a_prev' @ D, w)"}, {5, "frob(D, ~d(b)) == frob(sum_tokens(D) / n_T, d(b))"}}},
	{Title: "softmax and cross-entropy", Eq: "delta12", World: "loss", Lines: []string{
		"d(log(y_pred)) == d(y_pred) / y_pred",
		"d(y_pred) == y_pred * (d(a) - ~rowdot(y_pred, d(a)))",
		"d(log(y_pred)) == d(a) - ~rowdot(y_pred, d(a))",
		"rowdot(y_gt, d(log(y_pred))) == rowdot(y_gt, d(a)) - rowdot(y_pred, d(a))",
		"d(-frob(c, rowdot(y_gt, log(y_pred)))) == frob(c, rowdot(y_pred - y_gt, d(a)))",
		"== frob(~c * (y_pred - y_gt), d(a))",
	}, Slips: []Slip{{2, "d(y_pred) == y_pred * (1 - y_pred) * d(a)"}, {4, "rowdot(y_gt, d(log(y_pred))) == rowdot(y_gt, d(a)) + rowdot(y_pred, d(a))"}, {6, "== frob(y_pred - y_gt, d(a))"}}},
	{Title: "the table of embeddings", Eq: "3", World: "embedding", Lines: []string{
		"d(a) == ohe @ d(w_emb)",
		"frob(D, d(a)) == frob(ohe' @ D, d(w_emb))",
	}, Slips: []Slip{{1, "d(a) == d(ohe) @ w_emb"}, {2, "frob(D, d(a)) == frob(ohe' @ D, w_emb)"}}},
	{Title: "the value bias does not see the weights", Eq: "21", World: "head", Lines: []string{
		"sum_tokens(rho' @ D) == sum_tokens(rho') @ D",
		"sum_tokens(rho') == sum_features(rho)'",
		"sum_features(rho) == 1",
		"sum_tokens(rho' @ D) == sum_tokens(D)",
	}, Slips: []Slip{{2, "sum_tokens(rho') == sum_tokens(rho)"}, {3, "sum_features(rho') == 1"}, {4, "sum_tokens(rho @ D) == sum_tokens(D)"}}},
	{Title: "the three readers of a head's output", Eq: "22", World: "head", Lines: []string{
		"frob(D, d(rho @ v)) == frob(D, d(rho) @ v) + frob(D, rho @ d(v))",
		"== frob(D @ v', d(rho)) + frob(rho' @ D, d(v))",
		"frob(rho' @ D, d(v)) == frob(rho' @ D @ w_v', d(a_prev)) + frob(a_prev' @ rho' @ D, d(w_v)) + frob(sum_tokens(rho' @ D), d(b_v))",
		"a_prev' @ rho' @ D == (rho @ a_prev)' @ D",
	}, Slips: []Slip{{1, "frob(D, d(rho @ v)) == frob(D, d(rho) @ d(v))"}, {2, "== frob(D @ v', d(rho)) + frob(rho @ D, d(v))"}, {3, "frob(rho' @ D, d(v)) == frob(rho' @ D @ w_v', d(a_prev)) + frob(a_prev' @ rho' @ D, d(w_v))"}, {4, "a_prev' @ rho' @ D == (a_prev' @ rho) @ D"}}},
	{Title: "through the softmax", Eq: "25", World: "head", Lines: []string{
		"d(rho) == rho * (d(rho_causal) - ~rowdot(rho, d(rho_causal)))",
		"frob(D_rho, d(rho)) == frob(D_rho * rho, d(rho_causal)) - frob(D_rho * rho, ~rowdot(rho, d(rho_causal)))",
		"== frob(D_rho * rho, d(rho_causal)) - frob(~rowdot(D_rho, rho) * rho, d(rho_causal))",
		"== frob((D_rho - ~rowdot(D_rho, rho)) * rho, d(rho_causal))",
		"frob(D_rho, d(rho)) == frob(D_causal, d(rho_causal))",
	}, Slips: []Slip{{1, "d(rho) == rho * (1 - rho) * d(rho_causal)"}, {3, "== frob(D_rho * rho, d(rho_causal)) - frob(~rowdot(D_rho, rho), d(rho_causal))"}, {4, "== frob((D_rho + ~rowdot(D_rho, rho)) * rho, d(rho_causal))"}}},
	{Title: "every row of it sums to zero", Eq: "26", World: "head", Lines: []string{
		"sum_features(D_causal) == rowdot(D_rho, rho) - rowdot(D_rho, rho) * sum_features(rho)",
		"sum_features(rho) == 1",
		"sum_features(D_causal) == 0",
	}, Slips: []Slip{{1, "sum_features(D_causal) == rowdot(D_rho, rho) + rowdot(D_rho, rho) * sum_features(rho)"}, {3, "sum_tokens(D_causal) == 0"}}},
	{Title: "through mask and scaling", Eq: "28", World: "head", Lines: []string{
		"d(rho_causal) == d(rho_scaled)",
		"frob(D_causal, d(rho_causal)) == frob(D_causal, d(rho_scaled))",
		"frob(D_scaled, d(rho_raw / sqrt(d_rho))) == frob(D_scaled / sqrt(d_rho), d(rho_raw))",
		"== frob(D_raw, d(rho_raw))",
	}, Slips: []Slip{{3, "frob(D_scaled, d(rho_raw / sqrt(d_rho))) == frob(D_scaled * sqrt(d_rho), d(rho_raw))"}, {4, "== frob(D_causal, d(rho_raw))"}}},
	{Title: "the key bias has no gradient", Eq: "29", World: "head", Lines: []string{
		"sum_tokens(D_raw' @ q) == sum_tokens(D_raw') @ q",
		"sum_tokens(D_raw') == sum_features(D_raw)'",
		"sum_features(D_raw) == 0",
		"sum_tokens(D_raw' @ q) == 0",
	}, Slips: []Slip{{2, "sum_tokens(D_raw') == sum_tokens(D_raw)"}, {3, "sum_tokens(D_raw) == 0"}, {4, "sum_tokens(D_raw @ k) == 0"}}},
	{Title: "queries and keys", Eq: "31.a", World: "head", Lines: []string{
		"frob(D_raw, d(q @ k')) == frob(D_raw, d(q) @ k') + frob(D_raw, q @ d(k)')",
		"== frob(D_raw @ k, d(q)) + frob(D_raw' @ q, d(k))",
		"frob(D_raw @ k, d(q)) == frob(D_raw @ k @ w_q', d(a_prev)) + frob(a_prev' @ D_raw @ k, d(w_q)) + frob(sum_tokens(D_raw @ k), d(b_q))",
		"frob(D_raw' @ q, d(k)) == frob(D_raw' @ q @ w_k', d(a_prev)) + frob((D_raw @ a_prev)' @ q, d(w_k))",
	}, Slips: []Slip{{2, "== frob(D_raw @ k, d(q)) + frob(D_raw @ q, d(k))"}, {3, "frob(D_raw @ k, d(q)) == frob(D_raw @ k @ w_q', d(a_prev)) + frob(a_prev' @ D_raw @ q, d(w_q)) + frob(sum_tokens(D_raw @ k), d(b_q))"}, {4, "frob(D_raw' @ q, d(k)) == frob(D_raw' @ q @ w_k', d(a_prev)) + frob((D_raw @ a_prev)' @ q, d(w_k)) + frob(sum_tokens(q), d(b_k))"}}},
	{Title: "what a head hands down", Eq: "33", World: "head", Lines: []string{
		"frob(D, d(a)) == frob(D_v + D_q + D_k, d(a_prev)) + frob((rho @ a_prev)' @ D, d(w_v)) + frob(sum_tokens(D), d(b_v)) + frob(a_prev' @ D_raw @ k, d(w_q)) + frob(sum_tokens(D_raw @ k), d(b_q)) + frob((D_raw @ a_prev)' @ q, d(w_k))",
	}, Slips: []Slip{{1, "frob(D, d(a)) == frob(D_v + D_q, d(a_prev)) + frob((rho @ a_prev)' @ D, d(w_v)) + frob(sum_tokens(D), d(b_v)) + frob(a_prev' @ D_raw @ k, d(w_q)) + frob(sum_tokens(D_raw @ k), d(b_q)) + frob((D_raw @ a_prev)' @ q, d(w_k))"}}},
	{Title: "heads side by side", Eq: "35", World: "heads", Lines: []string{
		"d(a) == concat(d(a_1), d(a_2))",
		"frob(D, d(a)) == frob(slice(D, 1), d(a_1)) + frob(slice(D, 2), d(a_2))",
	}, Slips: []Slip{{1, "d(a) == concat(d(a_1), a_2)"}, {2, "frob(D, d(a)) == frob(slice(D, 1), d(a_1)) - frob(slice(D, 2), d(a_2))"}}},
	{Title: "layer normalization", Eq: "40", World: "layernorm", Lines: []string{
		"d(mu) == sum_features(d(a_prev)) / d",
		"d(sigma) == rowdot(abar, d(a_prev)) / d",
		"d(abar) == (d(a_prev) - ~d(mu)) / ~sigma - abar * ~(d(sigma) / sigma)",
		"frob(g, d(abar)) == frob(g / ~sigma, d(a_prev)) - frob(g / ~sigma, ~d(mu)) - frob(g, abar * ~(d(sigma) / sigma))",
		"frob(g / ~sigma, ~d(mu)) == frob(~(sum_features(g) / d) / ~sigma, d(a_prev))",
		"frob(g, abar * ~(d(sigma) / sigma)) == frob(abar * ~(rowdot(g, abar) / d) / ~sigma, d(a_prev))",
		"frob(g, d(abar)) == frob((d * g - ~sum_features(g) - abar * ~sum_features(abar * g)) / (d * ~sigma), d(a_prev))",
	}, Slips: []Slip{{1, "d(mu) == sum_features(d(a_prev))"}, {2, "d(sigma) == rowdot(a_prev, d(a_prev)) / d"}, {3, "d(abar) == (d(a_prev) - ~d(mu)) / ~sigma + abar * ~(d(sigma) / sigma)"}, {5, "frob(g / ~sigma, ~d(mu)) == frob(~sum_features(g) / ~sigma, d(a_prev))"}, {7, "frob(g, d(abar)) == frob((d * g - ~sum_features(g) - a_prev * ~sum_features(abar * g)) / (d * ~sigma), d(a_prev))"}}},
	{Title: "gain and bias", Eq: "41", World: "layernorm", Lines: []string{
		"d(a) == d(abar) * ~w + abar * ~d(w) + ~d(b)",
		"frob(D, d(a)) == frob(D * ~w, d(abar)) + frob(sum_tokens(abar * D), d(w)) + frob(sum_tokens(D), d(b))",
		"sum_tokens(abar * D) == diagof(abar' @ D)",
	}, Slips: []Slip{{1, "d(a) == d(abar) * ~w + ~d(b)"}, {2, "frob(D, d(a)) == frob(D, d(abar)) + frob(sum_tokens(abar * D), d(w)) + frob(sum_tokens(D), d(b))"}, {3, "sum_tokens(abar * D) == diagof(a_prev' @ D)"}}},
	{Title: "LoRA", Eq: "45", World: "lora", Lines: []string{
		"d(a) == alpha * (d(a_prev) @ d @ u) + alpha * (a_prev @ d(d) @ u) + alpha * (a_prev @ d @ d(u))",
		"frob(D, d(a_prev) @ d @ u) == frob(D @ (d @ u)', d(a_prev))",
		"frob(D, a_prev @ d(d) @ u) == frob(a_prev' @ D @ u', d(d))",
		"frob(D, a_prev @ d @ d(u)) == frob((a_prev @ d)' @ D, d(u))",
		"frob(D, d(a)) == frob(alpha * (D @ (d @ u)'), d(a_prev)) + frob(alpha * (a_prev' @ D @ u'), d(d)) + frob(alpha * ((a_prev @ d)' @ D), d(u))",
	}, Slips: []Slip{{1, "d(a) == alpha * (d(a_prev) @ d @ u) + alpha * (a_prev @ d(d) @ d(u))"}, {3, "frob(D, a_prev @ d(d) @ u) == frob(a_prev' @ D @ u', d)"}, {5, "frob(D, d(a)) == frob(D @ (d @ u)', d(a_prev)) + frob(alpha * (a_prev' @ D @ u'), d(d)) + frob(alpha * ((a_prev @ d)' @ D), d(u))"}}},
	{Title: "LoRA beside a frozen layer", Eq: "FC+LoRA", World: "adapted", Hold: []string{"w", "b", "d", "u"}, Lines: []string{
		"d(a) == d(a_prev) @ w + alpha * (d(a_prev) @ d @ u)",
		"frob(D, d(a)) == frob(D @ w', d(a_prev)) + frob(alpha * (D @ (d @ u)'), d(a_prev))",
		"== frob(D @ (w + alpha * (d @ u))', d(a_prev))",
	}, Slips: []Slip{{1, "d(a) == alpha * (d(a_prev) @ d @ u)"}, {2, "frob(D, d(a)) == frob(alpha * (D @ (d @ u)'), d(a_prev))"}, {3, "== frob(D @ (w + d @ u)', d(a_prev))"}}},
	{Title: "DoRA", Eq: "DoRA-N", World: "dora", Lines: []string{
		"d(length) == sum_tokens(v * d(v)) / length",
		"frob(D, d(z * ~(m / length))) == frob(D_z, d(z)) + frob(dL/dm, d(m)) - frob(dL/dm * m / length, d(length))",
		"frob(dL/dm * m / length, d(length)) == frob(v * ~(dL/dm * m / (length * length)), d(v))",
		"== -frob(N, d(v))",
		"frob(D, d(z * ~(m / length))) == frob(D_z, d(z)) + frob(dL/dm, d(m)) + frob(N, d(v))",
	}, Slips: []Slip{{1, "d(length) == sum_tokens(v * d(v))"}, {2, "frob(D, d(z * ~(m / length))) == frob(D_z, d(z)) + frob(dL/dm, d(m))"}, {4, "== frob(N, d(v))"}}},
	{Title: "dropout", Eq: "dropout", World: "dropout", Lines: []string{
		"frob(D, d(a_prev * mask)) == frob(D * mask, d(a_prev))",
	}, Slips: []Slip{{1, "frob(D, d(a_prev * mask)) == frob(D, d(a_prev))"}}},
	{Title: "an activation", Eq: "g", World: "activation", Lines: []string{
		"d(a) == dgelu(a_prev) * d(a_prev)",
		"frob(D, d(a)) == frob(D * dgelu(a_prev), d(a_prev))",
	}, Slips: []Slip{{1, "d(a) == gelu(a_prev) * d(a_prev)"}, {2, "frob(D, d(a)) == frob(D * dgelu(a), d(a_prev))"}}},
	{Title: "one table at both ends", Eq: "tied", World: "tied", Hold: []string{"a_11"}, Lines: []string{
		"frob(D_12, d(a_11 @ w_tok')) == frob(D_12, a_11 @ d(w_tok)')",
		"== frob(D_12' @ a_11, d(w_tok))",
	}, Slips: []Slip{{2, "== frob(D_12' @ a_1, d(w_tok))"}}},
	{Title: "one trace, three gradients", Eq: "cycle", World: "matrices", Lines: []string{
		"frob(A, B @ K @ C) == frob(A @ (K @ C)', B) == frob(B' @ A @ C', K) == frob((B @ K)' @ A, C)",
	}, Slips: []Slip{{1, "frob(A, B @ K @ C) == frob(A @ K @ C, B)"}}},
	{Title: "a transpose changes sides of the dot", Eq: "49", World: "matrices", Lines: []string{
		"frob(A, K') == frob(A', K)",
	}, Slips: []Slip{{1, "frob(A, K') == frob(B', K)"}}},
	{Title: "broadcast of a row-wise dot product", Eq: "50", World: "matrices", Lines: []string{
		"~rowdot(A, B) == (A * B) @ J",
	}, Slips: []Slip{{1, "~rowdot(A, B) == (A * B) @ I"}}},
	{Title: "a row-wise dot product changes partners", Eq: "51", World: "matrices", Lines: []string{
		"frob(A * B, ~rowdot(B, C)) == frob(rowdot(A, B), rowdot(B, C))",
		"== frob(~rowdot(A, B) * B, C)",
	}, Slips: []Slip{{1, "frob(A * B, ~rowdot(B, C)) == frob(A, B) * frob(B, C)"}, {2, "== frob(~rowdot(A, C) * B, C)"}}},
	{Title: "a sum over rows goes to the left factor", Eq: "52", World: "matrices", Lines: []string{
		"sum_tokens(A @ F) == sum_tokens(A) @ F",
	}, Slips: []Slip{{1, "sum_tokens(A @ F) == sum_tokens(B) @ F"}}},
	{Title: "softmax does not see a transposed bias", Eq: "54", World: "matrices", Lines: []string{
		"H @ (~b)' == ~(H @ b')",
		"softmax(G + H @ (~b)') == softmax(G + ~(H @ b'))",
		"== softmax(G)",
	}, Slips: []Slip{{1, "H @ (~b)' == (~(H @ b'))'"}, {2, "softmax(G + H @ (~b)') == softmax(G + (~(H @ b'))')"}, {3, "== softmax(G) + ~(H @ b')"}}},
	{Title: "softmax commutes with permutations", Eq: "55.a", World: "matrices", Lines: []string{
		"softmax(P @ G) == P @ softmax(G)",
		"softmax(G @ P) == softmax(G) @ P",
	}, Slips: []Slip{{1, "softmax(P @ G) == softmax(G) @ P"}, {2, "softmax(G @ P) == P @ softmax(G)"}}},
	{Title: "RMS normalization", Eq: "L3", World: "rmsnorm", Lines: []string{
		"d(sigma) == rowdot(abar, d(a_prev)) / d",
		"d(abar) == d(a_prev) / ~sigma - abar * ~(d(sigma) / sigma)",
		"frob(g, d(abar)) == frob((g - abar * ~(rowdot(g, abar) / d)) / ~sigma, d(a_prev))",
	}, Slips: []Slip{{1, "d(sigma) == rowdot(a_prev, d(a_prev)) / d"}, {2, "d(abar) == d(a_prev) / ~sigma - ~(d(sigma) / sigma)"}, {3, "frob(g, d(abar)) == frob((g - abar * ~rowdot(g, abar)) / ~sigma, d(a_prev))"}}},
	{Title: "a rotation", Eq: "L9", World: "rotary", Hold: []string{"theta"}, Lines: []string{
		"d(a) == d(a_prev) * cos(theta) + (d(a_prev) @ Q) * sin(theta)",
		"frob(D, (d(a_prev) @ Q) * sin(theta)) == frob((D * sin(theta)) @ Q', d(a_prev))",
		"Q' == -Q",
		"(D * sin(theta)) @ Q == (D @ Q) * sin(theta)",
		"frob(D, d(a)) == frob(D * cos(theta) - (D @ Q) * sin(theta), d(a_prev))",
	}, Slips: []Slip{{2, "frob(D, (d(a_prev) @ Q) * sin(theta)) == frob((D * sin(theta)) @ Q, d(a_prev))"}, {3, "Q' == Q"}, {5, "frob(D, d(a)) == frob(D * cos(theta) + (D @ Q) * sin(theta), d(a_prev))"}}},
	{Title: "a gated activation", Eq: "L15.b", World: "gated", Lines: []string{
		"d(h) == dsilu(z) * d(z) * u + silu(z) * d(u)",
		"frob(D_h, d(h)) == frob(D_h * u * dsilu(z), d(z)) + frob(D_h * silu(z), d(u))",
		"frob(D_z, d(z)) + frob(D_u, d(u)) == frob(D_z @ w_gate' + D_u @ w_up', d(a)) + frob(a' @ D_z, d(w_gate)) + frob(a' @ D_u, d(w_up))",
	}, Slips: []Slip{{1, "d(h) == dsilu(z) * d(z) * d(u)"}, {2, "frob(D_h, d(h)) == frob(D_h * dsilu(z), d(z)) + frob(D_h * silu(z), d(u))"}, {3, "frob(D_z, d(z)) + frob(D_u, d(u)) == frob(D_z @ w_gate' + D_z @ w_up', d(a)) + frob(a' @ D_z, d(w_gate)) + frob(a' @ D_u, d(w_up))"}}},
	{Title: "keys and values that heads share", Eq: "L18.b", World: "group", Hold: []string{"q_rot_1", "q_rot_2", "v"}, Lines: []string{
		"frob(D_raw_1, d(rho_raw_1)) + frob(D_raw_2, d(rho_raw_2)) == frob(D_raw_1, q_rot_1 @ d(k_rot)') + frob(D_raw_2, q_rot_2 @ d(k_rot)')",
		"== frob(D_raw_1' @ q_rot_1 + D_raw_2' @ q_rot_2, d(k_rot))",
	}, Slips: []Slip{{2, "== frob(D_raw_1' @ q_rot_1, d(k_rot))"}}},
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
