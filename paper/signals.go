package paper

// A Signal says what an error signal is the gradient of. In the trace of a pass,
// every step with this Eq and this name, Error, is ∂L/∂Of, where Of names the
// forward step recorded at the same place: add δ to that step through
// Trace.Rewrite and the loss changes by Error · δ, to first order.
//
// A quantity that several layers read passes through the trace once for each of
// them, so that the part of its error that comes from one branch is the whole
// error of that branch's copy. Δ_{v_h}, for one, is the error on
// "a_{i-1}→v_h".
type Signal struct {
	Error, Of string
	Eq        string // of the error signal
	Title     string
}

// Signals lists every error signal: table 2 from the bottom up, then heads, then
// table 1 from the bottom up, then what a layer hands down to its own copy of its
// input; then those of the Llama family that the others are not.
var Signals = []Signal{
	{"Δ_12", "a_12", "T2", "logits"},
	{"Δ_11", "a_11", "T2", "output of the final layer norm"},
	{"Δ_10", "a_10", "T2", "output of the block"},
	{"Δ_9", "a_9", "T2", "output of FC_contract"},
	{"Δ_8", "a_8", "T2", "output of the activation"},
	{"Δ_7", "a_7", "T2", "output of FC_expand"},
	{"Δ_6", "a_6", "T2", "output of the second layer norm"},
	{"Δ_5", "a_5", "T2", "sum of the skip and FC_attProj"},
	{"Δ_4", "a_4", "T2", "output of FC_attProj"},
	{"Δ_3", "a_3", "T2", "output of the heads together"},
	{"Δ_2", "a_2", "T2", "output of the first layer norm"},
	{"Δ_1", "a_1", "T2", "input of the block"},

	{"Δ_{i-1}", "a_{i-1}", "35", "input of the heads together"},
	{"Δ_i^h", "a_i^h", "35", "output of one head"},
	{"Δ_ρ", "ρ", "", "attention weights"},
	{"Δ^causal", "ρ^causal", "25", "masked weights"},
	{"Δ^scaled", "ρ^scaled", "27", "scaled weights"},
	{"Δ^raw", "ρ^raw", "28", "raw weights"},
	{"Δ_{v_h}", "a_{i-1}→v_h", "22", "input of the values of one head"},
	{"Δ_{q_h}", "a_{i-1}→q_h", "30.a", "input of the queries of one head"},
	{"Δ_{k_h}", "a_{i-1}→k_h", "30.b", "input of the keys of one head"},
	{"Δ_{i-1}^h", "a_{i-1}→h", "33", "input of one head"},

	{"Δ_{i-1}", "a_{i-1}", "40", "input of a normalization"},
	{"Δ_{i-1}", "a_{i-1}", "FC", "input of a fully connected layer"},
	{"Δ_{i-1}", "a_{i-1}", "44", "input of LoRA"},
	{"Δ_{i-1}", "a_{i-1}", "FC+LoRA", "input of a layer and the adapter beside it"},
	{"Δ_z", "z", "DoRA", "output of DoRA before its magnitudes"},
	{"Δ_{i-1}", "a_{i-1}", "DoRA", "input of DoRA"},
	{"Δ_{i-1}∘mask", "a_{i-1}→mask", "dropout", "input of an adapter before its mask"},
	{"Δ_{i-1}", "a_{i-1}", "g", "input of the activation"},

	{"Δ_12", "a_12", "L23", "logits"},
	{"Δ_11", "a_11", "L23", "output of the final norm"},
	{"Δ_10", "a_10", "L22", "output of the block"},
	{"Δ_9", "a_9", "L22", "output of down"},
	{"Δ_8", "a_8", "L22", "output of the gated activation"},
	{"Δ_u", "u", "L15.a", "up, which the gate multiplies"},
	{"Δ_z", "z", "L15.b", "gate before its activation"},
	{"Δ_6", "a_6", "L22", "output of the second norm"},
	{"Δ_5", "a_5", "L22", "sum of the skip and the heads' projection"},
	{"Δ_4", "a_4", "L22", "output of the heads' projection"},
	{"Δ_3", "a_3", "L22", "output of the heads together"},
	{"Δ_{v→h}", "v→h", "L18.c", "values as one head reads them"},
	{"Δ_{q'_h}", "q'_h", "L18.a", "turned queries of a head"},
	{"Δ_{k'→h}", "k'→h", "L18.b", "turned keys as one head reads them"},
	{"Δ_{k'_h}", "k'_h", "L18.b", "turned keys of a group"},
	{"Δ_{v_h}", "v_h", "L18.c", "values of a group"},
	{"Δ_q, Δ_k, Δ_v", "q, k, v", "", "queries, keys and values of all heads"},
	{"Δ_q", "q", "L18.a", "queries of all heads"},
	{"Δ_k", "k", "L18.b", "keys of all heads"},
	{"Δ_v", "v", "L18.c", "values of all heads"},
	{"Δ_2", "a_2", "L22", "output of the first norm"},
	{"Δ_1", "a_1", "L22", "input of the block"},
	{"Δ_{i-1}", "a_{i-1}", "L3", "input of an RMS normalization"},
	{"Δ_{i-1}", "a_{i-1}", "L9", "input of a rotation"},
}
