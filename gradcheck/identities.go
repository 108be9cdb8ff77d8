package gradcheck

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A law is an identity that can be evaluated. Laws that use only the recorded steps also
// judge mutants; the others compute layers of their own.
type law struct {
	id, title, eqs string
	recorded       bool // claims are about the steps and gradients of the pass
	claims         func(r *pass) []Claim
}

// laws lists the paper's properties R1…R30, the further ones X1…X13, and those of the Llama
// family, Y1…Y18.
var laws = []law{
	{"R1", "looking up is a product with one-hot rows; its gradient adds up, absent tokens get 0", "1, 2, 3", true, lookup},
	{"R2", "each output is a convex combination of values; the first token copies its own", "5.a-d, 6, 47, 48", true, convex},
	{"R3", "one projection for queries and keys gives symmetric weights, two do not", "7, 8, 9", false, symmetry},
	{"R4", "dot products have variance d_ρ; scaling restores 1", "12", false, variance},
	{"R5", "causality: a later token changes nothing before it", "13, 14, 15", true, causality},
	{"R6", "ρ = 1 returns the values", "16", false, identityWeights},
	{"R7", "twice the tokens, four times the weights", "18", false, quadratic},
	{"R8", "softmax does not see a shift, so the key bias changes nothing", "19, 53, 54", false, keyBiasForward},
	{"R9", "with queries and keys swapped, the query bias is the one without gradient", "18", false, swapped},
	{"R10", "two layers of attention meet three tokens in one term", "20", false, thirdOrder},
	{"R11", "products of random matrices blow up; normalized ones do not", "20", false, blowUp},
	{"R12", "three branches of the error add up", "22, 30, 33", true, threeBranches},
	{"R13", "the value-bias gradient does not depend on attention weights", "21, 24, 52", false, valueBias},
	{"R14", "(ρ a)ᵗ Δ = aᵗ (ρᵗ Δ), at different costs", "23, 31", false, association},
	{"R15", "softmax backward is (diag ρ - ρ ρᵗ) applied to every row", "25, 50, 51", true, softmaxJacobian},
	{"R16", "rows of Δ^causal sum to 0", "26", true, rowsOfCausal},
	{"R17", "the mask is transparent backward", "27", true, transparentMask},
	{"R18", "the key-bias gradient is zero", "29, 32.b", true, keyBiasBackward},
	{"R19", "without the mask attention is permutation-equivariant, forward and backward", "55.a, 55.b", false, permutations},
	{"R20", "the KV cache gives the numbers of the full pass", "10, 13", false, cache},
	{"R21", "concatenation and slicing are adjoint; the heads' errors add", "34, 35", true, heads},
	{"R22", "layer normalization is batch normalization of the transpose", "36-42", true, duality},
	{"R23", "Δ_12 = y_pred - y_gt, over N for the mean, 0 where ignored", "T2", true, top},
	{"R24", "a skip hands the error to both branches", "T2", true, skips},
	{"R25", "LoRA's gradients; α multiplies them at fixed Δ", "43-46", false, lora},
	{"R26", "the counts of §7", "T3", false, counts},
	{"R27", "tied: 124,439,808 parameters, and two contributions that add", "3, T3", true, tied},
	{"R28", "d_ρ need not be d_h, nor equal in all heads", "table 1", false, unequalHeads},
	{"R29", "Δ has the shape of a; gradients are found from the bottom up", "tables 1-3", true, shapesAndOrder},
	{"R30", "Frobenius products are invariant under cyclic moves", "49", false, cycles},
	{"X1", "a constant on all logits changes nothing: Δ_12's rows, ∂b_11 and ∂w_11's rows sum to 0", "T2", true, logitShift},
	{"X2", "the first query gets no gradient", "5.a, 25", true, firstQuery},
	{"X3", "layer normalization's error has lost its mean and its component along ā", "40", true, lostDirections},
	{"X4", "layer normalization ignores scale: a → 2a leaves the output and halves the error", "36, 40", false, scaleFree},
	{"X5", "bias gradients are chained by the weights between them", "24, 32, 42", true, biasChains},
	{"X6", "the columns of ∂w_tok and ∂w_pos have equal sums", "3", true, columnSums},
	{"X7", "queries and keys share a gauge: w_qᵗ ∂w_q + b_qᵗ ∂b_q = ∂w_kᵗ w_k", "30-32", true, gauge},
	{"X8", "LoRA: dᵗ ∂d = ∂u uᵗ; u = 0 stops ∂d; the effective step goes with α² or α", "43-46", true, loraGauge},
	{"X9", "a weight gradient has at most rank n_T", "23, 31, T3", true, rank},
	{"X10", "Δ_1 of a token gathers only the losses at and after it", "22, 30", false, causalityInReverse},
	{"X11", "a zero gradient is not zero motion: Adam divides rounding by its own size", "29", false, adamNoise},
	{"X12", "a dead ReLU leaves exact zeros in ∂w_6 and ∂w_8", "T3", false, deadUnit},
	{"X13", "DoRA: at rest the frozen layer; its exact gradient turns columns and does not stretch them", "DoRA, DoRA-N", false, dora},
	{"Y1", "RMS normalization's error has lost one direction, along the token", "L1-L3, L5", true, oneLostDirection},
	{"Y2", "layer normalization is RMS normalization of a token without its mean", "L6", false, centred},
	{"Y3", "a rotation keeps lengths, and its adjoint is the negative angle", "L8, L9", true, turning},
	{"Y4", "interleaved pairs are half-split pairs of permuted columns", "L10", false, pairings},
	{"Y5", "scores depend on the difference of two positions alone", "L11", true, relativePositions},
	{"Y6", "the key bias learns where keys turn, and not in columns that do not", "L12", true, keyBiasLearns},
	{"Y7", "a gated activation: Δ_u ⊖ u = Δ_h ⊖ h; SiLU and its slope", "L13-L16", true, gating},
	{"Y8", "what several heads read gets the sum of their errors", "L17, L18", true, groups},
	{"Y9", "norms of queries and keys share their gains and forget sizes", "L19", true, queryKeyNorms},
	{"Y10", "a window: W tokens are seen, L(W-1)+1 through L blocks", "L20", true, slidingWindow},
	{"Y11", "a cache of turned keys gives the numbers of the full pass", "L21", true, groupedCache},
	{"Y12", "errors of layers that read one input add up", "L22", true, branches},
	{"Y13", "a gain and its readers: w ∘ ∂w is the sum of W ∘ ∂W over their columns", "L4, L24.a", true, gainGauge},
	{"Y14", "a hidden unit: up and down balance", "L24.b", true, hiddenGauge},
	{"Y15", "values and outputs balance: w_vᵗ ∂w_v = Σ_group ∂w_o w_oᵗ", "L24.c", true, valueGauge},
	{"Y16", "queries and keys balance in a complex number for each pair", "L24.d", true, pairGauge},
	{"Y17", "frequencies, and what each scaling does to fast and slow pairs", "L7", false, frequencies},
	{"Y18", "the counts of published networks, and of LoRA beside seven layers", "L25", false, publishedCounts},
}

// IsIdentity reports whether id names an identity, in small or capital letters: R1…R30,
// X1…X13, Y1…Y18.
func IsIdentity(id string) bool {
	_, ok := findLaw(id)
	return ok
}

// findLaw is the law of that name, small or capital.
func findLaw(id string) (law, bool) {
	for _, l := range laws {
		if strings.EqualFold(l.id, id) {
			return l, true
		}
	}
	return law{}, false
}

// identities evaluates every law on a pass.
func identities(r *pass) (all []Identity) {
	for _, l := range laws {
		all = append(all, l.on(r))
	}
	return all
}

func (l law) on(r *pass) Identity {
	i := Identity{ID: l.id, Title: l.title, Eqs: l.eqs, OK: true}
	if l.recorded && r.changesLayers() {
		i.Reason = "about layers whose weights are w + α d u and whose norms and biases are the network's"
		return i
	}
	if i.Claims = l.claims(r); len(i.Claims) == 0 {
		i.Reason = "this network has no such part"
	}
	for _, c := range i.Claims {
		i.OK = i.OK && c.OK
	}
	return i
}

// changesLayers reports whether the adapter does more than add α d u to weights.
func (r *pass) changesLayers() bool {
	a := r.Case.Adapter
	return a != nil && (a.DoRA || a.Dropout > 0 || a.Norms || a.Bias != "" && a.Bias != pedestrian.BiasNone)
}

// at is the recorded step of that place and name. It panics when there is none:
// the trace and the laws then speak of different networks.
func (r *pass) at(place, name string) paper.Mat {
	s, ok := r.tr.Find(place, name)
	if !ok {
		panic(fmt.Sprintf("gradcheck: the trace has no %s at %s", name, place))
	}
	return s.V
}

// inBlocks visits every block of every sequence.
func (r *pass) inBlocks(visit func(at string, block int)) {
	for s := range r.Batch {
		for b := range r.Config.Blocks {
			visit(fmt.Sprintf("seq.%d.block.%d", s, b), b)
		}
	}
}

// inHeads visits every head of every block of every sequence.
func (r *pass) inHeads(visit func(at string, block, head int)) {
	r.inBlocks(func(at string, b int) {
		for h := range r.Config.Heads {
			visit(fmt.Sprintf("%s.head.%d", at, h), b, h)
		}
	})
}

// A worst keeps the largest of several errors.
type worst float64

func (w *worst) add(e float64) {
	if e > float64(*w) || math.IsNaN(e) {
		*w = worst(e)
	}
}

// relativeDifference is the largest |a-b| divided by the largest number of both.
func relativeDifference(a, b []float64) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	scale, d := max(largest(a), largest(b)), 0.0
	for i := range a {
		e := math.Abs(a[i] - b[i])
		if math.IsNaN(e) {
			return e
		}
		d = max(d, e)
	}
	if d == 0 {
		return 0
	}
	return d / scale
}

// randomLayers draws random numbers for laws that compute layers of their own.
type randomLayers struct{ *rand.Rand }

func newRandomLayers(r *pass) randomLayers { return randomLayers{rand.New(rand.NewPCG(r.Seed, 0x70))} }

func (t randomLayers) mat(n, d int) paper.Mat {
	m := paper.Zeros(n, d)
	for i := range m.V {
		m.V[i] = t.NormFloat64()
	}
	return m
}

func (t randomLayers) vec(d int) paper.Vec { return t.mat(1, d).V }

// head draws a head whose scores are of order one.
func (t randomLayers) head(d, keys, values int) paper.Head {
	s := 1 / math.Sqrt(float64(d))
	return paper.Head{Wq: t.mat(d, keys).Scale(s), Wk: t.mat(d, keys).Scale(s), Wv: t.mat(d, values).Scale(s),
		Bq: t.vec(keys), Bk: t.vec(keys), Bv: t.vec(values)}
}

// The toys' sizes: tokens, features, d_ρ and d_h, all different.
const toyN, toyD, toyKeys, toyValues = 6, 8, 3, 4
